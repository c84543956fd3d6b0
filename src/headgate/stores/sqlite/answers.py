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

FORGOTTEN_AT_ONCE = 20
"""So many rows are removed in one transaction: they may be long, and calls wait behind it."""

_KEEP = (
    "INSERT INTO answers (id, fingerprint, owner, expires_at, model, provider, body, user_id) "
    "VALUES (?, ?, '', ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET "
    "fingerprint = excluded.fingerprint, expires_at = excluded.expires_at, "
    "model = excluded.model, provider = excluded.provider, body = excluded.body, "
    "user_id = excluded.user_id"
)
_CLAIM = (
    "INSERT INTO answers (id, fingerprint, owner, expires_at) VALUES (?, ?, ?, ?) "
    "ON CONFLICT (id) DO UPDATE SET fingerprint = excluded.fingerprint, "
    "owner = excluded.owner, expires_at = excluded.expires_at, awaited_at = NULL, "
    "model = NULL, provider = NULL, body = NULL, user_id = NULL"
)


@dataclass(frozen=True, slots=True)
class SqliteAnswers:
    """`AnswerStore` in a database that other processes use too."""

    database: Database

    async def find(self, call_id: str, *, now: float) -> Claim | KeptAnswer | None:
        """See `AnswerStore.find`."""
        return await self.database.readers.run(lambda connection: _find(connection, call_id, now))

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

    async def keep(self, answer: KeptAnswer) -> None:
        """See `AnswerStore.keep`."""
        await self.database.writer.run(lambda connection: keep(connection, [answer]))

    async def forget(self, *, now: float) -> None:
        """See `AnswerStore.forget`."""
        while await self.database.writer.run(lambda connection: _forget(connection, now)):
            pass


def keep(connection: sqlite3.Connection, answers: Iterable[KeptAnswer]) -> None:
    """Put answers in the place of their claims."""
    connection.executemany(
        _KEEP,
        [
            (
                *(*answer.key, answer.expires_at, answer.model, answer.provider),
                *(answer.body, answer.user_id),
            )
            for answer in answers
        ],
    )


def _find(connection: sqlite3.Connection, call_id: str, now: float) -> Claim | KeptAnswer | None:
    row = connection.execute(
        "SELECT fingerprint, owner, expires_at, model, provider, body FROM answers "
        "WHERE id = ? AND expires_at > ?",
        (call_id, now),
    ).fetchone()
    if row is None:
        return None
    fingerprint, owner, expires_at, model, provider, body = row
    if body is None:
        return Claim(owner=owner, fingerprint=fingerprint)
    return KeptAnswer(
        key=AnswerKey(call_id, fingerprint),
        model=model,
        provider=provider,
        body=body,
        expires_at=expires_at,
    )


def _claim(
    connection: sqlite3.Connection, key: AnswerKey, owner: str, now: float, until: float
) -> Claim | KeptAnswer:
    found = _find(connection, key.id, now)
    if isinstance(found, KeptAnswer):
        return found
    if found is not None and found.owner != owner:
        connection.execute("UPDATE answers SET awaited_at = ? WHERE id = ?", (now, key.id))
        return found
    connection.execute(_CLAIM, (*key, owner, until))
    return Claim(owner=owner, fingerprint=key.fingerprint)


def _forget(connection: sqlite3.Connection, now: float) -> bool:
    """Remove some of what has expired; whether there may be more."""
    removed = connection.execute(
        "DELETE FROM answers WHERE id IN (SELECT id FROM answers WHERE expires_at <= ? LIMIT ?)",
        (now, FORGOTTEN_AT_ONCE),
    )
    return removed.rowcount == FORGOTTEN_AT_ONCE
