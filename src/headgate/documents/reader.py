"""Reads files that nobody vouches for: each in a process of its own, a few at a time."""

import asyncio
import contextlib
import os
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from dataclasses import dataclass, field

import msgspec

from headgate.core.documents import DocumentKind
from headgate.documents.reading_process import Outcome, Task
from headgate.documents.readings import Unreadable

MOST_AT_ONCE = 2
MOST_SECONDS = 90.0
"""How long a reading may take, waiting for the processor included."""
MOST_ANSWER_BYTES = 200_000_000

_PROGRAM = "headgate.documents.reading_process"


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads files; whoever gives up waiting ends the reading."""

    most_seconds: float = MOST_SECONDS
    _places: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(MOST_AT_ONCE))

    async def read(self, kind: DocumentKind, title: str, content: bytes) -> Outcome:
        """The text of a file and its chunks.

        Raises:
            Unreadable: it cannot be read; says why.
        """
        task = msgspec.json.encode(Task(kind, title)) + b"\n"
        async with self._places:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-P", "-B", "-m", _PROGRAM),
                stdin=PIPE,
                stdout=PIPE,
                stderr=DEVNULL,
                # Where to find our own modules, and nothing else that this process knows.
                env={"PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            )
            try:
                async with asyncio.timeout(self.most_seconds):
                    answer = await _exchange(process, task + content)
            except TimeoutError:
                raise Unreadable("it takes longer to read than a document may") from None
            finally:
                await _end(process)
        if process.returncode or not answer:
            raise Unreadable("it cannot be read: it is broken, or asks for too much work")
        outcome = msgspec.msgpack.decode(answer, type=Outcome)
        if outcome.problem is not None:
            raise Unreadable(outcome.problem)
        return outcome


async def _exchange(process: Process, sent: bytes) -> bytes:
    """All that the process answers.

    Raises:
        Unreadable: it answers without end.
    """
    if process.stdin is None or process.stdout is None:
        raise RuntimeError("the process was started without pipes")
    writing = asyncio.create_task(_send(process.stdin, sent))
    try:
        parts: list[bytes] = []
        size = 0
        while part := await process.stdout.read(1 << 20):
            parts.append(part)
            size += len(part)
            if size > MOST_ANSWER_BYTES:
                raise Unreadable("it holds more than a document may")
        await process.wait()
        return b"".join(parts)
    finally:
        writing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await writing


async def _send(pipe: asyncio.StreamWriter, sent: bytes) -> None:
    # A process that has ended reads no more; its exit code tells the rest.
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        pipe.write(sent)
        await pipe.drain()
    pipe.close()


async def _end(process: Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
