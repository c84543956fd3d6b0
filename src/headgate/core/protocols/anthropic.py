"""Anthropic's messages as a server reads them; `anthropic_answers` has what it writes.

A block of content has one type for all its kinds, since clients send kinds that are younger than
this page. What only Anthropic's models know is named in the request's `native`: there it is
forwarded as it came, and another vendor refuses it by that name. Fields that change what a token
costs, or that reach into the platform's own account, are taken only with values that do neither.
"""

import base64
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from headgate.core import chat
from headgate.core.errors import InvalidRequest

PROTOCOL = "anthropic"
# By these headers a request says how its body is to be read.
VERSION_HEADER = "anthropic-version"
BETA_HEADER = "anthropic-beta"

Temperature: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Probability: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Count: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=10_000_000)]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]

# Anthropic's own tools that the caller runs; those that the vendor runs cost more than tokens.
_CALLERS_TOOLS = re.compile(
    r"(?:bash|text_editor|memory|computer|computer_toolset|browser_toolset)_\d+"
)
_VERSION = re.compile(r"\d{4}-\d{2}-\d{2}")
_BETAS = re.compile(r"[\w.-]+(?:\s*,\s*[\w.-]+){0,31}")


class CacheControl(msgspec.Struct):
    """A mark up to which the vendor shall remember the input."""

    type: Literal["ephemeral"] = "ephemeral"
    ttl: chat.CacheSpan | None = None


class Source(msgspec.Struct):
    """Where an image or a document is: here in base64 or as text, or at an address."""

    type: str
    media_type: str | None = None
    data: str | None = None
    url: str | None = None


class Citations(msgspec.Struct):
    """Whether the answer shall cite the document."""

    enabled: bool | None = None


class Block(msgspec.Struct):
    """A piece of content; which fields it has depends on its `type`."""

    type: str
    text: str | None = None
    source: Source | None = None
    title: str | None = None
    context: str | None = None
    citations: Citations | list[Any] | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = msgspec.field(default_factory=msgspec.Raw)
    tool_use_id: str | None = None
    content: "str | list[Block] | None" = None
    is_error: bool | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    cache_control: CacheControl | None = None


class MessageItem(msgspec.Struct):
    """A turn of the conversation."""

    role: Literal["user", "assistant", "system"]
    content: str | list[Block]


class ToolItem(msgspec.Struct):
    """A tool; `type` names one of Anthropic's own that the caller runs."""

    name: Name
    type: str | None = None
    description: str | None = None
    input_schema: dict[str, Any] | None = None
    strict: bool | None = None
    cache_control: CacheControl | None = None


class ToolChoiceItem(msgspec.Struct):
    """Whether a tool must be called, and whether several may be."""

    type: Literal["auto", "any", "tool", "none"]
    name: str | None = None
    disable_parallel_tool_use: bool | None = None


class ThinkingItem(msgspec.Struct):
    """How much to think."""

    type: str
    budget_tokens: Count | None = None


class FormatItem(msgspec.Struct):
    """What the answer must look like."""

    type: Literal["json_schema"]
    schema: dict[str, Any]


class OutputConfig(msgspec.Struct):
    """How much effort to make, and the form of the answer."""

    effort: chat.Effort | None = None
    format: FormatItem | None = None


class Metadata(msgspec.Struct):
    """Whom the call is for."""

    user_id: str | None = None


class Edit(msgspec.Struct):
    """A change that the vendor makes to the conversation before the model reads it."""

    type: str


class ContextManagement(msgspec.Struct):
    """What the vendor leaves out of a long conversation."""

    edits: list[Edit] | None = None


class CountTokensRequest(msgspec.Struct, kw_only=True):
    """The body of `POST /v1/messages/count_tokens`."""

    model: Name
    messages: Annotated[list[MessageItem], msgspec.Meta(min_length=1)]
    system: str | list[Block] | None = None
    tools: list[ToolItem] | None = None
    tool_choice: ToolChoiceItem | None = None
    thinking: ThinkingItem | None = None
    output_config: OutputConfig | None = None
    context_management: ContextManagement | None = None
    speed: Literal["standard"] | None = None
    mcp_servers: None = None


class MessagesRequest(CountTokensRequest, kw_only=True):
    """The body of `POST /v1/messages`; fields that are not named here are passed on.

    `inference_geo`, `service_tier` and `speed` change what a token costs, so only the values whose
    price is known are taken; a `container` belongs to the whole platform, so none is.
    """

    max_tokens: Count
    metadata: Metadata | None = None
    stop_sequences: list[str] | None = None
    stream: bool | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    top_k: Count | None = None
    service_tier: Literal["auto", "standard_only"] | None = None
    inference_geo: Literal["global"] | None = None
    container: None = None


def chat_request(
    wanted: MessagesRequest, body: bytes, headers: Mapping[str, str] | None = None
) -> chat.ChatRequest:
    """The platform's request for a decoded body; `body` is kept for vendors that speak it too.

    Raises:
        InvalidRequest: the parts do not fit together.
    """
    return msgspec.structs.replace(
        count_request(wanted, body, headers),
        max_tokens=wanted.max_tokens,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        top_k=wanted.top_k,
        stop=tuple(wanted.stop_sequences or ()),
        stream=bool(wanted.stream),
        user=wanted.metadata.user_id if wanted.metadata else None,
    )


def count_request(
    wanted: CountTokensRequest, body: bytes, headers: Mapping[str, str] | None = None
) -> chat.ChatRequest:
    """What a model reads of a decoded body, without how it shall answer.

    Raises:
        InvalidRequest: the parts do not fit together.
    """
    native: list[str] = []
    choice = wanted.tool_choice
    output = wanted.output_config or OutputConfig()
    reasoning = _reasoning(wanted.thinking, output.effort, native)
    messages = [*_system(wanted.system, native)]
    for index, item in enumerate(wanted.messages):
        messages += _messages(index, item, native)
    if wanted.messages[-1].role == "assistant":
        native.append(f"messages[{len(wanted.messages) - 1}], the beginning of the answer")
    if wanted.context_management is not None:
        _check_edits(wanted.context_management)
        native.append("context_management")
    tools = [_tool(index, item, native) for index, item in enumerate(wanted.tools or ())]
    form = output.format
    return chat.ChatRequest(
        model=wanted.model,
        messages=tuple(messages),
        tools=tuple(tools),
        tool_choice=None if choice is None else _tool_choice(choice, tools),
        parallel_tool_calls=False if choice and choice.disable_parallel_tool_use else None,
        response_format=None if form is None else chat.ResponseFormat(form.type, form.schema),
        reasoning=reasoning,
        native=tuple(native),
        wire=chat.Wire(PROTOCOL, body, _forwarded(headers or {})),
    )


def _check_edits(wanted: ContextManagement) -> None:
    """Refuse edits that a model makes: its work is not in the answer's count."""
    for index, edit in enumerate(wanted.edits or ()):
        if not edit.type.startswith("clear_"):
            where = f"context_management.edits[{index}].type"
            raise InvalidRequest(
                f"{where} costs more than the tokens of the answer: only `clear_…` edits are taken",
                param=where,
            )


def _forwarded(headers: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The headers that belong to the body; any other version is read as the platform's own."""
    forms = ((VERSION_HEADER, _VERSION), (BETA_HEADER, _BETAS))
    return tuple(
        (name, headers[name])
        for name, form in forms
        if name in headers and form.fullmatch(headers[name])
    )


def _system(given: str | Sequence[Block] | None, native: list[str]) -> Iterator[chat.Message]:
    if not given:
        return
    if isinstance(given, str):
        yield chat.Message("system", given)
        return
    yield chat.Message("system", _parts(given, "system", native))


def _messages(index: int, item: MessageItem, native: list[str]) -> Iterator[chat.Message]:
    """A turn; results of tools, which stand in a user's turn, are turns of their own."""
    where = f"messages[{index}]"
    if isinstance(item.content, str):
        yield chat.Message(item.role, item.content)
        return
    rest: list[tuple[int, Block]] = []
    calls: list[chat.ToolCall] = []
    for place, block in enumerate(item.content):
        at = f"{where}.content[{place}]"
        if block.type == "tool_use" and item.role == "assistant":
            calls.append(_call(block, at))
        elif block.type == "tool_result" and item.role == "user":
            if rest:
                yield chat.Message("user", _placed(rest, where, native))
                rest = []
            yield _result(block, at, native)
        else:
            rest.append((place, block))
    if rest or calls or not item.content:
        yield chat.Message(item.role, _placed(rest, where, native) or "", tuple(calls))


def _placed(
    blocks: Sequence[tuple[int, Block]], where: str, native: list[str]
) -> tuple[chat.Part, ...]:
    parts = [_part(block, f"{where}.content[{place}]", native) for place, block in blocks]
    return tuple([part for part in parts if part is not None])


def _parts(blocks: Sequence[Block], where: str, native: list[str]) -> tuple[chat.Part, ...]:
    parts = [_part(block, f"{where}[{place}]", native) for place, block in enumerate(blocks)]
    return tuple([part for part in parts if part is not None])


def _part(block: Block, where: str, native: list[str]) -> chat.Part | None:
    """A piece of content, or None for a kind that only Anthropic's models know."""
    mark = _mark(block.cache_control)
    match block.type:
        case "text":
            return chat.Text(_given(block.text, f"{where}.text"), mark)
        case "image":
            return chat.Image(_address(block.source, f"{where}.source"), cache=mark)
        case "document":
            return _document(block, where, native)
        case "thinking":
            thought = _given(block.thinking, f"{where}.thinking")
            return chat.Thinking(thought, _given(block.signature, f"{where}.signature"))
        case "redacted_thinking":
            return chat.Thinking(sealed=_given(block.data, f"{where}.data"))
        case "tool_use" | "tool_result":
            raise InvalidRequest(f"{where} stands in the turn of another role", param=where)
        case _:
            native.append(f"{where}.type")
            return None


def _document(block: Block, where: str, native: list[str]) -> chat.Document | None:
    citations = block.citations
    if isinstance(citations, Citations) and citations.enabled:
        native.append(f"{where}.citations")
    if block.context is not None:
        native.append(f"{where}.context")
    source = block.source
    if source is not None and source.type == "content":
        native.append(f"{where}.source.type")
        return None
    return chat.Document(
        _address(source, f"{where}.source"), block.title, _mark(block.cache_control)
    )


def _address(source: Source | None, where: str) -> str:
    """Where something is, as an address or a `data:` URL."""
    if source is None:
        raise InvalidRequest(f"{where} is missing", param=where)
    match source.type:
        case "url":
            return _given(source.url, f"{where}.url")
        case "base64":
            media_type = _given(source.media_type, f"{where}.media_type")
            return chat.data_url(media_type, _given(source.data, f"{where}.data"))
        case "text":
            text = _given(source.data, f"{where}.data").encode()
            return chat.data_url("text/plain", base64.b64encode(text).decode())
        case _:
            # A file that lies at the vendor is the whole platform's: callers could read another's.
            raise InvalidRequest(
                f"{where}.type is `base64`, `text` or `url`: send the file itself",
                param=f"{where}.type",
            )


def _call(block: Block, where: str) -> chat.ToolCall:
    arguments = bytes(block.input)
    if not arguments.startswith(b"{"):
        raise InvalidRequest(f"{where}.input is an object", param=f"{where}.input")
    return chat.ToolCall(
        _given(block.id, f"{where}.id"),
        _given(block.name, f"{where}.name"),
        arguments.decode(),
        _mark(block.cache_control),
    )


def _result(block: Block, where: str, native: list[str]) -> chat.Message:
    given = block.content or ""
    parts: str | tuple[chat.Part, ...] = given if isinstance(given, str) else ()
    if isinstance(given, list):
        parts = _parts(given, f"{where}.content", native)
    return chat.Message(
        "tool",
        _marked(parts, _mark(block.cache_control)),
        tool_call_id=_given(block.tool_use_id, f"{where}.tool_use_id"),
        is_error=bool(block.is_error),
    )


def _marked(
    content: str | tuple[chat.Part, ...], mark: chat.CacheSpan | None
) -> str | tuple[chat.Part, ...]:
    """A content whose last part bears the mark of the whole."""
    if mark is None or not content:
        return content
    *before, last = (chat.Text(content),) if isinstance(content, str) else content
    if isinstance(last, chat.Thinking):
        return content
    return (*before, msgspec.structs.replace(last, cache=mark))


def _tool(index: int, item: ToolItem, native: list[str]) -> chat.Tool:
    where = f"tools[{index}].type"
    if item.type not in {None, "custom"}:
        if not _CALLERS_TOOLS.fullmatch(item.type or ""):
            raise InvalidRequest(
                f"{where} names a tool that the vendor runs, which costs more than its tokens:"
                " offer tools of your own",
                param=where,
            )
        native.append(where)
    return chat.Tool(
        item.name,
        item.description or "",
        item.input_schema,
        item.strict,
        _mark(item.cache_control),
    )


def _tool_choice(item: ToolChoiceItem, tools: Sequence[chat.Tool]) -> chat.ToolChoice:
    if item.type == "tool":
        if not any(tool.name == item.name for tool in tools):
            raise InvalidRequest(
                f"tool_choice names {item.name!r}, which is not among the tools",
                param="tool_choice",
            )
        return chat.ToolChoice("tool", item.name)
    return chat.ToolChoice("required" if item.type == "any" else item.type)


def _reasoning(
    item: ThinkingItem | None, effort: chat.Effort | None, native: list[str]
) -> chat.Reasoning | None:
    if item is None:
        return None if effort is None else chat.Reasoning("auto", effort)
    match item.type:
        case "disabled":
            return chat.Reasoning("off")
        case "adaptive":
            return chat.Reasoning("auto", effort)
        case "enabled" if item.budget_tokens is not None:
            return chat.Reasoning("budget", effort, item.budget_tokens)
        case "enabled":
            raise InvalidRequest(
                "thinking.budget_tokens is missing", param="thinking.budget_tokens"
            )
        case _:
            native.append("thinking.type")
            return None


def _mark(control: CacheControl | None) -> chat.CacheSpan | None:
    return None if control is None else control.ttl or "5m"


def _given(value: str | None, where: str) -> str:
    if value is None:
        raise InvalidRequest(f"{where} is missing", param=where)
    return value
