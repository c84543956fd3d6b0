"""Sums of events per hour and per day, kept in the transaction of each event.

A question about a month then reads some days' rows and a few hours' instead of every event. What
is asked of everybody has tables of its own with fewer dimensions, so that it is not summed over
every key that was in use.

Most events belong to the last hour there is, the *open* one. They are added to its hour rows alone;
when the first event of a later hour comes, the open hour is added to everything else, in that
event's transaction. So a call pays for one row and not for all of them. Events of earlier hours are
added everywhere at once. A question reads the open hour from its hour rows.
"""

import operator
import sqlite3
from collections.abc import Callable, Iterable, Sequence

from headgate.core.usage import UsageEvent, UsageTotals
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
_ASKED = UsageTotals.__struct_fields__
_MODEL = ("span", "start", "model", "provider")
_OWNER = ("span", "start", "key_id", "user_id", "workspace_id")
_TAG = ("span", "start", "tag")


def _addition(table: str, dimensions: tuple[str, ...], summed: tuple[str, ...] = _SUMS) -> str:
    columns = dimensions + summed
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in summed)
    return (
        f"INSERT INTO {table} ({', '.join(columns)}) "  # noqa: S608 - constant parts only
        f"VALUES ({', '.join('?' * len(columns))}) "
        f"ON CONFLICT ({', '.join(dimensions)}) DO UPDATE SET {sums}"
    )


def _fold(table: str, dimensions: tuple[str, ...], source: str, span: int) -> str:
    """Adds the hours of `source` from `:first` to before `:end` to `table`, which has `span`s."""
    summed = _SUMS if table == source else _ASKED
    values = [f"start - start % {span}", *dimensions[2:]]
    sums = ", ".join(f"{name} = {name} + excluded.{name}" for name in summed)
    return (
        f"INSERT INTO {table} ({', '.join(dimensions + summed)}) "  # noqa: S608 - constant parts only
        f"SELECT {span}, {', '.join(values)}, {', '.join(f'sum({name})' for name in summed)} "
        f"FROM {source} WHERE span = {HOUR} AND start >= :first AND start < :end "
        f"GROUP BY {', '.join(values)} "
        f"ON CONFLICT ({', '.join(dimensions)}) DO UPDATE SET {sums}"
    )


_ADD = _addition("rollups", _CUBE)
_ADD_TAGS = _addition("tag_rollups", _TAG_CUBE)
_ADD_TO_MODELS = _addition("model_sums", _MODEL, _ASKED)
_ADD_TO_OWNERS = _addition("owner_sums", _OWNER, _ASKED)
_ADD_TO_TAGS = _addition("tag_sums", _TAG, _ASKED)
_FOLDS = (
    _fold("rollups", _CUBE, "rollups", DAY),
    _fold("tag_rollups", _TAG_CUBE, "tag_rollups", DAY),
    _fold("model_sums", _MODEL, "rollups", HOUR),
    _fold("model_sums", _MODEL, "rollups", DAY),
    _fold("owner_sums", _OWNER, "rollups", DAY),
    _fold("tag_sums", _TAG, "tag_rollups", HOUR),
    _fold("tag_sums", _TAG, "tag_rollups", DAY),
)

_Cube = dict[tuple[int | str, ...], Sequence[int]]

_asked_of = operator.itemgetter(*(_SUMS.index(name) for name in _ASKED))


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
    if not hours:
        return
    opened = _open(connection, max(int(start) for start, *_ in hours))
    connection.executemany(_ADD, _rows(HOUR, hours))
    connection.executemany(_ADD_TAGS, _rows(HOUR, tag_hours))
    _add_late(connection, _before(opened, hours), _before(opened, tag_hours))


def open_hour(connection: sqlite3.Connection) -> int:
    """When the hour began whose sums are in the hour rows of `rollups` and `tag_rollups` alone."""
    start: int = connection.execute("SELECT start FROM open_hour").fetchone()[0]
    return start


def _open(connection: sqlite3.Connection, hour: int) -> int:
    """Fold the open hour if `hour` is a later one; the hour that is open then."""
    opened = open_hour(connection)
    if hour <= opened:
        return opened
    for fold in _FOLDS:
        connection.execute(fold, {"first": opened, "end": hour})
    connection.execute("UPDATE open_hour SET start = ?", (hour,))
    return hour


def _add_late(connection: sqlite3.Connection, hours: _Cube, tag_hours: _Cube) -> None:
    """Add hours that were folded before, to all but their own hour rows."""
    if not hours:
        return
    days = _days(hours)
    connection.executemany(_ADD, _rows(DAY, days))
    models = _fewer(hours, lambda start, _u, _k, _w, provider, model: (start, model, provider))
    connection.executemany(_ADD_TO_MODELS, _rows(HOUR, models) + _rows(DAY, _days(models)))
    owners = _fewer(days, lambda start, user, key, workspace, _p, _m: (start, key, user, workspace))
    connection.executemany(_ADD_TO_OWNERS, _rows(DAY, owners))
    connection.executemany(_ADD_TAGS, _rows(DAY, _days(tag_hours)))
    tags = _fewer(tag_hours, lambda start, tag, _u, _k: (start, tag))
    connection.executemany(_ADD_TO_TAGS, _rows(HOUR, tags) + _rows(DAY, _days(tags)))


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
        event.latency_ms,
    )


def _add_to(cube: _Cube, key: tuple[int | str, ...], sums: Sequence[int]) -> None:
    known = cube.get(key)
    cube[key] = sums if known is None else [a + b for a, b in zip(known, sums, strict=True)]


def _days(hours: _Cube) -> _Cube:
    days: _Cube = {}
    for (start, *others), sums in hours.items():
        day = int(start) - int(start) % DAY
        _add_to(days, (day, *others), sums)
    return days


def _fewer(cube: _Cube, place: Callable[..., tuple[int | str, ...]]) -> _Cube:
    """The sums of `cube` over the dimensions that `place` leaves out, and only those asked for."""
    found: _Cube = {}
    for key, sums in cube.items():
        _add_to(found, place(*key), _asked_of(sums))
    return found


def _rows(span: int, cube: _Cube) -> list[tuple[int | str, ...]]:
    return [(span, *key, *sums) for key, sums in cube.items()]
