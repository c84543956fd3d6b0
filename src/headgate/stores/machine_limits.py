"""Rate limits of all processes that share a data directory, counted together and exactly.

The buckets of all keys lie in one file that every process maps into its memory; who takes from
them holds the file's lock meanwhile, for some microseconds. So there is no transaction, no message
and no share that a process could keep from another: what one process takes, the next one sees.
Like the database's write-ahead log, which is mapped too, this needs a file system of the machine.

Calls under way are counted in a file of each process, which it holds a lock on as long as it
lives. The operating system lets go of a lock when its process ends, however it ends; so who finds a
limit on calls reached can tell the counts of the dead, and removes them.

A slot of the table is a key's digest and its buckets. A key that is unknown takes a slot that is
empty or whose buckets are whole again, since those say nothing.
"""

import asyncio
import contextlib
import fcntl
import hashlib
import mmap
import os
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.core.limits import Window
from headgate.stores.buckets import Buckets, DefaultLimits, KeyLimits

SLOTS = 65_536
REACH = 64
"""How many slots, counted from the one its digest names, may be a key's."""
LOCK_SECONDS = 5.0
"""How long an admission waits for a process that was stopped in the midst of one."""

_TABLE = "buckets-1"
_CALLS = "calls-"
# How many times a process has come or gone; rests of a page stay free.
_HEADER = struct.Struct("Q")
_HEADER_BYTES = 64
_SLOT = struct.Struct("16s6d")
_DIGEST_BYTES = 16
_AT_ONCE = fcntl.LOCK_EX | fcntl.LOCK_NB
_RETRY_SECONDS = 0.0002
# The next admission here does it anyway; this is for other processes.
_LATE_SECONDS = 0.01


class _Member(NamedTuple):
    """A process's counts of calls under way, by slot; its lock says whether it lives."""

    path: Path
    descriptor: int
    memory: mmap.mmap
    calls: memoryview
    is_own: bool = False

    def close(self) -> None:
        self.calls.release()
        self.memory.close()
        os.close(self.descriptor)


class _Slot(NamedTuple):
    number: int
    place: int
    digest: bytes


class MachineTicket(msgspec.Struct):
    """One admitted call."""

    requests: Window
    tokens: Window
    _limiter: "MachineRateLimiter"
    _slot: _Slot
    _estimate: int

    def finish(self, tokens: int) -> None:
        """Give the place back and replace the estimate by the tokens that were used."""
        self._limiter.finish(self._slot, self._estimate, tokens)


class MachineRateLimiter:
    """Admits calls within each key's limits, together with other processes of this machine."""

    def __init__(
        self,
        directory: Path,
        defaults: DefaultLimits,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Join the processes that share `directory`.

        Raises:
            Overloaded: the directory cannot be used.
        """
        self._directory = directory
        self._defaults = defaults
        self._clock = clock
        self._slots: dict[str, _Slot] = {}
        self._members: dict[str, _Member] = {}
        self._generation = -1
        # What calls have used that ended while another process held the lock, or none was there.
        self._late: list[tuple[_Slot, int, int]] = []
        self._later: asyncio.TimerHandle | None = None
        self._is_closed = False
        try:
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._table_descriptor = _opened(directory / _TABLE)
            # Others could take us for dead as long as we do not hold our own lock.
            with self._locked():
                self._table = _mapped(self._table_descriptor, _HEADER_BYTES + SLOTS * _SLOT.size)
                self._own = self._joined()
        except OSError as error:
            raise Overloaded(
                f"the rate limits in {directory} cannot be kept: {error.strerror or error}"
            ) from None

    def close(self) -> None:
        """Leave; calls that are still under way do not count any more."""
        if self._is_closed:
            return
        # Where the lock is not to be had, our own count is found to be that of a dead process.
        with contextlib.suppress(Overloaded), self._locked():
            self._replace_late()
            self._own.path.unlink(missing_ok=True)
            self._announce()
        self._is_closed = True
        if self._later is not None:
            self._later.cancel()
        for member in self._members.values():
            member.close()
        self._table.close()
        os.close(self._table_descriptor)

    async def admit(self, key: VirtualKey, tokens: int) -> MachineTicket:
        """Admit a call that needs about `tokens`.

        Raises:
            RateLimited: a limit is reached; says when to come back.
            Overloaded: another process does not let go of the limits.
        """
        limits = self._defaults.limits_of(key)
        try:
            fcntl.flock(self._table_descriptor, _AT_ONCE)
        except BlockingIOError:
            await self._lock_in_turn()
        try:
            if self._late:
                self._replace_late()
            # Read under the lock: who comes later must not bring an earlier time.
            slot, buckets = self._open(key.key_id, limits, self._clock())
            concurrency = limits.concurrency
            running = 0 if concurrency is None else self._running(slot.number, concurrency)
            try:
                estimate = buckets.take(running, concurrency, tokens)
            finally:
                self._write(slot, buckets)
            self._own.calls[slot.number] += 1
        finally:
            fcntl.flock(self._table_descriptor, fcntl.LOCK_UN)
        return MachineTicket(
            buckets.requests_window(), buckets.tokens_window(), self, slot, estimate
        )

    async def look(self, key: VirtualKey) -> tuple[Window, Window]:
        """See `RateLimiter.look`."""
        limits = self._defaults.limits_of(key)
        await self._lock_in_turn()
        try:
            self._replace_late()
            _, buckets = self._open(key.key_id, limits, self._clock())
        finally:
            fcntl.flock(self._table_descriptor, fcntl.LOCK_UN)
        return buckets.requests_window(), buckets.tokens_window()

    def finish(self, slot: _Slot, estimate: int, used: int) -> None:
        """End a call; what it used counts for whoever comes next.

        Where other processes are, that is at once, or as soon as the lock is free. Where none is,
        the next admission here counts it under the lock that it takes anyway.
        """
        if self._is_closed:
            return
        self._own.calls[slot.number] -= 1
        if estimate == used:
            return
        self._late.append((slot, estimate, used))
        if self._later is not None:
            return
        if self._is_alone():
            self._finish_later()
        elif len(self._late) == 1:
            self._finish_late()

    def _is_alone(self) -> bool:
        """Whether no other process was there when one came or went last."""
        known = _HEADER.unpack_from(self._table)[0] == self._generation
        return known and len(self._members) == 1

    def _finish_later(self) -> None:
        self._later = asyncio.get_running_loop().call_later(_LATE_SECONDS, self._finish_late)

    def _finish_late(self) -> None:
        self._later = None
        if self._is_closed or not self._late:
            return
        if _take_lock(self._table_descriptor):
            try:
                self._replace_late()
            finally:
                fcntl.flock(self._table_descriptor, fcntl.LOCK_UN)
        else:
            self._finish_later()

    def _replace_late(self) -> None:
        for slot, estimate, used in self._late:
            levels = self._levels(slot)
            # The slot of a key that rested may be another's by now.
            if levels is not None:
                buckets = Buckets(*levels)
                buckets.replace(estimate, used)
                self._write(slot, buckets)
        self._late.clear()

    def _open(self, key_id: str, limits: KeyLimits, now: float) -> tuple[_Slot, Buckets]:
        """A key's slot with its buckets as they are now.

        Raises:
            Overloaded: other keys have all the slots that may be its own.
        """
        slot = self._slots.get(key_id)
        levels = None if slot is None else self._levels(slot)
        if slot is None or levels is None:
            if len(self._slots) >= SLOTS:
                self._slots.clear()
            slot = self._slots[key_id] = self._find(key_id, now)
            levels = self._levels(slot)
        if levels is None or not levels[0]:
            return slot, Buckets.full(limits, now)
        buckets = Buckets(*levels)
        buckets.fit(limits, now)
        return slot, buckets

    def _levels(self, slot: _Slot) -> list[float] | None:
        """What a key's slot holds; None where it is not its own."""
        found, *levels = _SLOT.unpack_from(self._table, slot.place)
        return levels if found == slot.digest else None

    def _find(self, key_id: str, now: float) -> _Slot:
        digest = hashlib.blake2b(key_id.encode(), digest_size=_DIGEST_BYTES).digest()
        home = int.from_bytes(digest[:8])
        free: int | None = None
        for index in ((home + step) % SLOTS for step in range(REACH)):
            found, *levels = _SLOT.unpack_from(self._table, _place(index))
            if found == digest:
                return _Slot(index, _place(index), digest)
            if free is None and self._is_free(index, Buckets(*levels), now):
                free = index
        if free is None:
            raise Overloaded("too many keys are in use at once", retry_after_seconds=1)
        return _Slot(free, _place(free), digest)

    def _is_free(self, index: int, buckets: Buckets, now: float) -> bool:
        if not buckets.requests_capacity:
            return True
        unchanged = KeyLimits(
            buckets.requests_capacity, buckets.requests_per_second, buckets.tokens_capacity, None
        )
        buckets.fit(unchanged, now)
        return buckets.is_whole() and not self._count(index)

    def _write(self, slot: _Slot, buckets: Buckets) -> None:
        _SLOT.pack_into(
            self._table,
            slot.place,
            slot.digest,
            buckets.requests_capacity,
            buckets.requests_per_second,
            buckets.requests,
            buckets.tokens_capacity,
            buckets.tokens,
            buckets.filled_at,
        )

    def _running(self, index: int, concurrency: int) -> int:
        """How many calls are under way in all processes; the dead are looked for at the limit."""
        running = self._count(index)
        if running >= concurrency:
            self._bury()
            running = self._count(index)
        return running

    def _count(self, index: int) -> int:
        if _HEADER.unpack_from(self._table)[0] != self._generation:
            self._meet()
        if len(self._members) == 1:
            return self._own.calls[index]
        return sum(member.calls[index] for member in self._members.values())

    def _joined(self) -> _Member:
        own = _member(self._directory / (_CALLS + new_id("own")))._replace(is_own=True)
        fcntl.flock(own.descriptor, fcntl.LOCK_EX)
        self._members[own.path.name] = own
        self._meet()
        self._bury()
        self._announce()
        return own

    def _announce(self) -> None:
        """Let every process look again who is there."""
        (generation,) = _HEADER.unpack_from(self._table)
        _HEADER.pack_into(self._table, 0, generation + 1)
        self._generation = generation + 1

    def _meet(self) -> None:
        """Know those who are there now."""
        (self._generation,) = _HEADER.unpack_from(self._table)
        present = {path.name: path for path in self._directory.glob(f"{_CALLS}*")}
        for name in self._members.keys() - present.keys():
            self._members.pop(name).close()
        for name in present.keys() - self._members.keys():
            self._members[name] = _member(present[name])

    def _bury(self) -> None:
        """Remove the counts of processes that have died."""
        dead = [
            name
            for name, member in self._members.items()
            if not member.is_own and _take_lock(member.descriptor)
        ]
        for name in dead:
            member = self._members.pop(name)
            member.path.unlink(missing_ok=True)
            member.close()
        if dead:
            self._announce()

    async def _lock_in_turn(self) -> None:
        deadline = time.monotonic() + LOCK_SECONDS
        while not _take_lock(self._table_descriptor):
            if time.monotonic() > deadline:
                raise _held()
            await asyncio.sleep(_RETRY_SECONDS)

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        """Hold the lock, outside of any request."""
        deadline = time.monotonic() + LOCK_SECONDS
        while not _take_lock(self._table_descriptor):
            if time.monotonic() > deadline:
                raise _held()
            time.sleep(_RETRY_SECONDS)
        try:
            yield
        finally:
            fcntl.flock(self._table_descriptor, fcntl.LOCK_UN)


def _take_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, _AT_ONCE)
    except BlockingIOError:
        return False
    return True


def _opened(path: Path) -> int:
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)


def _mapped(descriptor: int, size: int) -> mmap.mmap:
    """A file in memory, with zeros in what it has not yet."""
    # Written rather than left out: a full disk is found here, and not when a page is touched.
    if (missing := size - os.fstat(descriptor).st_size) > 0:
        with open(descriptor, "ab", closefd=False) as file:
            file.write(bytes(missing))
    return mmap.mmap(descriptor, size)


def _member(path: Path) -> _Member:
    descriptor = _opened(path)
    memory = _mapped(descriptor, SLOTS * 4)
    return _Member(path, descriptor, memory, memoryview(memory).cast("I"))


def _place(index: int) -> int:
    return _HEADER_BYTES + index * _SLOT.size


def _held() -> Overloaded:
    return Overloaded("another process holds the rate limits; try again", retry_after_seconds=1)
