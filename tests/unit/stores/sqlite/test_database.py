"""Readers beside a writer, and an end that loses nothing."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.errors import Overloaded
from headgate.stores.sqlite.database import Database


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "headgate.db", readers=2)
    yield database
    await database.close()


def add_limit(connection: sqlite3.Connection) -> None:
    connection.execute(
        "INSERT INTO limits VALUES ('key', (SELECT count(*) FROM limits), 5, 1, '[]')"
    )


def count_limits(connection: sqlite3.Connection) -> int:
    count: int = connection.execute("SELECT count(*) FROM limits").fetchone()[0]
    return count


async def test_a_question_sees_what_was_acknowledged_before_it(database: Database) -> None:
    for expected in range(1, 20):
        await database.writer.run(add_limit)
        assert await database.readers.run(count_limits) == expected


async def test_a_question_is_answered_from_one_moment(database: Database) -> None:
    """Its second look sees what the first did, whatever was written in between."""
    looked, go_on = asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def look_twice(connection: sqlite3.Connection) -> tuple[int, int]:
        first = count_limits(connection)
        loop.call_soon_threadsafe(looked.set)
        go_on.wait()
        return first, count_limits(connection)

    question = asyncio.create_task(database.readers.run(look_twice))
    await looked.wait()
    await database.writer.run(add_limit)
    assert await database.readers.run(count_limits) == 1
    go_on.set()
    assert await question == (0, 0)


async def test_a_question_cannot_write(database: Database) -> None:
    with pytest.raises(Overloaded, match="cannot be written"):
        await database.readers.run(add_limit)
    assert await database.readers.run(count_limits) == 0


async def test_a_question_that_fails_leaves_its_reader_usable(database: Database) -> None:
    def fail(connection: sqlite3.Connection) -> None:
        raise LookupError("this one fails")

    for _ in range(5):
        with pytest.raises(LookupError):
            await database.readers.run(fail)
    assert await database.readers.run(count_limits) == 0


async def test_a_closed_database_says_so(tmp_path: Path) -> None:
    database = Database(tmp_path / "headgate.db")
    await database.close()
    await database.close()
    with pytest.raises(Overloaded, match="is closed"):
        await database.writer.run(add_limit)
    with pytest.raises(Overloaded, match="is closed"):
        await database.readers.run(count_limits)


async def test_what_was_written_is_there_after_closing_and_opening(tmp_path: Path) -> None:
    for expected in (1, 2):
        database = Database(tmp_path / "headgate.db", power_safe=True)
        await database.writer.run(add_limit)
        assert await database.readers.run(count_limits) == expected
        await database.close()
