"""Sums of events over hours and longer spans, kept in the transaction of each event.

A question about a month then reads some weeks' and days' rows and a few hours' instead of every
event. What is asked of everybody, and by hour of one key or user, has tables of its own with fewer
dimensions, so that it is not summed over every key or model that was in use.

Most events belong to the last hour there is, the *open* one. They are added to its hour rows in the
source tables alone. When the first event of a later hour comes, the open hour is closed in that
event's transaction: its rows are summed into the hours of the smaller tables, and where a longer
span ended with it, that one is summed from the next shorter. So a call pays for one row, and each
row of the other sums is written once. Events of earlier hours are added to all that is closed.

Sums over a span exist once the open hour is in a later one. A question reads what is not summed yet
from shorter spans, and the open hour from the sources.
"""

import operator
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

from headgate.core.usage import UsageEvent, UsageTotals
from headgate.stores.time_ranges import DAY, HOUR, QUARTER, WEEK

_CUBE = ("user_id", "key_id", "workspace_id", "provider", "model")
_TAG_CUBE = ("tag", "user_id", "key_id")
_SUMS = (
    "requests",
    "errors",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "reasoning_tokens",
    "cost",
    "billed",
    "cache_hits",
    "saved_cost",
    "auto_saved",
    "own_cost",
    "latency_ms",
)
_ASKED = UsageTotals.__struct_fields__


class _Table(NamedTuple):
    """A table of sums.

    Attributes:
        source: the table that its hours are summed from; its own name where that is itself.
        spans: the shortest, hours, first; each is a multiple of the one before it.
    """

    name: str
    source: str
    dimensions: tuple[str, ...]
    spans: tuple[int, ...]

    @property
    def summed(self) -> tuple[str, ...]:
        return _SUMS if self.name == self.source else _ASKED

    @property
    def folded(self) -> list[tuple[int, str, int]]:
        """The spans that are summed, and from which table's and span's rows each is."""
        steps = [(HOUR, self.source, HOUR)] if self.name != self.source else []
        longer = zip(self.spans[1:], self.spans, strict=False)
        return steps + [(span, self.name, shorter) for span, shorter in longer]


# Where few rows make up an hour, long spans would save nothing. Where all keys do, the hours of a
# day that a range cuts are many rows, so quarters of days help.
_TABLES = (
    _Table("rollups", "rollups", _CUBE, (HOUR, DAY, WEEK)),
    _Table("tag_rollups", "tag_rollups", _TAG_CUBE, (HOUR, DAY, WEEK)),
    _Table("model_sums", "rollups", ("model", "provider"), (HOUR, DAY)),
    _Table(
        "owner_sums", "rollups", ("key_id", "user_id", "workspace_id"), (HOUR, QUARTER, DAY, WEEK)
    ),
    _Table("key_sums", "rollups", ("key_id",), (HOUR,)),
    _Table("user_sums", "rollups", ("user_id",), (HOUR,)),
    _Table("tag_sums", "tag_rollups", ("tag",), (HOUR, DAY)),
)
SPANS: Mapping[str, tuple[int, ...]] = {table.name: table.spans for table in _TABLES}
"""The spans of each table, in milliseconds, the shortest first."""


def _addition(table: _Table) -> str:
    dimensions = ("span", "start", *table.dimensions)
    columns = dimensions + table.summed
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in table.summed)
    return (
        f"INSERT INTO {table.name} ({', '.join(columns)}) "  # noqa: S608 - constant parts only
        f"VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(dimensions)}) DO UPDATE SET {sums}"
    )


def _removal(table: _Table) -> str:
    """Deletes a row in which nothing counts any more."""
    conditions = " AND ".join(f"{name} = ?" for name in ("span", "start", *table.dimensions))
    return f"DELETE FROM {table.name} WHERE {conditions} AND requests = 0"  # noqa: S608 - constant parts only


def _fold(table: _Table, span: int, source: str, shorter: int) -> str:
    """Sums `:start` to before `:end`, one span, from the rows of a shorter one."""
    columns = ", ".join(("span", "start", *table.dimensions, *table.summed))
    dimensions = ", ".join(table.dimensions)
    sums = ", ".join(f"sum({name})" for name in table.summed)
    return (
        f"INSERT INTO {table.name} ({columns}) "  # noqa: S608 - constant parts only
        f"SELECT {span}, :start, {dimensions}, {sums} FROM {source} "
        f"WHERE span = {shorter} AND start >= :start AND start < :end GROUP BY {dimensions}"
    )


_ADDITIONS = {table.name: _addition(table) for table in _TABLES}
_EMPTIED = {table.name: _removal(table) for table in _TABLES}
_DIMENSIONS = {table.name: table.dimensions for table in _TABLES}
_FOLDS = [(step[0], _fold(table, *step)) for table in _TABLES for step in table.folded]

_Row = tuple[int | str, ...]
# The sums of hours, by their start and their dimensions.
_Cube = dict[_Row, Sequence[int]]

_asked_of = operator.itemgetter(*(_SUMS.index(name) for name in _ASKED))


def add(connection: sqlite3.Connection, events: Iterable[UsageEvent]) -> None:
    """Add `events` to the sums."""
    cubes = _cubes(events)
    hours = cubes["rollups"]
    if not hours:
        return
    opened = _open(connection, max(int(start) for start, *_ in hours))
    for name, cube in cubes.items():
        connection.executemany(_ADDITIONS[name], _rows(HOUR, cube))
    if any(int(start) < opened for start, *_ in hours):
        for name, rows in _late(cubes, opened):
            connection.executemany(_ADDITIONS[name], rows)


def subtract(connection: sqlite3.Connection, events: Iterable[UsageEvent]) -> None:
    """Take `events`, which were added, off the sums again; a row of none is no row."""
    cubes: dict[str, _Cube] = {
        name: {key: [-value for value in sums] for key, sums in cube.items()}
        for name, cube in _cubes(events).items()
    }
    changed = [(name, _rows(HOUR, cube)) for name, cube in cubes.items()]
    changed += _late(cubes, open_hour(connection))
    for name, rows in changed:
        connection.executemany(_ADDITIONS[name], rows)
        places = len(_DIMENSIONS[name]) + 2
        connection.executemany(_EMPTIED[name], [row[:places] for row in rows])


def open_hour(connection: sqlite3.Connection) -> int:
    """When the hour began whose sums are in the hour rows of `rollups` and `tag_rollups` alone.

    No event is of a later one.
    """
    start: int = connection.execute("SELECT start FROM open_hour").fetchone()[0]
    return start


def rename_user(connection: sqlite3.Connection, user: str, name: str, limit: int) -> int:
    """Give up to `limit` rows of each table that are a user's to another; how many there were."""
    renamed = 0
    for table in _TABLES:
        if "user_id" not in table.dimensions:
            continue
        columns = ("span", "start", *table.dimensions, *table.summed)
        key = columns[: 2 + len(table.dimensions)]
        rows = connection.execute(
            f"SELECT {', '.join(columns)} FROM {table.name} WHERE user_id = ? LIMIT ?",  # noqa: S608 - constant parts only
            (user, limit),
        ).fetchall()
        place = columns.index("user_id")
        connection.executemany(
            f"DELETE FROM {table.name} WHERE " + " AND ".join(f"{each} = ?" for each in key),  # noqa: S608 - constant parts only
            [row[: len(key)] for row in rows],
        )
        connection.executemany(
            _ADDITIONS[table.name], [(*row[:place], name, *row[place + 1 :]) for row in rows]
        )
        renamed += len(rows)
    return renamed


def _open(connection: sqlite3.Connection, hour: int) -> int:
    """Close the open hour if `hour` is a later one; the hour that is open then."""
    opened = open_hour(connection)
    if hour <= opened:
        return opened
    for span, fold in _FOLDS:
        start = opened - opened % span
        if hour >= start + span:
            connection.execute(fold, {"start": start, "end": start + span})
    connection.execute("UPDATE open_hour SET start = ?", (hour,))
    return hour


def _cubes(events: Iterable[UsageEvent]) -> dict[str, _Cube]:
    """What `events` add to the hours of the two sources."""
    hours: _Cube = {}
    tag_hours: _Cube = {}
    for event in events:
        start = event.timestamp - event.timestamp % HOUR
        user = event.user_id or ""
        sums = _sums_of(event)
        key = (start, user, event.key_id, event.workspace_id, event.provider, event.model)
        _add_to(hours, key, sums)
        # An event counts once for each of its tags, also for one that was given twice.
        for tag in set(event.tags):
            _add_to(tag_hours, (start, tag, user, event.key_id), sums)
    return {"rollups": hours, "tag_rollups": tag_hours}


def _late(cubes: Mapping[str, _Cube], opened: int) -> list[tuple[str, list[_Row]]]:
    """What hours that were closed before add to each table, their own hour rows left out."""
    found = []
    for table in _TABLES:
        for span, _, _ in table.folded:
            closed = _before(opened - opened % span, cubes[table.source])
            found.append((table.name, _rows(span, _summed(closed, table, span))))
    return found


def _before(hour: int, cube: _Cube) -> _Cube:
    return {key: sums for key, sums in cube.items() if int(key[0]) < hour}


def _sums_of(event: UsageEvent) -> Sequence[int]:
    return (
        1,
        event.status != "ok",
        event.input_tokens,
        event.cached_input_tokens,
        event.output_tokens,
        event.reasoning_tokens,
        event.cost,
        event.billed,
        event.cache == "hit",
        event.saved_cost,
        event.auto_saved,
        event.cost if event.byok else 0,
        event.latency_ms,
    )


def _add_to(cube: _Cube, key: tuple[int | str, ...], sums: Sequence[int]) -> None:
    known = cube.get(key)
    cube[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]


def _summed(hours: _Cube, table: _Table, span: int) -> _Cube:
    """The sums of hours of the source over the spans and the dimensions that `table` has."""
    places = [_DIMENSIONS[table.source].index(name) for name in table.dimensions]
    found: _Cube = {}
    for (start, *values), sums in hours.items():
        key = (int(start) - int(start) % span, *(values[place] for place in places))
        _add_to(found, key, sums if table.summed == _SUMS else _asked_of(sums))
    return found


def _rows(span: int, cube: _Cube) -> list[_Row]:
    return [(span, *key, *sums) for key, sums in cube.items()]
