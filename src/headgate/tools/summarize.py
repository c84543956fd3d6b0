"""Summaries of texts."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from headgate.core.prompts import Prompts
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool

MOST_CHARACTERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Summaries:
    """The tool, with the model that it asks."""

    prompts: Prompts
    model: str

    @tool(timeout_seconds=120)
    async def summarize(
        self,
        context: ToolContext,
        *,
        text: Annotated[
            str,
            Meta(min_length=1, max_length=MOST_CHARACTERS, description="The text to summarise."),
        ],
        max_words: Annotated[
            int, Meta(ge=1, le=10_000, description="The most words that the summary may have.")
        ] = 120,
    ) -> str:
        """Summarise a text faithfully, in its own language."""
        style = context.models.style(self.model)
        inputs = {"text": text, "max_words": max_words}
        request = self.prompts.render("summarize", inputs, style=style).request(self.model)
        answer = await context.models.complete(request, call_key=context.part("summary"))
        return answer.response.content.strip()
