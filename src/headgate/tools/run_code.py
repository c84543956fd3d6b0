"""Python code of callers, run where it can do nothing but compute.

A process of its own runs it, which the kernel holds to memory, time and its two pipes; see
`confined_python.py`. Whether the kernel does so is tried out before the first call, by code that
does what it must not.
"""

import asyncio
import contextlib
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from headgate.core.errors import InvalidRequest
from headgate.tools import confined_python
from headgate.tools.declaration import tool

WALL_SECONDS = 10.0
MOST_OUTPUT_BYTES = 65_536
MOST_CODE = 100_000

_HELD = "held"
_TRIAL = f"""
import ctypes, os
free = []
for attempt in (
    lambda: open("/etc/passwd"),
    lambda: open("/tmp/headgate-trial", "w"),
    lambda: os.listdir("/"),
    lambda: os.fork(),
    lambda: os.kill(1, 0),
    lambda: os.dup(0),
):
    try:
        attempt()
        free.append(attempt)
    except OSError:
        pass
# A socket, past what Python has loaded.
if ctypes.CDLL(None).socket(2, 1, 0) >= 0:
    free.append("socket")
print("free" if free else "{_HELD}")
"""


class CodeResult(msgspec.Struct, frozen=True, rename="camel"):
    """What code printed, and how it ended.

    Attributes:
        exit_code: 0 where it came to its end; negative where it was stopped.
        truncated: whether it printed more than is told here.
    """

    output: str
    errors: str
    exit_code: int
    truncated: bool = False


@dataclass(slots=True)
class CodeRunner:
    """The tool; it is off where the kernel does not hold what is run."""

    _is_held: bool | None = None
    _trial: asyncio.Lock = field(default_factory=asyncio.Lock)

    @tool(timeout_seconds=30, most_at_once=4)
    async def run_code(
        self,
        *,
        code: Annotated[
            str,
            Meta(
                min_length=1,
                max_length=MOST_CODE,
                description="Python 3. What it prints is its result. It has the modules for"
                " mathematics, dates, texts and JSON, and no files and no network.",
            ),
        ],
    ) -> CodeResult:
        """Run Python code by itself, for at most some seconds, and give what it prints."""
        if not await self.is_held():
            raise InvalidRequest(
                "run_code is off here: this machine's kernel does not confine code (it needs Linux"
                " with seccomp, on x86-64 or ARM64)"
            )
        return await _run(code)

    async def is_held(self) -> bool:
        """Whether the kernel keeps code from what it must not do, tried out once."""
        async with self._trial:
            if self._is_held is None:
                found = await _run(_TRIAL)
                self._is_held = found.exit_code == 0 and found.output.strip() == _HELD
            return self._is_held


async def _run(code: str) -> CodeResult:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-I",
        "-S",
        "-B",
        str(Path(confined_python.__file__)),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        env={},
        cwd="/",
        close_fds=True,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(WALL_SECONDS):
            return await _talk(process, code)
    except TimeoutError:
        return CodeResult("", f"it was stopped after {WALL_SECONDS:g} s", -9)
    finally:
        _stop(process)
        # Its end is told only when its pipes are read to theirs.
        for stream in (process.stdout, process.stderr):
            if stream is not None:
                await stream.read()
        await process.wait()


def _stop(process: asyncio.subprocess.Process) -> None:
    with contextlib.suppress(ProcessLookupError):
        process.kill()


async def _talk(process: asyncio.subprocess.Process, code: str) -> CodeResult:
    if process.stdin is None or process.stdout is None or process.stderr is None:
        raise RuntimeError("a process was started without its pipes")
    with contextlib.suppress(BrokenPipeError, ConnectionResetError):
        process.stdin.write(code.encode("utf-8", "surrogateescape"))
        await process.stdin.drain()
    process.stdin.close()
    output, errors = await asyncio.gather(
        _some(process.stdout, process), _some(process.stderr, process)
    )
    exit_code = await process.wait()
    truncated = max(len(output), len(errors)) > MOST_OUTPUT_BYTES
    return CodeResult(_told(output), _told(errors), exit_code, truncated)


async def _some(stream: asyncio.StreamReader, process: asyncio.subprocess.Process) -> bytes:
    """What comes; who prints without end is stopped rather than listened to."""
    found = bytearray()
    while piece := await stream.read(MOST_OUTPUT_BYTES):
        if len(found) <= MOST_OUTPUT_BYTES:
            found += piece
        if len(found) > MOST_OUTPUT_BYTES:
            _stop(process)
    return bytes(found)


def _told(data: bytes) -> str:
    return data[:MOST_OUTPUT_BYTES].decode(errors="replace")
