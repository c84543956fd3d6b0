"""How a call is made: which route answers, and how much the money for it covers."""

import asyncio

import msgspec
import pytest

from fakes import FakeProvider, RemoteLedger, until
from gateway_desk import ACCOUNT, CALLER, KEY, Desk, asks
from headgate.core.budgets import Account
from headgate.core.chat import TokenUsage
from headgate.core.errors import (
    BudgetExceeded,
    ContextLengthExceeded,
    InvalidRequest,
    Overloaded,
    UpstreamFailed,
)
from headgate.core.keys import RateLimit
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.core.prices import Markup, Price
from headgate.gateway.escrow import Escrow

FREE = Price(input=0, output=0, version="free")
TWO = {"best": ["one/small", "two/small"]}


@pytest.mark.parametrize(
    "error",
    [
        ProviderRefused("rate_limited", "later"),
        ProviderRefused("unauthorized", "who?"),
        ProviderUnreachable("nobody there"),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_refused_call_costs_nothing_and_the_next_route_answers(
    error: ProviderError, is_streamed: bool
) -> None:
    one, two = FakeProvider("one", error), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO)
    await desk.limit(1000)
    if is_streamed:
        answer = await desk.gateway.stream(CALLER, asks(model="best"))
        assert [piece async for piece in answer]
    else:
        await desk.gateway.complete(CALLER, asks(model="best"))
    refused, answered = desk.events
    assert (refused.provider, refused.billed, refused.status) == ("one", 0, "error")
    assert (answered.provider, answered.status) == ("two", "ok")
    assert one.idempotency_keys != two.idempotency_keys
    assert one.chats[0].model == two.chats[0].model == "small"
    await desk.rest()


async def test_a_time_out_bills_the_input_and_the_next_route_answers() -> None:
    desk = Desk(FakeProvider("one", ProviderTimedOut("slow")), FakeProvider("two"), aliases=TWO)
    answer = await desk.gateway.complete(CALLER, asks(model="best"))
    timed_out, answered = desk.events
    assert (timed_out.billed, timed_out.status, timed_out.estimated) == (10, "incomplete", True)
    assert (answered.billed, answered.status, answered.estimated) == (20, "ok", False)
    assert (answer.receipt.tried, answer.receipt.event) == (10, answered)
    await desk.rest()


async def test_a_broken_connection_bills_the_input() -> None:
    desk = Desk(FakeProvider("one", ProviderBroke("gone")))
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (10, "incomplete", True)
    await desk.rest()


@pytest.mark.parametrize("kind", ["invalid", "context_length"])
async def test_a_request_that_is_at_fault_itself_is_tried_once(kind: str) -> None:
    error = ProviderRefused("invalid" if kind == "invalid" else "context_length", "no")
    two = FakeProvider("two")
    desk = Desk(FakeProvider("one", error), two, aliases=TWO)
    with pytest.raises((InvalidRequest, ContextLengthExceeded)):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert not two.chats
    await desk.rest()


async def test_a_vendors_failure_is_logged_with_the_request_and_the_route(
    caplog: pytest.LogCaptureFixture,
) -> None:
    desk = Desk(FakeProvider("one", ProviderUnreachable("nobody there")))
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    assert "request req_1: one/small did not answer: nobody there" in caplog.text


async def test_the_last_failure_is_told_where_no_route_is_left() -> None:
    desk = Desk(
        FakeProvider("one", ProviderTimedOut("slow")),
        FakeProvider("two", ProviderRefused("overloaded", "full", retry_after_seconds=7)),
        aliases=TWO,
    )
    with pytest.raises(Overloaded, match="full") as told:
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert told.value.retry_after_seconds == 7
    await desk.rest()


async def test_an_option_that_one_vendor_does_not_have_is_for_the_next_one() -> None:
    one, two = (
        FakeProvider("one", ProviderRefused("unsupported", "no such option")),
        FakeProvider("two"),
    )
    desk = Desk(one, two, aliases=TWO)
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (1, 1)
    await desk.rest()


async def test_a_route_that_cannot_be_afforded_makes_way_for_one_that_can() -> None:
    one, two = FakeProvider("one"), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO, prices={"two": FREE})
    await desk.limit(0)
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert not one.chats
    assert (desk.event.provider, desk.event.billed) == ("two", 0)
    await desk.rest()


async def test_where_no_route_can_be_afforded_the_first_refusal_is_told() -> None:
    desk = Desk(FakeProvider("one"), FakeProvider("two"), aliases=TWO)
    await desk.limit(0)
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert not desk.store.memory._events
    await desk.rest()


async def test_a_vendors_failure_is_told_before_a_route_that_could_not_be_afforded() -> None:
    """The one may pass when it is tried again, the other does not."""
    refused = FakeProvider("one", ProviderRefused("overloaded", "full"))
    desk = Desk(refused, FakeProvider("two"), aliases=TWO, prices={"one": FREE})
    await desk.limit(0)
    with pytest.raises(Overloaded, match="full"):
        await desk.gateway.complete(CALLER, asks(model="best"))
    await desk.rest()


async def test_a_fault_of_ours_leaves_nothing_held() -> None:
    desk = Desk(FakeProvider("one", LookupError("a fault")))
    await desk.limit(1000)
    with pytest.raises(LookupError):
        await desk.gateway.complete(CALLER, asks())
    await desk.rest()
    assert (desk.event.billed, desk.event.status, desk.event.estimated) == (10, "error", True)


async def test_the_models_own_limit_holds_where_the_budget_covers_it() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(1000)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats[0].max_tokens == 100


async def test_without_a_budget_a_request_goes_out_as_it_came() -> None:
    one = FakeProvider("one")
    await Desk(one).gateway.complete(CALLER, asks())
    assert one.chats == [asks()]


async def test_an_output_limit_that_was_not_sent_is_lowered_to_what_is_left() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 70 + 1)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats[0].max_tokens == 70
    await desk.rest()


async def test_the_markup_is_left_room_for() -> None:
    one = FakeProvider("one")
    desk = Desk(one, markup=Markup(500_000))
    await desk.limit((20 + 2 * 70) * 3 // 2)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats[0].max_tokens == 70
    await desk.rest()


async def test_an_output_limit_is_not_lowered_below_what_is_worth_having() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 64)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats[0].max_tokens == 64
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks())
    assert len(one.chats) == 1
    await desk.rest()


async def test_an_output_limit_is_not_raised_beyond_the_models_own() -> None:
    class Terse(FakeProvider):
        def output_ceiling(self, request: object) -> int:
            return 30

    one = Terse("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 30)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats[0].max_tokens == 30


async def test_an_output_limit_that_was_sent_is_never_lowered() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 500)
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(max_tokens=501))
    await desk.gateway.complete(CALLER, asks(max_tokens=500))
    assert [chat.max_tokens for chat in one.chats] == [500]
    await desk.rest()


async def test_several_answers_share_the_lowered_limit() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 150)
    await desk.gateway.complete(CALLER, asks(n=2))
    assert one.chats[0].max_tokens == 75
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(n=2, max_tokens=100))


async def test_none_of_several_answers_is_lowered_below_what_is_worth_having() -> None:
    """Shared by more answers than it has tokens, a limit would be raised beyond the money held."""
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(20 + 2 * 128 * 64 - 1)
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(n=128))
    await desk.limit(20 + 2 * 128 * 64)
    desk.clock.advance(2)
    await desk.gateway.complete(CALLER, asks(n=128))
    assert [chat.max_tokens for chat in one.chats] == [64]
    await desk.rest()


async def test_calls_that_come_at_once_share_what_is_left() -> None:
    """The second is lowered to what the first has left, not refused."""
    go_on = asyncio.Event()
    one = FakeProvider("one", go_on)
    desk = Desk(one)
    await desk.limit((20 + 2 * 100) + (20 + 2 * 80))
    calls = [asyncio.create_task(desk.gateway.complete(CALLER, asks())) for _ in range(2)]
    await until(lambda: len(one.chats) == 2)
    assert sorted(chat.max_tokens or 0 for chat in one.chats) == [80, 100]
    go_on.set()
    await asyncio.gather(*calls)
    await desk.rest()


async def test_a_free_model_needs_no_budget() -> None:
    one = FakeProvider("one")
    desk = Desk(one, prices={"one": FREE})
    await desk.limit(0)
    await desk.gateway.complete(CALLER, asks())
    assert one.chats == [asks()]
    assert (desk.event.billed, desk.event.input_tokens) == (0, 10)
    await desk.rest()


async def test_one_budget_that_is_used_up_stops_a_call_that_others_cover() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(1000)
    await desk.limit(0, Account("model", "small"))
    with pytest.raises(BudgetExceeded) as refusal:
        await desk.gateway.complete(CALLER, asks())
    assert refusal.value.budget.account.scope == "model"
    assert not one.chats
    await desk.rest()


async def test_a_model_budget_stops_that_model_alone() -> None:
    desk = Desk(
        FakeProvider("one"), FakeProvider("two", models=["large"]), aliases={"big": ["large"]}
    )
    await desk.limit(0, Account("model", "small"))
    answer = await desk.gateway.complete(CALLER, asks(model="big"))
    assert answer.receipt.route.model == "large"


async def test_a_budget_for_exactly_fifty_calls_gives_exactly_fifty() -> None:
    one = FakeProvider("one", TokenUsage(20, 40))
    desk = Desk(one)
    caller = msgspec.structs.replace(
        CALLER, key=msgspec.structs.replace(KEY, rate_limit=RateLimit(requests_per_minute=10_000))
    )
    await desk.limit(50 * 100)
    answers = await asyncio.gather(
        *(desk.gateway.complete(caller, asks(max_tokens=40)) for _ in range(1000)),
        return_exceptions=True,
    )
    refused = [answer for answer in answers if isinstance(answer, BudgetExceeded)]
    assert (len(one.chats), len(refused)) == (50, 950)
    await desk.rest()


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_who_leaves_between_two_routes_leaves_nothing(turns: int) -> None:
    one, two = FakeProvider("one", ProviderRefused("overloaded", "full")), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO)
    await desk.limit(1000)
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks(model="best")))
    await one.called.wait()
    for _ in range(turns):
        await asyncio.sleep(0)
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    await desk.rest()
    assert len(desk.events) == len(one.chats) + len(two.chats)


async def test_an_answer_is_not_made_shorter_while_money_lies_idle_elsewhere() -> None:
    one = FakeProvider("one")
    desk = Desk(one)
    await desk.limit(220)
    other = Escrow(RemoteLedger(desk.store.memory), clock=desk.clock)
    await other.start()
    other.release(await other.reserve(await other.books([ACCOUNT]), 50))
    await desk.gateway.complete(CALLER, asks())
    # 20 tokens of input at most, 100 of output: 220 nano-dollars.
    assert [chat.max_tokens for chat in one.chats] == [100]
    await other.aclose()
    await desk.rest()
