"""Questions to the ledger in SQLite, answered from rollups and exact to the millisecond."""

import datetime as dt
import functools
import sqlite3
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

import msgspec

from headgate.core.money import NanoUSD
from headgate.core.usage import Dimension, Timing, UsageEvent, UsageFilter, UsageTotals
from headgate.stores.sqlite import events, retention, rollups
from headgate.stores.sqlite.database import Database
from headgate.stores.time_ranges import DAY, HOUR, milliseconds, moment, name_of, parts

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
    "sum(billed), sum(cache = 'hit'), sum(saved_cost), sum(auto_saved), "
    "sum(byok * cost)"
)

_decode_tags = msgspec.json.Decoder(set[str]).decode


class _Source(NamedTuple):
    """Rows of a table between two times, in milliseconds; events have no `span`."""

    table: str
    span: int
    start: int
    end: int


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

    async def daily(
        self, by: Dimension, value: str, start: dt.datetime, end: dt.datetime
    ) -> dict[str, NanoUSD]:
        """See `UsageStore.daily`."""
        days = UsageFilter(start, end)
        return await self.database.readers.run(
            lambda connection: _daily(connection, by, value, days)
        )

    async def daily_of_each(
        self, by: Dimension, values: Collection[str], start: dt.datetime, end: dt.datetime
    ) -> dict[str, dict[str, NanoUSD]]:
        """See `UsageStore.daily_of_each`."""
        days = UsageFilter(start, end)
        return await self.database.readers.run(
            lambda connection: _daily_of_each(connection, by, values, days)
        )

    async def timings(self, where: UsageFilter, *, limit: int) -> list[Timing]:
        """See `UsageStore.timings`."""
        return await self.database.readers.run(
            lambda connection: _timings(connection, where, limit)
        )

    async def forget(self, *, before: dt.datetime, limit: int, worker: str, now: float) -> int:
        """See `UsageStore.forget`."""
        end = milliseconds(before)
        return await self.database.writer.run(
            lambda connection: retention.forget(connection, end, limit, worker, now)
        )


def _sums(
    connection: sqlite3.Connection, where: UsageFilter, by: Dimension | None
) -> dict[Any, UsageTotals]:
    """The sums for each value of `by`: a text, or a time in milliseconds; `""` without one."""
    sums: dict[Any, list[int]] = {}
    of_user, of_key = where.user_id is not None, where.key_id is not None
    table = _table(by, of_user=of_user, of_key=of_key)
    for source in _sources(connection, where, by, table):
        sql = _sums_sql(by, source.table, source.span, of_user=of_user, of_key=of_key)
        values = {**source._asdict(), "user": where.user_id, "key": where.key_id}
        for value, *row in connection.execute(sql, values):
            # Events are grouped by all of their tags together.
            is_list = by == "tag" and source.table == "events"
            for each in _decode_tags(value) if is_list else (value,):
                known = sums.get(each)
                sums[each] = row if known is None else list(map(int.__add__, known, row))
    return {value: UsageTotals(*row) for value, row in sums.items()}


def _sources(
    connection: sqlite3.Connection, where: UsageFilter, by: Dimension | None, table: str
) -> Iterator[_Source]:
    """Where each part of a range is read, of `table` and of what is not summed there yet."""
    opened = rollups.open_hour(connection)
    kept_from = retention.kept_from(connection)
    for span, start, end in parts(where, by, kept_from, rollups.SPANS[table], opened):
        if span is None:
            yield _Source("events", HOUR, start, end)
        elif start < opened:
            yield _Source(table, span, start, end)
        else:
            yield _Source("tag_rollups" if by == "tag" else "rollups", span, start, end)


def _table(by: Dimension | None, *, of_user: bool, of_key: bool) -> str:
    """The table with the fewest rows that hold the sums by this dimension."""
    if by == "hour" and of_user != of_key:
        return "user_sums" if of_user else "key_sums"
    of_one = of_user or of_key
    if by == "tag":
        return "tag_rollups" if of_one else "tag_sums"
    if of_one:
        return "rollups"
    return "owner_sums" if by in ("user", "key", "workspace") else "model_sums"


@functools.cache
def _sums_sql(by: Dimension | None, table: str, span: int, *, of_user: bool, of_key: bool) -> str:
    is_summed = table != "events"
    time, sums = ("start", _ROLLUP_SUMS) if is_summed else ("timestamp", _EVENT_SUMS)
    conditions = [f"{time} >= :start", f"{time} < :end"]
    if is_summed:
        conditions.append("span = :span")
    if by is None:
        value = "''"
    elif by == "tag":
        value = "tag" if is_summed else "tags"
    elif by in _COLUMNS:
        value = _COLUMNS[by]
    else:
        length = DAY if by == "day" else HOUR
        # Rows of the same span are in order already, which SQLite sees when they are named so.
        value = time if is_summed and span == length else f"{time} - {time} % {length}"
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
    if where.user_id is not None and where.key_id is not None:
        where = _narrowed(connection, where)
    values: dict[str, Any] = {
        # What is about to be deleted is gone already, so that pages do not shrink while it is.
        "start": max(milliseconds(where.start), retention.kept_from(connection)),
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
        # SQLite goes by one upper bound of an index, and by the range's it would read again all
        # that is before this page.
        values["end"] = min(values["end"], row[0] + 1)
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


def _narrowed(connection: sqlite3.Connection, where: UsageFilter) -> UsageFilter:
    """The days in which this key was this user's.

    One index leads to the key's events or to the user's; where the two hardly meet, a search for
    events of both would go through all of one of them.
    """
    first, last = connection.execute(
        "SELECT min(start), max(start) FROM rollups INDEXED BY rollups_by_key "
        "WHERE key_id = ? AND span = ? AND start >= ? AND start < ? AND user_id = ?",
        (
            where.key_id,
            HOUR,
            milliseconds(where.start) - HOUR,
            milliseconds(where.end),
            where.user_id,
        ),
    ).fetchone()
    if first is None:
        return where._replace(end=where.start)
    return where._replace(
        start=max(where.start, moment(first)), end=min(where.end, moment(last + HOUR))
    )


def _daily(
    connection: sqlite3.Connection, by: Dimension, value: str, days: UsageFilter
) -> dict[str, NanoUSD]:
    table = {"model": "model_sums", "workspace": "owner_sums"}.get(by, "rollups")
    found: dict[str, NanoUSD] = {}
    for source in _sources(connection, days, "day", table):
        rows = connection.execute(
            f"SELECT start - start % {DAY} AS day, sum(billed) FROM {source.table} "  # noqa: S608 - constant parts only
            f"WHERE span = :span AND start >= :start AND start < :end AND {_COLUMNS[by]} = :value "
            "GROUP BY day",
            {**source._asdict(), "value": value},
        )
        for day, billed in rows:
            name = name_of(day, "day")
            found[name] = found.get(name, 0) + billed
    return found


def _daily_of_each(
    connection: sqlite3.Connection, by: Dimension, values: Collection[str], days: UsageFilter
) -> dict[str, dict[str, NanoUSD]]:
    column = _COLUMNS[by]
    found: dict[str, dict[str, NanoUSD]] = {}
    asked = msgspec.json.encode(list(values)).decode()
    name = functools.cache(lambda day: name_of(day, "day"))
    for source in _sources(connection, days, "day", _table(by, of_user=False, of_key=False)):
        rows = connection.execute(
            f"SELECT {column}, start - start % {DAY}, sum(billed) FROM {source.table} "  # noqa: S608 - constant parts only
            "WHERE span = :span AND start >= :start AND start < :end "
            f"AND {column} IN (SELECT value FROM json_each(:asked)) GROUP BY start, {column}",
            {**source._asdict(), "asked": asked},
        )
        for value, day, billed in rows:
            of_one = found.setdefault(value, {})
            of_one[name(day)] = of_one.get(name(day), 0) + billed
    return found


def _timings(connection: sqlite3.Connection, where: UsageFilter, limit: int) -> list[Timing]:
    conditions = " AND ".join(
        (
            "timestamp >= :start AND timestamp < :end",
            *_owner_conditions(of_user=where.user_id is not None, of_key=where.key_id is not None),
        )
    )
    rows = connection.execute(
        "SELECT timestamp, status, cache, latency_ms, first_token_ms FROM events "  # noqa: S608 - constant parts only
        f"WHERE {conditions} ORDER BY timestamp DESC, id DESC LIMIT :limit",
        {
            "start": max(milliseconds(where.start), retention.kept_from(connection)),
            "end": milliseconds(where.end),
            "user": where.user_id,
            "key": where.key_id,
            "limit": limit,
        },
    )
    return [Timing(*row) for row in rows]
