"""The other processes of this machine that share a directory: each answers on a socket in it.

The directory is its owner's alone, and so are the sockets; nothing of another machine reaches them.
A question is one line, and an answer is whatever comes until the end; who has none hangs up.
"""

import asyncio
import contextlib
import logging
import os
import secrets
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

ASK_SECONDS = 2.0
PIECE_BYTES = 64 * 1024
# The kernel takes longer names only by the number of their directory.
MOST_NAME_BYTES = 100

_LOG = logging.getLogger(__name__)

Answer: TypeAlias = Callable[[bytes], Awaitable[AsyncGenerator[bytes, None] | None]]
"""What this process says to a question, in pieces; None where it has nothing to say."""


@dataclass(slots=True)
class Neighbours:
    """This process among those that share a directory."""

    directory: Path
    answer: Answer
    name: str = field(default_factory=lambda: f"{secrets.token_hex(8)}.sock")
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Answer the others; where the system has no such sockets, nobody is answered."""
        try:
            server = await asyncio.start_unix_server(
                self._serve, sock=_bound(self.directory / self.name)
            )
        except OSError as error:
            _LOG.warning("other processes cannot be answered: %s", error)
            yield
            return
        try:
            yield
        finally:
            server.close()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
            (self.directory / self.name).unlink(missing_ok=True)

    async def ask(self, question: bytes) -> AsyncGenerator[bytes, None] | None:
        """What the first of the others says that has something to say."""
        for path in sorted(self.directory.glob("*.sock")):
            if path.name == self.name:
                continue
            try:
                async with asyncio.timeout(ASK_SECONDS):
                    said = await _asked(path, question)
            except (ConnectionRefusedError, FileNotFoundError):
                path.unlink(missing_ok=True)  # whoever it was is dead
            except (OSError, TimeoutError) as error:
                _LOG.warning("a process of this machine does not answer: %s", error)
            else:
                if said is not None:
                    return said
        return None

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.ensure_future(self._told(reader, writer))
        self._tasks.add(task)
        try:
            await task
        except (OSError, asyncio.CancelledError):
            pass  # who asked is gone, or this process is about to be
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _told(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        frames = await self.answer(await reader.readline())
        if frames is None:
            return
        left = asyncio.ensure_future(reader.read())
        writing = asyncio.ensure_future(_written(frames, writer))
        try:
            await asyncio.wait((left, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            left.cancel()
            writing.cancel()
            await asyncio.gather(left, writing, return_exceptions=True)


async def _written(frames: AsyncGenerator[bytes, None], writer: asyncio.StreamWriter) -> None:
    async with contextlib.aclosing(frames):
        async for frame in frames:
            writer.write(frame)
            await writer.drain()


async def _asked(path: Path, question: bytes) -> AsyncGenerator[bytes, None] | None:
    reader, writer = await asyncio.open_unix_connection(sock=_connected(path))
    try:
        writer.write(question + b"\n")
        first = await reader.read(PIECE_BYTES)
    except BaseException:
        writer.close()
        raise
    if not first:
        writer.close()
        return None
    pieces = _pieces(first, reader, writer)
    await anext(pieces)  # from now on it closes the connection
    return pieces


async def _pieces(
    first: bytes, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> AsyncGenerator[bytes, None]:
    try:
        yield b""
        piece = first
        while piece:
            yield piece
            piece = await reader.read(PIECE_BYTES)
    finally:
        writer.close()


def _bound(path: Path) -> socket.socket:
    """A socket that is asked at `path`.

    Raises:
        OSError: there can be none.
    """
    return _opened(path, socket.socket.bind)


def _connected(path: Path) -> socket.socket:
    """A socket to whoever is asked at `path`; a local connection is made at once or not at all.

    Raises:
        OSError: nobody is.
    """
    return _opened(path, socket.socket.connect)


def _opened(path: Path, become: Callable[[socket.socket, str], None]) -> socket.socket:
    made = socket.socket(socket.AF_UNIX)
    try:
        made.setblocking(False)
        with _address(path) as address:
            become(made, address)
    except OSError:
        made.close()
        raise
    return made


@contextlib.contextmanager
def _address(path: Path) -> Iterator[str]:
    """The path, or a short name for it where it is too long for a socket."""
    if len(os.fsencode(path)) <= MOST_NAME_BYTES:
        yield str(path)
        return
    directory = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{directory}/{path.name}"
    finally:
        os.close(directory)
