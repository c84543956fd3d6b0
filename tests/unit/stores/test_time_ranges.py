"""A range, cut so that little is read and nothing counts twice."""

import datetime as dt
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.usage import Dimension, UsageFilter
from headgate.stores.time_ranges import (
    DAY,
    HOUR,
    QUARTER,
    WEEK,
    Part,
    milliseconds,
    name_of,
    parts,
)
from usage_events import NOON

MIDNIGHT = NOON - 12 * HOUR


def between(start: float, end: float) -> UsageFilter:
    """A filter whose ends are given in milliseconds after a midnight."""
    epoch = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    first, last = (epoch + dt.timedelta(milliseconds=MIDNIGHT + offset) for offset in (start, end))
    return UsageFilter(first, last)


def cut(
    start: float, end: float, by: Dimension | None = None, spans: Sequence[int] = (HOUR, DAY)
) -> list[Part]:
    found = parts(between(start, end), by, spans=spans)
    return [Part(span, first - MIDNIGHT, last - MIDNIGHT) for span, first, last in found]


def test_whole_days_are_one_part() -> None:
    assert cut(0, 30 * DAY) == [Part(DAY, 0, 30 * DAY)]


def test_rows_by_hour_are_not_read_from_days() -> None:
    assert cut(0, 2 * DAY, "hour") == [Part(HOUR, 0, 2 * DAY)]


def test_only_what_cuts_an_hour_is_read_from_events() -> None:
    assert cut(22.5 * HOUR, 2 * DAY + 1.25 * HOUR) == [
        Part(None, int(22.5 * HOUR), 23 * HOUR),
        Part(HOUR, 23 * HOUR, DAY),
        Part(DAY, DAY, 2 * DAY),
        Part(HOUR, 2 * DAY, 2 * DAY + HOUR),
        Part(None, 2 * DAY + HOUR, int(2 * DAY + 1.25 * HOUR)),
    ]


def test_whole_spans_of_a_store_are_read_where_a_range_has_them() -> None:
    spans = (HOUR, QUARTER, DAY, WEEK)
    # Midnight begins a Monday, and weeks begin on Thursdays.
    thursday = 3 * DAY
    assert cut(17 * HOUR, thursday + 2 * WEEK + DAY, spans=spans) == [
        Part(HOUR, 17 * HOUR, 18 * HOUR),
        Part(QUARTER, 18 * HOUR, DAY),
        Part(DAY, DAY, thursday),
        Part(WEEK, thursday, thursday + 2 * WEEK),
        Part(DAY, thursday + 2 * WEEK, thursday + 2 * WEEK + DAY),
    ]
    assert cut(0, 3 * WEEK, "day", spans) == [Part(DAY, 0, 3 * WEEK)]
    assert cut(0, 3 * WEEK, "hour", spans) == [Part(HOUR, 0, 3 * WEEK)]


def test_from_the_open_hour_on_there_are_only_hours() -> None:
    opened = MIDNIGHT + DAY + 7 * HOUR
    found = parts(between(0, 2 * DAY + 0.5 * HOUR), None, 0, (HOUR, QUARTER, DAY), opened)
    assert [(span, start - MIDNIGHT, end - MIDNIGHT) for span, start, end in found] == [
        (DAY, 0, DAY),
        (QUARTER, DAY, DAY + QUARTER),
        (HOUR, DAY + QUARTER, DAY + 7 * HOUR),
        (HOUR, DAY + 7 * HOUR, 2 * DAY),
        (None, 2 * DAY, 2 * DAY + HOUR // 2),
    ]


@pytest.mark.parametrize("end", [0, -HOUR])
def test_an_empty_range_has_no_parts(end: int) -> None:
    assert cut(0, end) == []


@given(
    start=st.integers(-2 * DAY, 2 * DAY),
    length=st.integers(0, 20 * DAY),
    by=st.sampled_from([None, "day", "hour"]),
    spans=st.sampled_from([(HOUR,), (HOUR, DAY), (HOUR, QUARTER, DAY, WEEK)]),
)
def test_parts_follow_each_other_and_are_whole_spans(
    start: int, length: int, by: Dimension | None, spans: Sequence[int]
) -> None:
    found = cut(start, start + length, by, spans)
    edges = [edge for part in found for edge in (part.start, part.end)]
    assert edges[:1] + edges[-1:] == ([start, start + length] if length else [])
    assert edges[1:-1:2] == edges[2::2]
    for part in found:
        assert part.start < part.end
        # Counted from 1970, since no week begins at that midnight.
        edges = [edge + MIDNIGHT for edge in (part.start, part.end)]
        assert part.span is None or not any(edge % part.span for edge in edges)


def test_a_part_of_a_millisecond_belongs_to_the_next_one() -> None:
    assert milliseconds(between(0.5, 1).start) == MIDNIGHT + 1


def test_days_and_hours_have_names() -> None:
    assert name_of(MIDNIGHT, "day") == "2026-11-23"
    assert name_of(MIDNIGHT + 7 * HOUR, "hour") == "2026-11-23T07:00:00.000Z"
