"""What is loaded in bulk is what the ledger writes, row for row."""

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

import bulk
import company
from headgate.core.budgets import Settlement
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger

END = 1_795_435_200_000


def indexes(path: Path) -> set[str]:
    with closing(sqlite3.connect(path)) as connection:
        found = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'index'")
        return {name for (name,) in found}


def rows(path: Path) -> dict[str, list[tuple[object, ...]]]:
    with closing(sqlite3.connect(path)) as connection:
        tables = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
        return {
            name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr)
            for (name,) in tables.fetchall()
        }


async def test_a_bulk_load_writes_the_rows_that_settling_writes(tmp_path: Path) -> None:
    calls = list(company.settlements(600, days=3, end=END))
    loads = bulk.load(tmp_path / "bulk.db", iter(calls), batch=250)
    assert list(loads) == [*range(250, len(calls), 250), len(calls)]
    database = Database(tmp_path / "settled.db")
    ledger = SqliteLedger(database)
    waiting = iter(calls)
    while some := list(itertools.islice(waiting, 7)):
        for settled in [ledger.settle(call) for call in some]:
            await settled
    await database.close()
    assert indexes(tmp_path / "bulk.db") == indexes(tmp_path / "settled.db")
    loaded = rows(tmp_path / "bulk.db")
    assert loaded == rows(tmp_path / "settled.db")
    assert len(loaded["events"]) == len(calls)
    assert all(loaded[name] for name in ("rollups", "model_sums", "tag_sums", "accounts"))


def test_calls_that_are_made_in_another_process_are_the_same() -> None:
    def make() -> Iterator[Settlement]:
        return company.settlements(5_000, days=3, end=END)

    assert list(bulk.made_beside(make)) == list(make())


def test_a_maker_that_fails_does_not_end_as_if_all_were_made() -> None:
    def make() -> Iterator[Settlement]:
        yield from company.settlements(10, days=1, end=END)
        raise SystemExit(1)

    with pytest.raises(EOFError):
        list(bulk.made_beside(make))
