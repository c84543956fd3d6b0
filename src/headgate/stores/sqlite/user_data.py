"""Deleting what is kept of a user in SQLite, step by step, each step one transaction."""

import sqlite3
from dataclasses import dataclass

from headgate.core.erasures import Erased, Erasure
from headgate.stores.sqlite import rollups
from headgate.stores.sqlite.database import Database

_STATEMENTS = (
    """
    DELETE FROM memory_turns WHERE number IN
        (SELECT number FROM memory_turns WHERE person_id = :user LIMIT :limit)
    """,
    "DELETE FROM memory_facts WHERE person_id = :user",
    # Few at once: they may be long.
    """
    DELETE FROM answers WHERE id IN
        (SELECT id FROM answers WHERE user_id = :user LIMIT min(:limit, 20))
    """,
    "DELETE FROM vendor_keys WHERE user_id = :user",
    "DELETE FROM limits WHERE scope = 'user' AND id = :user",
    "DELETE FROM alerts WHERE scope = 'user' AND id = :user",
    # Whoever works on runs stops those that go on, and deletes those that ended in 1970.
    """
    INSERT INTO run_commands (run_id, kind, approved)
    SELECT run_id, 'cancel', 0 FROM runs WHERE user_id = :user AND finished_at IS NULL
    AND run_id NOT IN (SELECT run_id FROM run_commands WHERE kind = 'cancel')
    """,
    "UPDATE runs SET finished_at = 0 WHERE user_id = :user AND finished_at > 0",
    """
    UPDATE events SET user_id = :pseudonym WHERE rowid IN
        (SELECT rowid FROM events WHERE user_id = :user LIMIT :limit)
    """,
    # An account moves once nobody leases from it: what a lease settles finds it by its name.
    """
    INSERT INTO accounts SELECT scope, :pseudonym, period, granted, spent, unconfirmed
    FROM accounts WHERE scope = 'user' AND id = :user
    AND (scope, id, period) NOT IN (SELECT scope, id, period FROM leases)
    ON CONFLICT (scope, id, period) DO UPDATE SET granted = granted + excluded.granted,
    spent = spent + excluded.spent, unconfirmed = unconfirmed + excluded.unconfirmed
    """,
    """
    UPDATE unconfirmed SET id = :pseudonym WHERE scope = 'user' AND id = :user
    AND (scope, id, period) NOT IN (SELECT scope, id, period FROM leases)
    """,
    """
    DELETE FROM accounts WHERE scope = 'user' AND id = :user
    AND (scope, id, period) NOT IN (SELECT scope, id, period FROM leases)
    """,
)
_WAITING = (
    "SELECT (SELECT count(*) FROM runs WHERE user_id = :user)"
    " + (SELECT count(*) FROM leases WHERE scope = 'user' AND id = :user)"
)


@dataclass(frozen=True, slots=True)
class SqliteUserData:
    """`UserDataStore` over the tables of the other stores in the same file."""

    database: Database

    async def begin(self, erasure: Erasure) -> Erasure:
        """See `UserDataStore.begin`."""
        return await self.database.writer.run(lambda connection: _begin(connection, erasure))

    async def of(self, user_id: str) -> Erasure | None:
        """See `UserDataStore.of`."""
        return await self.database.readers.run(lambda connection: _of(connection, user_id))

    async def under_way(self) -> list[Erasure]:
        """See `UserDataStore.under_way`."""
        return await self.database.readers.run(
            lambda connection: [
                _erasure(row) for row in connection.execute("SELECT * FROM erasures")
            ]
        )

    async def erase(self, erasure: Erasure, *, limit: int) -> Erased:
        """See `UserDataStore.erase`."""
        return await self.database.writer.run(lambda connection: _erase(connection, erasure, limit))

    async def end(self, erasure: Erasure) -> None:
        """See `UserDataStore.end`."""
        await self.database.writer.run(
            lambda connection: connection.execute(
                "DELETE FROM erasures WHERE user_id = ? AND pseudonym = ?",
                (erasure.user_id, erasure.pseudonym),
            )
        )


def _begin(connection: sqlite3.Connection, erasure: Erasure) -> Erasure:
    connection.execute(
        "INSERT INTO erasures (user_id, pseudonym, begun_at) VALUES (?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (erasure.user_id, erasure.pseudonym, erasure.begun_at),
    )
    return _of(connection, erasure.user_id) or erasure


def _of(connection: sqlite3.Connection, user_id: str) -> Erasure | None:
    row = connection.execute("SELECT * FROM erasures WHERE user_id = ?", (user_id,)).fetchone()
    return None if row is None else _erasure(row)


def _erasure(row: tuple[str, str, float]) -> Erasure:
    return Erasure(user_id=row[0], pseudonym=row[1], begun_at=row[2])


def _erase(connection: sqlite3.Connection, erasure: Erasure, limit: int) -> Erased:
    user, pseudonym = erasure.user_id, erasure.pseudonym
    names = {"user": user, "pseudonym": pseudonym, "limit": limit}
    changed = sum(connection.execute(statement, names).rowcount for statement in _STATEMENTS)
    changed += rollups.rename_user(connection, user, pseudonym, limit)
    (waiting,) = connection.execute(_WAITING, {"user": user}).fetchone()
    return Erased(changed, waiting)
