"""Sums of events per hour and per day, kept in the transaction of each event.

A question about a month then reads some days' rows and a few hours' instead of every event.
"""

import sqlite3
from collections.abc import Iterable, Sequence

from headgate.core.usage import UsageEvent
from headgate.stores.time_ranges import DAY, HOUR

_CUBE = ("span", "start", "user_id", "key_id", "workspace_id", "provider", "model")
_TAG_CUBE = ("span", "start", "tag", "user_id", "key_id")
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
    "latency_ms",
)


def _addition(table: str, dimensions: tuple[str, ...]) -> str:
    columns = dimensions + _SUMS
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 - constant parts only
        f"VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(dimensions)}) DO UPDATE SET {sums}"
    )


_ADD = _addition("rollups", _CUBE)
_ADD_TAGS = _addition("tag_rollups", _TAG_CUBE)

_Cube = dict[tuple[int | str, ...], Sequence[int]]


def add(connection: sqlite3.Connection, events: Iterable[UsageEvent]) -> None:
    """Add `events` to the sums."""
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
    connection.executemany(_ADD, _rows(hours))
    connection.executemany(_ADD_TAGS, _rows(tag_hours))


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
        event.latency_ms,
    )


def _add_to(cube: _Cube, key: tuple[int | str, ...], sums: Sequence[int]) -> None:
    known = cube.get(key)
    cube[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]


def _rows(hours: _Cube) -> list[tuple[int | str, ...]]:
    """The rows of `hours` and of their days."""
    days: _Cube = {}
    for (start, *others), sums in hours.items():
        day = int(start) - int(start) % DAY
        _add_to(days, (day, *others), sums)
    return [
        (span, *key, *sums)
        for span, cube in ((HOUR, hours), (DAY, days))
        for key, sums in cube.items()
    ]
