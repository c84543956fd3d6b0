"""What a failure tells of limits, budgets and its cost."""

import pytest

from fakes import FakeProvider
from gateway_desk import CALLER, Desk, asks
from headgate.core.errors import BudgetExceeded, UpstreamTimedOut
from headgate.core.models import ProviderTimedOut
from headgate.gateway.calls import Place
from headgate.gateway.standing import standing, tightest


async def test_a_failed_call_says_how_its_caller_stands_and_what_it_was_billed() -> None:
    """A time-out bills the input; limits and budget are told as an answer would tell them."""
    desk = Desk(FakeProvider("one", ProviderTimedOut("slow")))
    await desk.limit(1000)
    with pytest.raises(UpstreamTimedOut) as failed:
        await desk.gateway.complete(CALLER, asks())
    told, (event,) = failed.value.standing, desk.events
    assert told is not None
    assert told.requests.remaining == told.requests.limit - 1
    assert (told.billed, told.cache) == (event.billed, "bypass")
    assert event.billed > 0
    assert told.budget is not None
    assert told.budget.remaining == 1000 - event.billed
    await desk.rest()


async def test_a_call_without_the_money_says_how_its_caller_stands() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(1)
    with pytest.raises(BudgetExceeded) as refused:
        await desk.gateway.complete(CALLER, asks())
    told = refused.value.standing
    assert told is not None
    assert (told.billed, told.requests.remaining) == (0, told.requests.limit - 1)


async def test_what_the_store_does_not_tell_is_left_out() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(1000)
    place = Place(await desk.limiter.admit(CALLER.key, 0))
    desk.store.is_away = True
    assert await tightest(desk.ledger, CALLER, None) is None
    told = await standing(desk.ledger, CALLER, place)
    assert (told.budget, told.requests.remaining) == (None, told.requests.limit - 1)
    desk.store.is_away = False
    budget = await tightest(desk.ledger, CALLER, None)
    assert budget is not None
    assert budget.remaining == 1000
    place.leave()
