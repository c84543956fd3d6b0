"""Calls with an idempotency key: each is made once, and all who ask for it get the one answer.

A call in flight is a task of its own, so that it outlives the caller who began it as long as
another waits for it; when the last one has left, it is abandoned. Callers of this process read what
it has written so far and what comes; those of other processes wait until the answer is kept.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Generic, Protocol, TypeVar

from headgate.core.answers import AnswerKey, AnswerStore, Claim, KeptAnswer
from headgate.core.errors import HeadgateError, IdempotencyConflict, Overloaded
from headgate.core.ids import new_id
from headgate.gateway.calls import Receipt, Replayed

CLAIM_SECONDS = 5.0
"""After so long another process makes the call of one that died."""
RENEW_SECONDS = 1.0
LOOK_SECONDS = 0.1
"""How often it is asked whether another process has the answer."""
NOTED_LOOKS = 3
"""One look in so many tells the store that somebody waits."""
AWAITED_SECONDS = 0.5
"""Who has not asked for so long, waits no more."""
FORGET_SECONDS = 300.0

_LOG = logging.getLogger(__name__)


class _MadeElsewhere(Exception):
    """Another process makes the call, or has made it."""


class Told(Protocol):
    """What a caller is told besides an answer."""

    @property
    def answerer(self) -> tuple[str, str]:
        """The model that answers, and its vendor."""
        ...


R = TypeVar("R", bound=Told)


class Flight(Generic[R]):
    """A call under way, or an answer that is kept, as its readers see it.

    Attributes:
        frames: what is written so far; a whole answer is one frame.
        receipt: the receipt of the call as it stands; None before an answer has begun.
        kept: the answer that another call has left.
        event_id: the row with which the answer is kept, once it has been written.
        error: why it has ended without being whole.
        is_claimed: whether it is this process that makes the call.
        is_ending: whether it has failed or is being stopped; nobody joins it any more.
    """

    def __init__(self, key: AnswerKey, claim: Callable[["Flight[R]"], Awaitable[None]]) -> None:
        """Begin without a frame."""
        self.key = key
        self._claim = claim
        self.frames: list[bytes] = []
        self.receipt: Callable[[], R] | None = None
        self.kept: KeptAnswer | None = None
        self.event_id: str | None = None
        self.error: BaseException | None = None
        self.is_claimed = False
        self.is_ending = False
        self.is_over = False
        self.readers = 0
        self.task: asyncio.Task[None] | None = None
        self._changed = asyncio.Event()

    async def claim(self) -> None:
        """Take the call for this process; see `Caller.claim`."""
        await self._claim(self)

    def open(self, receipt: Callable[[], R]) -> None:
        """Say that an answer has begun."""
        self.receipt = receipt
        self._tell()

    def add(self, frame: bytes) -> None:
        """Write a frame."""
        self.frames.append(frame)
        self._tell()

    def note(self, receipt: Receipt) -> None:
        """Note the row with which the answer is kept, since all of it has been written."""
        self.event_id = None if receipt.event is None else receipt.event.id

    def give(self, kept: KeptAnswer) -> None:
        """Give an answer that was there already."""
        self.kept = kept
        self.frames = [kept.body]

    def end(self, error: BaseException | None = None) -> None:
        """Say that no more frames come."""
        self.error = error
        self.is_over = True
        if self.receipt is not None:
            # What the call was made of knows this flight, and would wait with it for a collection
            # of garbage; its receipt changes no more.
            told = self.receipt()
            self.receipt = lambda: told
        self._tell()

    async def change(self) -> None:
        """Wait for the next change."""
        await self._changed.wait()

    async def ended(self) -> None:
        """Wait until no more frames come."""
        while not self.is_over:
            await self.change()

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


@dataclass(slots=True)
class Reader(Generic[R]):
    """One caller's reading of a call. Whoever has one closes it in the end.

    Attributes:
        leads: whether it is the reader for whom the call was begun.
        replayed: what the caller is told where the answer is not its own call's.
    """

    flight: Flight[R]
    leads: bool
    _leave: Callable[[Flight[R]], None]
    replayed: Replayed | None = None
    _has_left: bool = False

    @property
    def receipt(self) -> R | Replayed:
        """What the caller is told: the receipt of a call that was made for it, or a replay's."""
        if self.leads and self.flight.receipt is not None:
            return self.flight.receipt()
        return self.replayed or Replayed(*self.answerer)

    @property
    def answerer(self) -> tuple[str, str]:
        """The model that answers, and its vendor."""
        flight = self.flight
        if flight.receipt is not None:
            return flight.receipt().answerer
        if flight.kept is None:
            raise RuntimeError("an answer was told before it had begun")
        return flight.kept.model, flight.kept.provider

    async def begun(self) -> None:
        """Wait until an answer begins, or there will be none."""
        flight = self.flight
        while flight.receipt is None and not flight.is_over:
            await flight.change()

    async def whole(self) -> bytes:
        """All that was written, once it has ended."""
        await self.flight.ended()
        if self.flight.error is not None:
            raise self.flight.error
        return b"".join(self.flight.frames)

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._read()

    async def _read(self) -> AsyncGenerator[bytes, None]:
        flight, place = self.flight, 0
        while True:
            while place < len(flight.frames):
                yield flight.frames[place]
                place += 1
            if flight.is_over:
                break
            await flight.change()
        if flight.error is not None:
            raise flight.error

    async def aclose(self) -> None:
        """Read no more."""
        if not self._has_left:
            self._has_left = True
            self._leave(self.flight)


class Flights:
    """The calls with idempotency keys that this process makes or waits for."""

    def __init__(
        self,
        store: AnswerStore,
        is_pending: Callable[[str], bool],
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Begin without calls.

        Args:
            store: where answers are kept.
            is_pending: whether an event's record is still to be made.
            clock: the time in Unix seconds.
            pause: waits for so many seconds between looks at the store.
        """
        self._store = store
        self._is_pending = is_pending
        self._clock = clock
        self._pause = pause
        self._owner = new_id("own")
        self._flights: dict[str, Flight[Any]] = {}
        self._leaving: set[asyncio.Task[None]] = set()
        self._tickers: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Begin to keep claims."""
        for tick, seconds in ((self._renew, RENEW_SECONDS), (self._forget, FORGET_SECONDS)):
            self._tickers.append(asyncio.create_task(self._repeat(tick, seconds)))

    async def aclose(self) -> None:
        """Abandon the calls that are left."""
        calls = [flight.task for flight in self._flights.values() if flight.task is not None]
        tasks = (*calls, *self._leaving, *self._tickers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def join(self, key: AnswerKey, make: Callable[[Flight[R]], Awaitable[None]]) -> Reader[R]:
        """A reading of the call, whose answer has begun or is kept.

        `make` makes the call where nobody else does, and writes its answer to the flight.

        Raises:
            IdempotencyConflict: the idempotency key stands for a call with another body.
            HeadgateError: the call was made for this caller, and there is no answer.
            Overloaded: the store does not say whether there is one.
        """
        while True:
            # What is told besides the answer belongs to the route, and the route to the key.
            flight: Flight[R] | None = self._flights.get(key.id)
            leads = flight is None
            if flight is None:
                flight = self._flights[key.id] = Flight(key, self._claim)
                flight.task = asyncio.create_task(self._fly(flight, make))
            _same_call(key, flight.key)
            if flight.is_over:
                raise Overloaded(
                    "the answer to this call is still to be recorded: ask again",
                    retry_after_seconds=1,
                )
            if flight.is_ending:
                # Its caller left a moment ago, and may be the one who asks again.
                await flight.ended()
                continue
            flight.readers += 1
            reader = Reader(flight, leads, self._leave)
            try:
                await reader.begun()
            except BaseException:
                await reader.aclose()
                raise
            if flight.error is None or flight.receipt is not None:
                return reader
            await reader.aclose()
            if leads:
                raise flight.error
            # The failure was another caller's: this one has its own try.

    async def _fly(self, flight: Flight[R], make: Callable[[Flight[R]], Awaitable[None]]) -> None:
        """Make a call, or find its answer; the rim of its task."""
        error: BaseException | None = None
        try:
            await self._find_or_make(flight, make)
        except (Exception, asyncio.CancelledError) as failure:  # noqa: BLE001 - readers are told
            error = failure
            flight.is_ending = True
        try:
            if error is not None and flight.event_id is not None:
                # Billed, and to be recorded as soon as the store is back: not made a second time.
                flight.end(error)
                while self._is_pending(flight.event_id):
                    await self._pause(LOOK_SECONDS)
            elif error is not None and flight.is_claimed:
                await self._drop(flight)
        finally:
            # Not before: this process would be given its own claim again.
            del self._flights[flight.key.id]
            if not flight.is_over:
                flight.end(error)

    async def _find_or_make(
        self, flight: Flight[R], make: Callable[[Flight[R]], Awaitable[None]]
    ) -> None:
        looks = 0
        while True:
            found = await self._look(flight, looks)
            if isinstance(found, KeptAnswer):
                _same_call(flight.key, found.key)
                return flight.give(found)
            if found is None or found.owner == self._owner:
                # Claimed by `make` itself, when nothing refuses the call: a refusal writes nothing.
                with contextlib.suppress(_MadeElsewhere):
                    return await make(flight)
            else:
                _same_call(flight.key, AnswerKey(flight.key.id, found.fingerprint))
            looks += 1
            await self._pause(LOOK_SECONDS)

    async def _look(self, flight: Flight[Any], looks: int) -> Claim | KeptAnswer | None:
        """What there is of a call; who looks on and on says from time to time that it waits."""
        if looks % NOTED_LOOKS != 1:
            return await self._store.find(flight.key.id, now=self._clock())
        return await self._ask(flight)

    async def _claim(self, flight: Flight[Any]) -> None:
        """Take a call for this process.

        Raises:
            _MadeElsewhere: another process has it, or has answered it.
            Overloaded: the store does not say whose it is.
        """
        if not flight.is_claimed:
            await self._ask(flight)
        if not flight.is_claimed:
            raise _MadeElsewhere

    async def _ask(self, flight: Flight[Any]) -> Claim | KeptAnswer:
        now = self._clock()
        try:
            found = await self._store.claim(
                flight.key, owner=self._owner, now=now, until=now + CLAIM_SECONDS
            )
        except asyncio.CancelledError:
            # The store may have made the claim, and nobody would make the call.
            await self._drop(flight)
            raise
        flight.is_claimed = isinstance(found, Claim) and found.owner == self._owner
        return found

    async def _drop(self, flight: Flight[Any]) -> None:
        # Where the store is away the claim ends by itself.
        with contextlib.suppress(HeadgateError):
            await self._store.drop(flight.key.id, owner=self._owner)

    def _leave(self, flight: Flight[Any]) -> None:
        flight.readers -= 1
        if not flight.readers and not flight.is_over:
            task = asyncio.create_task(self._abandon(flight))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)

    async def _abandon(self, flight: Flight[Any]) -> None:
        """Stop a call that nobody waits for any more, here or in another process."""
        while await self._is_awaited_elsewhere(flight):
            await self._pause(LOOK_SECONDS)
        if flight.task is not None and not (flight.is_ending or flight.is_over or flight.readers):
            flight.is_ending = True
            flight.task.cancel()

    async def _is_awaited_elsewhere(self, flight: Flight[Any]) -> bool:
        if flight.is_over or flight.readers or not flight.is_claimed:
            return False
        since = self._clock() - AWAITED_SECONDS
        try:
            # A store that is slow to answer must not keep the vendor at work.
            async with asyncio.timeout(AWAITED_SECONDS):
                return await self._store.is_awaited(flight.key.id, since=since)
        except (HeadgateError, TimeoutError):
            return False

    async def _renew(self) -> None:
        if ids := [name for name, flight in self._flights.items() if flight.is_claimed]:
            until = self._clock() + CLAIM_SECONDS
            await self._store.renew(ids, owner=self._owner, until=until)

    async def _forget(self) -> None:
        await self._store.forget(now=self._clock())

    async def _repeat(self, tick: Callable[[], Awaitable[None]], seconds: float) -> None:
        while True:
            await self._pause(seconds)
            try:
                await tick()
            except HeadgateError:
                continue  # the store is away: claims end by themselves, and the next tick tries
            except Exception:  # noqa: BLE001 - a task's rim: without it no claim is kept
                _LOG.exception("kept answers could not be looked after")


def _same_call(asked: AnswerKey, known: AnswerKey) -> None:
    if asked.fingerprint != known.fingerprint:
        raise IdempotencyConflict(
            "this Idempotency-Key was used for a call with another body: take a new key for a new "
            "call"
        )
