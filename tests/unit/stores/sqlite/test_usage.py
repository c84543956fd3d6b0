"""What a question reads: rollups for whole hours, events for the rest, always by an index."""

import datetime as dt
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.usage import DIMENSIONS, Dimension, UsageFilter
from headgate.stores.sqlite import usage
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from usage_events import NOON

HOUR = 3_600_000
MIDNIGHT = NOON - 12 * HOUR


class Asked:
    """The statements a question ran, and the plan of each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)

    @property
    def tables(self) -> list[str]:
        return [text.split(" FROM ")[1].split()[0] for text in self.statements]

    @property
    def plans(self) -> list[str]:
        self.connection.set_trace_callback(None)
        return [
            self.connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchone()[3]
            for text in self.statements
        ]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        yield Asked(connection)


def hours(start: float, end: float, **owner: str) -> UsageFilter:
    """A filter whose ends are given in hours after midnight."""
    first = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return UsageFilter(first + dt.timedelta(hours=start), first + dt.timedelta(hours=end), **owner)


def test_whole_days_are_read_from_one_place(asked: Asked) -> None:
    usage._sums(asked.connection, hours(0, 24 * 30), "model")
    assert asked.tables == ["rollups"]


def test_events_are_read_only_where_a_range_cuts_an_hour(asked: Asked) -> None:
    usage._sums(asked.connection, hours(22.5, 24 * 30 + 2.25), "model")
    assert asked.tables == ["events", "rollups", "rollups", "rollups", "events"]


def test_tags_have_rollups_of_their_own(asked: Asked) -> None:
    usage._sums(asked.connection, hours(22.5, 48), "tag")
    assert asked.tables == ["events", "tag_rollups", "tag_rollups"]


def test_a_part_of_an_hour_is_read_at_once(asked: Asked) -> None:
    usage._sums(asked.connection, hours(0.25, 0.75), None)
    assert asked.tables == ["events"]


@pytest.mark.parametrize("by", [None, *DIMENSIONS])
@pytest.mark.parametrize("owner", [{}, {"user_id": "ada"}, {"key_id": "sk-proj-one"}])
def test_no_question_reads_a_whole_table(
    asked: Asked, by: Dimension | None, owner: dict[str, str]
) -> None:
    usage._sums(asked.connection, hours(22.5, 24 * 30 + 2.25, **owner), by)
    assert all(plan.startswith("SEARCH") for plan in asked.plans)


@pytest.mark.parametrize(
    ("owner", "index"),
    [
        ({}, "events_by_time"),
        ({"user_id": "ada"}, "events_by_user"),
        ({"key_id": "a"}, "events_by_key"),
    ],
)
def test_a_page_of_events_is_read_by_the_index_of_its_owner(
    asked: Asked, owner: dict[str, str], index: str
) -> None:
    usage._events(asked.connection, hours(0, 24, **owner), 50, None)
    (plan,) = asked.plans
    assert index in plan
