"""Hands connections on, and cuts them where a test says, as networks do."""

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import urlsplit

_CHUNK = 65536


@dataclass
class CuttingRelay:
    """A relay on a free port.

    Attributes:
        cuts: how many bytes of its answers each connection hands on before it is cut, in the order
            in which they are made; those after these are left whole.
        connections: how many were made.
    """

    host: str
    port: int
    cuts: Sequence[int]
    connections: int = 0
    _listener: socket.socket = field(default_factory=socket.socket)
    _threads: list[threading.Thread] = field(default_factory=list)

    @property
    def url(self) -> str:
        """Its address."""
        return f"http://127.0.0.1:{self._listener.getsockname()[1]}"

    def start(self) -> None:
        """Listen, and hand on."""
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self._run(self._accept)

    def close(self) -> None:
        """Take no more connections, and wait for those that there are."""
        # Closing alone does not wake the thread that waits for a connection.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                caller, _ = self._listener.accept()
                left = self.cuts[self.connections] if self.connections < len(self.cuts) else None
                self.connections += 1
                self._run(self._serve, caller, left)

    def _serve(self, caller: socket.socket, left: int | None) -> None:
        with caller, socket.create_connection((self.host, self.port)) as platform:
            asking = threading.Thread(target=_pump, args=(caller, platform, None))
            asking.start()
            _pump(platform, caller, left)
            asking.join()

    def _run(self, work: Callable[..., None], *arguments: object) -> None:
        thread = threading.Thread(target=work, args=arguments)
        self._threads.append(thread)
        thread.start()


@contextmanager
def cutting(target: str, *cuts: int) -> Iterator[CuttingRelay]:
    """A relay to `target`; `cuts` are those of `CuttingRelay`."""
    address = urlsplit(target)
    relay = CuttingRelay(address.hostname or "", address.port or 0, cuts)
    relay.start()
    try:
        yield relay
    finally:
        relay.close()


def _pump(source: socket.socket, sink: socket.socket, left: int | None) -> None:
    """Hand on what comes, at most `left` bytes of it; then hang up on both."""
    with contextlib.suppress(OSError):
        while chunk := source.recv(_CHUNK):
            if left is not None:
                chunk, left = chunk[:left], left - len(chunk)
            sink.sendall(chunk)
            if left is not None and left <= 0:
                break
    for end in (source, sink):
        with contextlib.suppress(OSError):
            end.shutdown(socket.SHUT_RDWR)
