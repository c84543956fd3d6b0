"""Unconfirmed entries as rows: what leases that ended had not settled.

The sums of an account belong to `ledger`, which changes them in the same transaction.
"""

import sqlite3
from typing import Any

import msgspec

from headgate.core.budgets import Account, LeaseId, Unconfirmed
from headgate.core.ids import new_timed_id
from headgate.core.money import NanoUSD

_COLUMNS = "entry_id, owner, scope, id, period, amount, created_at, released_at"


def add(connection: sqlite3.Connection, lease: LeaseId, amount: NanoUSD, now: float) -> None:
    """Note what `lease` had not settled when it ended."""
    connection.execute(
        f"INSERT INTO unconfirmed ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, NULL)",  # noqa: S608 - constant parts only
        (new_timed_id("unc", now), lease.owner, *lease.account, lease.period, amount, now),
    )


def charged(connection: sqlite3.Connection, limit: int, after: str | None) -> list[Unconfirmed]:
    """Up to `limit` entries that are not released, newest first, from behind the id `after`."""
    rows = connection.execute(
        f"SELECT {_COLUMNS} FROM unconfirmed "  # noqa: S608 - constant parts only
        "WHERE released_at IS NULL AND (?1 IS NULL OR entry_id < ?1) "
        "ORDER BY entry_id DESC LIMIT ?2",
        (after, limit),
    )
    return [_from_row(row) for row in rows]


def find(connection: sqlite3.Connection, entry_id: str) -> Unconfirmed | None:
    """The entry with this id, released or not."""
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM unconfirmed WHERE entry_id = ?",  # noqa: S608 - constant parts only
        (entry_id,),
    ).fetchone()
    return row and _from_row(row)


def release(connection: sqlite3.Connection, entry: Unconfirmed, now: float) -> Unconfirmed:
    """Mark an entry as released."""
    connection.execute("UPDATE unconfirmed SET released_at = ? WHERE entry_id = ?", (now, entry.id))
    return msgspec.structs.replace(entry, released_at=now)


def confirm(connection: sqlite3.Connection, lease: LeaseId, amount: NanoUSD) -> NanoUSD:
    """Take up to `amount` off what the lease's owner left unconfirmed, the oldest first."""
    left = amount
    if not left:
        return 0
    entries = connection.execute(
        "SELECT entry_id, amount FROM unconfirmed "
        "WHERE owner = ? AND scope = ? AND id = ? AND period = ? AND released_at IS NULL "
        "ORDER BY created_at, entry_id",
        (lease.owner, *lease.account, lease.period),
    ).fetchall()
    for entry_id, open_amount in entries:
        if open_amount <= left:
            left -= open_amount
            connection.execute("DELETE FROM unconfirmed WHERE entry_id = ?", (entry_id,))
        else:
            connection.execute(
                "UPDATE unconfirmed SET amount = amount - ? WHERE entry_id = ?", (left, entry_id)
            )
            return amount
    return amount - left


def _from_row(row: tuple[Any, ...]) -> Unconfirmed:
    entry_id, owner, scope, account_id, period, amount, created_at, released_at = row
    return Unconfirmed(
        id=entry_id,
        lease=LeaseId(owner, Account(scope, account_id), period),
        amount=amount,
        created_at=created_at,
        released_at=released_at,
    )
