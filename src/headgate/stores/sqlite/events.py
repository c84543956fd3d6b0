"""Usage events as rows: the columns are the fields of `UsageEvent`, under the same names."""

import functools
import sqlite3
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from headgate.core.usage import UsageEvent

COLUMNS: tuple[str, ...] = UsageEvent.__struct_fields__

_USER = COLUMNS.index("user_id")
_TAGS = COLUMNS.index("tags")
_FLAGS = tuple(COLUMNS.index(name) for name in ("byok", "estimated", "overrun"))

_INSERT = (
    f"INSERT INTO events ({', '.join(COLUMNS)}) "  # noqa: S608 - constant parts only
    f"VALUES ({', '.join('?' * len(COLUMNS))})"
)

_encode_tags = msgspec.json.Encoder().encode
# Calls have few different lists of tags, and a page reads thousands of calls.
_decode_tags = functools.lru_cache(1000)(msgspec.json.Decoder(tuple[str, ...]).decode)


def known(connection: sqlite3.Connection, ids: Sequence[str]) -> set[str]:
    """Those of `ids` that are in the ledger."""
    rows = connection.execute(
        "SELECT id FROM events WHERE id IN (SELECT value FROM json_each(?))",
        (msgspec.json.encode(ids).decode(),),
    )
    return {event_id for (event_id,) in rows}


def insert(connection: sqlite3.Connection, events: Sequence[UsageEvent]) -> None:
    """Write events that are not in the ledger yet."""
    connection.executemany(_INSERT, [_to_row(event) for event in events])


def delete(connection: sqlite3.Connection, ids: Iterable[str]) -> None:
    """Delete these events; their sums are not looked at."""
    connection.executemany("DELETE FROM events WHERE id = ?", [(event_id,) for event_id in ids])


def from_row(row: Sequence[Any]) -> UsageEvent:
    """The event in a row of all `COLUMNS`."""
    values = list(row)
    values[_USER] = values[_USER] or None
    values[_TAGS] = _decode_tags(values[_TAGS])
    for flag in _FLAGS:
        values[flag] = bool(values[flag])
    return UsageEvent(**dict(zip(COLUMNS, values, strict=True)))


def _to_row(event: UsageEvent) -> list[Any]:
    values = list(msgspec.structs.astuple(event))
    values[_USER] = event.user_id or ""
    values[_TAGS] = _encode_tags(event.tags).decode() if event.tags else "[]"
    return values
