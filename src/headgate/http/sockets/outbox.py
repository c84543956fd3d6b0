"""What waits to be sent over one socket: in order, and never more than so much."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import NamedTuple


class Close(NamedTuple):
    """The end of a socket, and why."""

    code: int
    reason: str


class Outbox:
    """Messages of many writers for one reader; writers wait while it is full."""

    def __init__(self, most_bytes: int) -> None:
        """Begin empty; one message is let in whatever its size."""
        self._most_bytes = most_bytes
        self._waiting: deque[bytes] = deque()
        self._bytes = 0
        self._close: Close | None = None
        self._has_some = asyncio.Event()
        self._has_room = asyncio.Event()
        self._has_room.set()

    @property
    def is_closed(self) -> bool:
        """Whether nothing more is taken."""
        return self._close is not None

    async def put(self, message: bytes) -> None:
        """Add a message once there is room; it goes nowhere where the socket ends."""
        while self._bytes >= self._most_bytes and not self.is_closed:
            self._has_room.clear()
            await self._has_room.wait()
        if not self.is_closed:
            self._add(message)

    async def get(self) -> bytes | Close:
        """The next message, and at the end why the socket ends."""
        while not self._waiting and self._close is None:
            self._has_some.clear()
            await self._has_some.wait()
        if not self._waiting and self._close is not None:
            return self._close
        message = self._waiting.popleft()
        self._bytes -= len(message)
        if self._bytes < self._most_bytes:
            self._has_room.set()
        return message

    def close(self, close: Close, last: Iterable[bytes] = ()) -> None:
        """End: what waits is dropped, and `last` still sent. Only the first end counts."""
        if self.is_closed:
            return
        self._waiting.clear()
        for message in last:
            self._add(message)
        self._close = close
        self._has_some.set()
        self._has_room.set()

    def _add(self, message: bytes) -> None:
        self._waiting.append(message)
        self._bytes += len(message)
        self._has_some.set()
