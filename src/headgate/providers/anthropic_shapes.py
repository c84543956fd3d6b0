"""What Anthropic writes, read as loosely as future editions may write it.

Only what is needed has a shape here; whatever has none is forwarded unread or left aside.
"""

from collections.abc import Mapping, Sequence

import msgspec

from headgate.core import chat
from headgate.core.models import ProviderBroke
from headgate.providers.failures import UNREADABLE, understood

FINISH_REASONS: Mapping[str | None, chat.FinishReason] = {
    "end_turn": "stop",
    "stop_sequence": "stop",
    "pause_turn": "stop",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tool_calls",
    "refusal": "content_filter",
}
_NO_INPUT = msgspec.Raw(b"{}")


class CacheCreation(msgspec.Struct):
    """Tokens that were written to the cache, by how long they stay."""

    ephemeral_1h_input_tokens: int | None = None


class OutputDetails(msgspec.Struct):
    """Classes of output tokens."""

    thinking_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens; `input_tokens` leaves out the cached and the cache-written ones."""

    input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation: CacheCreation | None = None
    output_tokens: int | None = None
    output_tokens_details: OutputDetails | None = None

    def updated(self, later: "Usage") -> "Usage":
        """This count with what a later one says; what that leaves out stays."""
        given = {name: value for name, value in msgspec.structs.asdict(later).items() if value}
        return msgspec.structs.replace(self, **given)

    def counted(self) -> chat.TokenUsage:
        """The tokens as the platform counts them: cached ones are a part of the input."""
        written, read = (
            _count(self.cache_creation_input_tokens),
            _count(self.cache_read_input_tokens),
        )
        spans = self.cache_creation or CacheCreation()
        details = self.output_tokens_details or OutputDetails()
        return chat.TokenUsage(
            input_tokens=_count(self.input_tokens) + written + read,
            output_tokens=_count(self.output_tokens),
            cached_input_tokens=read,
            cache_write_tokens=written,
            reasoning_tokens=_count(details.thinking_tokens),
            cache_write_1h_tokens=_count(spans.ephemeral_1h_input_tokens),
        )


class Block(msgspec.Struct):
    """A piece of content; which fields it has depends on its `type`."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None
    id: str | None = None
    name: str | None = None
    input: msgspec.Raw = _NO_INPUT


class StopDetails(msgspec.Struct):
    """Why the model refused."""

    explanation: str | None = None


class Answer(msgspec.Struct):
    """A whole answer, or the beginning of a streamed one."""

    id: str | None = None
    content: list[Block] | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None
    stop_details: StopDetails | None = None
    usage: Usage | None = None


class Delta(msgspec.Struct):
    """A piece of a block, or of what holds for the whole answer."""

    text: str | None = None
    thinking: str | None = None
    signature: str | None = None
    partial_json: str | None = None
    stop_reason: str | None = None
    stop_sequence: str | None = None

    @property
    def size(self) -> int:
        """The bytes of what was written."""
        return sum(len(t.encode()) for t in (self.text, self.thinking, self.partial_json) if t)


class Fault(msgspec.Struct):
    """What went wrong, in the vendor's words."""

    type: str = ""
    message: str = ""


class Event(msgspec.Struct):
    """One event of a stream, or the body of an error."""

    type: str | None = None
    index: int | None = None
    message: Answer | None = None
    content_block: Block | None = None
    delta: Delta | None = None
    usage: Usage | None = None
    error: Fault | None = None


class TokenCount(msgspec.Struct):
    """How many tokens an input has."""

    input_tokens: int


_ANSWER = msgspec.json.Decoder(Answer)
_EVENT = msgspec.json.Decoder(Event)


def read_answer(data: bytes) -> Answer:
    """A whole answer.

    Raises:
        ProviderBroke: it is none.
    """
    answer = understood(_ANSWER, data)
    if answer.content is None:
        raise ProviderBroke("the vendor's answer could not be understood")
    return answer


def read_event(data: bytes) -> Event:
    """The content of one event.

    Raises:
        ProviderBroke: it is none.
    """
    return understood(_EVENT, data)


def read_fault(body: bytes) -> Fault:
    """An error; empty where it is in another shape."""
    try:
        return _EVENT.decode(body).error or Fault()
    except UNREADABLE:
        return Fault()


def thoughts_in(blocks: Sequence[Block]) -> tuple[chat.Thinking, ...]:
    """What the model thought."""
    return tuple(thought for block in blocks if (thought := thought_of(block)) is not None)


def thought_of(block: Block) -> chat.Thinking | None:
    """A block's thought, where it is one."""
    if block.type == "redacted_thinking":
        return chat.Thinking(sealed=block.data or "")
    if block.type == "thinking":
        return chat.Thinking(block.thinking or "", block.signature or None)
    return None


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)
