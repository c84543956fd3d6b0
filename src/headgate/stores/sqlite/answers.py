"""Answers kept under idempotency keys, in SQLite.

A row is a claim as long as it has no body. Its end is the claim's, or the answer's; a row that has
ended counts as gone, whether or not it has been removed.
"""

import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from headgate.core.answers import AnswerKey, Claim, KeptAnswer
from headgate.stores.sqlite.database import Database

FORGOTTEN_AT_ONCE = 500
"""So many rows are removed in one transaction, since calls wait behind it."""

_KEEP = (
    "INSERT INTO answers (id, fingerprint, owner, expires_at, model, provider, body) "
    "VALUES (?, ?, '', ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, "
    "model = excluded.model, provider = excluded.provider, body = excluded.body"
)
_CLAIM = (
    "INSERT INTO answers (id, fingerprint, owner, expires_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, "
    "owner = excluded.owner, expires_at = excluded.expires_at, awaited_at = NULL, "
    "model = NULL, provider = NULL, body = NULL"
)


@dataclass(frozen=True, slots=True)
class SqliteAnswers:
    """`AnswerStore` in a database that other processes use too."""

    database: Database

    async def claim(
        self, key: AnswerKey, *, owner: str, now: float, until: float
    ) -> Claim | KeptAnswer:
        """See `AnswerStore.claim`."""
        return await self.database.writer.run(
            lambda connection: _claim(connection, key, owner, now, until)
        )

    async def renew(self, ids: Sequence[str], *, owner: str, until: float) -> None:
        """See `AnswerStore.renew`."""
        listed = msgspec.json.encode(ids).decode()
        await self.database.writer.run(
            lambda connection: connection.execute(
                "UPDATE answers SET expires_at = max(expires_at, ?) WHERE owner = ? "
                "AND body IS NULL AND id IN (SELECT value FROM json_each(?))",
                (until, owner, listed),
            )
        )

    async def drop(self, call_id: str, *, owner: str) -> None:
        """See `AnswerStore.drop`."""
        await self.database.writer.run(
            lambda connection: connection.execute(
                "DELETE FROM answers WHERE id = ? AND owner = ? AND body IS NULL",
                (call_id, owner),
            )
        )

    async def is_awaited(self, call_id: str, *, since: float) -> bool:
        """See `AnswerStore.is_awaited`."""
        found = await self.database.readers.run(
            lambda connection: connection.execute(
                "SELECT 1 FROM answers WHERE id = ? AND awaited_at >= ?", (call_id, since)
            ).fetchone()
        )
        return found is not None

    async def forget(self, *, now: float) -> None:
        """See `AnswerStore.forget`."""
        while await self.database.writer.run(lambda connection: _forget(connection, now)):
            pass


def keep(connection: sqlite3.Connection, answers: Iterable[KeptAnswer]) -> None:
    """Put answers in the place of their claims."""
    connection.executemany(
        _KEEP,
        [
            (*answer.key, answer.expires_at, answer.model, answer.provider, answer.body)
            for answer in answers
        ],
    )


def _claim(
    connection: sqlite3.Connection, key: AnswerKey, owner: str, now: float, until: float
) -> Claim | KeptAnswer:
    row = connection.execute(
        "SELECT fingerprint, owner, expires_at, model, provider, body FROM answers "
        "WHERE id = ? AND expires_at > ?",
        (key.id, now),
    ).fetchone()
    if row is not None:
        fingerprint, owner_now, expires_at, model, provider, body = row
        if body is not None:
            return KeptAnswer(
                key=AnswerKey(key.id, fingerprint),
                model=model,
                provider=provider,
                body=body,
                expires_at=expires_at,
            )
        if owner_now != owner:
            connection.execute("UPDATE answers SET awaited_at = ? WHERE id = ?", (now, key.id))
            return Claim(owner=owner_now, fingerprint=fingerprint)
    connection.execute(_CLAIM, (*key, owner, until))
    return Claim(owner=owner, fingerprint=key.fingerprint)


def _forget(connection: sqlite3.Connection, now: float) -> bool:
    """Remove some of what has expired; whether there may be more."""
    removed = connection.execute(
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? LIMIT ?)",
        (now, FORGOTTEN_AT_ONCE),
    )
    return removed.rowcount == FORGOTTEN_AT_ONCE
