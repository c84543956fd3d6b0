"""What a question reads: rollups for whole hours, events for the rest, always by an index."""

import datetime as dt
import functools
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.usage import DIMENSIONS, Dimension, UsageFilter
from headgate.stores.sqlite import events, rollups, usage
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from usage_events import NOON, usage_event

HOUR = 3_600_000
MIDNIGHT = NOON - 12 * HOUR
# Tables of one row.
STATE = ("open_hour", "retention")


class Asked:
    """The statements a question ran, and the plan of each."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self.statements: list[str] = []
        connection.set_trace_callback(self.statements.append)

    @property
    def tables(self) -> list[str]:
        found = [text.split(" FROM ")[1].split()[0] for text in self.statements]
        return [table for table in found if table not in STATE]

    @property
    def plans(self) -> list[str]:
        self.connection.set_trace_callback(None)
        asked = [text for text in self.statements if not text.endswith(STATE)]
        return [
            self.connection.execute(f"EXPLAIN QUERY PLAN {text}").fetchone()[3] for text in asked
        ]


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[Asked]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        yield Asked(connection)


@pytest.fixture
def closed(asked: Asked) -> Asked:
    """All hours of these tests are over."""
    rollups.add(asked.connection, [usage_event(timestamp=NOON + 1000 * 24 * HOUR)])
    asked.statements.clear()
    return asked


def hours(start: float, end: float, **owner: str) -> UsageFilter:
    """A filter whose ends are given in hours after midnight."""
    first = dt.datetime(2026, 11, 23, tzinfo=dt.UTC)
    return UsageFilter(first + dt.timedelta(hours=start), first + dt.timedelta(hours=end), **owner)


def steps_of(asked: Asked, question: Callable[[], object]) -> int:
    """How many steps of its own SQLite takes for a question."""
    counted = 0

    def step() -> int:
        nonlocal counted
        counted += 1
        return 0

    asked.connection.set_progress_handler(step, 1)
    question()
    asked.connection.set_progress_handler(None, 1)
    return counted


def test_whole_days_are_read_from_one_place(closed: Asked) -> None:
    usage._sums(closed.connection, hours(0, 24 * 30), "model")
    assert closed.tables == ["model_sums"]


def test_events_are_read_only_where_a_range_cuts_an_hour(closed: Asked) -> None:
    usage._sums(closed.connection, hours(22.5, 24 * 30 + 2.25), "model")
    assert closed.tables == ["events", "model_sums", "model_sums", "model_sums", "events"]


def test_tags_have_rollups_of_their_own(closed: Asked) -> None:
    usage._sums(closed.connection, hours(22.5, 48), "tag")
    assert closed.tables == ["events", "tag_sums", "tag_sums"]


def test_what_one_key_used_is_not_searched_among_all(closed: Asked) -> None:
    usage._sums(closed.connection, hours(23, 24 * 30, key_id="sk-proj-one"), "model")
    assert set(closed.tables) == {"rollups"}


def test_rows_of_all_keys_are_read_from_as_few_spans_as_possible(closed: Asked) -> None:
    """From a Friday's evening: an hour, a day's last quarter, five days, weeks, and a day."""
    friday = -3 * 24
    usage._sums(closed.connection, hours(friday + 17, friday + 24 * 28), "key")
    assert closed.tables == ["owner_sums"] * 5
    spans = [text.split("span = ")[1].split(" ")[0] for text in closed.statements if "span" in text]
    assert [int(span) // HOUR for span in spans] == [1, 6, 24, 24 * 7, 24]


@pytest.mark.parametrize(
    ("owner", "table"),
    [
        ({"user_id": "ada"}, "user_sums"),
        ({"key_id": "one"}, "key_sums"),
        ({"user_id": "ada", "key_id": "one"}, "rollups"),
    ],
)
def test_hours_of_one_key_or_user_lie_side_by_side(
    closed: Asked, owner: dict[str, str], table: str
) -> None:
    usage._sums(closed.connection, hours(0, 24 * 90, **owner), "hour")
    assert closed.tables == [table]
    (plan,) = closed.plans
    assert "start>?" in plan


def test_what_is_not_summed_yet_is_read_from_shorter_spans(asked: Asked) -> None:
    """The day that is not over from its quarters and hours, and the open hour from its source."""
    rollups.add(asked.connection, [usage_event(timestamp=MIDNIGHT + 14 * HOUR + 1)])
    asked.statements.clear()
    usage._sums(asked.connection, hours(-24, 24), "key")
    spans = [text.split("span = ")[1].split(" ")[0] for text in asked.statements if "span" in text]
    assert asked.tables == ["owner_sums"] * 3 + ["rollups"]
    assert [int(span) // HOUR for span in spans] == [24, 6, 1, 1]


@pytest.mark.parametrize("by", [None, *DIMENSIONS])
def test_the_hour_that_is_open_is_read_once(asked: Asked, by: Dimension | None) -> None:
    rollups.add(asked.connection, [usage_event(timestamp=NOON, tags=("a",))])
    for where in (hours(0, 24), hours(12, 13), hours(11.5, 13.5), hours(0, 24, user_id="ada")):
        sums = usage._sums(asked.connection, where, by)
        assert [totals.requests for totals in sums.values()] == [1]


def test_a_part_of_an_hour_is_read_at_once(asked: Asked) -> None:
    usage._sums(asked.connection, hours(0.25, 0.75), None)
    assert asked.tables == ["events"]


@pytest.mark.parametrize("by", [None, *DIMENSIONS])
@pytest.mark.parametrize("owner", [{}, {"user_id": "ada"}, {"key_id": "sk-proj-one"}])
def test_no_question_reads_a_whole_table(
    closed: Asked, by: Dimension | None, owner: dict[str, str]
) -> None:
    usage._sums(closed.connection, hours(22.5, 24 * 30 + 2.25, **owner), by)
    assert all(plan.startswith("SEARCH") for plan in closed.plans)


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


def test_events_of_a_user_and_anothers_key_are_not_searched_for(asked: Asked) -> None:
    rollups.add(asked.connection, [usage_event(user_id="bob", key_id="b")])
    asked.statements.clear()
    assert usage._events(asked.connection, hours(0, 24, user_id="ada", key_id="b"), 50, None) == []
    narrowed, page = (plan for plan in asked.plans if plan.startswith("SEARCH"))
    assert "rollups_by_key" in narrowed
    assert "timestamp>?" in page


@pytest.mark.parametrize(
    "owner", [{}, {"user_id": "ada"}, {"key_id": "a"}, {"user_id": "ada", "key_id": "a"}]
)
def test_a_page_far_down_takes_no_longer_than_the_second(
    asked: Asked, owner: dict[str, str]
) -> None:
    """SQLite counts its own steps; what lies before a page is not read again."""
    batch = [usage_event(timestamp=MIDNIGHT + n, user_id="ada", key_id="a") for n in range(2000)]
    events.insert(asked.connection, batch)
    rollups.add(asked.connection, batch)
    steps = []
    where = hours(0, 24, **owner)
    for position in (1990, 30):
        page = functools.partial(usage._events, asked.connection, where, 10, batch[position].id)
        steps.append(steps_of(asked, page))
    assert steps[0] == steps[1]


@pytest.mark.parametrize("span", [24, 24 * 90])
@pytest.mark.parametrize("by", [None, *DIMENSIONS])
@pytest.mark.parametrize("owner", [{}, {"user_id": "ada"}, {"key_id": "sk-proj-one"}])
def test_a_question_takes_no_longer_when_there_are_more_events(
    asked: Asked, by: Dimension | None, owner: dict[str, str], span: int
) -> None:
    """SQLite counts its own steps; ten times the events in the same hours take no more."""
    steps: list[int] = []
    for _ in range(2):
        for hour in range(0, 48, 6):
            number = 20 if not steps else 180
            timestamp = MIDNIGHT + hour * HOUR
            batch = [usage_event(timestamp=timestamp + n, tags=("a",)) for n in range(number)]
            events.insert(asked.connection, batch)
            rollups.add(asked.connection, batch)
        where = hours(0, span, **owner)
        question = functools.partial(usage._sums, asked.connection, where, by)
        steps.append(steps_of(asked, question))
    assert steps[0] == steps[1]
