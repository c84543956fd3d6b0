"""An attempt ends once, and says what it was."""

import asyncio

import msgspec
import pytest

from fakes import USAGE, FakeProvider, until
from gateway_desk import ACCOUNT, CALLER, KEY, PRICE, Desk
from headgate.core.budgets import Account
from headgate.core.chat import TokenUsage
from headgate.core.prices import Markup
from headgate.gateway.breakers import Breakers, Trial
from headgate.gateway.calls import Attempt, Place, receipt
from headgate.gateway.catalog import Route


async def attempt_of(desk: Desk, ceiling: int = 100) -> Attempt:
    route = Route(FakeProvider("one"), "small", PRICE)
    return Attempt(
        caller=CALLER,
        route=route,
        trial=Trial(Breakers(), route),
        request_type="completion",
        ledger=desk.ledger,
        hold=await desk.ledger.reserve(await desk.ledger.books([ACCOUNT]), ceiling),
        markup=Markup(0),
        place=Place(await desk.limiter.admit(KEY, 0)),
    )


@pytest.fixture
def desk() -> Desk:
    return Desk(FakeProvider("one"))


def test_a_call_is_paid_for_in_one_order_by_all_who_pay() -> None:
    assert CALLER.accounts("small") == (
        ACCOUNT,
        Account("user", "ada"),
        Account("workspace", "acme"),
        Account("model", "small"),
    )


def test_a_key_without_a_user_has_no_account_of_one() -> None:
    caller = msgspec.structs.replace(CALLER, key=msgspec.structs.replace(KEY, user_id=None))
    assert [account.scope for account in caller.accounts("small")] == ["key", "workspace", "model"]


async def test_the_first_settlement_counts(desk: Desk) -> None:
    attempt = await attempt_of(desk)
    attempt.settle(USAGE, "ok")
    attempt.settle(TokenUsage(90, 90), "cancelled", estimated=True)
    await attempt.durable()
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (20, "ok", False)


async def test_each_attempt_is_known_to_its_vendor_by_a_key_of_its_own(desk: Desk) -> None:
    first, second = await attempt_of(desk), await attempt_of(desk)
    assert first.idempotency_key != second.idempotency_key


async def test_more_than_was_held_is_an_overrun_where_a_budget_is_limited(desk: Desk) -> None:
    (await attempt_of(desk, ceiling=10)).settle(USAGE, "ok")
    await desk.limit(1000)
    desk.clock.advance(1)
    (await attempt_of(desk, ceiling=10)).settle(USAGE, "ok")
    await until(lambda: len(desk.events) == 2)
    assert [event.overrun for event in desk.events] == [False, True]


async def test_who_stops_waiting_does_not_take_the_record_along(desk: Desk) -> None:
    attempt = await attempt_of(desk)
    committed = desk.store.hold_back("settle")
    attempt.settle(USAGE, "ok")
    waiting = asyncio.create_task(attempt.durable())
    await until(lambda: "settle" in desk.store.asked)
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    committed.set()
    await attempt.durable()
    assert desk.event.billed == 20


async def test_nothing_is_waited_for_before_a_settlement(desk: Desk) -> None:
    await (await attempt_of(desk)).durable()
    assert not desk.events


async def test_the_first_token_comes_once(desk: Desk) -> None:
    attempt = await attempt_of(desk)
    attempt.mark_first_token()
    first = attempt.first_token
    attempt.mark_first_token()
    assert first is not None
    assert attempt.first_token == first


async def test_a_receipt_says_who_answered_and_what_is_left(desk: Desk) -> None:
    await desk.limit(1000)
    attempt = await attempt_of(desk, ceiling=100)
    before = receipt(attempt)
    assert before.event is None
    assert before.budget is not None
    assert before.budget.remaining == 900
    attempt.settle(USAGE, "ok")
    after = receipt(attempt)
    assert after.event == attempt.event
    assert after.route.qualified == "one/small"
    assert after.budget is not None
    assert after.budget.remaining == 980
