"""Bedrock's Converse as a server reads and writes it."""

from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any, Literal

import msgspec

from headgate.core import chat
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.eventstream import encode

STOP_REASONS: dict[chat.FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "content_filtered",
}


class Media(msgspec.Struct, kw_only=True):
    """An image or a document; `source` holds its bytes in base64."""

    format: str | None = None
    name: str | None = None
    source: dict[str, Any]


class ToolUse(msgspec.Struct, rename="camel"):
    """A call of a tool."""

    tool_use_id: str
    name: str
    input: msgspec.Raw


class ReasoningText(msgspec.Struct):
    """A thought and its signature."""

    text: str
    signature: str | None = None


class Reasoning(msgspec.Struct, rename="camel"):
    """A thought, readable or not."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None


class ToolResult(msgspec.Struct, rename="camel"):
    """What a tool has answered."""

    tool_use_id: str
    content: "list[Block]"
    status: Literal["success", "error"] | None = None


class CachePoint(msgspec.Struct):
    """A mark up to which the input shall be remembered."""

    type: Literal["default"]
    ttl: chat.CacheSpan | None = None


class Block(msgspec.Struct, rename="camel"):
    """A piece of content: one of these."""

    text: str | None = None
    image: Media | None = None
    document: Media | None = None
    tool_use: ToolUse | None = None
    tool_result: ToolResult | None = None
    reasoning_content: Reasoning | None = None
    cache_point: CachePoint | None = None


class Turn(msgspec.Struct):
    """A turn of the conversation."""

    role: Literal["user", "assistant"]
    content: list[Block]


class Inference(msgspec.Struct, rename="camel"):
    """How to answer."""

    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop_sequences: list[str] = []


class InputSchema(msgspec.Struct):
    """A tool's schema."""

    json: dict[str, Any]


class ToolSpec(msgspec.Struct, rename="camel"):
    """A tool that may be called."""

    name: str
    input_schema: InputSchema
    description: str | None = None


class ToolItem(msgspec.Struct, rename="camel"):
    """A tool, or a mark for the cache."""

    tool_spec: ToolSpec | None = None
    cache_point: CachePoint | None = None


class Named(msgspec.Struct):
    """The one tool to call."""

    name: str


class Choice(msgspec.Struct):
    """Whether a tool must be called: one of these."""

    auto: dict[str, Any] | None = None
    any: dict[str, Any] | None = None
    tool: Named | None = None


class ToolConfig(msgspec.Struct, rename="camel"):
    """The tools."""

    tools: list[ToolItem]
    tool_choice: Choice | None = None


class JsonSchema(msgspec.Struct):
    """A schema, written as a text."""

    schema: str


class Structure(msgspec.Struct, rename="camel"):
    """What the text must look like."""

    json_schema: JsonSchema


class TextFormat(msgspec.Struct):
    """The form of the answer's text."""

    type: Literal["json_schema"]
    structure: Structure


class OutputConfig(msgspec.Struct, rename="camel"):
    """The form of the answer."""

    text_format: TextFormat | None = None


class ThinkingWish(msgspec.Struct):
    """Whether to think."""

    type: str


class Additional(msgspec.Struct):
    """Fields of the model's own."""

    thinking: ThinkingWish | None = None


class ConverseRequest(msgspec.Struct, rename="camel"):
    """The body of a call."""

    messages: list[Turn]
    system: list[Block] = []
    inference_config: Inference | None = None
    tool_config: ToolConfig | None = None
    output_config: OutputConfig | None = None
    additional_model_request_fields: Additional | None = None
    additional_model_response_field_paths: list[str] = []


def chat_request(model: str, wanted: ConverseRequest, *, stream: bool) -> chat.ChatRequest:
    """The platform's request for a decoded body.

    Raises:
        InvalidRequest: the parts do not fit together.
    """
    _check(wanted)
    inference = wanted.inference_config or Inference()
    tools = wanted.tool_config.tools if wanted.tool_config else []
    form = wanted.output_config.text_format if wanted.output_config else None
    more = wanted.additional_model_request_fields or Additional()
    system = [chat.Message("system", block.text) for block in wanted.system if block.text]
    return chat.ChatRequest(
        model=model,
        messages=(*system, *(m for turn in wanted.messages for m in _messages(turn))),
        max_tokens=inference.max_tokens,
        temperature=inference.temperature,
        top_p=inference.top_p,
        stop=tuple(inference.stop_sequences),
        tools=tuple(
            chat.Tool(spec.name, spec.description or "", spec.input_schema.json)
            for item in tools
            if (spec := item.tool_spec) is not None
        ),
        tool_choice=_choice(wanted.tool_config.tool_choice) if wanted.tool_config else None,
        response_format=None if form is None else _format(form.structure.json_schema.schema),
        reasoning=(
            chat.Reasoning("auto")
            if more.thinking is not None and more.thinking.type != "disabled"
            else None
        ),
        stream=stream,
    )


def _check(wanted: ConverseRequest) -> None:
    roles = [turn.role for turn in wanted.messages]
    if roles[:1] != ["user"] or any(a == b for a, b in pairwise(roles)):
        raise InvalidRequest("A conversation must start with a user message and alternate.")
    blocks = [block for turn in wanted.messages for block in turn.content]
    if wanted.tool_config is None and any(b.tool_use or b.tool_result for b in blocks):
        raise InvalidRequest(
            "The toolConfig field must be defined when using toolUse and toolResult content blocks."
        )


def _messages(turn: Turn) -> Iterator[chat.Message]:
    """A turn; results of tools, which stand in a user's turn, are turns of their own."""
    calls = tuple(
        chat.ToolCall(b.tool_use.tool_use_id, b.tool_use.name, bytes(b.tool_use.input).decode())
        for b in turn.content
        if b.tool_use is not None
    )
    for block in turn.content:
        if (result := block.tool_result) is not None:
            yield chat.Message(
                "tool",
                _parts(result.content),
                tool_call_id=result.tool_use_id,
                is_error=result.status == "error",
            )
    parts = _parts(turn.content)
    if parts or calls:
        yield chat.Message(turn.role, parts, calls)


def _parts(blocks: Sequence[Block]) -> tuple[chat.Part, ...]:
    return tuple(part for block in blocks if (part := _part(block)) is not None)


def _part(block: Block) -> chat.Part | None:
    if block.text is not None:
        return chat.Text(block.text)
    if block.image is not None:
        return chat.Image(chat.data_url(f"image/{block.image.format}", _data(block.image)))
    if block.document is not None:
        url = chat.data_url(f"application/{block.document.format}", _data(block.document))
        return chat.Document(url, block.document.name)
    if (thought := block.reasoning_content) is not None:
        if thought.reasoning_text is not None:
            return chat.Thinking(thought.reasoning_text.text, thought.reasoning_text.signature)
        return chat.Thinking(sealed=thought.redacted_content or "")
    return None


def _data(media: Media) -> str:
    data = media.source.get("bytes")
    if not isinstance(data, str):
        raise InvalidRequest("The simulator reads images and documents as bytes only.")
    return data


def _choice(choice: Choice | None) -> chat.ToolChoice | None:
    if choice is None:
        return None
    if choice.tool is not None:
        return chat.ToolChoice("tool", choice.tool.name)
    return chat.ToolChoice("auto" if choice.any is None else "required")


def _format(schema: str) -> chat.ResponseFormat:
    try:
        return chat.ResponseFormat("json_schema", msgspec.json.decode(schema, type=dict[str, Any]))
    except (msgspec.DecodeError, RecursionError) as wrong:
        raise InvalidRequest(f"The schema is no JSON object: {wrong}") from wrong


def usage_item(usage: chat.TokenUsage) -> dict[str, int]:
    """Tokens in Bedrock's words: the three classes of input are apart from each other."""
    read, written = usage.cached_input_tokens, usage.cache_write_tokens
    return {
        "inputTokens": usage.input_tokens - read - written,
        "outputTokens": usage.output_tokens,
        "totalTokens": usage.total_tokens,
        "cacheReadInputTokens": read,
        "cacheWriteInputTokens": written,
    }


def _stop(finish: chat.FinishReason, sequence: str | None, *, is_told: bool) -> dict[str, Any]:
    if sequence is None:
        return {"stopReason": STOP_REASONS[finish]}
    more = {"additionalModelResponseFields": {"stop_sequence": sequence}} if is_told else {}
    return {"stopReason": "stop_sequence"} | more


def answer(response: chat.ChatResponse, *, tells_stop: bool, latency_ms: int) -> dict[str, Any]:
    """A whole answer in Bedrock's words."""
    content: list[dict[str, Any]] = [
        {"reasoningContent": {"reasoningText": {"text": t.text, "signature": t.signature}}}
        for t in response.thinking
    ]
    if response.content:
        content.append({"text": response.content})
    for call in response.tool_calls:
        tool = {"toolUseId": call.id, "name": call.name, "input": _object(call.arguments)}
        content.append({"toolUse": tool})
    return {
        "output": {"message": {"role": "assistant", "content": content}},
        **_stop(response.finish_reason, response.stop_sequence, is_told=tells_stop),
        "usage": usage_item(response.usage),
        "metrics": {"latencyMs": latency_ms},
    }


def _object(text: str) -> msgspec.Raw:
    """A tool's input as it was written; empty where that broke off before it was an object."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        text = "{}"
    return msgspec.Raw(text.encode())


def event(kind: str, payload: object) -> bytes:
    """One event."""
    headers = {
        ":event-type": kind,
        ":content-type": "application/json",
        ":message-type": "event",
    }
    return encode(headers, msgspec.json.encode(payload))


def exception(kind: str, message: str) -> bytes:
    """A failure in the middle of a stream."""
    headers = {
        ":exception-type": kind,
        ":content-type": "application/json",
        ":message-type": "exception",
    }
    return encode(headers, msgspec.json.encode({"message": message}))


class EventWriter:
    """Writes one answer's events: blocks of content come in pieces, and only tools' have a head."""

    def __init__(self, *, tells_stop: bool) -> None:
        self._tells_stop = tells_stop
        self._index = 0
        self._open: str | int | None = None
        self._stop: dict[str, Any] = {"stopReason": "end_turn"}

    def start(self) -> bytes:
        """The first event."""
        return event("messageStart", {"role": "assistant"})

    def delta(self, delta: chat.ChatDelta) -> bytes:
        """The events for a piece of the answer; its end waits for `ending`."""
        parts: list[bytes] = []
        if delta.finish_reason is not None:
            self._stop = _stop(delta.finish_reason, delta.stop_sequence, is_told=self._tells_stop)
        if (thought := delta.thinking) is not None:
            parts += self._begin("thinking")
            parts.append(self._piece({"reasoningContent": {"text": thought.text}}))
            parts.append(self._piece({"reasoningContent": {"signature": thought.signature}}))
        if delta.text:
            parts += self._begin("text")
            parts.append(self._piece({"text": delta.text}))
        for call in delta.tool_calls:
            if call.id is not None:
                parts += self._begin(call.index)
                tool = {"toolUse": {"toolUseId": call.id, "name": call.name}}
                head = {"start": tool, "contentBlockIndex": self._index}
                parts.append(event("contentBlockStart", head))
            if call.arguments:
                parts.append(self._piece({"toolUse": {"input": call.arguments}}))
        return b"".join(parts)

    def ending(self, usage: chat.TokenUsage, latency_ms: int) -> bytes:
        """The last events, with the final usage."""
        told = {"usage": usage_item(usage), "metrics": {"latencyMs": latency_ms}}
        return b"".join((*self._end(), event("messageStop", self._stop), event("metadata", told)))

    def _begin(self, kind: str | int) -> list[bytes]:
        if self._open == kind:
            return []
        parts = self._end()
        self._open = kind
        return parts

    def _piece(self, delta: dict[str, object]) -> bytes:
        return event("contentBlockDelta", {"delta": delta, "contentBlockIndex": self._index})

    def _end(self) -> list[bytes]:
        if self._open is None:
            return []
        stop = event("contentBlockStop", {"contentBlockIndex": self._index})
        self._open = None
        self._index += 1
        return [stop]
