"""Counts of how well the platform serves, in SQLite: a row for each thing counted in a slot."""

import sqlite3
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from headgate.core.service_levels import Counts, oldest_kept, slots_of
from headgate.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class SqliteServiceLevels:
    """`ServiceStore` in a database that other processes use too."""

    database: Database

    async def add(self, moment: float, counts: Mapping[str, Counts]) -> None:
        """See `ServiceStore.add`."""
        await self.database.writer.run(lambda connection: _add(connection, moment, counts))

    async def sums(self, length: int, start: int, end: int) -> Mapping[str, Counts]:
        """See `ServiceStore.sums`."""
        return await self.database.readers.run(
            lambda connection: _sums(connection, length, start, end)
        )


def _add(connection: sqlite3.Connection, moment: float, counts: Mapping[str, Counts]) -> None:
    for slot in slots_of(moment):
        connection.executemany(
            "INSERT INTO service_levels (length, start, series, measure, count) "
            "VALUES (?, ?, ?, ?, ?) ON CONFLICT (length, start, series, measure) "
            "DO UPDATE SET count = count + excluded.count",
            [
                (*slot, series, measure, count)
                for series, each in counts.items()
                for measure, count in each.items()
            ],
        )
        connection.execute(
            "DELETE FROM service_levels WHERE length = ? AND start < ?",
            (slot.length, oldest_kept(slot)),
        )


def _sums(
    connection: sqlite3.Connection, length: int, start: int, end: int
) -> Mapping[str, Counts]:
    rows = connection.execute(
        "SELECT series, measure, sum(count) FROM service_levels "
        "WHERE length = ? AND start >= ? AND start < ? GROUP BY series, measure",
        (length, start, end),
    )
    found: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for series, measure, count in rows:
        found[series][measure] = count
    return found
