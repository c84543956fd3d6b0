"""What is written to a caller within one turn of the event loop leaves in one piece.

An answer is written as its head and its body, and a stream in pieces that often come together.
Each write is a call into the kernel, which carries it all the way to its reader: to make two of
what could be one costs more than to look up the key.
"""

import asyncio

MOST_HELD_BYTES = 65_536
"""More does not wait for the turn's end, so that the transport can say that its reader is slow."""


class JoinedWrites(asyncio.Transport):
    """The writing side of a connection's transport."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__()
        self._transport = transport
        self._loop = loop
        self._held: list[bytes | bytearray | memoryview] = []
        self._size = 0

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send this behind all that was written before, at the latest as the next turn begins."""
        if not self._held:
            self._loop.call_soon(self.flush)
        self._held.append(data)
        self._size += len(data)
        if self._size > MOST_HELD_BYTES:
            self.flush()

    def flush(self) -> None:
        """Send what was written."""
        if self._held:
            data = self._held[0] if len(self._held) == 1 else b"".join(self._held)
            self._held = []
            self._size = 0
            self._transport.write(data)

    def close(self) -> None:
        """Close the connection once all is sent that was written."""
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        """Whether the connection is closed, or will be."""
        return self._transport.is_closing()
