"""Several programs as one: begun in an order, told apart by their names, ended together.

Each has a session of its own, so that Ctrl-C reaches this process alone, which ends them in the
reverse of the order in which they began: what others stand on ends last.
"""

import asyncio
import contextlib
import os
import signal
from asyncio.subprocess import DEVNULL, PIPE, STDOUT, Process
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import NamedTuple, Self

from headgate.transport.http import HttpClient, HttpError

# Longer than a server takes to answer what it has begun.
STOP_SECONDS = 40
START_SECONDS = 60
LOOK_SECONDS = 0.1
REST_SECONDS = 1
# A line beyond this is told in pieces.
MOST_LINE_BYTES = 2**20


class Part(NamedTuple):
    """One program.

    Attributes:
        environment: what it is told besides what this process was told.
        answers: whether what it serves can be used by now.
    """

    name: str
    command: Sequence[str]
    environment: Mapping[str, str]
    answers: Callable[[], Awaitable[bool]]


class PartEnded(Exception):
    """A program has ended that nobody had asked to.

    Attributes:
        name: of the part.
        code: with which it ended; negative for a signal.
    """

    def __init__(self, name: str, code: int) -> None:
        how = f"exit code {code}" if code >= 0 else f"signal {-code}"
        super().__init__(f"{name} has ended by itself ({how})")
        self.name = name
        self.code = code


class PartSilent(Exception):
    """A program has begun and does not answer."""


@dataclass(slots=True)
class Processes:
    """The programs that run; leaving it ends them.

    Attributes:
        tell: takes each line that one of them prints, with its name.
    """

    tell: Callable[[str, str], None]
    start_seconds: float = START_SECONDS
    _running: dict[str, Process] = field(default_factory=dict)
    _readers: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for process in reversed(self._running.values()):
            await _end(process)
        for reader in self._readers.values():
            # A child that a program has left behind may keep its output open.
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(reader, REST_SECONDS)

    async def start(self, part: Part) -> None:
        """Begin a program and wait until it answers.

        Raises:
            PartEnded: it, or one that was begun before, has ended instead.
            PartSilent: it does not answer in time.
            OSError: it cannot be run.
        """
        process = await asyncio.create_subprocess_exec(
            *part.command,
            env=os.environ | part.environment,
            stdin=DEVNULL,
            stdout=PIPE,
            stderr=STDOUT,
            limit=MOST_LINE_BYTES,
            start_new_session=True,
        )
        self._running[part.name] = process
        self._readers[part.name] = asyncio.create_task(self._read(part.name, process))
        try:
            async with asyncio.timeout(self.start_seconds):
                while not await part.answers():
                    self._look()
                    await asyncio.sleep(LOOK_SECONDS)
        except TimeoutError:
            raise PartSilent(f"{part.name} does not answer") from None
        self._look()

    async def ended(self) -> None:
        """Wait until one of them has ended by itself.

        Raises:
            PartEnded: always.
        """
        # What a program said last is told before its end is.
        await asyncio.wait(self._readers.values(), return_when=asyncio.FIRST_COMPLETED)
        ends = [asyncio.ensure_future(process.wait()) for process in self._running.values()]
        await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        self._look()

    def kill(self) -> None:
        """End all on the spot."""
        for process in self._running.values():
            _kill(process)

    def _look(self) -> None:
        for name, process in self._running.items():
            if process.returncode is not None:
                raise PartEnded(name, process.returncode)

    async def _read(self, name: str, process: Process) -> None:
        output = process.stdout
        while output is not None:
            try:
                line = await output.readline()
            except ValueError:  # a line too long; its rest comes next
                continue
            if not line:
                return
            self.tell(name, line.decode(errors="replace").rstrip())


async def answers_http(url: str) -> bool:
    """Whether a server answers there, whatever it says."""
    client = HttpClient(connect_seconds=1, idle_seconds=START_SECONDS)
    try:
        await client.send("GET", url, headers={})
    except HttpError:
        return False
    finally:
        await client.aclose()
    return True


async def takes_connections(port: int) -> bool:
    """Whether something listens on a port of this machine."""
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        _kill(process)
        await process.wait()


def _kill(process: Process) -> None:
    """End it with all that it has begun, which are of its session."""
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
