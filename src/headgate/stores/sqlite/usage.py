"""Questions to the ledger in SQLite, answered from rollups and exact to the millisecond."""

import functools
import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.usage import Dimension, UsageEvent, UsageFilter, UsageTotals
from headgate.stores.sqlite import events
from headgate.stores.sqlite.database import Database
from headgate.stores.time_ranges import DAY, HOUR, milliseconds, name_of, parts

_COLUMNS: dict[Dimension, str] = {
    "model": "model",
    "provider": "provider",
    "user": "user_id",
    "key": "key_id",
    "workspace": "workspace_id",
}
_ROLLUP_SUMS = ", ".join(f"sum({name})" for name in UsageTotals.__struct_fields__)
_EVENT_SUMS = (
    "count(*), sum(status <> 'ok'), sum(input_tokens), sum(output_tokens), sum(cost), "
    "sum(billed), sum(cache = 'hit'), sum(saved_cost)"
)

_decode_tags = msgspec.json.Decoder(set[str]).decode


@dataclass(frozen=True, slots=True)
class SqliteUsage:
    """`UsageStore` in a database that other processes use too."""

    database: Database

    async def totals(self, where: UsageFilter) -> UsageTotals:
        """See `UsageStore.totals`."""
        sums = await self.database.readers.run(lambda connection: _sums(connection, where, None))
        return sums.get("", UsageTotals())

    async def rows(self, where: UsageFilter, by: Dimension) -> list[tuple[str, UsageTotals]]:
        """See `UsageStore.rows`."""
        sums = await self.database.readers.run(lambda connection: _sums(connection, where, by))
        if by in ("day", "hour"):
            return [(name_of(start, by), totals) for start, totals in sorted(sums.items())]
        return sorted(sums.items(), key=lambda row: (-row[1].billed, row[0]))

    async def events(
        self, where: UsageFilter, *, limit: int, before: str | None
    ) -> list[UsageEvent]:
        """See `UsageStore.events`."""
        return await self.database.readers.run(
            lambda connection: _events(connection, where, limit, before)
        )


def _sums(
    connection: sqlite3.Connection, where: UsageFilter, by: Dimension | None
) -> dict[Any, UsageTotals]:
    """The sums for each value of `by`: a text, or a time in milliseconds; `""` without one."""
    sums: dict[Any, list[int]] = {}
    for part in parts(where, by):
        sql = _sums_sql(
            by,
            from_rollups=part.span is not None,
            of_user=where.user_id is not None,
            of_key=where.key_id is not None,
        )
        values = {**part._asdict(), "user": where.user_id, "key": where.key_id}
        for value, *row in connection.execute(sql, values):
            # Events are grouped by all of their tags together.
            for each in _decode_tags(value) if by == "tag" and part.span is None else (value,):
                known = sums.get(each)
                sums[each] = row if known is None else list(map(int.__add__, known, row))
    return {value: UsageTotals(*row) for value, row in sums.items()}


@functools.cache
def _sums_sql(by: Dimension | None, *, from_rollups: bool, of_user: bool, of_key: bool) -> str:
    if from_rollups:
        table, time, sums = "rollups", "start", _ROLLUP_SUMS
        conditions = ["span = :span", "start >= :start", "start < :end"]
    else:
        table, time, sums = "events", "timestamp", _EVENT_SUMS
        conditions = ["timestamp >= :start", "timestamp < :end"]
    if by is None:
        value = "''"
    elif by == "tag":
        table, value = ("tag_rollups", "tag") if from_rollups else (table, "tags")
    elif by in _COLUMNS:
        value = _COLUMNS[by]
    else:
        length = DAY if by == "day" else HOUR
        value = f"{time} - {time} % {length}"
    conditions += _owner_conditions(of_user=of_user, of_key=of_key)
    return (
        f"SELECT {value} AS value, {sums} FROM {table} "  # noqa: S608 - constant parts only
        f"WHERE {' AND '.join(conditions)} GROUP BY value"
    )


def _owner_conditions(*, of_user: bool, of_key: bool) -> list[str]:
    conditions = []
    if of_user:
        conditions.append("user_id = :user")
    if of_key:
        conditions.append("key_id = :key")
    return conditions


def _events(
    connection: sqlite3.Connection, where: UsageFilter, limit: int, before: str | None
) -> list[UsageEvent]:
    values: dict[str, Any] = {
        "start": milliseconds(where.start),
        "end": milliseconds(where.end),
        "user": where.user_id,
        "key": where.key_id,
        "limit": limit,
        "before": before,
    }
    if before is not None:
        row = connection.execute(
            "SELECT timestamp FROM events WHERE id = :before", values
        ).fetchone()
        if row is None:
            return []
        values["before_timestamp"] = row[0]
    sql = _events_sql(
        of_user=where.user_id is not None,
        of_key=where.key_id is not None,
        behind=before is not None,
    )
    return [events.from_row(row) for row in connection.execute(sql, values)]


@functools.cache
def _events_sql(*, of_user: bool, of_key: bool, behind: bool) -> str:
    conditions = ["timestamp >= :start", "timestamp < :end"]
    if behind:
        conditions.append("(timestamp, id) < (:before_timestamp, :before)")
    conditions += _owner_conditions(of_user=of_user, of_key=of_key)
    return (
        f"SELECT {', '.join(events.COLUMNS)} FROM events "  # noqa: S608 - constant parts only
        f"WHERE {' AND '.join(conditions)} ORDER BY timestamp DESC, id DESC LIMIT :limit"
    )
