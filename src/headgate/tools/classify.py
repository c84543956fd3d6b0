"""Which label fits a text."""

from dataclasses import dataclass
from typing import Annotated

from msgspec import Meta

from headgate.core.classification import Classification, question, verdict
from headgate.core.prompts import Prompts
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool
from headgate.tools.summarize import MOST_CHARACTERS

Label = Annotated[str, Meta(min_length=1, max_length=200)]


@dataclass(frozen=True, slots=True)
class Classifier:
    """The tool, with the model that it asks."""

    prompts: Prompts
    model: str

    @tool(timeout_seconds=120)
    async def classify(
        self,
        context: ToolContext,
        *,
        text: Annotated[
            str,
            Meta(min_length=1, max_length=MOST_CHARACTERS, description="The text to classify."),
        ],
        labels: Annotated[
            list[Label],
            Meta(min_length=1, max_length=200, description="The labels to choose from."),
        ],
    ) -> Classification:
        """Say which of some labels fits a text best, and how well each of them does."""
        distinct = list(dict.fromkeys(labels))
        style = context.models.style(self.model)
        asked = question(self.prompts, text, distinct, self.model, style)
        answer = await context.models.complete(asked, call_key=context.part("label"))
        return verdict(answer.response.content, distinct)
