"""Agents' memory in a database that other processes use too."""

import sqlite3
from collections.abc import Sequence
from dataclasses import dataclass

from headgate.core.memory import Fact, Person, Turn
from headgate.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class SqliteMemories:
    """`MemoryStore` in SQLite."""

    database: Database

    async def say(
        self, person: Person, session_id: str, turns: Sequence[Turn], *, once: str
    ) -> None:
        """See `MemoryStore.say`."""
        rows = [
            (*person, session_id, turn.speaker, turn.text, turn.at, f"{once} {number}")
            for number, turn in enumerate(turns)
        ]
        await self.database.writer.run(
            lambda connection: connection.executemany(
                "INSERT INTO memory_turns"
                " (workspace_id, person_id, session_id, speaker, text, at, once)"
                " VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING",
                rows,
            )
        )

    async def conversation(self, person: Person, session_id: str, *, limit: int) -> list[Turn]:
        """See `MemoryStore.conversation`."""
        return await self.database.readers.run(
            lambda connection: _conversation(connection, person, session_id, limit)
        )

    async def end(self, person: Person, session_id: str) -> None:
        """See `MemoryStore.end`."""
        await self.database.writer.run(
            lambda connection: connection.execute(
                "DELETE FROM memory_turns"
                " WHERE workspace_id = ? AND person_id = ? AND session_id = ?",
                (*person, session_id),
            )
        )

    async def keep(self, person: Person, facts: Sequence[Fact]) -> None:
        """See `MemoryStore.keep`."""
        rows = [(*person, fact.id, fact.text, fact.created_at, fact.expires_at) for fact in facts]
        await self.database.writer.run(
            lambda connection: connection.executemany(
                "INSERT OR REPLACE INTO memory_facts"
                " (workspace_id, person_id, id, text, created_at, expires_at)"
                " VALUES (?, ?, ?, ?, ?, ?)",
                rows,
            )
        )

    async def facts(self, person: Person, *, now: float, limit: int) -> list[Fact]:
        """See `MemoryStore.facts`."""
        return await self.database.readers.run(
            lambda connection: [
                Fact(id=id_, text=text, created_at=created_at, expires_at=expires_at)
                for id_, text, created_at, expires_at in connection.execute(
                    "SELECT id, text, created_at, expires_at FROM memory_facts"
                    " WHERE workspace_id = ? AND person_id = ?"
                    " AND (expires_at IS NULL OR expires_at > ?)"
                    " ORDER BY created_at DESC, id DESC LIMIT ?",
                    (*person, now, limit),
                )
            ]
        )

    async def forget(self, person: Person, fact_id: str) -> bool:
        """See `MemoryStore.forget`."""
        return await self.database.writer.run(
            lambda connection: (
                connection.execute(
                    "DELETE FROM memory_facts WHERE workspace_id = ? AND person_id = ? AND id = ?",
                    (*person, fact_id),
                ).rowcount
                > 0
            )
        )


def _conversation(
    connection: sqlite3.Connection, person: Person, session_id: str, limit: int
) -> list[Turn]:
    rows = connection.execute(
        "SELECT speaker, text, at FROM memory_turns"
        " WHERE workspace_id = ? AND person_id = ? AND session_id = ?"
        " ORDER BY number DESC LIMIT ?",
        (*person, session_id, limit),
    ).fetchall()
    return [Turn(*row) for row in reversed(rows)]
