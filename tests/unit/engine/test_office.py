"""The office that one process at a time holds."""

import asyncio
import contextlib
import sys
from pathlib import Path

import pytest

from headgate.core.errors import Overloaded
from headgate.engine import office
from headgate.engine.office import file_office

HOLDS = """
import fcntl, os, sys
file = os.open(sys.argv[1], os.O_CREAT | os.O_RDWR)
fcntl.flock(file, fcntl.LOCK_EX)
print("held", flush=True)
sys.stdin.read()
"""


async def test_the_office_is_free_again_when_its_holder_is_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(office, "TRY_SECONDS", 0.01)
    path = tmp_path / "agents.lock"
    command = [sys.executable, "-c", HOLDS, str(path)]
    pipe = asyncio.subprocess.PIPE
    holder = await asyncio.create_subprocess_exec(*command, stdin=pipe, stdout=pipe)
    try:
        assert holder.stdout is not None
        assert await holder.stdout.readline() == b"held\n"
        entered = asyncio.Event()

        async def hold() -> None:
            async with file_office(path):
                entered.set()

        waiting = asyncio.create_task(hold())
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.1):
                await entered.wait()
        holder.kill()
        async with asyncio.timeout(60):
            await waiting
    finally:
        with contextlib.suppress(ProcessLookupError):
            holder.kill()
        await holder.communicate()


async def test_a_lock_that_cannot_be_made_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="cannot be used"):
        async with file_office(tmp_path / "nowhere" / "agents.lock"):
            pass
