"""What Bedrock's Converse writes, read as loosely as future editions may write it."""

from collections.abc import Mapping

import msgspec

from headgate.core import chat
from headgate.core.models import ProviderBroke
from headgate.providers.failures import UNREADABLE, understood

FINISH_REASONS: Mapping[str | None, chat.FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "guardrail_intervened": "content_filter",
    "content_filtered": "content_filter",
}
_NO_INPUT = msgspec.Raw(b"{}")


class CacheDetail(msgspec.Struct, rename="camel"):
    """Tokens that were written to the cache for one span."""

    ttl: str | None = None
    input_tokens: int | None = None


class Usage(msgspec.Struct, rename="camel"):
    """Tokens; `input_tokens` leaves out those that were read from a cache or written to one."""

    input_tokens: int | None = None
    output_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_write_input_tokens: int | None = None
    cache_details: list[CacheDetail] | None = None

    def counted(self) -> chat.TokenUsage:
        """The tokens as the platform counts them: cached ones are a part of the input."""
        read, written = (
            _count(self.cache_read_input_tokens),
            _count(self.cache_write_input_tokens),
        )
        hour = sum(_count(d.input_tokens) for d in self.cache_details or () if d.ttl == "1h")
        return chat.TokenUsage(
            input_tokens=_count(self.input_tokens) + read + written,
            output_tokens=_count(self.output_tokens),
            cached_input_tokens=read,
            cache_write_tokens=written,
            cache_write_1h_tokens=min(hour, written),
        )


class ReasoningText(msgspec.Struct):
    """What the model thought, and what vouches for it."""

    text: str = ""
    signature: str | None = None


class ReasoningContent(msgspec.Struct, rename="camel"):
    """A thought; a streamed piece of one has `text` and `signature` of its own."""

    reasoning_text: ReasoningText | None = None
    redacted_content: str | None = None
    text: str | None = None
    signature: str | None = None

    def thought(self) -> chat.Thinking | None:
        """It, or None where there is nothing in it."""
        if self.redacted_content is not None:
            return chat.Thinking(sealed=self.redacted_content)
        if self.reasoning_text is not None:
            return chat.Thinking(self.reasoning_text.text, self.reasoning_text.signature or None)
        if self.text or self.signature:
            return chat.Thinking(self.text or "", self.signature or None)
        return None


class ToolUse(msgspec.Struct, rename="camel"):
    """A tool call; `input` is an object, or a piece of its text in a stream."""

    tool_use_id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NO_INPUT


class Block(msgspec.Struct, rename="camel"):
    """A piece of content, whole or streamed: one of these."""

    text: str | None = None
    tool_use: ToolUse | None = None
    reasoning_content: ReasoningContent | None = None


class Turn(msgspec.Struct):
    """The answer's message."""

    content: list[Block] | None = None


class Output(msgspec.Struct):
    """What the model wrote."""

    message: Turn | None = None


class Additions(msgspec.Struct):
    """What was asked of the model's own answer."""

    stop_sequence: str | None = None


class Answer(msgspec.Struct, rename="camel"):
    """A whole answer."""

    output: Output | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    additional_model_response_fields: Additions | None = None


class Event(msgspec.Struct, rename="camel"):
    """The payload of one event of a stream; which fields it has depends on its type."""

    content_block_index: int = 0
    start: Block | None = None
    delta: Block | None = None
    stop_reason: str | None = None
    usage: Usage | None = None
    additional_model_response_fields: Additions | None = None


class Fault(msgspec.Struct):
    """What went wrong, in the vendor's words."""

    message: str | None = None
    type: str | None = msgspec.field(default=None, name="__type")


_ANSWER = msgspec.json.Decoder(Answer)
_EVENT = msgspec.json.Decoder(Event)
_FAULT = msgspec.json.Decoder(Fault)
_TEXT = msgspec.json.Decoder(str)


def read_answer(data: bytes) -> Answer:
    """A whole answer.

    Raises:
        ProviderBroke: it is none.
    """
    answer = understood(_ANSWER, data)
    if answer.output is None or answer.output.message is None:
        raise ProviderBroke("the vendor's answer could not be understood")
    return answer


def read_event(data: bytes) -> Event:
    """The payload of an event.

    Raises:
        ProviderBroke: it is none.
    """
    return understood(_EVENT, data)


def read_fault(body: bytes) -> Fault:
    """An error; empty where it is in another shape."""
    try:
        return _FAULT.decode(body)
    except UNREADABLE:
        return Fault()


def fragment_of(tool_use: ToolUse) -> str:
    """A piece of a streamed tool's input.

    Raises:
        ProviderBroke: it is no text.
    """
    if tool_use.input is _NO_INPUT:
        return ""
    return understood(_TEXT, tool_use.input)


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)
