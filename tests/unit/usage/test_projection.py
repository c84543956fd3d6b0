"""Where a month's spend is heading."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.budgets import period_bounds
from headgate.usage.projection import projected


def at(day: int, hour: int = 0) -> float:
    return dt.datetime(2026, 11, day, hour, tzinfo=dt.UTC).timestamp()


def test_spend_goes_on_as_it_did() -> None:
    assert projected(100, "2026-11", at(11)) == 300


def test_a_first_hour_does_not_project_to_a_fortune() -> None:
    assert projected(100, "2026-11", at(1, hour=1)) == 3000
    assert projected(100, "2026-11", at(2)) == 3000


def test_a_month_that_is_over_is_what_it_was() -> None:
    assert projected(100, "2026-10", at(1)) == 100
    assert projected(100, "2026-09", at(23)) == 100


@given(st.integers(0, 10**18), st.floats(0, 1))
def test_a_projection_is_never_below_what_is_spent(spent: int, part: float) -> None:
    """Up to a billion dollars."""
    start, end = (moment.timestamp() for moment in period_bounds("2026-11"))
    assert projected(spent, "2026-11", start + (end - start) * part) >= spent
