"""The tool that finds passages of the workspace's documents."""

from typing import Any

import msgspec
import pytest

from gateway_desk import KEY
from headgate.core.documents import Document as StoredDocument
from headgate.core.documents import Found, Passage, Search, SourcedAnswer
from headgate.core.errors import InvalidRequest
from headgate.core.metered import Models
from headgate.core.tools import ToolContext
from headgate.tools.declaration import declared
from headgate.tools.search import DocumentSearch
from no_models import NO_MODELS

CONTEXT = ToolContext(key=KEY, models=NO_MODELS, call_key="call-1")


class Shelf:
    """A library with one passage; remembers what it was asked."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, Search, str | None]] = []

    async def search(
        self, workspace_id: str, search: Search, models: Models, *, call_key: str | None = None
    ) -> Found:
        assert models is NO_MODELS
        self.asked.append((workspace_id, search, call_key))
        passage = Passage(
            document_id="doc_1", name="a.txt", text="Red.", start=3, end=7, page=None, score=1.0
        )
        return Found((passage, msgspec.structs.replace(passage, page=2)))

    async def answer(self, *_: Any, **__: Any) -> SourcedAnswer:
        raise AssertionError

    async def document(self, workspace_id: str, document_id: str) -> StoredDocument:
        raise AssertionError(document_id)

    async def text(self, workspace_id: str, document_id: str) -> str:
        raise AssertionError(document_id)


async def test_the_passages_of_the_keys_own_workspace_are_found() -> None:
    shelf = Shelf()
    found = await declared(DocumentSearch(shelf).search).run(CONTEXT, {"query": "red", "limit": 3})
    expected = {
        "documentId": "doc_1",
        "name": "a.txt",
        "text": "Red.",
        "score": 1.0,
        "start": 3,
        "end": 7,
    }
    assert msgspec.to_builtins(found) == {"results": [expected, {**expected, "page": 2}]}
    assert shelf.asked == [("acme", Search(query="red", limit=3), "call-1/search")]


@pytest.mark.parametrize(
    "given", [{"query": ""}, {"query": "a", "limit": 0}, {"query": "a", "limit": 51}, {}]
)
async def test_what_cannot_be_looked_for_is_refused(given: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        await declared(DocumentSearch(Shelf()).search).run(CONTEXT, given)
