"""How the `sandbox` model answers, which the simulator repeats behind each vendor's wire format.

It repeats the last user text, or does what the directives in that text say. A *plan* is the whole
answer, decided at once and without a clock: what is said, what it counts, when each token is due,
and whether the answer breaks off. One token is one word between white space.
"""

import array
import hashlib
import math
import re
import struct
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import msgspec

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    FinishReason,
    Message,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
)
from headgate.core.directives import Directive, Wanted, read, take_out
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest
from headgate.core.smallest_json import smallest_json

MAX_DIMENSIONS = 4096
DIMENSIONS = 256
"""How long a vector is unless its caller says: short to read, long enough to tell texts apart."""

_PIECE = re.compile(r"\s*\S+(?:\s+\Z)?")
_TERM = re.compile(r"\w+")
_PLACES_PER_TERM = 8


class Piece(NamedTuple):
    """One step of an answer: `tokens` is 0 or 1, `due` is in seconds after the call came."""

    delta: ChatDelta
    tokens: int
    due: float


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """A whole answer.

    Attributes:
        delay_seconds: how long nothing comes; a failure waits as long.
        tokens_per_second: the pace after the first token; None is as fast as the reader reads.
        fail_status: the HTTP status to fail with instead of answering.
        cut_after: after how many words the connection breaks; a shorter answer arrives whole.
        stop_sequence: which of the request's stop texts ended the answer.
    """

    content: str
    finish_reason: FinishReason
    usage: TokenUsage
    tool_calls: tuple[ToolCall, ...] = ()
    delay_seconds: float = 0.0
    tokens_per_second: float | None = None
    fail_status: int | None = None
    cut_after: int | None = None
    stop_sequence: str | None = None

    @property
    def words(self) -> int:
        """The tokens that a reader sees; reasoning is not among them."""
        return self.usage.output_tokens - self.usage.reasoning_tokens

    @property
    def is_cut(self) -> bool:
        """Whether the answer breaks off before its end."""
        return self.cut_after is not None and self.cut_after <= self.words

    @property
    def seconds(self) -> float:
        """How long the answer takes until it ends or breaks off."""
        words = self.words if self.cut_after is None else min(self.words, self.cut_after)
        return self._due(words - 1)

    def pieces(self) -> Iterator[Piece]:
        """The answer word by word: texts and arguments, joined, are exactly the whole ones.

        The last piece holds the finish reason; it is missing where the answer is cut.
        """
        sent = 0
        for delta, tokens in self._steps():
            if self.is_cut and sent == self.cut_after and (tokens or delta.finish_reason):
                return
            # A piece without a word comes together with the word before it.
            yield Piece(delta, tokens, self._due(sent if tokens else sent - 1))
            sent += tokens

    def _steps(self) -> Iterator[tuple[ChatDelta, int]]:
        for text in split(self.content):
            yield ChatDelta(text=text), 0 if text.isspace() else 1
        for index, call in enumerate(self.tool_calls):
            head = ToolCallDelta(index=index, id=call.id, name=call.name)
            yield ChatDelta(tool_calls=(head,)), 0
            for text in split(call.arguments):
                yield ChatDelta(tool_calls=(ToolCallDelta(index=index, arguments=text),)), 1
        yield ChatDelta(finish_reason=self.finish_reason, stop_sequence=self.stop_sequence), 0

    def _due(self, word: int) -> float:
        if self.tokens_per_second is None:
            return self.delay_seconds
        return self.delay_seconds + max(0, word) / self.tokens_per_second


class EmbeddingPlan(msgspec.Struct, frozen=True, kw_only=True):
    """What embedding texts gives; `[[delay]]` and `[[fail]]` in a text work as in a chat."""

    vectors: tuple[tuple[float, ...], ...]
    usage: TokenUsage
    delay_seconds: float
    fail_status: int | None


def plan(request: ChatRequest) -> Plan:
    """Decide the answer to `request`.

    Text and calls may stand together: text comes of `say`, `tokens` and `json`, and where none of
    these stands it is what the tools said after they were called, or what the user said.
    `max_tokens` covers reasoning first, then text, then arguments.

    Raises:
        InvalidRequest: a directive, an option or a schema cannot be followed; says which.
    """
    _check(request)
    said, directives = take_out(request.last_user_text)
    wanted = read(directives)
    results = _results(request.messages)
    calls = [] if results else _calls(request, wanted)
    content, stop = _until_stop(_content(request, wanted, said, calls, results), request.stop)
    if stop is not None:
        calls = []  # They would have come after the text.
    reasoning, limit = wanted.reasoning, None
    if request.max_tokens is not None:
        reasoning = min(reasoning, request.max_tokens)
        limit = request.max_tokens - reasoning
    (content, *arguments), words, is_whole = _shorten([content, *(c[1] for c in calls)], limit)
    read_tokens = input_tokens(request)
    return Plan(
        content=content,
        tool_calls=_numbered(request, [call[0] for call in calls], arguments),
        finish_reason="length" if not is_whole else "tool_calls" if calls else "stop",
        usage=TokenUsage(
            input_tokens=read_tokens,
            output_tokens=words + reasoning,
            cached_input_tokens=min(wanted.cached, read_tokens),
            reasoning_tokens=reasoning,
        ),
        delay_seconds=wanted.delay_seconds,
        tokens_per_second=wanted.rate,
        fail_status=wanted.fail_status,
        cut_after=wanted.cut_after,
        stop_sequence=stop if is_whole else None,
    )


def plan_embedding(request: EmbeddingRequest, *, dimensions: int = DIMENSIONS) -> EmbeddingPlan:
    """Decide the vectors for `request`, of `dimensions` numbers unless the request says how many.

    Raises:
        InvalidRequest: a directive or the number of dimensions cannot be followed.
    """
    parted = [take_out(_text(item)) for item in request.input]
    wanted = read(tuple(directive for _, found in parted for directive in found))
    if request.dimensions is not None:
        dimensions = request.dimensions
    return EmbeddingPlan(
        vectors=tuple(embed(text, dimensions) for text, _ in parted),
        usage=TokenUsage(input_tokens=sum(count(text) for text, _ in parted)),
        delay_seconds=wanted.delay_seconds,
        fail_status=wanted.fail_status,
    )


def input_tokens(request: ChatRequest) -> int:
    """The words of all messages, those of directives not counted."""
    return sum(count(take_out(message.text)[0]) for message in request.messages)


def embedding_tokens(request: EmbeddingRequest) -> int:
    """The words of all texts, those of directives not counted; a vendor's token is one word."""
    return sum(count(take_out(_text(item))[0]) for item in request.input)


def count(text: str) -> int:
    """How many tokens a text has."""
    return len(text.split())


def split(text: str) -> list[str]:
    """A text's words, each with the white space before it; joined, they are the text again."""
    return _PIECE.findall(text) or ([text] if text else [])


def embed(text: str, dimensions: int = DIMENSIONS) -> tuple[float, ...]:
    """A vector of length 1 for `text`, always the same; texts that share words lie nearer.

    Each word adds or takes 1 at a few places that its hash names, whatever its case. The numbers
    fit 32 bits exactly, so that every encoding of a vector gives the same one.

    Raises:
        InvalidRequest: `dimensions` is not from 1 to 4096.
    """
    if not 1 <= dimensions <= MAX_DIMENSIONS:
        raise InvalidRequest(
            f"dimensions must be from 1 to {MAX_DIMENSIONS}, not {dimensions}", param="dimensions"
        )
    sums = [0.0] * dimensions
    for term, times in Counter(_TERM.findall(text.casefold()) or [text]).items():
        digest = hashlib.blake2b(
            term.encode(errors="surrogatepass"), digest_size=4 * _PLACES_PER_TERM
        ).digest()
        for (number,) in struct.iter_unpack("<I", digest):
            sums[(number >> 1) % dimensions] += times if number & 1 else -times
    length = math.sqrt(math.fsum(value * value for value in sums))
    if not length:  # Words can cancel each other out in very short vectors.
        sums[0] = length = 1.0
    return tuple(array.array("f", [value / length for value in sums]))


def _text(item: str | tuple[int, ...]) -> str:
    return item if isinstance(item, str) else " ".join(map(str, item))


def _check(request: ChatRequest) -> None:
    if request.n > 1:
        raise InvalidRequest("this model gives one answer: leave out n, or set it to 1", param="n")
    if request.logprobs:
        raise InvalidRequest("this model has no logprobs: leave the option out", param="logprobs")


def _results(messages: Sequence[Message]) -> list[str]:
    """What the tools have answered since the user last spoke."""
    texts: list[str] = []
    for message in reversed(messages):
        if message.role == "user":
            break
        if message.role == "tool":
            texts.append(message.text)
    return texts[::-1]


def _calls(request: ChatRequest, wanted: Wanted) -> list[tuple[str, str]]:
    """Names and arguments of the tools to call: those wanted, or one where one must be."""
    choice = request.tool_choice or ToolChoice("auto")
    if choice.mode == "none":
        return []
    is_named = choice.mode == "tool"
    allowed = {t.name: t for t in request.tools if not is_named or t.name == choice.name}
    calls = [call for call in wanted.calls if call[0] in allowed]
    if not calls and choice.mode in {"required", "tool"}:
        tool = next(iter(allowed.values()), None)
        if tool is None:
            raise InvalidRequest(
                "tool_choice wants a tool that tools does not offer", param="tool_choice"
            )
        calls = [(tool.name, smallest_json(tool.parameters))]
    return calls[:1] if request.parallel_tool_calls is False else calls


def _content(
    request: ChatRequest,
    wanted: Wanted,
    said: str,
    calls: Sequence[tuple[str, str]],
    results: Sequence[str],
) -> str:
    if wanted.answer is not None:
        return _answer(wanted.answer, request)
    if calls:
        return ""
    must_call = request.tool_choice is not None and request.tool_choice.mode in {"required", "tool"}
    if results and (wanted.calls or must_call):
        return f"Results: {' '.join(results)}"
    return f"You said: {said}"


def _answer(answer: Directive, request: ChatRequest) -> str:
    if answer.name == "say":
        return answer.argument[1:]  # All but the one blank that parts it from the name.
    if answer.name == "tokens":
        return " ".join(["word"] * int(answer.argument))
    wanted = request.response_format
    return smallest_json(wanted.schema if wanted else None)


def _until_stop(text: str, stops: Sequence[str]) -> tuple[str, str | None]:
    """The text before the first of `stops` that is in it, and which one that is."""
    found = [(at, stop) for stop in stops if stop and (at := text.find(stop)) >= 0]
    if not found:
        return text, None
    at, stop = min(found)
    return text[:at], stop


def _shorten(texts: Sequence[str], limit: int | None) -> tuple[list[str], int, bool]:
    """The texts within `limit` words together, their words, and whether nothing was lost.

    The first one stays even when it is empty; a later one that would lose all its words goes.
    """
    total = sum(map(count, texts))
    if limit is None or total <= limit:
        return list(texts), total, True
    kept: list[str] = []
    left = limit
    for text in texts:
        if kept and not left:
            break
        words = split(text)[:left]
        kept.append("".join(words))
        left -= len(words)
    return kept, limit, False


def _numbered(
    request: ChatRequest, names: Sequence[str], arguments: Sequence[str]
) -> tuple[ToolCall, ...]:
    """Calls with ids that are the same for the same conversation and differ along it."""
    if not arguments:
        return ()
    conversation = hashlib.blake2b(msgspec.json.encode(request.messages), digest_size=10)
    return tuple(
        ToolCall(f"call_{conversation.hexdigest()}{index}", name, text)
        for index, (name, text) in enumerate(zip(names, arguments, strict=False))
    )
