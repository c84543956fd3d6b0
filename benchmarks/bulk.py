"""Loads settled calls into SQLite in large transactions: the rows that the ledger itself writes.

Each transaction is the ledger's own, only larger, and nothing is flushed until the end. Indexes
that only questions read are built when all rows are there. The file is for measuring; it would not
survive a loss of power while it is loaded.
"""

import contextlib
import gc
import itertools
import multiprocessing
import sqlite3
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection
from pathlib import Path

import msgspec

from headgate.core.budgets import Settlement
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.ledger import record
from headgate.stores.sqlite.schema import migrate

BATCH = 40_000
CACHE_KIB = 1 << 20
SENT_TOGETHER = 2_000


def load(path: Path, settlements: Iterator[Settlement], *, batch: int = BATCH) -> Iterator[int]:
    """Write `settlements` into a database, new or not; yields how many have been written."""
    migrate(path)
    with _without_collections(), contextlib.closing(connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        connection.execute("PRAGMA wal_autocheckpoint = 20000")
        with _indexes_later(connection):
            written = 0
            while calls := list(itertools.islice(settlements, batch)):
                connection.execute("BEGIN IMMEDIATE")
                record(connection, calls)
                connection.execute("COMMIT")
                written += len(calls)
                yield written
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def made_beside(make: Callable[[], Iterator[Settlement]]) -> Iterator[Settlement]:
    """What `make` makes, in a process of its own, so that the next is made while one is written."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    maker = context.Process(target=_send, args=(make, sender), daemon=True)
    maker.start()
    # Otherwise this process would keep the pipe open when the maker is gone.
    sender.close()
    decode = msgspec.msgpack.Decoder(list[Settlement]).decode
    try:
        while calls := decode(receiver.recv_bytes()):
            yield from calls
    finally:
        receiver.close()
        maker.terminate()
        maker.join()


def _send(make: Callable[[], Iterator[Settlement]], sender: Connection) -> None:
    """Send all calls, and an empty list when there are no more."""
    gc.disable()
    encode = msgspec.msgpack.Encoder().encode
    made = make()
    while calls := list(itertools.islice(made, SENT_TOGETHER)):
        sender.send_bytes(encode(calls))
    sender.send_bytes(encode([]))


@contextlib.contextmanager
def _without_collections() -> Iterator[None]:
    """Calls make no cycles; to look for some among a million of them takes long."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


@contextlib.contextmanager
def _indexes_later(connection: sqlite3.Connection) -> Iterator[None]:
    """Take away the indexes that no write reads, and build them again at the end."""
    indexes = connection.execute(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL "
        "AND tbl_name IN ('events', 'rollups', 'tag_rollups')"
    ).fetchall()
    for name, _ in indexes:
        connection.execute(f"DROP INDEX {name}")
    yield
    for _, sql in indexes:
        connection.execute(sql)
