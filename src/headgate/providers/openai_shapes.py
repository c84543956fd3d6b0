"""What vendors write in OpenAI's protocol, read as loosely as they write it.

Vendors leave fields out, add their own, and disagree on the details. Only what is needed has a
shape here; whatever has none is forwarded unread or left aside.
"""

from collections.abc import Sequence
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.providers.failures import UNREADABLE, understood


class Details(msgspec.Struct):
    """Classes of tokens."""

    cached_tokens: int | None = None
    cache_write_tokens: int | None = None
    reasoning_tokens: int | None = None


class Usage(msgspec.Struct):
    """Tokens; `prompt_cache_hit_tokens` is DeepSeek's word for cached ones."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    total_tokens: int | None = None
    prompt_tokens_details: Details | None = None
    completion_tokens_details: Details | None = None
    prompt_cache_hit_tokens: int | None = None


class Function(msgspec.Struct):
    """A called function."""

    name: str | None = None
    arguments: str | None = None


class Call(msgspec.Struct):
    """A tool call, or a piece of one."""

    index: int | None = None
    id: str | None = None
    function: Function | None = None


class Part(msgspec.Struct):
    """A part of a content that is a list, as Mistral's reasoning models write it."""

    type: str | None = None
    text: str | None = None


class Turn(msgspec.Struct):
    """The assistant's turn, or a piece of it; reasoning has one of two names."""

    content: str | list[Part] | None = None
    refusal: str | None = None
    tool_calls: list[Call] | None = None
    reasoning_content: Any = None
    reasoning: Any = None

    @property
    def text(self) -> str:
        """What the assistant says, without its reasoning."""
        if isinstance(self.content, str):
            return self.content
        return "".join(part.text or "" for part in self.content or () if part.type == "text")

    @property
    def size(self) -> int:
        """The bytes of everything that the model wrote here."""
        calls = [call.function for call in self.tool_calls or () if call.function is not None]
        reasoning = self.reasoning_content or self.reasoning
        if not isinstance(reasoning, str):
            reasoning = "" if reasoning is None else msgspec.json.encode(reasoning).decode()
        written = [self.text, self.refusal, reasoning, *(call.arguments for call in calls)]
        return sum(len(text.encode()) for text in written if text)


class Choice(msgspec.Struct):
    """One answer, or a piece of one."""

    index: int | None = None
    message: Turn | None = None
    delta: Turn | None = None
    finish_reason: str | None = None


class Answer(msgspec.Struct):
    """A whole answer or one frame of it."""

    id: str | None = None
    choices: list[Choice] | None = None
    usage: Usage | None = None
    error: Any = None


class Vector(msgspec.Struct):
    """One embedding."""

    embedding: list[float]
    index: int | None = None


class Vectors(msgspec.Struct):
    """An answer with embeddings."""

    data: list[Vector]
    usage: Usage | None = None


class Listed(msgspec.Struct):
    """A model that the vendor serves."""

    id: str


class Listing(msgspec.Struct):
    """The models that the vendor serves."""

    data: list[Listed]


class Fault(msgspec.Struct):
    """What went wrong, in the vendor's words."""

    message: str = ""
    code: str | None = None
    param: str | None = None


_ANSWER = msgspec.json.Decoder(Answer)


def read_answer(data: bytes) -> Answer:
    """A whole answer or the content of one frame.

    Raises:
        ProviderBroke: it is neither.
    """
    return understood(_ANSWER, data)


def read_fault(body: bytes) -> Fault:
    """An error, in whichever of the vendors' shapes; empty where it is in none of them."""
    try:
        value = msgspec.json.decode(body)
    except UNREADABLE:
        return Fault()
    if not isinstance(value, dict):
        return Fault()
    error = value.get("error") or value
    if not isinstance(error, dict):
        return Fault(_sentence(error))
    message = _sentence(error.get("message")) or _sentence(error.get("detail"))
    code, param = error.get("code"), error.get("param")
    return Fault(
        message, code if isinstance(code, str) else None, param if isinstance(param, str) else None
    )


def _sentence(said: Any) -> str:
    """The text of a message that may be a text, or a list of complaints as FastAPI's are."""
    if isinstance(said, str):
        return said
    if isinstance(said, dict):
        return _sentence(said.get("detail") or said.get("msg"))
    if isinstance(said, list):
        return "; ".join(filter(None, map(_sentence, said)))
    return ""


def usage_from(usage: Usage | None) -> chat.TokenUsage | None:
    """The vendor's count, or None where it gave none; no answer takes no tokens at all.

    Some vendors (xAI, and Gemini in this protocol) leave reasoning out of `completion_tokens` but
    not out of the total. Some count no completion for embeddings, others only the total.
    """
    if usage is None:
        return None
    total = _count(usage.total_tokens)
    output = _count(usage.completion_tokens)
    given = _count(usage.prompt_tokens)
    tokens_in = given or max(0, total - output)
    if not tokens_in + output:
        return None
    prompt = usage.prompt_tokens_details or Details()
    completion = usage.completion_tokens_details or Details()
    return chat.TokenUsage(
        input_tokens=tokens_in,
        output_tokens=max(output, total - tokens_in),
        cached_input_tokens=_count(prompt.cached_tokens or usage.prompt_cache_hit_tokens),
        cache_write_tokens=_count(prompt.cache_write_tokens),
        reasoning_tokens=_count(completion.reasoning_tokens),
    )


def _count(tokens: int | None) -> int:
    return max(0, tokens or 0)


class CallNumbers:
    """Numbers one answer's tool calls from 0, and names each of them only once.

    Vendors leave the index out, or repeat id and name with every piece, which clients would join.
    """

    def __init__(self) -> None:
        self._ids: list[str] = []
        self._by_index: dict[int, int] = {}

    def deltas(self, calls: Sequence[Call] | None) -> tuple[chat.ToolCallDelta, ...]:
        """The pieces of tool calls in one frame."""
        return tuple([self._delta(call) for call in calls]) if calls else ()

    def _delta(self, call: Call) -> chat.ToolCallDelta:
        function = call.function or Function()
        arguments = function.arguments or ""
        number = self._known(call, function)
        if number is not None:
            return chat.ToolCallDelta(number, arguments=arguments)
        number = len(self._ids)
        self._ids.append(call.id or new_id("call"))
        if call.index is not None:
            self._by_index[call.index] = number
        return chat.ToolCallDelta(number, self._ids[number], function.name, arguments)

    def _known(self, call: Call, function: Function) -> int | None:
        """The number of the call that this is a piece of, or None where it begins one."""
        if call.id in self._ids:
            return self._ids.index(call.id)
        if call.index is not None and not (call.id and function.name):
            return self._by_index.get(call.index)
        if call.index is None and not function.name and self._ids:
            return len(self._ids) - 1
        return None
