"""What every rate limiter promises: never more than the limit says, and never for longer.

Each adapter is asked through two limiters that share what lies behind them, as two processes do.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec
import pytest

from fakes import FakeClock
from headgate.core.errors import RateLimited
from headgate.core.limits import RateLimiter, Ticket, Window
from headgate.stores.buckets import DefaultLimits
from headgate.stores.machine_limits import MachineRateLimiter
from headgate.stores.process_limits import ProcessRateLimiter
from headgate.stores.redis_limits import LEASE_SECONDS, RedisRateLimiter
from rate_limits import admitted, answered, die_with_places, key, refused
from redis_server import RedisServer, redis_running

DEFAULTS = DefaultLimits(requests_per_second=50, burst=200)


async def nothing() -> None:
    """What a limiter has to wait for that is told at once."""


@dataclass
class Shared:
    """Two limiters over one backend.

    Attributes:
        lease_seconds: how long a dead process is taken for a living one.
        settled: waits until it is known what is under way and what has ended.
        place: where another process finds the backend, as arguments of `holds_places.py`.
    """

    one: RateLimiter
    other: RateLimiter
    lease_seconds: float
    place: tuple[str, ...] | None
    settled: Callable[[], Awaitable[None]] = nothing


def process_limiters(clock: FakeClock) -> Shared:
    """One limiter twice, since it is shared within a process only."""
    limiter = ProcessRateLimiter(DEFAULTS, clock=clock)
    return Shared(limiter, limiter, 0, None)


def machine_limiters(directory: Path, clock: FakeClock, stack: AsyncExitStack) -> Shared:
    one, other = (MachineRateLimiter(directory, DEFAULTS, clock=clock) for _ in range(2))
    stack.callback(one.close)
    stack.callback(other.close)
    return Shared(one, other, 0, ("machine", str(directory)))


async def redis_limiters(server: RedisServer, clock: FakeClock, stack: AsyncExitStack) -> Shared:
    server.empty()
    one, other = (RedisRateLimiter(server.url, DEFAULTS, clock=clock) for _ in range(2))
    for limiter in (one, other):
        await limiter.start()
        stack.push_async_callback(limiter.aclose)

    async def settled() -> None:
        await asyncio.gather(one.reported(), other.reported())

    return Shared(one, other, LEASE_SECONDS, ("redis", server.url), settled)


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture(params=["process", "machine", "redis"])
async def shared(
    request: pytest.FixtureRequest, tmp_path: Path, clock: FakeClock
) -> AsyncIterator[Shared]:
    async with AsyncExitStack() as stack:
        if request.param == "process":
            yield process_limiters(clock)
        elif request.param == "machine":
            yield machine_limiters(tmp_path / "limits", clock, stack)
        else:
            server = request.getfixturevalue("redis")
            yield await redis_limiters(server, clock, stack)


@pytest.fixture
def one(shared: Shared) -> RateLimiter:
    return shared.one


@pytest.fixture
def other(shared: Shared) -> RateLimiter:
    return shared.other


async def test_a_key_without_limits_has_the_platforms(
    one: RateLimiter, other: RateLimiter, clock: FakeClock
) -> None:
    assert await admitted(one, key(), 150) + await admitted(other, key(), 150) == 200
    clock.advance(1)
    assert await admitted(other, key(), 150) + await admitted(one, key(), 150) == 50


async def test_keys_do_not_share_their_limits(one: RateLimiter) -> None:
    assert await admitted(one, key(requests_per_minute=1), 2) == 1
    assert await admitted(one, key("sk-proj-two", requests_per_minute=1), 2) == 1


async def test_calls_that_come_at_once_are_admitted_up_to_the_limit(
    one: RateLimiter, other: RateLimiter
) -> None:
    who = key(requests_per_minute=7)
    answers = await asyncio.gather(*(answered(each, who) for each in [one, other] * 10))
    assert sum(not isinstance(answer, RateLimited) for answer in answers) == 7


async def test_what_one_admits_is_gone_for_the_other_at_once(
    one: RateLimiter, other: RateLimiter
) -> None:
    who = key(requests_per_minute=3)
    assert await admitted(one, who, 2) == 2
    assert (await other.admit(who, 0)).requests.remaining == 0
    await refused(one, who)


@pytest.mark.parametrize("limits", [{"requests_per_minute": 6}, {"tokens_per_minute": 60}])
async def test_who_waits_as_long_as_was_said_is_admitted_and_who_waits_less_is_not(
    one: RateLimiter, other: RateLimiter, clock: FakeClock, limits: dict[str, Any]
) -> None:
    who = key(**limits)
    assert await admitted(one, who, 7, tokens=10) == 6
    refusal = await refused(other, who, 10)
    assert refusal.retry_after_seconds == pytest.approx(10)
    clock.advance(refusal.retry_after_seconds - 0.01)
    soon = await refused(one, who, 10)
    assert soon.retry_after_seconds == pytest.approx(0.01, abs=1e-4)
    clock.advance(0.01)
    assert await admitted(other, who, 2, tokens=10) == 1


async def test_the_wait_is_for_the_limit_that_is_whole_the_latest(
    one: RateLimiter, clock: FakeClock
) -> None:
    who = key(requests_per_minute=60, tokens_per_minute=60)
    await admitted(one, who, 1, tokens=60)
    await admitted(one, who, 59)
    refusal = await refused(one, who, 30)
    assert "tokens" in refusal.message
    assert refusal.retry_after_seconds == pytest.approx(30)
    assert refusal.requests is not None
    assert refusal.requests.remaining == 0
    clock.advance(refusal.retry_after_seconds)
    await one.admit(who, 30)


async def test_the_windows_say_what_is_left_and_when_all_of_it_is_back(
    one: RateLimiter, other: RateLimiter
) -> None:
    who = key(requests_per_minute=60, tokens_per_minute=600)
    await one.admit(who, 100)
    ticket = await other.admit(who, 100)
    assert (ticket.requests.limit, ticket.requests.remaining) == (60, 58)
    assert ticket.requests.reset_seconds == pytest.approx(2)
    assert (ticket.tokens.limit, ticket.tokens.remaining) == (600, 400)
    assert ticket.tokens.reset_seconds == pytest.approx(20)


async def test_who_only_looks_sees_what_is_left_and_takes_nothing(
    shared: Shared, clock: FakeClock
) -> None:
    who = key(requests_per_minute=60, tokens_per_minute=600)
    assert await shared.other.look(who) == (Window(60, 60, 0), Window(600, 600, 0))
    (await shared.one.admit(who, 100)).finish(100)
    await shared.settled()
    clock.advance(0.5)
    for limiter in (shared.other, shared.other, shared.one):
        requests, tokens = await limiter.look(who)
        assert (requests.limit, requests.remaining) == (60, 59)
        assert requests.reset_seconds == pytest.approx(0.5)
        assert (tokens.limit, tokens.remaining) == (600, 505)
    assert (await shared.one.admit(who, 0)).requests.remaining == 58


async def test_without_a_limit_on_tokens_plenty_is_left(one: RateLimiter) -> None:
    ticket = await one.admit(key(), 10**6)
    ticket.finish(10**6)
    assert (await one.admit(key(), 10**6)).tokens.remaining > 10**8
    assert ticket.tokens.reset_seconds == 0


async def test_a_place_comes_back_when_a_call_ends(
    shared: Shared, one: RateLimiter, other: RateLimiter
) -> None:
    who = key(concurrency=2)
    first = await one.admit(who, 0)
    await other.admit(who, 0)
    for limiter in (one, other):
        assert "2 calls under way" in (await refused(limiter, who)).message
    first.finish(0)
    await shared.settled()
    await other.admit(who, 0)
    await refused(one, who)


async def test_a_full_house_costs_no_request(
    shared: Shared, one: RateLimiter, other: RateLimiter
) -> None:
    who = key(concurrency=1, requests_per_minute=3)
    ticket = await one.admit(who, 0)
    for _ in range(5):
        await refused(other, who)
    ticket.finish(0)
    await shared.settled()
    assert await admitted(other, who, 5) == 2


async def test_a_process_that_dies_gives_its_places_back(
    shared: Shared, one: RateLimiter, other: RateLimiter, clock: FakeClock
) -> None:
    if shared.place is None:
        # One in memory alone has nothing that could outlive its process.
        pytest.skip("this limiter ends with its process")
    who = key(concurrency=2)
    ticket = await one.admit(key("sk-proj-two", concurrency=1), 0)
    await die_with_places(*shared.place)
    clock.advance(shared.lease_seconds)
    await one.admit(who, 0)
    await other.admit(who, 0)
    await refused(one, who)
    # Those of the living are kept.
    await refused(other, key("sk-proj-two", concurrency=1))
    ticket.finish(0)
    await shared.settled()
    await other.admit(key("sk-proj-two", concurrency=1), 0)


async def test_the_tokens_that_were_used_replace_the_estimate(
    shared: Shared, one: RateLimiter, other: RateLimiter
) -> None:
    who = key(tokens_per_minute=1000)
    (await one.admit(who, 900)).finish(100)
    await refused(one, who, 901)
    (await one.admit(who, 900)).finish(950)
    await shared.settled()
    assert (await refused(one, who, 1)).retry_after_seconds == pytest.approx(51 * 60 / 1000)
    assert (await refused(other, who, 1)).retry_after_seconds == pytest.approx(51 * 60 / 1000)


async def test_a_call_that_used_more_than_the_whole_limit_is_paid_for_by_waiting(
    shared: Shared, one: RateLimiter, clock: FakeClock
) -> None:
    who = key(tokens_per_minute=1000)
    (await one.admit(who, 0)).finish(3000)
    await shared.settled()
    clock.advance(119)
    await refused(one, who, 0)
    clock.advance(1)
    await refused(one, who, 1)
    clock.advance(1)
    await one.admit(who, 1)


async def test_a_request_larger_than_the_limit_waits_for_all_of_it(
    one: RateLimiter, clock: FakeClock
) -> None:
    who = key(tokens_per_minute=1000)
    (await one.admit(who, 5000)).finish(10)
    await refused(one, who, 5000)
    clock.advance(1)
    await one.admit(who, 5000)


async def test_a_refusal_for_tokens_costs_no_request(one: RateLimiter) -> None:
    who = key(requests_per_minute=2, tokens_per_minute=10)
    ticket = await one.admit(who, 10)
    await refused(one, who, 10)
    ticket.finish(0)
    assert await admitted(one, who, 5) == 1


async def test_a_changed_limit_holds_at_once_and_is_no_refill(
    one: RateLimiter, other: RateLimiter
) -> None:
    await admitted(one, key(requests_per_minute=10, tokens_per_minute=100), 5, tokens=10)
    ticket = await other.admit(key(requests_per_minute=100, tokens_per_minute=1000), 0)
    assert ticket.requests.remaining == 49
    assert ticket.tokens.remaining == 500
    ticket = await one.admit(key(requests_per_minute=10, tokens_per_minute=100), 0)
    assert ticket.requests.remaining == 3
    assert ticket.tokens.remaining == 50


async def test_a_debt_of_tokens_outlives_a_change(one: RateLimiter) -> None:
    (await one.admit(key(tokens_per_minute=100), 0)).finish(300)
    await refused(one, key(tokens_per_minute=1000), 1)


async def test_a_change_counts_what_was_refilled_before_it(
    one: RateLimiter, clock: FakeClock
) -> None:
    await admitted(one, key(requests_per_minute=10), 10)
    clock.advance(60)
    assert await admitted(one, key(requests_per_minute=20), 30) == 20


async def test_calls_under_way_give_their_places_back_after_a_change(
    shared: Shared, one: RateLimiter, other: RateLimiter
) -> None:
    tickets: list[Ticket] = [await one.admit(key(concurrency=5), 0) for _ in range(3)]
    await refused(other, key(concurrency=1))
    for ticket in tickets:
        ticket.finish(0)
    await shared.settled()
    await other.admit(key(concurrency=1), 0)
    await one.admit(key(), 0)


async def test_a_clock_that_is_put_back_refills_nothing_twice(
    one: RateLimiter, other: RateLimiter, clock: FakeClock
) -> None:
    who = key(requests_per_minute=60)
    await admitted(one, who, 60)
    clock.advance(-3600)
    await refused(other, who)
    clock.advance(2)
    assert await admitted(one, who, 5) == 2


@pytest.mark.parametrize("seed", range(6))
async def test_both_together_say_what_one_alone_would(
    shared: Shared, clock: FakeClock, seed: int
) -> None:
    """Whatever comes in whatever order: an answer here is the answer of one that sees it all."""
    alone = ProcessRateLimiter(DEFAULTS, clock=clock)
    dice = random.Random(seed)
    keys = [
        key("a", requests_per_minute=30, tokens_per_minute=600, concurrency=4),
        key("a", requests_per_minute=60, tokens_per_minute=300, concurrency=2),
        key("b", tokens_per_minute=100),
        key("c"),
    ]
    tickets: list[tuple[Ticket, Ticket]] = []
    counts = {True: 0, False: 0}
    for _ in range(400):
        act = dice.random()
        if act < 0.2:
            clock.advance(dice.choice([0.001, 0.1, 1.0, 5.0]))
            await shared.settled()
        elif act < 0.5 and tickets:
            used = dice.randrange(60)
            for ticket in tickets.pop(dice.randrange(len(tickets))):
                ticket.finish(used)
            await shared.settled()
        else:
            who, tokens = dice.choice(keys), dice.randrange(50)
            found = await answered(dice.choice([shared.one, shared.other]), who, tokens)
            expected = await answered(alone, who, tokens)
            assert is_same(found, expected), (who, tokens, found, expected)
            counts[isinstance(found, RateLimited)] += 1
            if not isinstance(found, RateLimited) and not isinstance(expected, RateLimited):
                tickets.append((found, expected))
    assert all(counts.values())


def levels(ticket: Ticket) -> list[float]:
    both = (ticket.requests, ticket.tokens)
    return [value for window in both for value in msgspec.structs.astuple(window)]


def is_same(found: Ticket | RateLimited, expected: Ticket | RateLimited) -> bool:
    if isinstance(found, RateLimited) and isinstance(expected, RateLimited):
        waits = found.retry_after_seconds == pytest.approx(expected.retry_after_seconds, abs=1e-3)
        return waits and found.message == expected.message
    if isinstance(found, RateLimited) or isinstance(expected, RateLimited):
        return False
    return bool(levels(found) == pytest.approx(levels(expected), abs=1e-3))
