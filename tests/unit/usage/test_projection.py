"""Where a month's spend is heading."""

import datetime as dt

from hypothesis import given
from hypothesis import strategies as st

from headgate.core.budgets import Account, Settlement, period_bounds
from headgate.stores.memory import MemoryLedger
from headgate.usage.projection import days_before, days_before_of_all, projected, projection
from usage_events import NOON, usage_event


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


def test_without_days_the_band_is_the_point() -> None:
    assert projection(100, "2026-11", at(11), []) == (300, 300, 300)


def test_days_that_are_all_alike_leave_no_doubt() -> None:
    assert projection(100, "2026-11", at(11), [10] * 20) == (300, 300, 300)


def test_days_that_vary_widen_the_band_to_both_sides() -> None:
    """Ten days of 0 or 20: s = 10.54, and 1.2816 · s · √(20 + 400/10) = 104.6."""
    assert projection(100, "2026-11", at(11), [0, 20] * 5) == (195, 300, 405)


def test_a_first_day_is_held_against_the_days_before_it() -> None:
    """A quiet first morning projects to little, but the month before was not quiet."""
    low, likely, high = projection(1, "2026-11", at(1, hour=12), [10] * 30)
    assert (low, likely) == (30, 30)
    assert high == 296


def test_a_month_that_is_over_has_no_band() -> None:
    assert projection(100, "2026-10", at(1), [0, 20]) == (100, 100, 100)


@given(st.integers(0, 10**18), st.floats(0, 1.5), st.lists(st.integers(0, 10**17), max_size=30))
def test_a_band_holds_its_point_and_all_that_is_spent(
    spent: int, part: float, days: list[int]
) -> None:
    start, end = (moment.timestamp() for moment in period_bounds("2026-11"))
    now = start + (end - start) * part
    low, likely, high = projection(spent, "2026-11", now, days)
    assert spent <= low <= likely <= high
    assert likely == projected(spent, "2026-11", now)


async def test_days_begin_with_the_first_use_and_end_before_today() -> None:
    ledger = MemoryLedger()
    day = 86_400_000
    for days_ago, billed in [(40, 1), (3, 2), (1, 3), (1, 4), (0, 5)]:
        event = usage_event(timestamp=NOON - days_ago * day, billed=billed)
        await ledger.settle(Settlement("own_1", event, ()))
    ada = Account("user", "ada")
    assert await days_before(ledger, ada, NOON / 1000) == [2, 0, 7]
    assert await days_before(ledger, Account("user", "bob"), NOON / 1000) == []
    both = await days_before_of_all(ledger, [Account("user", "bob"), ada], NOON / 1000)
    assert both == [[], [2, 0, 7]]
