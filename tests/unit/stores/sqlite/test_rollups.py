"""Each event adds to its hour and to its day, once."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.stores.sqlite import rollups
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from headgate.stores.time_ranges import DAY, HOUR
from usage_events import NOON, usage_event

MIDNIGHT = NOON - 12 * HOUR


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        yield connection


def spans(connection: sqlite3.Connection) -> list[tuple[int, int, int]]:
    rows = connection.execute("SELECT span, start, requests FROM rollups ORDER BY span, start")
    return list(rows)


def test_events_of_an_hour_share_rows_within_a_batch_and_across(
    connection: sqlite3.Connection,
) -> None:
    rollups.add(connection, [usage_event(timestamp=NOON), usage_event(timestamp=NOON + 1)])
    rollups.add(connection, [usage_event(timestamp=NOON + HOUR - 1)])
    assert spans(connection) == [(HOUR, NOON, 3), (DAY, MIDNIGHT, 3)]


def test_hours_of_a_day_share_its_row(connection: sqlite3.Connection) -> None:
    rollups.add(connection, [usage_event(timestamp=NOON), usage_event(timestamp=NOON + HOUR)])
    assert spans(connection) == [(HOUR, NOON, 1), (HOUR, NOON + HOUR, 1), (DAY, MIDNIGHT, 2)]


@pytest.mark.parametrize("field", ["user_id", "key_id", "workspace_id", "provider", "model"])
def test_each_dimension_is_kept_apart(connection: sqlite3.Connection, field: str) -> None:
    rollups.add(connection, [usage_event(), usage_event(**{field: "another"})])
    assert [requests for _, _, requests in spans(connection)] == [1, 1, 1, 1]


def test_every_sum_is_kept(connection: sqlite3.Connection) -> None:
    event = usage_event(
        status="error",
        input_tokens=1,
        cached_input_tokens=2,
        output_tokens=3,
        reasoning_tokens=4,
        cost=5,
        billed=6,
        cache="hit",
        saved_cost=7,
        latency_ms=8,
    )
    rollups.add(connection, [event, event])
    sums = (
        "requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, "
        "cost, billed, cache_hits, saved_cost, latency_ms"
    )
    rows = connection.execute(f"SELECT {sums} FROM rollups").fetchall()
    assert rows == [(2, 2, 2, 4, 6, 8, 10, 12, 2, 14, 16)] * 2


def test_a_tag_has_sums_of_its_own(connection: sqlite3.Connection) -> None:
    rollups.add(connection, [usage_event(tags=("a", "b", "a")), usage_event(tags=("b",))])
    rows = connection.execute("SELECT span, tag, requests FROM tag_rollups ORDER BY span, tag")
    assert list(rows) == [(HOUR, "a", 1), (HOUR, "b", 2), (DAY, "a", 1), (DAY, "b", 2)]
