"""Passages of the workspace's documents."""

from dataclasses import dataclass
from typing import Annotated

import msgspec
from msgspec import Meta

from headgate.core.documents import MOST_RESULTS, Library, Search
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool


class FoundPassage(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A passage: `text` stands in the document's text from `start` to before `end`."""

    document_id: str
    name: str
    text: str
    score: float
    start: int
    end: int
    page: int | msgspec.UnsetType = msgspec.UNSET


class FoundPassages(msgspec.Struct, frozen=True):
    """What was found, best first."""

    results: list[FoundPassage]


@dataclass(frozen=True, slots=True)
class DocumentSearch:
    """The tool, over the documents of all workspaces; a call sees its own key's."""

    library: Library

    @tool(timeout_seconds=30)
    async def search(
        self,
        context: ToolContext,
        *,
        query: Annotated[
            str, Meta(min_length=1, max_length=10_000, description="What to look for.")
        ],
        limit: Annotated[
            int, Meta(ge=1, le=MOST_RESULTS, description="The most passages to give.")
        ] = 5,
    ) -> FoundPassages:
        """Find the passages of the workspace's documents that say most about something."""
        found = await self.library.search(
            context.key.workspace_id,
            Search(query=query, limit=limit),
            context.models,
            call_key=context.part("search"),
        )
        return FoundPassages(
            [
                FoundPassage(
                    document_id=passage.document_id,
                    name=passage.name,
                    text=passage.text,
                    score=passage.score,
                    start=passage.start,
                    end=passage.end,
                    page=msgspec.UNSET if passage.page is None else passage.page,
                )
                for passage in found.passages
            ]
        )
