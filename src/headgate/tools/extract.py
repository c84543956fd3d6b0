"""Facts of texts, by a schema or the common ones."""

from dataclasses import dataclass
from typing import Annotated, Any

import msgspec
from msgspec import Meta

from headgate.core.chat import ChatRequest, ResponseFormat
from headgate.core.errors import InvalidRequest, UpstreamFailed
from headgate.core.json_shapes import misfit
from headgate.core.prompts import Prompts
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool
from headgate.tools.summarize import MOST_CHARACTERS

MOST_SCHEMA_BYTES = 50_000

COMMON = (
    "dates",
    "times",
    "amounts",
    "persons",
    "organisations",
    "addresses",
    "emails",
    "phones",
    "urls",
)
"""What is looked for where no schema says."""

_COMMON_SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {name: {"type": "array", "items": {"type": "string"}} for name in COMMON},
    "required": list(COMMON),
    "additionalProperties": False,
}


@dataclass(frozen=True, slots=True)
class Extraction:
    """The tool, with the model that it asks."""

    prompts: Prompts
    model: str

    @tool(timeout_seconds=120)
    async def extract(
        self,
        context: ToolContext,
        *,
        text: Annotated[
            str,
            Meta(min_length=1, max_length=MOST_CHARACTERS, description="The text to read."),
        ],
        schema: Annotated[
            dict[str, Any] | None,
            Meta(
                description="JSON Schema of an object with what is wanted; without one dates,"
                " times, amounts, persons, organisations, addresses, e-mails, phones and URLs."
            ),
        ] = None,
    ) -> dict[str, Any]:
        """Extract what a text says, as JSON; what it does not say stays empty."""
        _check(schema)
        answer = await context.models.complete(
            self._question(context, text, schema), call_key=context.part("facts")
        )
        return _facts(answer.response.content, schema or _COMMON_SCHEMA)

    def _question(
        self, context: ToolContext, text: str, schema: dict[str, Any] | None
    ) -> ChatRequest:
        inputs = {"text": text} if schema is None else {"text": text, "schema": schema}
        style = context.models.style(self.model)
        request = self.prompts.render("extract", inputs, style=style).request(self.model)
        # Not strict: that allows only a part of JSON Schema, and the caller may write all of it.
        form = ResponseFormat("json_schema", schema or _COMMON_SCHEMA, "extraction", strict=False)
        return msgspec.structs.replace(request, response_format=form)


def _check(schema: dict[str, Any] | None) -> None:
    """See that a schema is one that an answer can be held to.

    Raises:
        InvalidRequest: it is not.
    """
    if schema is None:
        return
    if schema.get("type", "object") != "object" or not isinstance(
        schema.get("properties", {}), dict
    ):
        raise InvalidRequest("schema must describe an object", param="schema")
    if len(msgspec.json.encode(schema)) > MOST_SCHEMA_BYTES:
        raise InvalidRequest(f"schema is larger than {MOST_SCHEMA_BYTES} bytes", param="schema")


def _facts(answer: str, schema: dict[str, Any]) -> dict[str, Any]:
    """The object in a model's answer.

    Raises:
        UpstreamFailed: there is none, or it is not as the schema says.
    """
    start, end = answer.find("{"), answer.rfind("}")
    try:
        found = msgspec.json.decode(
            answer[start : end + 1] if start >= 0 else "", type=dict[str, Any]
        )
    except (msgspec.MsgspecError, RecursionError):
        raise UpstreamFailed("the model's answer is no JSON object: try again") from None
    wrong = misfit(found, schema)
    if wrong is not None:
        raise UpstreamFailed(f"the model's answer does not fit the schema, {wrong}: try again")
    return found
