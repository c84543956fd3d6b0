"""Stand-ins for what a test wants to steer: the time, a vendor, the store of the ledger."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar, TypeAlias, TypeVar

from headgate.core.budgets import Account, AccountState, LeaseId, Limit, Settlement, Unconfirmed
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, TokenUsage, WireDelta
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import Overloaded
from headgate.core.money import NanoUSD
from headgate.core.prices import Price
from headgate.stores.memory import MemoryLedger

T = TypeVar("T")

NOON = 1_795_435_200.0
"""2026-11-23T12:00:00Z, in seconds."""


@dataclass(slots=True)
class FakeClock:
    """A clock that stands still until the test moves it."""

    now: float = NOON

    def __call__(self) -> float:
        return self.now

    def advance(self, seconds: float) -> None:
        self.now += seconds


@dataclass(slots=True)
class FakePrices:
    """A price book by `vendor/model`, then by vendor."""

    prices: Mapping[str, Price]

    def price(self, provider: str, model: str) -> Price | None:
        return self.prices.get(f"{provider}/{model}", self.prices.get(provider))


@dataclass(slots=True)
class Received:
    """Output that a vendor has sent before it makes a whole piece, and its count of the input."""

    tokens: int
    input: TokenUsage | None = None


StreamStep: TypeAlias = (
    ChatDelta | WireDelta | TokenUsage | Received | asyncio.Event | BaseException
)
"""What a stream does next: give a piece, its final count, wait for the test, or break off."""

Step: TypeAlias = str | TokenUsage | asyncio.Event | BaseException | Sequence[StreamStep]
"""What a call does: answer, answer with this count, wait for the test, fail, or stream."""

USAGE = TokenUsage(10, 5)
DONE = ChatDelta(finish_reason="stop")


def words(text: str) -> list[StreamStep]:
    """A stream of one piece per word with a count at its end."""
    pieces: list[StreamStep] = [ChatDelta(text=word) for word in text.split()]
    return [*pieces, TokenUsage(10, len(pieces)), DONE]


class FakeStream:
    """An answer on its way that follows a script; each piece with text is one output token."""

    def __init__(self, steps: Iterable[StreamStep]) -> None:
        self._steps = iter(steps)
        self._usage: TokenUsage | None = None
        self._input: TokenUsage | None = None
        self._received = 0
        self.is_closed = False

    async def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        for step in self._steps:
            # As with a connection, even what has arrived takes a turn of the loop.
            await asyncio.sleep(0)
            if isinstance(step, asyncio.Event):
                await step.wait()
            elif isinstance(step, BaseException):
                raise step
            elif isinstance(step, TokenUsage):
                self._usage = step
            elif isinstance(step, Received):
                self._received += step.tokens
                self._input = step.input or self._input
            else:
                self._received += isinstance(step, WireDelta) or bool(step.text)
                yield step

    def usage(self) -> TokenUsage | None:
        return self._usage

    def input_usage(self) -> TokenUsage | None:
        return self._input

    def received_tokens(self) -> int:
        return self._received

    def ending(self) -> bytes:
        return b"the end"

    async def aclose(self) -> None:
        self.is_closed = True
        await asyncio.sleep(0)


class FakeProvider:
    """A vendor that follows a script, one step per call; the last one repeats.

    It counts 10 input tokens at least, 20 at most, and gives 100 output tokens at most.
    """

    def __init__(self, provider: str, *script: Step, models: Sequence[str] = ("small",)) -> None:
        self.provider = provider
        self.known = list(models)
        self.found_later: list[str] = []
        self.refreshes = 0
        self.chats: list[ChatRequest] = []
        self.embeddings: list[EmbeddingRequest] = []
        self.idempotency_keys: list[str] = []
        self.streams: list[FakeStream] = []
        self.called = asyncio.Event()
        self._script = list(script) or ["hi"]

    def models(self) -> Sequence[str]:
        return self.known

    def serves(self, model: str) -> bool:
        return model in self.known

    async def refresh(self) -> None:
        self.refreshes += 1
        await asyncio.sleep(0)
        self.known += self.found_later

    def input_ceiling(self, request: ChatRequest) -> int:
        return 20

    def input_estimate(self, request: ChatRequest) -> int:
        return 10

    async def count_tokens(self, request: ChatRequest) -> int:
        return 12

    def output_ceiling(self, request: ChatRequest) -> int:
        return 100

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        return 20

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        self.chats.append(request)
        usage = await self._answer(idempotency_key)
        return ChatResponse(
            id="1", model=request.model, content="hi", finish_reason="stop", usage=usage
        )

    def stream(self, request: ChatRequest, *, idempotency_key: str) -> FakeStream:
        self.chats.append(request)
        step = self._next(idempotency_key)
        if isinstance(step, str):
            steps: Iterable[StreamStep] = words(step)
        elif isinstance(step, TokenUsage | asyncio.Event | BaseException):
            steps = [step]
        else:
            steps = step
        self.streams.append(FakeStream(steps))
        return self.streams[-1]

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        self.embeddings.append(request)
        usage = await self._answer(idempotency_key)
        return EmbeddingResponse(
            model=request.model, vectors=((1.0,),) * len(request.input), usage=usage
        )

    async def _answer(self, idempotency_key: str) -> TokenUsage:
        step = self._next(idempotency_key)
        await asyncio.sleep(0)
        if isinstance(step, asyncio.Event):
            await step.wait()
        if isinstance(step, BaseException):
            raise step
        return step if isinstance(step, TokenUsage) else USAGE

    def _next(self, idempotency_key: str) -> Step:
        self.idempotency_keys.append(idempotency_key)
        self.called.set()
        return self._script.pop(0) if len(self._script) > 1 else self._script[0]


class RemoteLedger:
    """A `MemoryLedger` behind a wire, as a database is.

    An answer takes a turn of the loop; what was asked is done even where the one who asked has
    left. The store can be away, its answers can be lost on the way, and one of its methods can be
    held back.
    """

    look_seconds: ClassVar[float] = 0.1

    def __init__(self, memory: MemoryLedger | None = None) -> None:
        self.memory = memory or MemoryLedger()
        self.is_away = False
        self.loses_answers = False
        self.asked: list[str] = []
        self._gates: dict[str, asyncio.Event] = {}
        self._failures: dict[str, list[Exception]] = {}
        self._tasks: set[asyncio.Task[object]] = set()

    def hold_back(self, method: str) -> asyncio.Event:
        """Let calls of `method` wait until the event is set; they are done after that."""
        gate = self._gates[method] = asyncio.Event()
        return gate

    def fail_once(self, method: str, error: Exception) -> None:
        """Let the next call of `method` fail."""
        self._failures.setdefault(method, []).append(error)

    async def states(
        self, accounts: Sequence[Account], period: str, *, unlimited: bool = True
    ) -> list[AccountState]:
        return await self._asked(
            "states", lambda: self.memory.states(accounts, period, unlimited=unlimited)
        )

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        return await self._asked(
            "lease",
            lambda: self.memory.lease(lease, least=least, most=most, expires_at=expires_at),
        )

    async def extend(self, owner: str, *, expires_at: float) -> None:
        await self._asked("extend", lambda: self.memory.extend(owner, expires_at=expires_at))

    async def give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        await self._asked("give_back", lambda: self.memory.give_back(lease, amount))

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        return self._begin("settle", lambda: self.memory.settle(settlement))

    async def expire(self, *, now: float) -> int:
        return await self._asked("expire", lambda: self.memory.expire(now=now))

    async def recall(self, account: Account, period: str, *, until: float) -> None:
        await self._asked("recall", lambda: self.memory.recall(account, period, until=until))

    async def recalled(self, *, now: float) -> list[tuple[Account, str]]:
        return await self._asked("recalled", lambda: self.memory.recalled(now=now))

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        return await self._asked(
            "unconfirmed", lambda: self.memory.unconfirmed(limit=limit, after=after)
        )

    async def release(self, entry_id: str, *, now: float) -> Unconfirmed | None:
        return await self._asked("release", lambda: self.memory.release(entry_id, now=now))

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        await self._asked("set_limit", lambda: self.memory.set_limit(account, limit))

    async def erase(self, settlements: Sequence[Settlement]) -> int:
        return await self._asked("erase", lambda: self.memory.erase(settlements))

    async def _asked(self, method: str, act: Callable[[], Awaitable[T]]) -> T:
        return await asyncio.shield(self._begin(method, act))

    def _begin(self, method: str, act: Callable[[], Awaitable[T]]) -> asyncio.Task[T]:
        task = asyncio.create_task(self._done(method, act))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _done(self, method: str, act: Callable[[], Awaitable[T]]) -> T:
        self.asked.append(method)
        if method in self._gates:
            await self._gates[method].wait()
        if self.is_away:
            raise Overloaded("the store is away")
        if failures := self._failures.get(method):
            raise failures.pop(0)
        answer = await act()
        if self.loses_answers:
            raise Overloaded("the store did not answer", may_be_done=True)
        return answer


async def until(condition: Callable[[], bool]) -> None:
    """Let other tasks run until `condition` holds, for a hundred turns at most."""
    for _ in range(100):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it does not come to that")
