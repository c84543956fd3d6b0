"""Rate limits of one process: never more than the limit says, and never for longer."""

from typing import Any

import pytest

from fakes import FakeClock
from headgate.core.errors import RateLimited
from headgate.core.keys import RateLimit, VirtualKey
from headgate.stores.process_limits import ProcessRateLimiter, ProcessTicket


def key(key_id: str = "sk-proj-one", **limits: Any) -> VirtualKey:
    return VirtualKey(
        key_id=key_id,
        name="one",
        scopes=frozenset({"ai:complete"}),
        created_at=0.0,
        rate_limit=RateLimit(**limits),
    )


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def limiter(clock: FakeClock) -> ProcessRateLimiter:
    return ProcessRateLimiter(requests_per_second=50, burst=200, clock=clock)


async def admitted(
    limiter: ProcessRateLimiter, who: VirtualKey, calls: int, tokens: int = 0
) -> int:
    """How many of so many calls are admitted."""
    count = 0
    for _ in range(calls):
        try:
            (await limiter.admit(who, tokens)).finish(tokens)
        except RateLimited:
            continue
        count += 1
    return count


async def refused(limiter: ProcessRateLimiter, who: VirtualKey, tokens: int = 0) -> RateLimited:
    with pytest.raises(RateLimited) as refusal:
        await limiter.admit(who, tokens)
    return refusal.value


async def test_a_key_without_limits_has_the_platforms(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    assert await admitted(limiter, key(), 300) == 200
    clock.advance(1)
    assert await admitted(limiter, key(), 300) == 50


async def test_a_key_may_send_its_requests_of_a_minute_at_once(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    who = key(requests_per_minute=6)
    assert await admitted(limiter, who, 10) == 6
    clock.advance(10)
    assert await admitted(limiter, who, 10) == 1
    clock.advance(3600)
    assert await admitted(limiter, who, 10) == 6


async def test_a_refusal_says_which_limit_and_when_to_come_back(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    who = key(requests_per_minute=1, tokens_per_minute=60)
    await limiter.admit(who, 60)
    refusal = await refused(limiter, who)
    assert refusal.message == "the key's limit on requests is reached: try again in 60 s"
    who = key("sk-proj-two", tokens_per_minute=60)
    await limiter.admit(who, 60)
    clock.advance(0.5)
    refusal = await refused(limiter, who, 30)
    assert refusal.message == "the key's limit on tokens is reached: try again in 30 s"


async def test_keys_do_not_share_their_limits(limiter: ProcessRateLimiter) -> None:
    assert await admitted(limiter, key(requests_per_minute=1), 2) == 1
    assert await admitted(limiter, key("sk-proj-two", requests_per_minute=1), 2) == 1


async def test_a_refusal_says_when_to_come_back(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    who = key(requests_per_minute=6)
    await admitted(limiter, who, 6)
    refusal = await refused(limiter, who)
    assert refusal.retry_after_seconds == pytest.approx(10)
    assert refusal.requests is not None
    assert refusal.requests.remaining == 0
    clock.advance(refusal.retry_after_seconds + 0.001)
    assert await admitted(limiter, who, 2) == 1


async def test_the_windows_say_what_is_left_and_when_all_of_it_is_back(
    limiter: ProcessRateLimiter,
) -> None:
    ticket = await limiter.admit(key(requests_per_minute=60, tokens_per_minute=600), 100)
    assert (ticket.requests.limit, ticket.requests.remaining) == (60, 59)
    assert ticket.requests.reset_seconds == pytest.approx(1)
    assert (ticket.tokens.limit, ticket.tokens.remaining) == (600, 500)
    assert ticket.tokens.reset_seconds == pytest.approx(10)


async def test_without_a_limit_on_tokens_plenty_is_left(limiter: ProcessRateLimiter) -> None:
    ticket = await limiter.admit(key(), 10**6)
    assert ticket.tokens.remaining > 10**8
    assert ticket.tokens.reset_seconds == 0


async def test_a_place_comes_back_when_a_call_ends(limiter: ProcessRateLimiter) -> None:
    who = key(concurrency=2)
    first = await limiter.admit(who, 0)
    await limiter.admit(who, 0)
    assert "2 calls under way" in (await refused(limiter, who)).message
    first.finish(0)
    await limiter.admit(who, 0)
    await refused(limiter, who)


async def test_a_full_house_costs_no_request(limiter: ProcessRateLimiter) -> None:
    who = key(concurrency=1, requests_per_minute=3)
    ticket = await limiter.admit(who, 0)
    for _ in range(5):
        await refused(limiter, who)
    ticket.finish(0)
    assert await admitted(limiter, who, 5) == 2


async def test_the_tokens_that_were_used_replace_the_estimate(
    limiter: ProcessRateLimiter,
) -> None:
    who = key(tokens_per_minute=1000)
    (await limiter.admit(who, 900)).finish(100)
    assert await admitted(limiter, who, 1, tokens=901) == 0
    (await limiter.admit(who, 900)).finish(950)
    assert (await refused(limiter, who, 1)).retry_after_seconds == pytest.approx(51 * 60 / 1000)


async def test_a_call_that_used_more_than_the_whole_limit_is_paid_for_by_waiting(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    who = key(tokens_per_minute=1000)
    (await limiter.admit(who, 0)).finish(3000)
    clock.advance(120)
    await refused(limiter, who, 1)
    clock.advance(1)
    await limiter.admit(who, 1)


async def test_a_request_larger_than_the_limit_waits_for_all_of_it(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    who = key(tokens_per_minute=1000)
    (await limiter.admit(who, 5000)).finish(10)
    await refused(limiter, who, 5000)
    clock.advance(1)
    await limiter.admit(who, 5000)


async def test_a_refusal_for_tokens_costs_no_request(limiter: ProcessRateLimiter) -> None:
    who = key(requests_per_minute=2, tokens_per_minute=10)
    ticket = await limiter.admit(who, 10)
    await refused(limiter, who, 10)
    ticket.finish(0)
    assert await admitted(limiter, who, 5) == 1


async def test_a_changed_limit_holds_at_once_and_is_no_refill(
    limiter: ProcessRateLimiter,
) -> None:
    await admitted(limiter, key(requests_per_minute=10, tokens_per_minute=100), 5, tokens=10)
    ticket = await limiter.admit(key(requests_per_minute=100, tokens_per_minute=1000), 0)
    assert ticket.requests.remaining == 49
    assert ticket.tokens.remaining == 500
    ticket = await limiter.admit(key(requests_per_minute=10, tokens_per_minute=100), 0)
    assert ticket.requests.remaining == 3
    assert ticket.tokens.remaining == 50


async def test_a_debt_of_tokens_outlives_a_change(limiter: ProcessRateLimiter) -> None:
    (await limiter.admit(key(tokens_per_minute=100), 0)).finish(300)
    await refused(limiter, key(tokens_per_minute=1000), 1)


async def test_a_change_counts_what_was_refilled_before_it(
    limiter: ProcessRateLimiter, clock: FakeClock
) -> None:
    await admitted(limiter, key(requests_per_minute=10), 10)
    clock.advance(60)
    assert await admitted(limiter, key(requests_per_minute=20), 30) == 20


async def test_calls_under_way_give_their_places_back_after_a_change(
    limiter: ProcessRateLimiter,
) -> None:
    tickets: list[ProcessTicket] = [await limiter.admit(key(concurrency=5), 0) for _ in range(3)]
    await refused(limiter, key(concurrency=1))
    for ticket in tickets:
        ticket.finish(0)
    await limiter.admit(key(concurrency=1), 0)
    await limiter.admit(key(), 0)


async def test_keys_that_have_rested_are_forgotten_and_no_others(
    limiter: ProcessRateLimiter, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.stores.process_limits.MOST_KEYS", 4)
    await admitted(limiter, key("rested", requests_per_minute=60), 1)
    (await limiter.admit(key("indebted", tokens_per_minute=60), 0)).finish(600)
    await limiter.admit(key("running"), 0)
    clock.advance(59)
    await admitted(limiter, key("busy", requests_per_minute=1), 1)
    await limiter.admit(key("new"), 0)
    assert set(limiter._keys) == {"indebted", "running", "busy", "new"}
