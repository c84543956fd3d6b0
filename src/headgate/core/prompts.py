"""What a prompt template gives, and the port through which features ask for it.

Templates are files with versions. A feature names one, hands over its inputs, and gets the messages
as they are best written for the model that will read them; the name and the version then go along
with the request, into the ledger.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Protocol

import msgspec

from headgate.core.chat import ChatRequest, Message, PromptVersion, ResponseFormat
from headgate.core.models import PromptStyle


class ModelPolicy(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How a template's prompts are to be asked.

    Attributes:
        model: who answers where the caller names none; an alias too.
        max_tokens: the most output tokens.
    """

    model: str | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1)] | None = None


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A template, filled in.

    Attributes:
        messages: a system message and a user message, or one of them.
        use_case: how calls with it are labelled.
        output_schema: the JSON Schema that the answer has, where the template sets one.
    """

    version: PromptVersion
    style: PromptStyle
    messages: tuple[Message, ...]
    use_case: str
    policy: ModelPolicy = ModelPolicy()
    output_schema: dict[str, Any] | None = None

    def request(self, model: str) -> ChatRequest:
        """The question to `model`, asked by the template's policy and recorded under its name."""
        response_format = None
        if self.output_schema is not None:
            name = self.version.name.replace("-", "_")
            response_format = ResponseFormat("json_schema", self.output_schema, name, strict=True)
        return ChatRequest(
            model=model,
            messages=self.messages,
            max_tokens=self.policy.max_tokens,
            temperature=self.policy.temperature,
            response_format=response_format,
            use_case=self.use_case,
            prompt=self.version,
        )


class Prompts(Protocol):
    """The prompt templates that there are."""

    def render(
        self,
        name: str,
        inputs: Mapping[str, Any],
        *,
        style: PromptStyle,
        version: int | None = None,
    ) -> Prompt:
        """Fill in a template; without a `version`, the latest one.

        Whatever the inputs say, they stay within their blocks: they cannot end a tag or begin a
        heading of the template.

        Raises:
            NotFound: there is no such template, or not in that version.
            InvalidRequest: an input is missing, unknown, or of another type; names it.
        """
        ...
