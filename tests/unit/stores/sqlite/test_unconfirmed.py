"""Unconfirmed entries as rows; what they mean for an account is the ledger's contract."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.budgets import Account, LeaseId
from headgate.stores.sqlite import unconfirmed
from headgate.stores.sqlite.schema import migrate

LEASE = LeaseId("own_dead", Account("key", "sk-proj-one"), "2026-11")


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migrate(tmp_path / "headgate.db")
    with closing(sqlite3.connect(tmp_path / "headgate.db")) as connection:
        yield connection


def charged(connection: sqlite3.Connection) -> list[tuple[float, int]]:
    entries = unconfirmed.charged(connection, 100, None)
    return [(entry.created_at, entry.amount) for entry in entries]


def test_the_oldest_entries_of_a_lease_are_confirmed_first(connection: sqlite3.Connection) -> None:
    for now, amount in ((30.0, 3), (10.0, 1), (20.0, 2)):
        unconfirmed.add(connection, LEASE, amount, now)
    assert unconfirmed.confirm(connection, LEASE, 2) == 2
    assert charged(connection) == [(30.0, 3), (20.0, 1)]
    assert unconfirmed.confirm(connection, LEASE, 100) == 4
    assert charged(connection) == []


def test_a_released_entry_is_kept_but_neither_charged_nor_confirmed(
    connection: sqlite3.Connection,
) -> None:
    unconfirmed.add(connection, LEASE, 5, 10.0)
    (entry,) = unconfirmed.charged(connection, 100, None)
    released = unconfirmed.release(connection, entry, 11.0)
    assert unconfirmed.find(connection, entry.id) == released
    assert charged(connection) == []
    assert unconfirmed.confirm(connection, LEASE, 5) == 0
