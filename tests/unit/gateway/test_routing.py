"""Retries, fallbacks and routes that are left alone, as a caller and a vendor see them."""

import asyncio
import contextlib
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakes import DONE, FakeClock, FakeProvider, StreamStep, words
from gateway_desk import CALLER, PRICE, Desk, asks
from headgate.core.chat import ChatDelta
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    BudgetExceeded,
    HeadgateError,
    InvalidRequest,
    Overloaded,
    RateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.gateway.breakers import Breakers, Trial
from headgate.gateway.catalog import Route
from headgate.gateway.routing import (
    FIRST_PAUSE_SECONDS,
    JITTER,
    LONGEST_PAUSE_SECONDS,
    Routing,
    within,
)

TWO = {"best": ["one/small", "two/small"]}
FAILED = ProviderRefused("failed", "no")
A = ChatDelta(text="a")


@dataclass
class Pauses:
    """Takes down how long calls pause; they pause on the fake clock."""

    clock: FakeClock = field(default_factory=FakeClock)
    taken: list[float] = field(default_factory=list)

    async def __call__(self, seconds: float) -> None:
        self.taken.append(seconds)
        self.clock.advance(seconds)


@pytest.fixture
def pauses() -> Pauses:
    return Pauses()


def routing(pauses: Pauses, **fields: Any) -> Routing:
    given = {"retries": 1, "breakers": Breakers(5, 30, frozenset({"sandbox"}), pauses.clock)}
    return Routing(**{**given, **fields}, clock=pauses.clock, pause=pauses, chance=lambda: 0.0)


def rate_limited(seconds: float | None) -> ProviderRefused:
    return ProviderRefused("rate_limited", "later", retry_after_seconds=seconds)


@pytest.mark.parametrize(
    "error",
    [
        FAILED,
        ProviderRefused("overloaded", "full"),
        rate_limited(None),
        ProviderUnreachable("nobody there"),
        ProviderBroke("gone"),
        ProviderTimedOut("a gateway's quick word"),
    ],
)
@pytest.mark.parametrize("is_streamed", [False, True])
async def test_what_another_try_may_cure_is_tried_again(
    pauses: Pauses, error: ProviderError, *, is_streamed: bool
) -> None:
    """Each attempt has its own row and its own idempotency key."""
    one, two = FakeProvider("one", error, "hi"), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO, routing=routing(pauses))
    await desk.limit(1000)
    if is_streamed:
        assert [piece async for piece in await desk.gateway.stream(CALLER, asks(model="best"))]
    else:
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert len(set(one.idempotency_keys)) == 2
    assert not two.idempotency_keys
    assert [event.status for event in desk.events][1:] == ["ok"]
    assert pauses.taken == [FIRST_PAUSE_SECONDS]
    await desk.rest()


@pytest.mark.parametrize(
    "kind", ["invalid", "unsupported", "context_length", "not_found", "unauthorized"]
)
async def test_a_final_refusal_is_not_tried_again(pauses: Pauses, kind: Any) -> None:
    one = FakeProvider("one", ProviderRefused(kind, "no"))
    desk = Desk(one, routing=routing(pauses))
    with pytest.raises(HeadgateError):
        await desk.gateway.complete(CALLER, asks())
    assert len(one.chats) == 1
    await desk.rest()


async def test_after_its_retries_it_is_the_next_models_turn(pauses: Pauses) -> None:
    one, two = FakeProvider("one", FAILED), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO, routing=routing(pauses, retries=2))
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (3, 1)
    assert [event.billed for event in desk.events] == [0, 0, 0, 20]
    assert pauses.taken == [FIRST_PAUSE_SECONDS, 2 * FIRST_PAUSE_SECONDS]
    await desk.rest()


async def test_a_short_retry_after_is_waited_for(pauses: Pauses) -> None:
    one = FakeProvider("one", rate_limited(2), "hi")
    await Desk(one, routing=routing(pauses)).gateway.complete(CALLER, asks())
    assert pauses.taken == [2]


async def test_nobody_waits_for_a_long_retry_after(pauses: Pauses) -> None:
    """The next model answers at once; where there is none the caller gets the vendor's word."""
    one, two = FakeProvider("one", rate_limited(60)), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO, routing=routing(pauses))
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (1, 1)
    with pytest.raises(RateLimited) as told:
        await desk.gateway.complete(CALLER, asks(model="one/small"))
    assert told.value.retry_after_seconds == 60
    assert not pauses.taken
    await desk.rest()


async def test_a_route_that_cools_down_makes_way_but_is_not_shut(pauses: Pauses) -> None:
    one, two = FakeProvider("one", rate_limited(60), "hi"), FakeProvider("two", "hi", FAILED)
    desk = Desk(one, two, aliases=TWO, routing=routing(pauses, retries=0))
    for _ in range(2):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (2, 2)
    assert [event.provider for event in desk.events] == ["one", "two", "two", "one"]


async def test_the_vendors_word_is_never_undercut_and_waits_are_spread() -> None:
    shared = Routing(retries=20, chance=lambda: 1.0)
    route = Route(FakeProvider("one"), "small", PRICE)
    assert shared.pause_before(route, rate_limited(2), 1) == 2 * (1 + JITTER)
    assert shared.pause_before(route, FAILED, 1) == FIRST_PAUSE_SECONDS * (1 + JITTER)
    assert shared.pause_before(route, FAILED, 20) == LONGEST_PAUSE_SECONDS * (1 + JITTER)
    assert shared.pause_before(route, FAILED, 21) is None


async def test_a_retry_is_not_made_once_the_attempts_time_is_over(pauses: Pauses) -> None:
    class Slow(FakeProvider):
        async def _answer(self, idempotency_key: str) -> Any:
            pauses.clock.advance(9.9)
            return await super()._answer(idempotency_key)

    one = Slow("one", FAILED)
    desk = Desk(one, routing=routing(pauses, attempt_seconds=10))
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    assert len(one.chats) == 1
    await desk.rest()


async def test_what_runs_in_this_process_is_not_tried_again(pauses: Pauses) -> None:
    box = FakeProvider("sandbox", FAILED)
    desk = Desk(box, routing=routing(pauses))
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    assert len(box.chats) == 1


async def test_after_the_first_piece_nothing_is_tried_again(pauses: Pauses) -> None:
    broken: list[StreamStep] = [A, ProviderBroke("gone")]
    one, two = FakeProvider("one", broken), FakeProvider("two")
    desk = Desk(one, two, aliases=TWO, routing=routing(pauses))
    answer = await desk.gateway.stream(CALLER, asks(model="best"))
    with pytest.raises(ProviderBroke):
        assert [piece async for piece in answer]
    assert (len(one.chats), len(two.chats)) == (1, 0)
    await desk.rest()


async def test_a_caller_who_leaves_during_a_pause_leaves_nothing(pauses: Pauses) -> None:
    never = asyncio.Event()
    reached = asyncio.Event()

    async def pause(_seconds: float) -> None:
        reached.set()
        await never.wait()

    one = FakeProvider("one", FAILED)
    desk = Desk(one, routing=Routing(retries=1, pause=pause))
    await desk.limit(1000)
    call = asyncio.create_task(desk.gateway.complete(CALLER, asks()))
    await reached.wait()
    (budget,) = await desk.ledger.budgets([*CALLER.accounts("small")][:1])
    assert budget.reserved == 0
    call.cancel()
    await asyncio.gather(call, return_exceptions=True)
    assert len(one.chats) == 1
    await desk.rest()


async def test_an_open_route_is_passed_over_and_probed_after_its_time(pauses: Pauses) -> None:
    one = FakeProvider("one", FAILED, FAILED, "hi")
    two = FakeProvider("two")
    shared = routing(pauses, retries=0, breakers=Breakers(2, 30, clock=pauses.clock))
    desk = Desk(one, two, aliases=TWO, routing=shared)
    for _ in range(5):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (2, 5)
    pauses.clock.advance(30)
    for _ in range(3):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (5, 5)
    await desk.rest()


async def test_where_all_routes_are_open_the_one_whose_time_ends_first_is_probed(
    pauses: Pauses,
) -> None:
    one, two = FakeProvider("one", FAILED), FakeProvider("two", FAILED, FAILED, "hi")
    shared = routing(pauses, retries=0, breakers=Breakers(1, 30, clock=pauses.clock))
    desk = Desk(one, two, aliases=TWO, routing=shared)
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks(model="two/small"))
    pauses.clock.advance(1)
    for _ in range(2):  # the first opens the other one, the second probes
        with pytest.raises(UpstreamFailed):
            await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (1, 2)
    pauses.clock.advance(1)
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (2, 2)
    await desk.gateway.complete(CALLER, asks(model="two/small"))
    await desk.rest()


async def test_a_call_counts_once_whatever_its_retries_and_a_probe_has_none(
    pauses: Pauses,
) -> None:
    one, two = FakeProvider("one", FAILED), FakeProvider("two")
    shared = routing(pauses, retries=2, breakers=Breakers(2, 30, clock=pauses.clock))
    desk = Desk(one, two, aliases=TWO, routing=shared)
    called = []
    for _ in range(3):
        await desk.gateway.complete(CALLER, asks(model="best"))
        called.append(len(one.chats))
    pauses.clock.advance(30)
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert [*called, len(one.chats)] == [3, 6, 6, 7]


async def test_a_circuit_that_others_open_meanwhile_ends_the_retries() -> None:
    shared: Routing

    async def pause(_seconds: float) -> None:
        for _ in range(2):
            with Trial(shared.breakers, route) as trial:
                trial.failed(FAILED)

    one, two = FakeProvider("one", FAILED), FakeProvider("two")
    route = Route(one, "small", PRICE)
    shared = Routing(retries=1, breakers=Breakers(2, 30), pause=pause)
    desk = Desk(one, two, aliases=TWO, routing=shared)
    await desk.gateway.complete(CALLER, asks(model="best"))
    assert (len(one.chats), len(two.chats)) == (1, 1)


@pytest.mark.parametrize("seconds", [0, 30])
async def test_of_many_callers_one_probes(pauses: Pauses, seconds: float) -> None:
    """The others are told to come back soon."""
    one = FakeProvider("one", FAILED, [A, DONE])
    shared = routing(pauses, retries=0, breakers=Breakers(1, 30, clock=pauses.clock))
    desk = Desk(one, routing=shared)
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    pauses.clock.advance(seconds)
    calls = [desk.gateway.stream(CALLER, asks()) for _ in range(20)]
    answers = await asyncio.gather(*calls, return_exceptions=True)
    opened = [answer for answer in answers if not isinstance(answer, BaseException)]
    refused = [answer for answer in answers if isinstance(answer, Overloaded)]
    assert (len(opened), len(refused), len(one.chats)) == (1, 19, 2)
    assert {refusal.retry_after_seconds for refusal in refused} == {1}
    again = await desk.gateway.stream(CALLER, asks())
    for answer in (*opened, again):
        await answer.aclose()
    await desk.rest()


async def test_a_probe_without_the_money_makes_way_for_another(pauses: Pauses) -> None:
    one = FakeProvider("one", FAILED, "hi")
    shared = routing(pauses, retries=0, breakers=Breakers(1, 30, clock=pauses.clock))
    desk = Desk(one, routing=shared)
    await desk.limit(1000)
    with pytest.raises(UpstreamFailed):
        await desk.gateway.complete(CALLER, asks())
    with pytest.raises(BudgetExceeded):
        await desk.gateway.complete(CALLER, asks(max_tokens=10_000))
    await desk.gateway.complete(CALLER, asks())
    await desk.rest()


async def test_streams_that_break_off_open_the_circuit(pauses: Pauses) -> None:
    one = FakeProvider("one", [A, ProviderBroke("gone")])
    desk = Desk(one, routing=routing(pauses, breakers=Breakers(2, 30, clock=pauses.clock)))
    for _ in range(2):
        answer = await desk.gateway.stream(CALLER, asks())
        with pytest.raises(ProviderBroke):
            assert [piece async for piece in answer]
    assert desk.gateway.routing.breakers.troubles()["one/small"].state == "open"
    await desk.rest()


async def test_a_request_at_fault_opens_nothing(pauses: Pauses) -> None:
    one = FakeProvider("one", ProviderRefused("invalid", "no"))
    desk = Desk(one, routing=routing(pauses, breakers=Breakers(1, 30, clock=pauses.clock)))
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            await desk.gateway.complete(CALLER, asks())


@pytest.mark.parametrize("kind", ["complete", "stream", "embed"])
async def test_an_attempt_that_takes_too_long_makes_way_for_the_next(
    pauses: Pauses, kind: str
) -> None:
    """A stream that gives signs of life, but no content, is too slow too."""
    never = asyncio.Event()
    one = FakeProvider("one", [never] if kind == "stream" else never)
    two = FakeProvider("two", words("a b") if kind == "stream" else "hi")
    desk = Desk(one, two, aliases=TWO, routing=Routing(retries=1, attempt_seconds=0.2))
    await desk.limit(1000)
    if kind == "embed":
        await desk.gateway.embed(CALLER, EmbeddingRequest(model="best", input=("x" * 40,)))
    elif kind == "stream":
        assert [piece async for piece in await desk.gateway.stream(CALLER, asks(model="best"))]
        assert one.streams[0].is_closed
    else:
        await desk.gateway.complete(CALLER, asks(model="best"))
    late, answered = desk.events
    assert (late.provider, late.status, late.estimated) == ("one", "incomplete", True)
    assert (answered.provider, answered.status) == ("two", "ok")
    assert len(one.idempotency_keys) == 1
    await desk.rest()


async def test_where_no_route_is_left_a_slow_one_is_a_time_out(pauses: Pauses) -> None:
    desk = Desk(FakeProvider("one", asyncio.Event()), routing=Routing(attempt_seconds=0.01))
    with pytest.raises(UpstreamTimedOut):
        await desk.gateway.complete(CALLER, asks())
    await desk.rest()


async def test_a_time_out_of_the_works_own_is_not_taken_for_the_limit() -> None:
    async def work() -> None:
        raise TimeoutError

    with pytest.raises(TimeoutError):
        await within(60, work())


async def test_a_task_whose_time_was_over_goes_on() -> None:
    """It counts as cancelled no more, whether the work gave up or found an end."""

    async def ends_all_the_same() -> str:
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.Event().wait()
        return "done"

    with pytest.raises(ProviderTimedOut):
        await within(0.01, asyncio.Event().wait())
    assert await within(0.01, ends_all_the_same()) == "done"
    task = asyncio.current_task()
    assert task is not None
    assert not task.cancelling()


async def test_a_caller_who_leaves_as_the_time_ends_has_left() -> None:
    async def left() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            task.cancel()

    task = asyncio.create_task(within(0.01, left()))
    with pytest.raises(asyncio.CancelledError):
        await task
