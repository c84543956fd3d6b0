"""Budgets as people see them, and the months they count in."""

import datetime as dt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.budgets import Account, Budget, Limit, period_bounds, period_of

KEY = Account("key", "sk-proj-one")


def budget(**amounts: int) -> Budget:
    return Budget(account=KEY, period="2026-11", limit=Limit(amount=100), **amounts)


def test_what_is_spent_or_held_does_not_remain() -> None:
    assert budget(spent=30, reserved=20).remaining == 50


def test_what_remains_is_never_below_zero() -> None:
    assert budget(spent=90, reserved=20).remaining == 0


def test_without_a_limit_nothing_is_said_to_remain() -> None:
    assert Budget(account=KEY, period="2026-11", limit=None, spent=5).remaining is None


def test_a_month_is_a_month_of_utc() -> None:
    last = dt.datetime(2026, 11, 30, 23, 59, 59, 999_000, tzinfo=dt.UTC).timestamp()
    assert period_of(last) == "2026-11"
    assert period_of(last + 0.001) == "2026-12"


@given(st.datetimes(dt.datetime(1970, 1, 1), dt.datetime(2999, 1, 1), timezones=st.just(dt.UTC)))  # noqa: DTZ001 - hypothesis wants naive bounds beside a time zone
def test_a_moment_lies_within_its_period(moment: dt.datetime) -> None:
    start, end = period_bounds(period_of(moment.timestamp()))
    assert start <= moment < end
    assert (start.day, end.day) == (1, 1)


@pytest.mark.parametrize(
    ("period", "days"), [("2026-02", 28), ("2028-02", 29), ("2026-12", 31), ("2026-04", 30)]
)
def test_a_period_is_as_long_as_its_month(period: str, days: int) -> None:
    start, end = period_bounds(period)
    assert (end - start).days == days
