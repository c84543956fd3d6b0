"""What becomes of a thread that is taken from a living process, or whose database fails."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from headgate.core.durable import Thread
from headgate.engine.databases import sqlite_database
from headgate.engine.dbos import DbosEngine

NAME = "local"


class Work:
    """A run with one branch, whose step lasts until the test sets the event of its attempt."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[asyncio.Event] = asyncio.Queue()
        self.left: asyncio.Queue[None] = asyncio.Queue()
        self.result: asyncio.Future[str] = asyncio.get_running_loop().create_future()

    async def __call__(self, thread: Thread, body: str) -> str:
        if not thread.path:
            told = await thread.branch(1, body)
            if not self.result.done():
                self.result.set_result(told)
            return told
        try:
            return await thread.step("wait", self._waited)
        finally:
            self.left.put_nowait(None)

    async def end_all(self) -> None:
        while True:
            (await self.begun.get()).set()

    async def _waited(self) -> str:
        may_end = asyncio.Event()
        self.begun.put_nowait(may_end)
        await may_end.wait()
        return "done"


@contextlib.asynccontextmanager
async def running(database: sa.Engine, work: Work, **options: Any) -> AsyncIterator[DbosEngine]:
    engine = DbosEngine(database, NAME, 100, **options)
    try:
        await engine.start(work)
        yield engine
    finally:
        await engine.aclose()


async def test_a_run_that_is_taken_from_a_process_in_its_midst_ends_once(tmp_path: Path) -> None:
    """A process that others take for dead goes on until it writes, beside its successor."""
    work = Work()
    async with running(sqlite_database(tmp_path / "agents.db"), work) as engine:
        await engine.submit("run_1", "")
        displaced = await work.begun.get()
        await engine._recover(NAME)  # as who finds the lock of this process free
        successor = await work.begun.get()
        displaced.set()
        await work.left.get()
        successor.set()
        assert await work.result == "done"


async def test_a_thread_whose_database_fails_at_the_end_of_a_step_goes_on(tmp_path: Path) -> None:
    """DBOS waits for connections by itself, and tries to keep any other failure, which fails too.

    That must not become what came of the thread.
    """
    work, failures = Work(), list[str]()

    def fail_twice(
        _connection: Any, _cursor: Any, statement: str, parameters: object, *_: object
    ) -> None:
        is_result = statement.startswith("INSERT") and "operation_outputs" in statement
        if is_result and "wait" in str(parameters) and len(failures) < 2:
            failures.append(statement)
            raise sa.exc.OperationalError(statement, {}, sqlite3.OperationalError("disk I/O error"))

    database = sqlite_database(tmp_path / "agents.db")
    sa.event.listen(database, "before_cursor_execute", fail_twice)
    async with running(database, work, reap_seconds=0.05) as engine:
        await engine.submit("run_1", "")
        ending = asyncio.create_task(work.end_all())
        assert await work.result == "done"
        ending.cancel()
    assert len(failures) == 2
