"""The built-in `sandbox` model: a vendor inside this process, for development and tests.

It does what `core.sandbox` plans, in its own time: it waits, keeps a pace, refuses and breaks off
as a vendor's model would, without a network.
"""

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence
from dataclasses import dataclass, field

from headgate.core import sandbox
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, TokenUsage
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import InvalidRequest
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    RefusalKind,
    refuse_native,
)
from headgate.core.prices import Price

MODEL = "sandbox"
OUTPUT_TOKENS = 4096
SANDBOX_PRICE = Price(input=1_000_000_000, output=2_000_000_000, version="sandbox-1")

_KINDS: dict[int, RefusalKind] = {
    401: "unauthorized",
    403: "unauthorized",
    404: "not_found",
    429: "rate_limited",
    503: "overloaded",
    529: "overloaded",
}
_TIMEOUTS = {408, 504}
_PIECES_PER_TURN = 64

Sleep = Callable[[float], Awaitable[None]]


@dataclass(slots=True)
class Sandbox:
    """Answers as the directives in the last user text say; `clock` and `sleep` are in seconds."""

    sleep: Sleep = asyncio.sleep
    clock: Callable[[], float] = time.monotonic
    provider: str = field(default="sandbox", init=False)

    def models(self) -> Sequence[str]:
        """The one model."""
        return (MODEL,)

    def serves(self, model: str) -> bool:
        """Whether `model` is the sandbox."""
        return model == MODEL

    async def refresh(self) -> None:
        """There is never another model."""

    def input_ceiling(self, request: ChatRequest) -> int:
        """The exact number of input tokens."""
        return sandbox.input_tokens(request)

    def input_estimate(self, request: ChatRequest) -> int:
        """The exact number of input tokens."""
        return sandbox.input_tokens(request)

    async def count_tokens(self, request: ChatRequest) -> int:
        """The exact number of input tokens."""
        return sandbox.input_tokens(request)

    def output_ceiling(self, request: ChatRequest) -> int:
        """What a model of this size would say at most, and never less than what is planned."""
        try:
            return max(OUTPUT_TOKENS, sandbox.plan(request).usage.output_tokens)
        except InvalidRequest:
            return OUTPUT_TOKENS  # The call itself is refused, with the reason.

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """The exact number of input tokens."""
        return sandbox.embedding_tokens(request)

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        """The whole answer, after the time that streaming it would take.

        Raises:
            ProviderError: a directive asks for a failure, or cannot be followed.
        """
        plan = _planned(request)
        if plan.fail_status is not None:
            await self._pause(plan.delay_seconds)
            raise _failure(plan.fail_status)
        await self._pause(plan.seconds)
        if plan.is_cut:
            raise _broken(plan)
        return ChatResponse(
            id=_answer_id(idempotency_key),
            model=request.model,
            content=plan.content,
            finish_reason=plan.finish_reason,
            usage=plan.usage,
            tool_calls=plan.tool_calls,
            stop_sequence=plan.stop_sequence,
        )

    def stream(self, request: ChatRequest, *, idempotency_key: str) -> "SandboxStream":  # noqa: ARG002 - the same request gives the same answer, whatever its key
        """The answer word by word."""
        return SandboxStream(request, sleep=self.sleep, clock=self.clock)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:  # noqa: ARG002 - the same texts give the same vectors, whatever their key
        """One vector of length 1 per input.

        Raises:
            ProviderError: a directive asks for a failure, or cannot be followed.
        """
        try:
            plan = sandbox.plan_embedding(request)
        except InvalidRequest as wrong:
            raise _invalid(wrong) from wrong
        await self._pause(plan.delay_seconds)
        if plan.fail_status is not None:
            raise _failure(plan.fail_status)
        return EmbeddingResponse(model=request.model, vectors=plan.vectors, usage=plan.usage)

    async def _pause(self, seconds: float) -> None:
        if seconds > 0:
            await self.sleep(seconds)


class SandboxStream:
    """An answer on its way. It holds nothing but numbers, so it may be left at any point."""

    def __init__(self, request: ChatRequest, *, sleep: Sleep, clock: Callable[[], float]) -> None:
        self._request = request
        self._sleep = sleep
        self._clock = clock
        self._plan: sandbox.Plan | None = None
        self._pieces: Iterator[sandbox.Piece] = iter(())
        self._started = 0.0
        self._received = 0
        self._usage: TokenUsage | None = None
        self._is_closed = False

    def __aiter__(self) -> "SandboxStream":
        return self

    async def __anext__(self) -> ChatDelta:
        if self._is_closed:
            raise StopAsyncIteration
        try:
            return await self._next()
        except ProviderError:
            self._is_closed = True
            raise

    def usage(self) -> TokenUsage | None:
        """The exact count, once the last piece has come."""
        return self._usage

    def input_usage(self) -> TokenUsage | None:
        """Nothing: the estimate is exact."""
        return None

    def received_tokens(self) -> int:
        """The words received so far."""
        return self._received

    def ending(self) -> bytes:
        """Nothing: no frames are forwarded."""
        return b""

    async def aclose(self) -> None:
        """Stop; a piece that is waited for does not come any more."""
        self._is_closed = True

    async def _next(self) -> ChatDelta:
        plan = self._plan or await self._begin()
        piece = next(self._pieces, None)
        if piece is None:
            # A whole answer ends with its finish reason, so this one is cut.
            await self._wait_until(plan.seconds)
            raise _broken(plan)
        await self._wait_until(piece.due)
        if self._is_closed:
            raise StopAsyncIteration
        self._received += piece.tokens
        if piece.delta.finish_reason is not None:
            self._usage = plan.usage
            self._is_closed = True
        return piece.delta

    async def _begin(self) -> sandbox.Plan:
        self._started = self._clock()
        plan = _planned(self._request)
        if plan.fail_status is not None:
            await self._wait_until(plan.delay_seconds)
            raise _failure(plan.fail_status)
        self._plan, self._pieces = plan, plan.pieces()
        return plan

    async def _wait_until(self, due: float) -> None:
        """Wait until `due` seconds after the call came; a late piece catches up with the pace."""
        left = self._started + due - self._clock() if due else 0.0
        if left > 0:
            await self._sleep(left)
        elif self._received % _PIECES_PER_TURN == _PIECES_PER_TURN - 1:
            await self._sleep(0)  # A long answer leaves the process to others now and then.


def _planned(request: ChatRequest) -> sandbox.Plan:
    refuse_native(request)
    if request.n > 1:
        raise ProviderRefused("invalid", "the sandbox gives one answer: leave `n` out", param="n")
    if request.logprobs:
        message = "the sandbox knows no probabilities: leave `logprobs` out"
        raise ProviderRefused("invalid", message, param="logprobs")
    try:
        return sandbox.plan(request)
    except InvalidRequest as wrong:
        raise _invalid(wrong) from wrong


def _invalid(wrong: InvalidRequest) -> ProviderRefused:
    return ProviderRefused("invalid", wrong.message, param=wrong.param)


def _failure(status: int) -> ProviderError:
    """How a vendor's answer with this HTTP status looks to the gateway."""
    message = f"the sandbox was told to fail with {status}"
    if status in _TIMEOUTS:
        return ProviderTimedOut(message)
    kind = _KINDS.get(status, "invalid" if status < 500 else "failed")
    retry_after = 1.0 if status in {429, 529} else None
    return ProviderRefused(kind, message, retry_after_seconds=retry_after)


def _broken(plan: sandbox.Plan) -> ProviderBroke:
    return ProviderBroke(f"the sandbox was told to break off after {plan.cut_after} tokens")


def _answer_id(idempotency_key: str) -> str:
    digest = hashlib.blake2b(idempotency_key.encode(errors="surrogatepass"), digest_size=12)
    return f"chatcmpl_{digest.hexdigest()}"
