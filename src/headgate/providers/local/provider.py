"""The built-in model: what can be done with a text honestly without a language model.

A token of this model is a run of characters without white space, or one character of a script
that does not space its words; counts are exact. Its price is nothing.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import ClassVar, NamedTuple, TypeVar

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    ChatResponse,
    FinishReason,
    TokenUsage,
    WireDelta,
    document_count,
    image_count,
)
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.ids import new_id
from headgate.core.models import ProviderRefused, refuse_native
from headgate.core.prices import Price
from headgate.core.words import pieces, token_count
from headgate.providers.local.embed import DIMENSIONS, MOST_DIMENSIONS, vector

MODEL = "local"
LOCAL_PRICE = Price(input=0, output=0, version="local-1")

MOST_OUTPUT_TOKENS = 8_192
MOST_CHARACTERS = 2_000_000
SMALL_CHARACTERS = 4_000
"""Texts up to this size are answered on the event loop; more work goes to a thread."""

_Result = TypeVar("_Result")


class _Answer(NamedTuple):
    """An answer as its pieces, which joined are its text."""

    pieces: list[str]
    finish_reason: FinishReason
    output_tokens: int


@dataclass(frozen=True, slots=True)
class Local:
    """Answers every conversation at once and alike, and owes nobody anything."""

    provider: ClassVar[str] = "local"

    def models(self) -> Sequence[str]:
        """The one model."""
        return (MODEL,)

    def serves(self, model: str) -> bool:
        """Whether `model` is this one."""
        return model == MODEL

    def input_ceiling(self, request: ChatRequest) -> int:
        """The exact number of input tokens: those of all messages' texts."""
        return sum(token_count(message.text) for message in request.messages)

    def input_estimate(self, request: ChatRequest) -> int:
        """The exact number of input tokens: those of all messages' texts."""
        return sum(token_count(message.text) for message in request.messages)

    async def count_tokens(self, request: ChatRequest) -> int:
        """The exact number of input tokens."""
        return self.input_estimate(request)

    def output_ceiling(self, request: ChatRequest) -> int:  # noqa: ARG002 - the port's signature
        """The most tokens of an answer."""
        return MOST_OUTPUT_TOKENS

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """The exact number of tokens of all texts; tokens of another model's count as given."""
        return sum(token_count(one) if isinstance(one, str) else len(one) for one in request.input)

    async def complete(
        self,
        request: ChatRequest,
        *,
        idempotency_key: str,  # noqa: ARG002 - a repetition costs nothing and answers the same
    ) -> ChatResponse:
        """The whole answer.

        Raises:
            ProviderRefused: images, a tool that must be called, or too long a text.
        """
        answer, input_tokens = await self._answer(request)
        return ChatResponse(
            id=new_id("chatcmpl"),
            model=MODEL,
            content="".join(answer.pieces),
            finish_reason=answer.finish_reason,
            usage=TokenUsage(input_tokens=input_tokens, output_tokens=answer.output_tokens),
        )

    def stream(
        self,
        request: ChatRequest,
        *,
        idempotency_key: str,  # noqa: ARG002 - as above
    ) -> "LocalStream":
        """The same answer, word by word."""
        return LocalStream(self, request)

    async def embed(
        self,
        request: EmbeddingRequest,
        *,
        idempotency_key: str,  # noqa: ARG002 - as above
    ) -> EmbeddingResponse:
        """One vector per text, of `dimensions` or 256 numbers.

        Raises:
            ProviderRefused: tokens in place of texts, or a number of dimensions out of range.
        """
        dimensions = DIMENSIONS if request.dimensions is None else request.dimensions
        if not 1 <= dimensions <= MOST_DIMENSIONS:
            raise ProviderRefused(
                "invalid",
                f"the local model embeds into 1 to {MOST_DIMENSIONS} dimensions",
                param="dimensions",
            )
        texts = [one for one in request.input if isinstance(one, str)]
        if len(texts) < len(request.input):
            raise ProviderRefused(
                "invalid",
                "the local model embeds texts; it cannot read another model's tokens",
                param="input",
            )
        size = sum(len(text) for text in texts)
        _check_length(size, "input")

        def work() -> tuple[tuple[float, ...], ...]:
            return tuple(vector(text, dimensions) for text in texts)

        vectors = await _worked(work, size)
        usage = TokenUsage(input_tokens=self.embedding_ceiling(request))
        return EmbeddingResponse(model=MODEL, vectors=vectors, usage=usage)

    async def refresh(self) -> None:
        """Nothing to look for."""

    async def _answer(self, request: ChatRequest) -> tuple[_Answer, int]:
        _check(request)
        size = sum(len(message.text) for message in request.messages)
        _check_length(size, "messages")
        reply = _reply() if _reply.cache_info().currsize else await asyncio.to_thread(_reply)

        def work() -> tuple[_Answer, int]:
            return _limited(reply(request), request), self.input_ceiling(request)

        return await _worked(work, size)


@cache
def _reply() -> Callable[[ChatRequest], str]:
    # Its patterns take longer to compile than a gateway to vendors has at its start.
    from headgate.providers.local.reply import reply

    return reply


@dataclass(slots=True)
class LocalStream:
    """An answer given word by word; it is worked out when its first piece is asked for."""

    local: Local
    request: ChatRequest
    _usage: TokenUsage | None = field(default=None, init=False)
    _received: int = field(default=0, init=False)
    _closed: bool = field(default=False, init=False)

    async def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        """The words in order, then the reason why they end."""
        answer, input_tokens = await self.local._answer(self.request)  # noqa: SLF001 - its other half
        for piece in answer.pieces:
            if self._closed:
                return
            self._received += not piece.isspace()
            yield ChatDelta(text=piece)
        self._usage = TokenUsage(input_tokens=input_tokens, output_tokens=answer.output_tokens)
        yield ChatDelta(finish_reason=answer.finish_reason)

    def usage(self) -> TokenUsage | None:
        """The exact count, once all words have come."""
        return self._usage

    def input_usage(self) -> TokenUsage | None:
        """Nothing: the estimate is exact."""
        return None

    def received_tokens(self) -> int:
        """The words so far."""
        return self._received

    def ending(self) -> bytes:
        """Nothing: no frames are forwarded."""
        return b""

    async def aclose(self) -> None:
        """Give no more words."""
        self._closed = True


def _check(request: ChatRequest) -> None:
    """Refuse what no answer in words could make up for."""
    refuse_native(request)
    if image_count(request.messages):
        raise ProviderRefused(
            "invalid",
            "the local model cannot see images: send text, or connect a model that can",
            param="messages",
        )
    if document_count(request.messages):
        raise ProviderRefused(
            "invalid",
            "the local model cannot open documents: send their text, or connect a model that can",
            param="messages",
        )
    if request.n > 1 or request.logprobs:
        option = "n" if request.n > 1 else "logprobs"
        message = f"the local model gives one answer without probabilities: leave {option} out"
        raise ProviderRefused("invalid", message, param=option)
    choice = request.tool_choice
    if choice is not None and choice.mode in {"required", "tool"}:
        raise ProviderRefused(
            "invalid",
            "the local model cannot call tools: leave tool_choice to `auto`, or connect a model "
            "that can",
            param="tool_choice",
        )


def _check_length(characters: int, param: str) -> None:
    if characters > MOST_CHARACTERS:
        raise ProviderRefused(
            "context_length",
            f"the local model reads up to {MOST_CHARACTERS:,} characters; this is {characters:,}",
            param=param,
        )


async def _worked(work: Callable[[], _Result], characters: int) -> _Result:
    """What `work` gives, done in a thread where it would hold up the event loop."""
    if characters <= SMALL_CHARACTERS:
        return work()
    return await asyncio.to_thread(work)


def _limited(text: str, request: ChatRequest) -> _Answer:
    """An answer within the request's limit, and before the first of its stop texts."""
    stops = [text.find(stop) for stop in request.stop if stop]
    cut = min((place for place in stops if place >= 0), default=len(text))
    whole = pieces(text[:cut])
    most = MOST_OUTPUT_TOKENS if request.max_tokens is None else request.max_tokens
    kept: list[str] = []
    count = 0
    for piece in whole:
        is_token = not piece.isspace()
        if is_token and count == most:
            return _Answer(kept, "length", count)
        count += is_token
        kept.append(piece)
    return _Answer(kept, "stop", count)
