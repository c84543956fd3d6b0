"""A store does what it is asked and its answer is lost: neither is money spent twice nor kept."""

import contextlib
from collections.abc import Awaitable

import pytest

from escrow_till import KEY, Till
from headgate.core.errors import BudgetExceeded, Overloaded
from headgate.gateway.escrow import LEASE_SECONDS, MARGIN_SECONDS, TICK_SECONDS

LIMIT = 100
RESOLVED_SECONDS = LEASE_SECONDS + MARGIN_SECONDS + LEASE_SECONDS


@pytest.fixture
async def till() -> Till:
    till = Till()
    await till.limit(LIMIT)
    await till.pass_time(TICK_SECONDS)  # its leases are kept, and need not be for a while
    return till


async def lost(till: Till, asking: Awaitable[object]) -> None:
    """Do something whose answer does not come."""
    till.store.loses_answers = True
    with contextlib.suppress(Overloaded):
        await asking
    till.store.loses_answers = False


async def test_what_may_have_been_given_back_is_not_spent(till: Till) -> None:
    """Another process has leased it since."""
    await till.spend(60, 10)
    assert (await till.sums())[0] > 10
    await lost(till, till.pass_time(3))
    assert (await till.sums())[0] == 10
    await till.beside().spend(90, 90)
    with pytest.raises(BudgetExceeded):
        await till.spend(50, 50)
    assert await till.sums() == (LIMIT, LIMIT, 0)


async def test_what_may_have_been_given_back_is_not_given_back_twice(till: Till) -> None:
    """The second time would take it from what a call holds, whose bill then had no cover."""
    hold = await till.reserve(40)
    await till.spend(40, 0)
    books = await till.escrow.books((KEY,))
    till.clock.advance(LEASE_SECONDS - MARGIN_SECONDS + 1)
    # The lease is too old to be used: its free part is given back before there is another.
    await lost(till, till.escrow.reserve(books, 1))
    assert (await till.sums())[0] == 40
    await till.rest()
    with pytest.raises(BudgetExceeded):
        await till.beside().spend(LIMIT, LIMIT)
    await till.settle(hold, 40)
    assert await till.sums() == (40, 40, 0)


async def test_what_may_have_been_leased_does_not_stay_reserved(till: Till) -> None:
    """Though the process goes on working, and keeps its other leases."""
    books = await till.escrow.books((KEY,))
    await lost(till, till.escrow.reserve(books, 70))
    assert await till.sums() == (70, 0, 0)
    for _ in range(round(RESOLVED_SECONDS)):
        await till.spend(1, 0)
        await till.pass_time(1)
    await till.rest()
    assert await till.sums() == (70, 70, 70)
    (entry,) = await till.escrow.unconfirmed(limit=10, after=None)
    await till.escrow.release_unconfirmed(entry.id)
    assert await till.sums() == (0, 0, 0)


async def test_a_store_that_was_certainly_not_reached_costs_no_trust(till: Till) -> None:
    await till.spend(60, 10)
    till.store.is_away = True
    with contextlib.suppress(Overloaded):
        await till.pass_time(3)
    till.store.is_away = False
    await till.rest()
    assert await till.sums() == (10, 10, 0)
