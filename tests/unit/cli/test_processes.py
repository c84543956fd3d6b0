import asyncio
import sys
from pathlib import Path

import pytest

from headgate.cli.processes import Part, PartEnded, PartSilent, Processes, takes_connections

# Ends as it is asked to, and says so.
POLITE = """
import signal, sys, threading
over = threading.Event()
signal.signal(signal.SIGTERM, lambda *_: over.set())
print("begun", flush=True)
over.wait()
print("ended", flush=True)
"""


async def at_once() -> bool:
    return True


def part(name: str, program: str, **environment: str) -> Part:
    return Part(name, [sys.executable, "-c", program], environment, at_once)


class Told:
    """Keeps lines, and lets a test wait for one."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str]] = []
        self._grown = asyncio.Condition()
        self._tasks: set[asyncio.Task[None]] = set()

    def __call__(self, name: str, line: str) -> None:
        self.lines.append((name, line))
        self._tasks.add(asyncio.create_task(self._wake()))

    async def wait_for(self, *line: str) -> None:
        async with self._grown:
            await self._grown.wait_for(lambda: line in self.lines)

    async def _wake(self) -> None:
        async with self._grown:
            self._grown.notify_all()


async def test_they_end_in_the_reverse_of_the_order_in_which_they_began() -> None:
    told = Told()
    async with Processes(told) as processes:
        for name in ("first", "second"):
            await processes.start(part(name, POLITE))
            await told.wait_for(name, "begun")
    assert told.lines[2:] == [("second", "ended"), ("first", "ended")]


async def test_one_is_told_what_it_needs_besides_what_all_know() -> None:
    told = Told()
    async with Processes(told) as processes:
        program = "import os; print(os.environ['WORD'], 'PATH' in os.environ)"
        await processes.start(part("one", program, WORD="here"))
        with pytest.raises(PartEnded, match=r"one has ended by itself \(exit code 0\)"):
            await processes.ended()
    assert told.lines == [("one", "here True")]


async def test_one_that_dies_is_named_with_its_last_words() -> None:
    told = Told()
    async with Processes(told) as processes:
        await processes.start(part("steady", POLITE))
        await told.wait_for("steady", "begun")
        await processes.start(part("weak", "import os; print('no more', flush=True); os.abort()"))
        with pytest.raises(PartEnded, match=r"weak .* \(signal 6\)"):
            await processes.ended()
    assert told.lines[1:] == [("weak", "no more"), ("steady", "ended")]


async def test_one_that_ends_before_it_answers_is_not_waited_for() -> None:
    async def never() -> bool:
        return False

    async with Processes(Told()) as processes:
        broken = Part("broken", [sys.executable, "-c", "raise SystemExit(3)"], {}, never)
        with pytest.raises(PartEnded, match="exit code 3"):
            await processes.start(broken)


async def test_one_that_does_not_answer_is_given_up() -> None:
    async def never() -> bool:
        return False

    async with Processes(Told(), start_seconds=0.1) as processes:
        with pytest.raises(PartSilent, match="silent does not answer"):
            await processes.start(Part("silent", [sys.executable, "-c", POLITE], {}, never))


async def test_one_that_does_not_listen_is_killed_with_its_children() -> None:
    """A second Ctrl-C waits for nobody."""
    told = Told()
    program = """
import signal, subprocess, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
print("deaf", flush=True)
time.sleep(600)
"""
    async with Processes(told) as processes:
        await processes.start(part("stubborn", program))
        await told.wait_for("stubborn", "deaf")
        processes.kill()
        # Its output closes only when the child is gone as well.
        with pytest.raises(PartEnded, match="signal 9"):
            await processes.ended()


async def test_a_line_without_end_is_no_reason_to_stop_listening() -> None:
    told = Told()
    async with Processes(told) as processes:
        await processes.start(part("wordy", "print('x' * 3_000_000); print('done')"))
        with pytest.raises(PartEnded):
            await processes.ended()
    assert told.lines[-1] == ("wordy", "done")


async def test_a_program_that_is_not_there_is_an_error_of_the_system(tmp_path: Path) -> None:
    async with Processes(Told()) as processes:
        with pytest.raises(OSError, match="nothing"):
            await processes.start(Part("gone", [str(tmp_path / "nothing")], {}, at_once))


async def test_a_port_takes_connections_once_somebody_listens() -> None:
    server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    assert await takes_connections(port)
    server.close()
    await server.wait_closed()
    assert not await takes_connections(port)
