"""Messages on their way to a caller whom each message costs: pieces of text that wait become one.

In order, and never more than so much: who makes messages waits while too many wait here.
"""

import asyncio
from collections import deque
from collections.abc import Iterable

import msgspec

MOST_PIECE_CHARACTERS = 4_000
"""Of one message: however they are written, at most 24 KB, which fits a frame of API Gateway."""
_MARK = b'"type":"delta"'


class _Delta(
    msgspec.Struct,
    tag_field="type",
    tag="delta",
    rename="camel",
    omit_defaults=True,
    forbid_unknown_fields=True,
):
    """A piece of a completion's text."""

    request_id: str
    content: str
    call_id: str | None = None
    seq: int | None = None


_decode = msgspec.json.Decoder(_Delta).decode
_encode = msgspec.json.Encoder().encode


class Pieces:
    """The messages of one request, for one reader."""

    def __init__(self, most_bytes: int) -> None:
        """Begin empty; one message is let in whatever its size."""
        self._most_bytes = most_bytes
        self._waiting: deque[bytes | _Delta] = deque()
        self._bytes = 0
        self._has_ended = False
        self._has_some = asyncio.Event()
        self._has_room = asyncio.Event()
        self._is_urgent = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether nothing waits to be given."""
        return not self._waiting

    @property
    def has_ended(self) -> bool:
        """Whether nothing more is taken."""
        return self._has_ended

    async def put(self, message: bytes) -> None:
        """Add a message once there is room; behind the end it goes nowhere."""
        while self._bytes >= self._most_bytes and not self._has_ended:
            self._has_room.clear()
            await self._has_room.wait()
        if self._has_ended:
            return
        delta = _delta_of(message)
        if delta is None:
            self._waiting.append(message)
            self._bytes += len(message)
            self._is_urgent.set()
        else:
            self._add(delta)
        self._has_some.set()

    async def get(self) -> bytes | None:
        """The next message; None at the end."""
        while not self._waiting and not self._has_ended:
            self._has_some.clear()
            await self._has_some.wait()
        if not self._waiting:
            return None
        message = self._waiting.popleft()
        self._bytes -= _size(message)
        self._has_room.set()
        if not self._has_ended and not any(isinstance(each, bytes) for each in self._waiting):
            self._is_urgent.clear()
        return message if isinstance(message, bytes) else _encode(message)

    async def gather(self, seconds: float) -> None:
        """Let texts gather; for so long at most, and no longer once there is anything else."""
        try:
            async with asyncio.timeout(seconds):
                await self._is_urgent.wait()
        except TimeoutError:
            pass

    def end(self, last: Iterable[bytes] = (), *, dropping: bool = False) -> None:
        """Take no more: what waits is still given, unless it is dropped, and `last` behind it."""
        if self._has_ended:
            return
        if dropping:
            self._waiting.clear()
        self._waiting.extend(last)
        self._has_ended = True
        for event in (self._has_some, self._has_room, self._is_urgent):
            event.set()

    def _add(self, delta: _Delta) -> None:
        """Append text to what waits, in messages of bounded length."""
        if self._waiting and isinstance(last := self._waiting[-1], _Delta):
            room = MOST_PIECE_CHARACTERS - len(last.content)
            if room > 0:
                last.content += delta.content[:room]
                last.seq, last.call_id = delta.seq, delta.call_id
                self._bytes += min(room, len(delta.content))
                delta.content = delta.content[room:]
        while delta.content:
            part = msgspec.structs.replace(delta, content=delta.content[:MOST_PIECE_CHARACTERS])
            self._waiting.append(part)
            self._bytes += _size(part)
            delta.content = delta.content[MOST_PIECE_CHARACTERS:]


def _size(message: bytes | _Delta) -> int:
    return len(message if isinstance(message, bytes) else message.content)


def _delta_of(message: bytes) -> _Delta | None:
    """A piece of text; None for anything else."""
    if _MARK not in message:
        return None
    try:
        return _decode(message)
    except msgspec.ValidationError:
        return None  # an event of a run has its number, and stays what it is
