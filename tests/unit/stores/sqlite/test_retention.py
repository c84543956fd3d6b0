"""Events are deleted in batches, the oldest first, by one worker at a time."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.stores.sqlite import events, retention
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from usage_events import NOON, usage_event


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        old = [usage_event(id=f"evt_{n}", timestamp=NOON - n) for n in range(1, 6)]
        events.insert(connection, [*old, usage_event(id="evt_new", timestamp=NOON)])
        yield connection


def left(connection: sqlite3.Connection) -> list[str]:
    return [name for (name,) in connection.execute("SELECT id FROM events ORDER BY timestamp")]


def test_events_go_in_batches_until_none_is_too_old(connection: sqlite3.Connection) -> None:
    assert retention.forget(connection, NOON, 3, "one", 0.0) == 3
    assert left(connection) == ["evt_2", "evt_1", "evt_new"]
    assert [retention.forget(connection, NOON, 3, "one", 0.0) for _ in range(2)] == [2, 0]
    assert left(connection) == ["evt_new"]
    assert retention.kept_from(connection) == NOON


def test_one_worker_deletes_until_it_stops(connection: sqlite3.Connection) -> None:
    assert retention.forget(connection, NOON, 1, "one", 0.0) == 1
    assert retention.forget(connection, NOON, 1, "two", 1.0) == 0
    later = retention.TURN_SECONDS + 1
    assert retention.forget(connection, NOON, 1, "two", later) == 1
    assert retention.forget(connection, NOON, 1, "one", later) == 0


def test_a_batch_is_found_by_an_index(connection: sqlite3.Connection) -> None:
    statements: list[str] = []
    connection.set_trace_callback(statements.append)
    retention.forget(connection, NOON, 3, "one", 0.0)
    connection.set_trace_callback(None)
    plan = [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statements[-1]}")]
    assert any("events_by_time" in step for step in plan)
    assert not any(step.startswith("SCAN events") for step in plan)
