"""Ports that a program is told to listen on, and that nobody else on the machine gets meanwhile."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager


class HeldPort:
    """A free port of this machine, kept until it is released.

    It is bound and does not listen. So the kernel hands it to nobody who asks for any port, while a
    server that names it gets it, as servers set SO_REUSEADDR: again and again, if it must.
    """

    def __init__(self) -> None:
        self._holder = socket.socket()
        self._holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._holder.bind(("127.0.0.1", 0))
        self.number: int = self._holder.getsockname()[1]

    def release(self) -> None:
        """Let others have it."""
        self._holder.close()


@contextmanager
def held_port() -> Iterator[int]:
    """The number of a port that is held to the end of the block."""
    port = HeldPort()
    try:
        yield port.number
    finally:
        port.release()
