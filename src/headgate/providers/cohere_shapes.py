"""What Cohere writes, read as loosely as future editions may write it.

Only what is needed has a shape here; whatever has none, such as citations, is left aside.
"""

from collections.abc import Mapping
from typing import TypeAlias

import msgspec

from headgate.core import chat
from headgate.providers.failures import UNREADABLE, understood

FINISH_REASONS: Mapping[str, chat.FinishReason] = {
    "COMPLETE": "stop",
    "STOP_SEQUENCE": "stop",
    "MAX_TOKENS": "length",
    "TOOL_CALL": "tool_calls",
    "ERROR_TOXIC": "content_filter",
}
BROKEN = frozenset({"ERROR", "ERROR_LIMIT", "USER_CANCEL"})
TIMED_OUT = "TIMEOUT"

# The vendor counts in numbers with a point.
Count: TypeAlias = float | None


class Tokens(msgspec.Struct):
    """Tokens, as they are billed or as the model saw them."""

    input_tokens: Count = None
    output_tokens: Count = None


class Usage(msgspec.Struct):
    """What is billed leaves out what the vendor itself put around the texts."""

    billed_units: Tokens | None = None
    tokens: Tokens | None = None
    cached_tokens: Count = None

    def counted(self) -> chat.TokenUsage | None:
        """The tokens that are billed, or None where there is no count."""
        counts = self.billed_units or self.tokens
        if counts is None or (counts.input_tokens is None and counts.output_tokens is None):
            return None
        read = _count(counts.input_tokens)
        return chat.TokenUsage(
            input_tokens=read,
            output_tokens=_count(counts.output_tokens),
            cached_input_tokens=min(read, _count(self.cached_tokens)),
        )


class Content(msgspec.Struct):
    """A piece of what the model thought or said."""

    type: str | None = None
    text: str | None = None
    thinking: str | None = None


class Function(msgspec.Struct):
    """What is called, or a piece of it."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A tool that the model calls."""

    id: str | None = None
    function: Function | None = None


class Message(msgspec.Struct):
    """The model's turn."""

    content: list[Content] | None = None
    tool_plan: str | None = None
    tool_calls: list[Call] | None = None

    @property
    def text(self) -> str:
        """What it plans and says."""
        said = [block.text or "" for block in self.content or ()]
        return (self.tool_plan or "") + "".join(said)


class Answer(msgspec.Struct):
    """A whole answer."""

    id: str | None = None
    finish_reason: str | None = None
    message: Message | None = None
    usage: Usage | None = None


# An event has a list where it holds nothing yet, and one item where it holds a piece.
class MessagePiece(msgspec.Struct):
    """A piece of the model's turn."""

    content: Content | list[Content] | None = None
    tool_plan: str | None = None
    tool_calls: Call | list[Call] | None = None


class Delta(msgspec.Struct):
    """What an event adds."""

    message: MessagePiece | None = None
    finish_reason: str | None = None
    usage: Usage | None = None

    @property
    def content(self) -> Content | None:
        """The piece of content, where there is one."""
        found = self.message.content if self.message else None
        return found if isinstance(found, Content) else None

    @property
    def call(self) -> Call | None:
        """The piece of a call, where there is one."""
        found = self.message.tool_calls if self.message else None
        return found if isinstance(found, Call) else None

    @property
    def size(self) -> int:
        """The bytes of what was written."""
        content = self.content or Content()
        function = (self.call or Call()).function or Function()
        plan = self.message.tool_plan if self.message else None
        texts = (content.text, content.thinking, function.arguments, plan)
        return sum(len(text.encode()) for text in texts if text)


class Event(msgspec.Struct):
    """One event of a stream."""

    type: str | None = None
    index: int | None = None
    delta: Delta | None = None


class VectorsByType(msgspec.Struct):
    """Vectors as numbers."""

    floats: list[list[float]] = msgspec.field(name="float")


class Meta(msgspec.Struct):
    """What a call for vectors cost."""

    billed_units: Tokens | None = None


class Vectors(msgspec.Struct):
    """One vector for each text, in their order."""

    embeddings: VectorsByType
    meta: Meta | None = None

    def counted(self) -> chat.TokenUsage | None:
        """The tokens that are billed, or None where there is no count."""
        return None if self.meta is None else Usage(self.meta.billed_units).counted()


class Fault(msgspec.Struct):
    """What went wrong, in the vendor's words."""

    message: str = ""


_ANSWER = msgspec.json.Decoder(Answer)
_EVENT = msgspec.json.Decoder(Event)
_FAULT = msgspec.json.Decoder(Fault)


def read_answer(data: bytes) -> Answer:
    """A whole answer.

    Raises:
        ProviderBroke: it is none.
    """
    return understood(_ANSWER, data)


def read_event(data: bytes) -> Event:
    """The content of one event.

    Raises:
        ProviderBroke: it is none.
    """
    return understood(_EVENT, data)


def read_fault(body: bytes) -> str:
    """An error's sentence; empty where it is in another shape."""
    try:
        return _FAULT.decode(body).message
    except UNREADABLE:
        return ""


def _count(tokens: Count) -> int:
    return max(0, round(tokens or 0))
