"""Writes the SDK's types from the platform's OpenAPI document: `write_types.py OPENAPI.json`.

What the platform answers becomes dataclasses, with Python's names; what it takes inside a body
becomes TypedDicts under the names of the wire, since they are sent as they are. `PUBLIC_NAMES`
says what of the document becomes a type, and under which name its users know it.
"""

import json
import keyword
import re
import sys
import textwrap
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from write_sync import formatted

TARGET = Path(__file__).parent / "src" / "headgate_sdk" / "types.py"
WIDTH = 96

ANSWERS = {
    "CompleteAnswer": "Completion",
    "platform.UsageItem": "TokenUsage",
    "ToolCallItem": "ToolCall",
    "EmbedAnswer": "Embeddings",
    "ClassifyAnswer": "Classification",
    "ModelItem": "Model",
    "ToolDescription": "Tool",
    "ToolAnswer": "ToolResult",
    "ToolUsage": "ToolUsage",
    "AddedItem": "AddedDocument",
    "DocumentItem": "Document",
    "DocumentText": "DocumentText",
    "DeletedDocument": "DeletedDocument",
    "SearchResults": "SearchResults",
    "ResultItem": "SearchResult",
    "DocumentsAnswer": "DocumentsAnswer",
    "Citation": "Citation",
    "RunItem": "Run",
    "RunSummary": "RunSummary",
    "RunErrorItem": "RunError",
    "ApprovalItem": "PendingApproval",
    "StepItem": "Step",
    "KeyItem": "Key",
    "RateLimit": "RateLimit",
    "VendorKeyItem": "ProviderKey",
    "WorkspaceItem": "Workspace",
    "ProviderItem": "Provider",
    "OwnKey": "OwnKey",
    "Trouble": "Trouble",
    "TotalsItem": "UsageTotals",
    "EventItem": "UsageEvent",
    "BudgetItem": "Budget",
    "OwnBudgets": "OwnBudgets",
    "BudgetList": "BudgetList",
    "UnconfirmedItem": "Unconfirmed",
    "BudgetName": "BudgetName",
    "ProjectionItem": "Projection",
    "LatencyAnswer": "Latency",
    "SloAnswer": "ServiceLevels",
    "ServiceFigures": "ServiceFigures",
    "ModelFigures": "ModelFigures",
    "ObjectiveItem": "Objective",
    "LatencyRow": "LatencyRow",
    "Percentiles": "Percentiles",
    "PromptItem": "Prompt",
    "PromptDetail": "PromptDetail",
    "InputItem": "PromptInput",
    "BlockItem": "PromptBlock",
    "PolicyItem": "PromptPolicy",
    "RenderedPrompt": "RenderedPrompt",
    "RenderedMessage": "RenderedMessage",
    "PromptDiff": "PromptDiff",
    "ChangeItem": "PromptChange",
    "FactItem": "Fact",
    "TurnItem": "Turn",
    "Forgotten": "Forgotten",
    "Health": "Health",
    "VendorRecord": "ProviderRecord",
}
# An answer of these tells under which id its call stands in the ledger.
METERED = {
    "CompleteAnswer",
    "EmbedAnswer",
    "ClassifyAnswer",
    "ToolAnswer",
    "SearchResults",
    "DocumentsAnswer",
}
PARAMETERS = {
    "platform.MessageItem": "MessageParam",
    "platform.TextPart": "TextPartParam",
    "platform.ImagePart": "ImagePartParam",
    "ToolCallItem": "ToolCallParam",
    "PromptCall": "PromptParam",
    "platform.ToolItem": "ToolParam",
    "platform.FunctionItem": "FunctionParam",
    "platform.ResponseFormatItem": "ResponseFormatParam",
    "platform.SchemaItem": "SchemaParam",
    "FilterItem": "DocumentFilterParam",
    "RateLimitItem": "RateLimitParam",
}
# What a caller got as an answer may be sent again as it is.
ALSO_TAKEN = {"ToolCallItem": "ToolCall"}
_SCALARS = {
    "string": "str",
    "integer": "int",
    "number": "float",
    "boolean": "bool",
    "null": "None",
}
HEAD = '''"""The values of the platform's interface.

Written by `write_types.py` from the platform's OpenAPI document: change that, and write it anew.
Amounts of money are US dollars. Times are ISO 8601 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Required, TypedDict

'''


def snake(name: str) -> str:
    """`inputTokens` as `input_tokens`."""
    found = re.sub(r"(?<=[a-z0-9])([A-Z])", lambda match: f"_{match[1].lower()}", name)
    return f"{found}_" if keyword.iskeyword(found) else found


def camel(name: str) -> str:
    """`input_tokens` as `inputTokens`."""
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


@dataclass
class Writer:
    """Turns schemas into classes.

    Attributes:
        names: the public names of the schemas that may be referred to.
        taken: whether values are what a caller gives, rather than what the platform answers.
    """

    schemas: dict[str, Any]
    names: dict[str, str]
    taken: bool
    lines: list[str] = field(default_factory=list)

    def annotation(self, schema: dict[str, Any]) -> str:
        """A schema as a type."""
        if "$ref" in schema:
            return self._reference(schema["$ref"])
        if "enum" in schema:
            return f"Literal[{', '.join(map(repr, schema['enum']))}]"
        if "anyOf" in schema:
            return " | ".join(dict.fromkeys(self.annotation(one) for one in schema["anyOf"]))
        kind = schema.get("type")
        if kind == "array":
            return f"{'Sequence' if self.taken else 'list'}[{self._inner(schema, 'items')}]"
        if kind == "object":
            inner = self._inner(schema, "additionalProperties")
            return f"{'Mapping' if self.taken else 'dict'}[str, {inner}]"
        return _SCALARS[kind] if kind else "Any"

    def _inner(self, schema: dict[str, Any], name: str) -> str:
        inner = schema.get(name)
        return self.annotation(inner) if isinstance(inner, dict) else "Any"

    def _reference(self, reference: str) -> str:
        schema = reference.rpartition("/")[2]
        if schema not in self.names:
            raise SystemExit(f"{schema} is used by a type of the SDK: give it a name in {__file__}")
        name = self.names[schema]
        also = ALSO_TAKEN.get(schema) if self.taken else None
        return name if also is None else f"{name} | {also}"

    def fields(self, name: str) -> Iterator[tuple[str, str, bool]]:
        """A schema's fields: name on the wire, type, and whether it is always there."""
        schema = self.schemas[name]
        required = schema.get("required", [])
        for wire, inner in schema["properties"].items():
            yield wire, self.annotation(inner), wire in required

    def write_answer(self, name: str) -> None:
        """A dataclass."""
        self._open("@dataclass(frozen=True, slots=True, kw_only=True)", name, "")
        for wire, annotation, required in self.fields(name):
            attribute = snake(wire)
            optional = required or annotation == "Any" or "None" in annotation.split(" | ")
            kind = annotation if optional else f"{annotation} | None"
            odd = camel(attribute) != wire
            given = [] if required else ["default=None"]
            if odd:
                given.append(f'metadata={{"wire": "{wire}"}}')
            default = "None" if given == ["default=None"] else f"field({', '.join(given)})"
            self.lines.append(f"    {attribute}: {kind}" + (f" = {default}" if given else ""))
        if name in METERED:
            self.lines.append('    request_id: str = field(default="", compare=False)')
        self.lines += ["", ""]

    def write_parameter(self, name: str) -> None:
        """A TypedDict."""
        self._open("", name, "(TypedDict, total=False)")
        for wire, annotation, required in self.fields(name):
            kind = f"Required[{annotation}]" if required else annotation
            self.lines.append(f"    {wire}: {kind}")
        self.lines += ["", ""]

    def _open(self, decorator: str, name: str, bases: str) -> None:
        description = self.schemas[name].get("description") or f"{self.names[name]}."
        description = " ".join(description.split())
        if decorator:
            self.lines.append(decorator)
        self.lines.append(f"class {self.names[name]}{bases}:")
        # A line that says what it is, and the rest behind a blank one.
        first, _, rest = description.partition(". ")
        summary = textwrap.wrap(f'"""{first}.' if rest else f'"""{first}', WIDTH)
        told = summary + (["", *textwrap.wrap(rest, WIDTH)] if rest else [])
        last = '"""' if len(told) == 1 else '\n    """'
        self.lines.append(textwrap.indent("\n".join(told), "    ") + last)
        self.lines.append("")


def written(document: dict[str, Any]) -> str:
    """The module's text.

    Raises:
        KeyError: the document lacks a schema that the SDK has a name for.
    """
    schemas = document["components"]["schemas"]
    answers = Writer(schemas, ANSWERS, taken=False)
    for name in ANSWERS:
        answers.write_answer(name)
    parameters = Writer(schemas, PARAMETERS, taken=True)
    for name in PARAMETERS:
        parameters.write_parameter(name)
    return "\n".join([HEAD, *answers.lines, *parameters.lines]).rstrip() + "\n"


if __name__ == "__main__":
    TARGET.write_text(formatted(written(json.loads(Path(sys.argv[1]).read_text()))))
