"""What an error of the database means to a caller."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from headgate.stores.sqlite.connection import connect, is_busy, is_outage, overloaded


def failure(path: Path, sql: str) -> sqlite3.Error:
    with closing(connect(path)) as connection:
        connection.execute("PRAGMA busy_timeout = 0")
        connection.execute("CREATE TABLE IF NOT EXISTS notes (text TEXT NOT NULL) STRICT")
        with pytest.raises(sqlite3.Error) as caught:
            connection.executescript(sql)
    return caught.value


@pytest.mark.parametrize(("power_safe", "level"), [(False, 1), (True, 2)])
def test_safety_from_power_loss_is_a_choice(tmp_path: Path, power_safe: bool, level: int) -> None:
    with closing(connect(tmp_path / "a.db", power_safe=power_safe)) as connection:
        assert connection.execute("PRAGMA synchronous").fetchone() == (level,)


def test_a_database_that_may_not_be_written_says_what_to_check(tmp_path: Path) -> None:
    error = failure(tmp_path / "a.db", "PRAGMA query_only = ON; INSERT INTO notes VALUES ('a')")
    assert is_outage(error)
    assert overloaded(error).message == (
        "The database cannot be written; check its owner, its permissions and its volume."
    )
    assert overloaded(error).__cause__ is error


def test_a_lock_is_busy_and_an_outage(tmp_path: Path) -> None:
    with closing(connect(tmp_path / "a.db")) as other:
        other.execute("CREATE TABLE notes (text TEXT NOT NULL) STRICT")
        other.execute("PRAGMA journal_mode = WAL")
        other.execute("BEGIN IMMEDIATE")
        error = failure(tmp_path / "a.db", "BEGIN IMMEDIATE")
    assert is_busy(error)
    assert is_outage(error)
    assert overloaded(error).retry_after_seconds == 1


def test_a_broken_constraint_is_no_outage(tmp_path: Path) -> None:
    error = failure(tmp_path / "a.db", "INSERT INTO notes VALUES (NULL)")
    assert not is_outage(error)
    assert not is_busy(error)


def test_an_error_without_a_meaning_points_to_the_log() -> None:
    assert "see the log" in overloaded(sqlite3.OperationalError("odd")).message
    assert "see the log" in overloaded(RuntimeError("odd")).message
