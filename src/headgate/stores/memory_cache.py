"""Answers kept in this process, as many as fit: the one that was used longest ago goes first."""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

from headgate.core.cache import LARGEST_VALUE

# What the entry itself takes beside its name and value, about.
OVERHEAD_BYTES = 512


class _Entry(NamedTuple):
    value: bytes
    expires_at: float


class MemoryCache:
    """A `ResponseCache` of one process."""

    def __init__(
        self, ttl_seconds: float, max_bytes: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin empty.

        Args:
            ttl_seconds: how long a value is kept.
            max_bytes: the most that all entries together take.
            clock: seconds that only go forward.
        """
        self._ttl_seconds = ttl_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._entries: OrderedDict[str, _Entry] = OrderedDict()
        self._bytes = 0

    async def get(self, name: str) -> bytes | None:
        """See `ResponseCache.get`."""
        entry = self._entries.get(name)
        if entry is None:
            return None
        if entry.expires_at <= self._clock():
            self._remove(name)
            return None
        self._entries.move_to_end(name)
        return entry.value

    async def put(self, name: str, value: bytes) -> None:
        """See `ResponseCache.put`."""
        self._remove(name)
        size = _size(name, value)
        if len(value) > LARGEST_VALUE or size > self._max_bytes:
            return
        while self._bytes + size > self._max_bytes:
            self._remove(next(iter(self._entries)))
        self._entries[name] = _Entry(value, self._clock() + self._ttl_seconds)
        self._bytes += size

    def _remove(self, name: str) -> None:
        entry = self._entries.pop(name, None)
        if entry is not None:
            self._bytes -= _size(name, entry.value)


def _size(name: str, value: bytes) -> int:
    return OVERHEAD_BYTES + len(name) + len(value)
