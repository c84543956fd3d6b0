"""Loads settled calls into SQLite in large transactions: the rows that the ledger itself writes.

Each transaction is the ledger's own, only larger, and nothing is flushed until the end. The file is
for measuring; it would not survive a loss of power while it is loaded.
"""

import contextlib
import itertools
from collections.abc import Iterator
from pathlib import Path

from headgate.core.budgets import Settlement
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.ledger import record
from headgate.stores.sqlite.schema import migrate

BATCH = 40_000
CACHE_KIB = 1 << 20


def load(path: Path, settlements: Iterator[Settlement], *, batch: int = BATCH) -> Iterator[int]:
    """Write `settlements` into a database, new or not; yields how many have been written."""
    migrate(path)
    with contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA wal_autocheckpoint = 20000")
        written = 0
        while calls := list(itertools.islice(settlements, batch)):
            connection.execute("BEGIN IMMEDIATE")
            record(connection, calls)
            connection.execute("COMMIT")
            written += len(calls)
            yield written
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
