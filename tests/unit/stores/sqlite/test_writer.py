"""Many commands, few commits, and nobody waits for ever."""

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Sequence
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.errors import Overloaded
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.writer import LARGEST_BATCH, Writer


class Desk:
    """A writer on a file with one table, `notes`, and what it sent to the database."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.statements: list[str] = []
        self.tries = threading.Semaphore(0)
        connection = connect(path)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("CREATE TABLE notes (text TEXT PRIMARY KEY) STRICT")
        connection.set_trace_callback(self._note)
        self.writer = Writer(connection, busy_seconds=0.05)

    def _note(self, statement: str) -> None:
        self.statements.append(statement)
        if statement.startswith("BEGIN"):
            self.tries.release()

    @property
    def commits(self) -> int:
        return self.statements.count("COMMIT")

    def notes(self) -> list[str]:
        with closing(sqlite3.connect(self.path)) as connection:
            return [text for (text,) in connection.execute("SELECT text FROM notes ORDER BY text")]

    async def hold_up(self) -> tuple[asyncio.Task[None], threading.Event]:
        """Keep the writer busy until the event is set, so that what follows is one batch."""
        started, go_on = asyncio.Event(), threading.Event()
        loop = asyncio.get_running_loop()

        def wait(_: sqlite3.Connection) -> None:
            loop.call_soon_threadsafe(started.set)
            go_on.wait()

        task = asyncio.create_task(self.writer.run(wait))
        await started.wait()
        return task, go_on


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    desk = Desk(tmp_path / "notes.db")
    yield desk
    await desk.writer.close()


def write_all(connection: sqlite3.Connection, texts: Sequence[str]) -> None:
    connection.executemany("INSERT INTO notes VALUES (?)", [(text,) for text in texts])


def write(connection: sqlite3.Connection) -> str:
    connection.execute("INSERT INTO notes VALUES ('alone')")
    return "written"


def fail(connection: sqlite3.Connection) -> None:
    connection.execute("INSERT INTO notes VALUES ('of the failed one')")
    raise LookupError("this one fails")


async def queued(*coroutines: object) -> list[asyncio.Task[object]]:
    """Tasks that have all come as far as to wait, for what was handed to the thread."""
    tasks = [asyncio.ensure_future(coroutine) for coroutine in coroutines]  # type: ignore[call-overload]
    await asyncio.sleep(0)  # the tasks run
    await asyncio.sleep(0)  # what they brought is handed over
    return tasks


async def test_a_command_returns_its_result_once_it_is_committed(desk: Desk) -> None:
    assert await desk.writer.run(write) == "written"
    assert desk.notes() == ["alone"]


async def test_whatever_waits_is_committed_together(desk: Desk) -> None:
    first, go_on = await desk.hold_up()
    texts = [f"{number:03}" for number in range(100)]
    waiting = await queued(*(desk.writer.append(write_all, text) for text in texts))
    go_on.set()
    await asyncio.gather(first, *waiting)
    assert desk.commits == 2
    assert desk.notes() == texts


async def test_a_batch_ends_so_that_other_processes_get_their_turn(desk: Desk) -> None:
    first, go_on = await desk.hold_up()
    texts = [f"{number:04}" for number in range(LARGEST_BATCH + 1)]
    waiting = await queued(*(desk.writer.append(write_all, text) for text in texts))
    go_on.set()
    await asyncio.gather(first, *waiting)
    assert desk.commits == 3
    assert desk.notes() == texts


async def test_a_command_that_fails_fails_alone(desk: Desk) -> None:
    first, go_on = await desk.hold_up()
    waiting = await queued(
        desk.writer.append(write_all, "a"),
        desk.writer.run(fail),
        desk.writer.append(write_all, "b"),
        desk.writer.append(write_all, "b"),
        desk.writer.run(write),
    )
    go_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert desk.notes() == ["a", "alone", "b"]
    assert [type(result) for result in results] == [
        type(None),
        LookupError,
        type(None),
        sqlite3.IntegrityError,
        str,
    ]


async def test_a_command_that_fails_by_itself_leaves_nothing(desk: Desk) -> None:
    with pytest.raises(LookupError):
        await desk.writer.run(fail)
    await desk.writer.run(write)
    assert desk.notes() == ["alone"]


async def test_a_lock_that_is_not_released_fails_the_batch_and_not_the_writer(desk: Desk) -> None:
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Overloaded, match="is locked by another process"):
            await desk.writer.run(write)
        other.execute("ROLLBACK")
    assert await desk.writer.run(write) == "written"


async def test_a_lock_that_is_released_in_time_is_waited_for(tmp_path: Path) -> None:
    desk = Desk(tmp_path / "patient.db")
    desk.writer._busy_seconds = 60  # the fixture's patience is too short for this
    with closing(sqlite3.connect(desk.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        (waiting,) = await queued(desk.writer.run(write))
        for _ in range(3):
            await asyncio.to_thread(desk.tries.acquire)
        other.execute("ROLLBACK")
    assert await waiting == "written"
    await desk.writer.close()


async def test_a_full_disk_fails_all_who_wait_and_keeps_nothing_of_theirs(desk: Desk) -> None:
    await desk.writer.run(write)

    def fill(connection: sqlite3.Connection) -> None:
        connection.execute("PRAGMA max_page_count = 4")

    await desk.writer.run(fill)
    first, go_on = await desk.hold_up()
    waiting = await queued(
        *(desk.writer.append(write_all, f"{number}" * 3000) for number in range(9))
    )
    go_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert all(isinstance(result, Overloaded) for result in results)
    assert "its disk is full" in str(results[0])
    assert len({id(result) for result in results}) == 9
    assert desk.notes() == ["alone"]


async def test_a_command_runs_although_its_caller_has_left(desk: Desk) -> None:
    first, go_on = await desk.hold_up()
    (waiting,) = await queued(desk.writer.append(write_all, "a"))
    waiting.cancel()
    go_on.set()
    await first
    await desk.writer.run(write)
    assert desk.notes() == ["a", "alone"]


async def test_a_failure_that_nobody_waits_for_is_logged(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    first, go_on = await desk.hold_up()
    (waiting,) = await queued(desk.writer.run(fail))
    waiting.cancel()
    go_on.set()
    await first
    await desk.writer.run(write)
    assert [record.message for record in caplog.records if record.levelno >= logging.ERROR] == [
        "A write failed after its caller had left"
    ]


async def test_commands_of_a_loop_that_is_closed_run_and_harm_nobody(desk: Desk) -> None:
    first, go_on = await desk.hold_up()

    async def leave() -> None:
        desk.writer.append(write_all, "a")

    await asyncio.to_thread(lambda: asyncio.run(leave()))
    go_on.set()
    await first
    assert await desk.writer.run(write) == "written"
    assert desk.notes() == ["a", "alone"]


async def test_closing_commits_what_is_waiting(desk: Desk) -> None:
    first, go_on = await desk.hold_up()
    waiting = await queued(*(desk.writer.append(write_all, text) for text in "abc"))
    (closing_writer,) = await queued(desk.writer.close())
    go_on.set()
    await asyncio.gather(first, closing_writer, *waiting)
    assert desk.notes() == ["a", "b", "c"]


async def test_a_closed_writer_takes_nothing_more(desk: Desk) -> None:
    await desk.writer.close()
    await desk.writer.close()
    with pytest.raises(Overloaded, match="is closed"):
        await desk.writer.run(write)


# The test breaks the thread on purpose.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_when_the_thread_breaks_nobody_waits_for_it(desk: Desk) -> None:
    def break_down(connection: sqlite3.Connection) -> None:
        # Unlike an `Exception`, this ends the thread.
        raise SystemExit

    first, go_on = await desk.hold_up()
    waiting = await queued(desk.writer.append(write_all, "a"), desk.writer.run(break_down))
    go_on.set()
    await first
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert [type(result) for result in results] == [Overloaded, Overloaded]
    with pytest.raises(Overloaded):
        await desk.writer.run(write)
    assert desk.notes() == []
