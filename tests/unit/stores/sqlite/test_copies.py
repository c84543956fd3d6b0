"""Copies of databases that others write to."""

import contextlib
import sqlite3
import threading
from pathlib import Path

import pytest

from headgate.core.errors import Overloaded
from headgate.stores.sqlite.copies import copy_together


def made(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None, timeout=30, check_same_thread=False)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("CREATE TABLE IF NOT EXISTS numbers (number INTEGER)")
    return connection


def highest(path: Path) -> int:
    with contextlib.closing(sqlite3.connect(path)) as connection:
        (found,) = connection.execute("SELECT max(number) FROM numbers").fetchone()
        return int(found)


def test_copies_are_of_one_moment_while_others_write(tmp_path: Path) -> None:
    """Whoever writes numbers first here, then there, is met between two of them at most."""
    first, second = made(tmp_path / "first.db"), made(tmp_path / "second.db")
    stop, has_begun = threading.Event(), threading.Event()

    def write() -> None:
        number = 0
        while not stop.is_set():
            for connection in (first, second):
                connection.execute("INSERT INTO numbers VALUES (?)", (number,))
            number += 1
            if number == 20:
                has_begun.set()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        assert has_begun.wait(60)
        for turn in range(5):
            copies = {
                tmp_path / name: tmp_path / f"{turn}-{name}" for name in ("first.db", "second.db")
            }
            copy_together(copies)
            ahead, behind = map(highest, copies.values())
            assert ahead - behind in {0, 1}
            assert behind >= 19
    finally:
        stop.set()
        writer.join()
        first.close()
        second.close()


def test_what_is_missing_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="cannot be opened"):
        copy_together({tmp_path / "none.db": tmp_path / "copy.db"})
    assert not list(tmp_path.iterdir())


def test_what_is_no_database_is_named(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("nothing of the kind " * 100)
    with pytest.raises(Overloaded, match="is not a database"):
        copy_together({tmp_path / "text.db": tmp_path / "copy.db"})
