"""What is loaded in bulk is what the ledger writes, row for row."""

import itertools
import sqlite3
from contextlib import closing
from pathlib import Path

import bulk
import company
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger

END = 1_795_435_200_000


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
    loaded = rows(tmp_path / "bulk.db")
    assert loaded == rows(tmp_path / "settled.db")
    assert len(loaded["events"]) == len(calls)
    assert all(loaded[name] for name in ("rollups", "model_sums", "tag_sums", "accounts"))
