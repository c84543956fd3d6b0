"""Each event adds to its hour and to each longer span, once."""

import random
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.stores.sqlite import rollups
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from headgate.stores.time_ranges import DAY, HOUR, QUARTER, WEEK
from usage_events import NOON, usage_event

MIDNIGHT = NOON - 12 * HOUR
# The Thursday before.
THURSDAY = MIDNIGHT - 4 * DAY


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        yield connection


def spans(connection: sqlite3.Connection, table: str = "rollups") -> list[tuple[int, int, int]]:
    rows = connection.execute(f"SELECT span, start, requests FROM {table} ORDER BY span, start")
    return list(rows)


def later(connection: sqlite3.Connection) -> None:
    """Another hour begins, far away."""
    rollups.add(connection, [usage_event(timestamp=NOON + 1000 * DAY, tags=("late",))])
    for table in ("rollups", "tag_rollups"):
        connection.execute(f"DELETE FROM {table} WHERE start > ?", (NOON + 900 * DAY,))


def test_events_of_an_hour_share_rows_within_a_batch_and_across(
    connection: sqlite3.Connection,
) -> None:
    rollups.add(connection, [usage_event(timestamp=NOON), usage_event(timestamp=NOON + 1)])
    rollups.add(connection, [usage_event(timestamp=NOON + HOUR - 1)])
    assert spans(connection) == [(HOUR, NOON, 3)]
    later(connection)
    assert spans(connection) == [(HOUR, NOON, 3), (DAY, MIDNIGHT, 3), (WEEK, THURSDAY, 3)]


def test_a_span_is_summed_when_an_event_comes_after_it(connection: sqlite3.Connection) -> None:
    rollups.add(connection, [usage_event(timestamp=NOON)])
    assert spans(connection, "model_sums") == []
    rollups.add(connection, [usage_event(timestamp=NOON + HOUR)])
    assert rollups.open_hour(connection) == NOON + HOUR
    for table in ("model_sums", "owner_sums", "key_sums", "user_sums"):
        assert spans(connection, table) == [(HOUR, NOON, 1)]
    rollups.add(connection, [usage_event(timestamp=NOON + 6 * HOUR)])
    hours = [(HOUR, NOON, 1), (HOUR, NOON + HOUR, 1)]
    assert spans(connection, "model_sums") == hours
    assert spans(connection, "owner_sums") == [*hours, (QUARTER, NOON, 2)]
    rollups.add(connection, [usage_event(timestamp=NOON + DAY)])
    hours = [*hours, (HOUR, NOON + 6 * HOUR, 1)]
    assert spans(connection, "model_sums") == [*hours, (DAY, MIDNIGHT, 3)]
    assert spans(connection) == [*hours, (HOUR, NOON + DAY, 1), (DAY, MIDNIGHT, 3)]
    later(connection)
    days = [(DAY, MIDNIGHT, 3), (DAY, MIDNIGHT + DAY, 1)]
    quarters = [(QUARTER, NOON, 2), (QUARTER, NOON + 6 * HOUR, 1), (QUARTER, NOON + DAY, 1)]
    hours = [*hours, (HOUR, NOON + DAY, 1)]
    assert spans(connection, "owner_sums") == [*hours, *quarters, *days, (WEEK, THURSDAY, 4)]


@pytest.mark.parametrize("hours_late", [0, 1, 6, 24, 7 * 24])
def test_a_late_event_is_added_to_what_is_closed_and_no_more(
    connection: sqlite3.Connection, hours_late: int
) -> None:
    """What is not summed yet will have it from the shorter spans."""
    rollups.add(connection, [usage_event(timestamp=NOON + hours_late * HOUR)])
    rollups.add(connection, [usage_event(timestamp=NOON)])
    later(connection)
    for table in ("rollups", "owner_sums"):
        sums: dict[int, int] = {}
        for span, _, requests in spans(connection, table):
            sums[span] = sums.get(span, 0) + requests
        assert sums == dict.fromkeys(rollups.SPANS[table], 2)


def sums_of_all(connection: sqlite3.Connection) -> dict[str, list[tuple[int | str, ...]]]:
    return {table: sorted(connection.execute(f"SELECT * FROM {table}")) for table in rollups.SPANS}


@pytest.mark.parametrize("batch", [1, 7, 100])
def test_the_sums_are_the_same_whatever_the_order_and_the_batches(
    tmp_path: Path, connection: sqlite3.Connection, batch: int
) -> None:
    """An event that comes after its hour was closed is added to all that is closed."""
    chance = random.Random(batch)
    events = [
        usage_event(
            timestamp=MIDNIGHT + chance.randrange(3 * DAY),
            model=chance.choice(["small", "large"]),
            user_id=chance.choice([None, "ada"]),
            tags=tuple(chance.sample(["a", "b"], chance.randrange(3))),
            billed=chance.randrange(1000),
        )
        for _ in range(100)
    ]
    migrate(tmp_path / "sorted.db")
    with closing(connect(tmp_path / "sorted.db")) as in_order:
        rollups.add(in_order, sorted(events, key=lambda event: event.timestamp))
        later(in_order)
        for start in range(0, len(events), batch):
            rollups.add(connection, events[start : start + batch])
        later(connection)
        assert sums_of_all(connection) == sums_of_all(in_order)
        for table, known in rollups.SPANS.items():
            if table not in ("tag_rollups", "tag_sums"):
                assert sum(row[2] for row in spans(connection, table)) == 100 * len(known)


@pytest.mark.parametrize("field", ["user_id", "key_id", "workspace_id", "provider", "model"])
def test_each_dimension_is_kept_apart(connection: sqlite3.Connection, field: str) -> None:
    rollups.add(connection, [usage_event(), usage_event(**{field: "another"})])
    later(connection)
    assert [requests for _, _, requests in spans(connection)] == [1] * 6


def test_every_sum_is_kept(connection: sqlite3.Connection) -> None:
    event = usage_event(
        status="error",
        input_tokens=1,
        cached_input_tokens=2,
        output_tokens=3,
        reasoning_tokens=4,
        cost=5,
        byok=True,
        billed=6,
        cache="hit",
        saved_cost=7,
        auto_saved=8,
        latency_ms=9,
    )
    rollups.add(connection, [event, event])
    later(connection)
    sums = (
        "requests, errors, input_tokens, cached_input_tokens, output_tokens, reasoning_tokens, "
        "cost, billed, cache_hits, saved_cost, auto_saved, own_cost, latency_ms"
    )
    rows = connection.execute(f"SELECT {sums} FROM rollups").fetchall()
    assert rows == [(2, 2, 2, 4, 6, 8, 10, 12, 2, 14, 16, 10, 18)] * 3


def test_a_tag_has_sums_of_its_own(connection: sqlite3.Connection) -> None:
    rollups.add(connection, [usage_event(tags=("a", "b", "a")), usage_event(tags=("b",))])
    later(connection)
    rows = connection.execute("SELECT span, tag, requests FROM tag_rollups ORDER BY span, tag")
    assert list(rows) == [
        (span, *sums) for span in (HOUR, DAY, WEEK) for sums in (("a", 1), ("b", 2))
    ]
