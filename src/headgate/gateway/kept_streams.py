"""Streams that go on without their reader for a while, so that it can come back and miss nothing.

A stream's events are numbered from 1 and kept in memory, in a window of bounded size. While the
window is full, events that were given go first; where none were, the vendor is not read on. A
stream that nobody reads for a minute is abandoned, and one that has ended is forgotten then.

A stream of another process of the same machine is asked for there, and handed on as it comes.
"""

import asyncio
import contextlib
import re
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

import msgspec

from headgate.core.errors import Conflict, HeadgateError, InvalidRequest, NotFound

IDLE_SECONDS = 60.0
MOST_BYTES_EACH = 4 * 1024 * 1024
MOST_BYTES = 64 * 1024 * 1024
"""Of all streams of this process together."""

Elsewhere: TypeAlias = Callable[[bytes], Awaitable[AsyncGenerator[bytes, None] | None]]
"""Asks the other processes of the machine with a line, which `KeptStreams.answer` answers there."""

_EVENT = re.compile(rb".+?(?:\r?\n){2}|.+\Z", re.DOTALL)


class _Wish(msgspec.Struct, frozen=True):
    """What a process asks of another: a stream, behind an event."""

    request_id: str
    key_id: str
    after: int
    quiet_seconds: float
    quiet: bytes


class _Head(msgspec.Struct, frozen=True, omit_defaults=True):
    """The line before a stream of another process: what it is refused for, if it is."""

    refusal: Literal["not_found", "invalid", "conflict"] | None = None
    message: str = ""


_LOST = _Head("not_found", "the process that had the stream is gone")
_REFUSALS: dict[type[HeadgateError], Literal["not_found", "invalid", "conflict"]] = {
    NotFound: "not_found",
    InvalidRequest: "invalid",
    Conflict: "conflict",
}


async def _nowhere(_question: bytes) -> None:
    return None


@dataclass(slots=True)
class KeptStreams:
    """The streams of this process that may be resumed, and those of its neighbours."""

    idle_seconds: float = IDLE_SECONDS
    most_bytes_each: int = MOST_BYTES_EACH
    most_bytes: int = MOST_BYTES
    elsewhere: Elsewhere = _nowhere
    size: int = 0
    _streams: dict[str, "_Kept"] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def begin(
        self,
        request_id: str,
        key_id: str,
        frames: AsyncGenerator[bytes, None],
        *,
        quiet_seconds: float,
        quiet: bytes,
    ) -> AsyncGenerator[bytes, None]:
        """Keep a stream of server-sent events; gives them with their numbers, from the first.

        `quiet` is given whenever nothing has come for so long.
        """
        kept = self._streams[request_id] = _Kept(self, request_id, key_id)
        kept.task = asyncio.create_task(kept.take(frames))
        self._tasks.add(kept.task)
        kept.task.add_done_callback(self._tasks.discard)
        reading = await _begun(kept.read(0, quiet_seconds, quiet))
        try:
            # A task that is cancelled before its first step would not close the frames.
            await asyncio.sleep(0)
        except BaseException:
            await reading.aclose()
            raise
        return reading

    async def resume(
        self, request_id: str, key_id: str, after: int, *, quiet_seconds: float, quiet: bytes
    ) -> AsyncGenerator[bytes, None]:
        """The events behind the one numbered `after`, those to come too.

        Raises:
            NotFound: no process of this machine keeps such a stream of this key's.
            InvalidRequest: there was no such event yet.
            Conflict: what follows it is not kept any more.
        """
        wish = _Wish(request_id, key_id, after, quiet_seconds, quiet)
        if request_id not in self._streams:
            answer = await self.elsewhere(msgspec.json.encode(wish))
            if answer is not None:
                return await _begun(_handed_on(answer))
        return await self._resumed(wish)

    async def answer(self, question: bytes) -> AsyncGenerator[bytes, None] | None:
        """What another process is told that asks for a stream; None where it is not kept here."""
        try:
            wish = msgspec.json.decode(question, type=_Wish)
        except msgspec.MsgspecError:
            return None
        return self._told(wish) if wish.request_id in self._streams else None

    async def _told(self, wish: _Wish) -> AsyncGenerator[bytes, None]:
        try:
            reading = await self._resumed(wish)
        except (NotFound, InvalidRequest, Conflict) as error:
            head = _Head(_REFUSALS[type(error)], error.message)
            yield msgspec.json.encode(head) + b"\n"
            return
        async with contextlib.aclosing(reading):
            yield msgspec.json.encode(_Head()) + b"\n"
            async for event in reading:
                yield event

    async def _resumed(self, wish: _Wish) -> AsyncGenerator[bytes, None]:
        kept, after = self._of(wish.request_id, wish.key_id), wish.after
        if after > kept.newest:
            raise InvalidRequest(f"there was no event {after} yet", param="Last-Event-ID")
        if after + 1 < kept.oldest:
            raise Conflict(f"what follows event {after} is not kept any more: ask anew")
        return await _begun(kept.read(after, wish.quiet_seconds, wish.quiet))

    def stop(self, request_id: str, key_id: str) -> None:
        """Abandon a stream, where there is such a one."""
        with contextlib.suppress(NotFound):
            self.forget(self._of(request_id, key_id))

    async def aclose(self) -> None:
        """Abandon all of them, and wait until their money is settled."""
        for kept in list(self._streams.values()):
            self.forget(kept)
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def forget(self, kept: "_Kept") -> None:
        """Keep a stream no longer, and stop it where it has not ended."""
        self._streams.pop(kept.request_id, None)
        kept.end()

    @property
    def is_full(self) -> bool:
        """Whether there is no room; streams that are over and that nobody reads make some."""
        while self.size >= self.most_bytes:
            done = next((kept for kept in self._streams.values() if kept.is_done), None)
            if done is None:
                return True
            self.forget(done)
        return False

    def _of(self, request_id: str, key_id: str) -> "_Kept":
        kept = self._streams.get(request_id)
        if kept is None or kept.key_id != key_id:
            raise NotFound(
                f"there is no stream {request_id[:64]!r} to resume: it was not begun as resumable,"
                " with another key, or more than a minute ago"
            )
        return kept


@dataclass(slots=True, eq=False)
class _Kept:
    """One stream: the events in its window, and how far each reader is."""

    shelf: KeptStreams
    request_id: str
    key_id: str
    task: asyncio.Task[None] | None = None
    oldest: int = 1
    size: int = 0
    _events: deque[bytes] = field(default_factory=deque)
    _readers: dict[object, int] = field(default_factory=dict)
    _given: int = 0
    _is_over: bool = False
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _timer: asyncio.TimerHandle | None = None

    @property
    def newest(self) -> int:
        """The number of the last event so far."""
        return self.oldest + len(self._events) - 1

    @property
    def is_done(self) -> bool:
        """Whether it has ended, and nobody reads it."""
        return self._is_over and not self._readers

    async def take(self, frames: AsyncGenerator[bytes, None]) -> None:
        """Read the stream to its end."""
        try:
            async with contextlib.aclosing(frames):
                async for frame in frames:
                    for event in _events_of(frame):
                        await self._make_room()
                        numbered = b"id: %d\n%b" % (self.newest + 1, event)
                        self._events.append(numbered)
                        self._weigh(len(numbered))
                        self._tell()
        finally:
            self._is_over = True
            self._tell()

    async def read(
        self, after: int, quiet_seconds: float, quiet: bytes
    ) -> AsyncGenerator[bytes, None]:
        """Nothing, which begins it, and then the events behind `after`."""
        reader = object()
        self._readers[reader] = after
        self._stop_timer()
        try:
            yield b""
            while True:
                number = self._readers[reader] + 1
                if number <= self.newest:
                    yield self._events[number - self.oldest]
                    self._readers[reader] = number
                    self._given = max(self._given, number)
                    self._tell()
                elif self._is_over:
                    return
                else:
                    try:
                        async with asyncio.timeout(quiet_seconds):
                            await self._changed.wait()
                    except TimeoutError:
                        yield quiet
        finally:
            del self._readers[reader]
            if not self._readers:
                self._stop_timer()
                loop = asyncio.get_running_loop()
                self._timer = loop.call_later(self.shelf.idle_seconds, self.shelf.forget, self)

    def end(self) -> None:
        """Stop it, and let its readers go."""
        self._stop_timer()
        self.oldest += len(self._events)
        self._events.clear()
        self._weigh(-self.size)
        self._is_over = True
        self._tell()
        if self.task is not None:
            self.task.cancel()

    async def _make_room(self) -> None:
        while self._events and (self.size >= self.shelf.most_bytes_each or self.shelf.is_full):
            if self.oldest <= min(self._readers.values(), default=self._given):
                self._weigh(-len(self._events.popleft()))
                self.oldest += 1
            else:
                await self._changed.wait()

    def _weigh(self, size: int) -> None:
        self.size += size
        self.shelf.size += size

    def _tell(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


async def _headed(answer: AsyncGenerator[bytes, None]) -> bytes:
    """Read the head of a stream of another process; gives what came behind it.

    Raises:
        HeadgateError: it is refused there.
    """
    read = b""
    while b"\n" not in read and (piece := await anext(answer, b"")):
        read += piece
    line, whole, rest = read.partition(b"\n")
    head = msgspec.json.decode(line, type=_Head) if whole else _LOST
    if head.refusal == "invalid":
        raise InvalidRequest(head.message, param="Last-Event-ID")
    if head.refusal == "conflict":
        raise Conflict(head.message)
    if head.refusal == "not_found":
        raise NotFound(head.message)
    return rest


async def _handed_on(answer: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """Nothing, once it is not refused, and then what another process gives."""
    async with contextlib.aclosing(answer):
        rest = await _headed(answer)
        yield b""
        if rest:
            yield rest
        async for piece in answer:
            yield piece


async def _begun(reading: AsyncGenerator[bytes, None]) -> AsyncGenerator[bytes, None]:
    """A reading that counts from now on: a generator that nobody has begun ends without a trace."""
    await anext(reading)
    return reading


def _events_of(frame: bytes) -> Iterator[bytes]:
    """The events of a frame one by one; comments fill silence, and are not kept."""
    for found in _EVENT.finditer(frame):
        if not found[0].startswith(b":"):
            yield found[0]
