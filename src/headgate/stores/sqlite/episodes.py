"""What was told of episodes, in SQLite."""

import sqlite3
from dataclasses import dataclass

from headgate.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class SqliteEpisodes:
    """`EpisodeStore` in a database that other processes use too."""

    database: Database

    async def claim(
        self, name: str, channel: str, *, is_open: bool, now: float, until: float
    ) -> float | None:
        """See `EpisodeStore.claim`."""
        return await self.database.writer.run(
            lambda connection: _claim(connection, (name, channel), is_open, now, until)
        )

    async def told(self, name: str, channel: str, *, is_open: bool, now: float) -> None:
        """See `EpisodeStore.told`."""
        await self.database.writer.run(
            lambda connection: connection.execute(
                "INSERT OR REPLACE INTO episodes (name, channel, is_open, changed_at, held_until) "
                "VALUES (?, ?, ?, ?, 0)",
                (name, channel, is_open, now),
            )
        )


def _claim(
    connection: sqlite3.Connection,
    place: tuple[str, str],
    is_open: bool,
    now: float,
    until: float,
) -> float | None:
    connection.execute("INSERT OR IGNORE INTO episodes (name, channel) VALUES (?, ?)", place)
    row = connection.execute(
        "UPDATE episodes SET held_until = ? WHERE name = ? AND channel = ? AND is_open != ? "
        "AND held_until <= ? RETURNING changed_at",
        (until, *place, is_open, now),
    ).fetchone()
    return None if row is None else row[0]
