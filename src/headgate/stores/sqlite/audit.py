"""The audit log in SQLite. The one writer at a time that SQLite has numbers the records."""

import sqlite3
from dataclasses import dataclass
from typing import cast

from headgate.core.audit import (
    Act,
    AuditFilter,
    AuditRecord,
    Intent,
    Outcome,
    SealedRecord,
    opened,
    seal,
)
from headgate.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class SqliteAudit:
    """`AuditStore` in a database that other processes use too."""

    database: Database

    async def append(self, record: AuditRecord) -> None:
        """See `AuditStore.append`."""
        await self.database.writer.run(lambda connection: _append(connection, record))

    async def acts(self, where: AuditFilter, *, limit: int, before: int | None) -> list[Act]:
        """See `AuditStore.acts`."""
        return await self.database.readers.run(
            lambda connection: _acts(connection, where, limit, before)
        )

    async def records(self, *, after: int, limit: int) -> list[SealedRecord]:
        """See `AuditStore.records`."""
        return await self.database.readers.run(
            lambda connection: _records(connection, "number > ? ORDER BY number", after, limit)
        )


def _append(connection: sqlite3.Connection, record: AuditRecord) -> None:
    last = _records(connection, "? ORDER BY number DESC", 1, 1)
    sealed = seal(record, last[0] if last else None)
    is_intent = isinstance(record, Intent)
    connection.execute(
        "INSERT INTO audit (number, act_id, is_intent, at, key_id, user_id, action, target, record,"
        " hash) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            sealed.number,
            record.act_id,
            is_intent,
            record.at,
            *(_who(record) if isinstance(record, Intent) else ("", "", "")),
            record.target,
            sealed.text,
            sealed.hash,
        ),
    )


def _who(intent: Intent) -> tuple[str, str, str]:
    return intent.actor.key_id, intent.actor.user_id or "", intent.action


def _acts(
    connection: sqlite3.Connection, where: AuditFilter, limit: int, before: int | None
) -> list[Act]:
    rows = connection.execute(
        "SELECT intent.number, intent.record, outcome.record FROM audit AS intent "
        "LEFT JOIN audit AS outcome ON outcome.act_id = intent.act_id AND outcome.is_intent = 0 "
        "WHERE intent.is_intent = 1 AND intent.number < coalesce(:before, 9e15) "
        "AND intent.at >= :start AND intent.at < :end "
        "AND (:actor IS NULL OR :actor IN (intent.key_id, intent.user_id)) "
        "AND (:action IS NULL OR intent.action = :action "
        "OR substr(intent.action, 1, instr(intent.action, '.') - 1) = :action) "
        "AND (:target IS NULL OR coalesce(outcome.target, intent.target) = :target) "
        "AND (:workspace IS NULL "
        "OR json_extract(intent.record, '$.workspace_id') = :workspace) "
        "ORDER BY intent.number DESC LIMIT :limit",
        {
            "before": before,
            "start": where.start,
            "end": where.end,
            "actor": where.actor,
            "action": where.action,
            "target": where.target,
            "workspace": where.workspace_id,
            "limit": limit,
        },
    )
    return [
        Act(
            number,
            cast("Intent", opened(intent)),
            None if outcome is None else cast("Outcome", opened(outcome)),
        )
        for number, intent, outcome in rows
    ]


def _records(
    connection: sqlite3.Connection, where: str, value: int, limit: int
) -> list[SealedRecord]:
    rows = connection.execute(
        f"SELECT number, record, hash FROM audit WHERE {where} LIMIT ?",  # noqa: S608 - constants
        (value, limit),
    )
    return [SealedRecord(*row) for row in rows]
