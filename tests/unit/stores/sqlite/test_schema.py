"""Tables are made once, by whoever is first, and never taken back."""

import asyncio
import datetime as dt
import sqlite3
import sys
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.errors import Overloaded
from headgate.core.usage import DIMENSIONS, UsageFilter
from headgate.stores.sqlite import rollups, usage
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import MIGRATIONS, NewerDatabase, migrate
from usage_events import NOON, usage_event

MIGRATES = Path(__file__).with_name("migrates.py")


def tables(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {name for (name,) in rows}


def pragma(path: Path, name: str) -> object:
    with closing(sqlite3.connect(path)) as connection:
        return connection.execute(f"PRAGMA {name}").fetchone()[0]


def test_a_new_file_gets_every_table(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    migrate(path)
    assert {"keys", "secrets", "limits", "accounts", "leases", "events", "rollups"} <= tables(path)
    assert pragma(path, "user_version") == len(MIGRATIONS)
    assert pragma(path, "journal_mode") == "wal"


def test_migrating_again_keeps_what_is_there(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("INSERT INTO limits VALUES ('key', 'a', 5, 1, '[]')")
        connection.commit()
    migrate(path)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT amount FROM limits").fetchall() == [(5,)]


def test_a_file_of_an_earlier_release_gets_what_it_lacks_and_keeps_what_it_has(
    tmp_path: Path,
) -> None:
    path = tmp_path / "headgate.db"
    with closing(sqlite3.connect(path)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("INSERT INTO limits VALUES ('key', 'a', 5, 1, '[]')")
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    earlier = tables(path)
    migrate(path)
    assert tables(path) > earlier
    assert pragma(path, "user_version") == len(MIGRATIONS)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT amount FROM limits").fetchall() == [(5,)]


def test_sums_of_an_older_file_are_carried_over(tmp_path: Path) -> None:
    """What a file of the first releases summed is found in the tables that came later."""
    path = tmp_path / "headgate.db"
    hour, day = 3_600_000, 86_400_000
    with closing(connect(path)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute("PRAGMA user_version = 1")
        for span, start in ((hour, NOON), (day, NOON - 12 * hour)):
            for user, key, model in (
                ("ada", "a", "small"),
                ("ada", "a", "large"),
                ("", "b", "small"),
            ):
                dimensions = (span, start, user, key, "default", "openai", model)
                connection.execute(
                    f"INSERT INTO rollups VALUES ({', '.join('?' * 18)})", (*dimensions, *[1] * 11)
                )
            connection.execute(
                f"INSERT INTO tag_rollups VALUES ({', '.join('?' * 16)})",
                (span, start, "red", "ada", "a", *[1] * 11),
            )
        connection.commit()
    migrate(path)
    with closing(connect(path)) as connection:
        midnight = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
        found = {}
        for by in (None, *DIMENSIONS):
            for hours in (24, 13):
                where = UsageFilter(midnight, midnight + dt.timedelta(hours=hours))
                sums = usage._sums(connection, where, by)
                found[by, hours] = {value: totals.requests for value, totals in sums.items()}
        whole = UsageFilter(midnight - dt.timedelta(days=4), midnight + dt.timedelta(days=3))
        for owned in (whole._replace(user_id="ada"), whole._replace(key_id="a")):
            weeks = [usage._sums(connection, owned, by) for by in ("model", "hour", "tag")]
            assert [sum(row.requests for row in sums.values()) for sums in weeks] == [2, 2, 1]
        assert usage._sums(connection, whole, "key")["a"].requests == 2
        events = [usage_event(timestamp=NOON), usage_event(timestamp=NOON + hour)]
        rollups.add(connection, events)
        where = UsageFilter(midnight, midnight + dt.timedelta(days=1))
        assert usage._sums(connection, where, None)[""].requests == 5
    for hours in (24, 13):
        assert found[None, hours] == {"": 3}
        assert found["model", hours] == {"small": 2, "large": 1}
        assert found["user", hours] == {"ada": 2, "": 1}
        assert found["key", hours] == {"a": 2, "b": 1}
        assert found["workspace", hours] == {"default": 3}
        assert found["hour", hours] == {NOON: 3}
        assert found["tag", hours] == {"red": 1}


async def test_processes_that_start_at_once_migrate_once(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    pipe = asyncio.subprocess.PIPE
    processes = [
        await asyncio.create_subprocess_exec(
            sys.executable, str(MIGRATES), str(path), stdin=pipe, stdout=pipe, stderr=pipe
        )
        for _ in range(4)
    ]
    for process in processes:
        assert process.stdout is not None
        assert await process.stdout.readline() == b"ready\n"
    outputs = await asyncio.gather(*(process.communicate(b"\n") for process in processes))
    assert [errors for _, errors in outputs] == [b""] * 4
    assert [process.returncode for process in processes] == [0] * 4
    assert pragma(path, "user_version") == len(MIGRATIONS)


def test_a_file_of_a_later_release_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA user_version = 999")
    with pytest.raises(NewerDatabase, match=r"version 999.*only versions up to"):
        migrate(path)
    assert tables(path) == set()


def test_a_file_that_is_no_database_says_so(tmp_path: Path) -> None:
    path = tmp_path / "headgate.db"
    path.write_text("This is a letter, and not a short one. " * 100)
    with pytest.raises(Overloaded, match="is not a database"):
        migrate(path)


def test_a_directory_that_is_missing_says_so(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="cannot be opened; check its directory"):
        migrate(tmp_path / "missing" / "headgate.db")
