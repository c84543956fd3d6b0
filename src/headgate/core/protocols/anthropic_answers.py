"""Anthropic's messages as a server writes them: whole, as events, and as errors.

Clients tell events apart by the line `event:`, know no end mark but `message_stop`, and skip
`ping`. The usage of `message_delta` is the final one and replaces what `message_start` said.
`input_tokens` leaves out what was read from a cache or written to one.
"""

from collections.abc import Mapping
from typing import Any, Literal

import msgspec

from headgate.core import chat
from headgate.core.models import ProviderBroke

PING = b'event: ping\ndata: {"type":"ping"}\n\n'

STOP_REASONS: dict[chat.FinishReason, str] = {
    "stop": "end_turn",
    "length": "max_tokens",
    "tool_calls": "tool_use",
    "content_filter": "refusal",
}
ERROR_TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    402: "billing_error",
    403: "permission_error",
    404: "not_found_error",
    405: "invalid_request_error",
    409: "conflict_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
    504: "timeout_error",
    529: "overloaded_error",
}


class TextBlock(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """What the model says."""

    text: str


class ToolUseBlock(msgspec.Struct, frozen=True, tag_field="type", tag="tool_use"):
    """A tool that shall be called; `input` is an object."""

    id: str
    name: str
    input: msgspec.Raw


class ThinkingBlock(msgspec.Struct, frozen=True, tag_field="type", tag="thinking"):
    """What the model thought; it is handed back unchanged."""

    thinking: str
    signature: str


class RedactedThinkingBlock(msgspec.Struct, frozen=True, tag_field="type", tag="redacted_thinking"):
    """What the model thought and only the vendor can read; it is handed back unchanged."""

    data: str


class CacheCreation(msgspec.Struct, frozen=True):
    """Tokens that were written to the cache, by how long they stay."""

    ephemeral_5m_input_tokens: int
    ephemeral_1h_input_tokens: int


class OutputDetails(msgspec.Struct, frozen=True):
    """Classes of output tokens."""

    thinking_tokens: int


class UsageItem(msgspec.Struct, frozen=True):
    """Tokens; the three classes of input are apart from each other."""

    input_tokens: int
    cache_creation_input_tokens: int
    cache_read_input_tokens: int
    cache_creation: CacheCreation
    output_tokens: int
    output_tokens_details: OutputDetails


class MessageAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer."""

    id: str
    type: Literal["message"] = "message"
    role: Literal["assistant"] = "assistant"
    model: str
    content: list[TextBlock | ToolUseBlock | ThinkingBlock | RedactedThinkingBlock]
    stop_reason: str | None
    stop_sequence: str | None = None
    usage: UsageItem


class TokenCount(msgspec.Struct, frozen=True):
    """The body of a count."""

    input_tokens: int


class ErrorItem(msgspec.Struct, frozen=True):
    """What went wrong."""

    type: str
    message: str


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """The body of every error, and of the event in its place."""

    type: Literal["error"] = "error"
    error: ErrorItem
    request_id: str | None = None


def error_type(status: int) -> str:
    """Anthropic's word for an HTTP status."""
    return ERROR_TYPES.get(status, "api_error" if status >= 500 else "invalid_request_error")


def event(name: str, value: object) -> bytes:
    """One event."""
    return b"event: " + name.encode() + b"\ndata: " + msgspec.json.encode(value) + b"\n\n"


def usage_item(usage: chat.TokenUsage) -> UsageItem:
    """Tokens in Anthropic's words."""
    written, read = usage.cache_write_tokens, usage.cached_input_tokens
    return UsageItem(
        input_tokens=max(0, usage.input_tokens - written - read),
        cache_creation_input_tokens=written,
        cache_read_input_tokens=read,
        cache_creation=CacheCreation(
            max(0, written - usage.cache_write_1h_tokens), usage.cache_write_1h_tokens
        ),
        output_tokens=usage.output_tokens,
        output_tokens_details=OutputDetails(usage.reasoning_tokens),
    )


def stop_reason(finish: chat.FinishReason | None, stop_sequence: str | None) -> str:
    """Anthropic's word for how an answer ended."""
    return "stop_sequence" if stop_sequence is not None else STOP_REASONS[finish or "stop"]


def message(response: chat.ChatResponse) -> MessageAnswer:
    """A whole answer in Anthropic's words."""
    content: list[TextBlock | ToolUseBlock | ThinkingBlock | RedactedThinkingBlock] = [
        RedactedThinkingBlock(thought.sealed)
        if thought.sealed is not None
        else ThinkingBlock(thought.text, thought.signature or "")
        for thought in response.thinking
    ]
    if text := response.content or response.refusal:
        content.append(TextBlock(text))
    content += [ToolUseBlock(c.id, c.name, _arguments(c.arguments)) for c in response.tool_calls]
    finish = "content_filter" if response.refusal else response.finish_reason
    return MessageAnswer(
        id=response.id,
        model=response.model,
        content=content,
        stop_reason=stop_reason(finish, response.stop_sequence),
        stop_sequence=response.stop_sequence,
        usage=usage_item(response.usage),
    )


def _arguments(text: str) -> msgspec.Raw:
    """A tool's input as it was written; empty where that broke off before it was an object."""
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError):
        text = "{}"
    return msgspec.Raw(text.encode())


class EventWriter:
    """Writes one answer's events: each block of content begins, comes in pieces and ends."""

    def __init__(self, *, id: str, model: str) -> None:  # noqa: A002 - Anthropic's own name
        self._id = id
        self._model = model
        self._index = -1
        self._open: str | int | None = None
        self._is_signed = False
        self._finish: chat.FinishReason | None = None
        self._stop_sequence: str | None = None
        self._is_refused = False

    def start(self, usage: chat.TokenUsage | None = None) -> bytes:
        """The first event; `usage` is what is known of the input by then."""
        head = MessageAnswer(
            id=self._id,
            model=self._model,
            content=[],
            stop_reason=None,
            usage=usage_item(usage or chat.TokenUsage()),
        )
        return event("message_start", {"type": "message_start", "message": head})

    def delta(self, delta: chat.ChatDelta) -> bytes:
        """The events for a piece of the answer; its end waits for `ending`."""
        self._finish = delta.finish_reason or self._finish
        self._stop_sequence = delta.stop_sequence or self._stop_sequence
        self._is_refused = self._is_refused or bool(delta.refusal)
        parts: list[bytes] = []
        if delta.thinking is not None:
            parts += self._thought(delta.thinking)
        if text := delta.text or delta.refusal:
            parts += self._begin("text", {"type": "text", "text": ""})
            parts.append(self._piece({"type": "text_delta", "text": text}))
        for call in delta.tool_calls:
            parts += self._call(call)
        return b"".join(parts)

    def ending(self, usage: chat.TokenUsage) -> bytes:
        """The last events, with the final usage."""
        finish = "content_filter" if self._is_refused else self._finish
        told = {
            "type": "message_delta",
            "delta": {
                "stop_reason": stop_reason(finish, self._stop_sequence),
                "stop_sequence": self._stop_sequence,
            },
            "usage": usage_item(usage),
        }
        stop = event("message_stop", {"type": "message_stop"})
        return b"".join((*self._end(), event("message_delta", told), stop))

    def _thought(self, thought: chat.Thinking) -> list[bytes]:
        if thought.sealed is not None:
            sealed = {"type": "redacted_thinking", "data": thought.sealed}
            return [*self._end(), *self._begin("redacted_thinking", sealed), *self._end()]
        parts: list[bytes] = []
        if self._is_signed:
            parts += self._end()
        parts += self._begin("thinking", {"type": "thinking", "thinking": "", "signature": ""})
        if thought.text:
            parts.append(self._piece({"type": "thinking_delta", "thinking": thought.text}))
        if thought.signature is not None:
            parts.append(self._piece({"type": "signature_delta", "signature": thought.signature}))
            self._is_signed = True
        return parts

    def _call(self, call: chat.ToolCallDelta) -> list[bytes]:
        """The events for a piece of a tool call.

        Raises:
            ProviderBroke: it belongs to a call that has ended.
        """
        parts: list[bytes] = []
        if call.id is not None:
            head: dict[str, Any] = {
                "type": "tool_use",
                "id": call.id,
                "name": call.name,
                "input": {},
            }
            parts += self._begin(call.index, head)
        if self._open != call.index:
            raise ProviderBroke("the vendor mixed the pieces of several tool calls")
        if call.arguments:
            parts.append(self._piece({"type": "input_json_delta", "partial_json": call.arguments}))
        return parts

    def _begin(self, kind: str | int, block: Mapping[str, object]) -> list[bytes]:
        """Begin a block, and end the one before, unless it is the one that is open."""
        if self._open == kind:
            return []
        parts = self._end()
        self._index += 1
        self._open = kind
        told = {"type": "content_block_start", "index": self._index, "content_block": block}
        return [*parts, event("content_block_start", told)]

    def _piece(self, delta: dict[str, object]) -> bytes:
        told = {"type": "content_block_delta", "index": self._index, "delta": delta}
        return event("content_block_delta", told)

    def _end(self) -> list[bytes]:
        if self._open is None:
            return []
        self._open, self._is_signed = None, False
        told = {"type": "content_block_stop", "index": self._index}
        return [event("content_block_stop", told)]
