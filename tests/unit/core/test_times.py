"""Times as text, and back."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.times import iso, parse_iso


def test_a_moment_is_written_in_utc_with_milliseconds() -> None:
    east = dt.timezone(dt.timedelta(hours=2))
    assert iso(dt.datetime(2026, 11, 23, 9, 14, 31, tzinfo=east)) == "2026-11-23T07:14:31.000Z"
    assert iso(1_795_435_200) == "2026-11-23T12:00:00.000Z"
    assert iso(0.0015) == "1970-01-01T00:00:00.001Z"


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-23T12:00:00Z",
        "2026-11-23T12:00:00",
        "2026-11-23T14:00:00+02:00",
        "20261123T120000Z",
    ],
)
def test_a_moment_is_read_however_iso_8601_writes_it(text: str) -> None:
    assert parse_iso(text) == dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


def test_a_date_is_its_first_moment() -> None:
    assert parse_iso("2026-11-23") == dt.datetime(2026, 11, 23, tzinfo=dt.UTC)


@given(st.datetimes(dt.datetime(1900, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds beside a time zone
def test_a_moment_survives_to_the_millisecond(moment: dt.datetime) -> None:
    assert dt.timedelta() <= moment - parse_iso(iso(moment)) < dt.timedelta(milliseconds=1)


@pytest.mark.parametrize(
    "text",
    ["", "yesterday", "2026-13-01", "2026-11-23T25:00", "0001-01-01T00:00:00+14:00"],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011 - Python's own words differ between versions
        parse_iso(text)
