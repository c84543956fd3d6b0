"""Questions to the ledger in SQLite, answered from rollups and exact to the millisecond."""

import datetime as dt
import functools
import heapq
import itertools
import operator
import sqlite3
from collections.abc import Collection, Iterator, Sequence
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
    owners = _owners(where)
    keys: list[str] = []
    if by == "tag" and "workspace" in owners:
        # Sums of tags know keys, and not their workspaces.
        owners = (owners - {"workspace"}) | {"keys"}
        keys = list(_sums(connection, where, "key"))
    values = {**_values(where), "keys": msgspec.json.encode(keys).decode()}
    for source in _sources(connection, where, by, _table(by, owners)):
        sql = _sums_sql(by, source.table, source.span, owners)
        for value, *row in connection.execute(sql, values | source._asdict()):
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


def _table(by: Dimension | None, owners: frozenset[str] = frozenset()) -> str:
    """The table with the fewest rows that hold the sums by this dimension."""
    if by == "hour" and owners in ({"user"}, {"key"}):
        return "user_sums" if "user" in owners else "key_sums"
    if by == "tag":
        return "tag_rollups" if owners else "tag_sums"
    if owners == {"workspace"}:
        return "rollups" if by in ("model", "provider") else "owner_sums"
    if owners:
        return "rollups"
    return "owner_sums" if by in ("user", "key", "workspace") else "model_sums"


@functools.cache
def _sums_sql(by: Dimension | None, table: str, span: int, owners: frozenset[str]) -> str:
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
    conditions += _conditions(owners)
    return (
        f"SELECT {value} AS value, {sums} FROM {table} "  # noqa: S608 - constant parts only
        f"WHERE {' AND '.join(conditions)} GROUP BY value"
    )


_CONDITIONS = {
    "user": "user_id = :user",
    "key": "key_id = :key",
    "keys": "key_id IN (SELECT value FROM json_each(:keys))",
    "workspace": "workspace_id = :workspace",
}


def _values(where: UsageFilter) -> dict[str, str | None]:
    return {"user": where.user_id, "key": where.key_id, "workspace": where.workspace_id}


def _owners(where: UsageFilter) -> frozenset[str]:
    """Which owners a filter names."""
    return frozenset(name for name, value in _values(where).items() if value is not None)


def _conditions(owners: frozenset[str]) -> list[str]:
    return [_CONDITIONS[name] for name in sorted(owners)]


def _events(
    connection: sqlite3.Connection, where: UsageFilter, limit: int, before: str | None
) -> list[UsageEvent]:
    if where.user_id is not None and where.key_id is not None:
        where = _narrowed(connection, where)
    rows = _newest(connection, events.COLUMNS, where, limit, before)
    return [events.from_row(row) for row in rows]


def _newest(
    connection: sqlite3.Connection,
    columns: tuple[str, ...],
    where: UsageFilter,
    limit: int,
    before: str | None,
) -> list[Sequence[Any]]:
    """These columns of the newest events that count and are older than `before`."""
    values: dict[str, Any] = {
        **_values(where),
        # What is about to be deleted is gone already, so that pages do not shrink while it is.
        "start": max(milliseconds(where.start), retention.kept_from(connection)),
        "end": milliseconds(where.end),
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
    owners = _owners(where)
    if "workspace" not in owners or "key" in owners:
        sql = _newest_sql(columns, owners, behind=before is not None)
        return [row[2:] for row in connection.execute(sql, values)]
    # No index leads to a workspace's events, so those of its keys are merged as they are read.
    sql = _newest_sql(columns, owners | {"key"}, behind=before is not None)
    keys = _sums(connection, where, "key")
    of_keys = [connection.execute(sql, values | {"key": key}) for key in keys]
    merged = heapq.merge(*of_keys, key=operator.itemgetter(0, 1), reverse=True)
    return [row[2:] for row in itertools.islice(merged, limit)]


@functools.cache
def _newest_sql(columns: tuple[str, ...], owners: frozenset[str], *, behind: bool) -> str:
    conditions = ["timestamp >= :start", "timestamp < :end"]
    if behind:
        conditions.append("(timestamp, id) < (:before_timestamp, :before)")
    conditions += _conditions(owners)
    return (
        f"SELECT timestamp, id, {', '.join(columns)} FROM events "  # noqa: S608 - constant parts only
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
    for source in _sources(connection, days, "day", _table(by)):
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
    return [Timing(*row) for row in _newest(connection, Timing._fields, where, limit, None)]
