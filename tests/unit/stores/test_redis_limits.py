"""What is special where limits lie in Redis; tests/contract has the rest."""

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator

import pytest
from redis.asyncio import Redis

from fakes import FakeClock
from headgate.core.errors import Overloaded, RateLimited
from headgate.stores.buckets import DefaultLimits
from headgate.stores.redis_limits import RedisRateLimiter
from rate_limits import admitted, answered, key, refused
from redis_server import RedisServer, redis_running

DEFAULTS = DefaultLimits(50, 200)


@pytest.fixture(scope="module")
def running() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture
def server(running: RedisServer) -> RedisServer:
    running.empty()
    return running


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
async def pair(
    server: RedisServer, clock: FakeClock
) -> AsyncIterator[tuple[RedisRateLimiter, RedisRateLimiter]]:
    """Two limiters that both know of each other."""
    one, other = (RedisRateLimiter(server.url, DEFAULTS, clock=clock) for _ in range(2))
    await one.start()
    await other.start()
    await one.reported()
    yield one, other
    await one.aclose()
    await other.aclose()


@pytest.fixture
def one(pair: tuple[RedisRateLimiter, RedisRateLimiter]) -> RedisRateLimiter:
    return pair[0]


@pytest.fixture
def other(pair: tuple[RedisRateLimiter, RedisRateLimiter]) -> RedisRateLimiter:
    return pair[1]


@pytest.fixture
def stopped(server: RedisServer, one: RedisRateLimiter, other: RedisRateLimiter) -> Iterator[None]:
    """The server dies once both limiters have met."""
    server.stop()
    yield
    if not server.is_running:
        server.start()


async def back(*limiters: RedisRateLimiter) -> None:
    """Wait until the limiters have found the server again."""
    deadline = asyncio.get_running_loop().time() + 30
    while any([await limiter.state() for limiter in limiters]):
        assert asyncio.get_running_loop().time() < deadline, "they do not find it"
        await asyncio.sleep(0.01)


async def test_calls_that_wait_share_a_round_trip(
    server: RedisServer, one: RedisRateLimiter
) -> None:
    async with Redis.from_url(server.url) as client:
        await client.config_resetstat()
        await asyncio.gather(*(one.admit(key(f"key-{number % 20}"), 0) for number in range(200)))
        calls = (await client.info("commandstats"))["cmdstat_evalsha"]["calls"]
    assert calls <= 3


async def test_the_time_is_the_servers(server: RedisServer) -> None:
    limiter = RedisRateLimiter(server.url, DEFAULTS)
    await limiter.start()
    who = key(requests_per_minute=6)
    assert await admitted(limiter, who, 8) == 6
    assert (await refused(limiter, who)).retry_after_seconds == pytest.approx(10, abs=5)
    await limiter.aclose()


async def test_a_server_that_forgets_is_told_again_what_is_under_way(
    server: RedisServer, one: RedisRateLimiter, other: RedisRateLimiter
) -> None:
    who = key(concurrency=1)
    ticket = await one.admit(who, 0)
    server.empty()
    await one.reported()
    await refused(other, who)
    ticket.finish(0)
    await one.reported()
    await other.admit(who, 0)


async def test_buckets_that_are_whole_are_not_kept_for_ever(
    server: RedisServer, one: RedisRateLimiter
) -> None:
    await admitted(one, key(requests_per_minute=60, tokens_per_minute=60, concurrency=9), 9)
    await one.admit(key(concurrency=9), 0)
    async with Redis.from_url(server.url) as client:
        names = await client.keys("*")
        assert len(names) == 3
        assert all([0 < await client.ttl(name) <= 130 for name in names])


async def test_keys_that_have_ended_are_forgotten_here(one: RedisRateLimiter) -> None:
    for number in range(20):
        limits = {"concurrency": 3, "tokens_per_minute": 9} if number % 2 else {}
        (await one.admit(key(f"key-{number}", **limits), 5)).finish(3)
    await one.reported()
    assert not one._counters


async def test_a_caller_who_leaves_before_the_answer_keeps_no_place(
    server: RedisServer, one: RedisRateLimiter, other: RedisRateLimiter
) -> None:
    who = key(concurrency=1, tokens_per_minute=100)
    server.pause()
    task = asyncio.ensure_future(one.admit(who, 100))
    await asyncio.sleep(0.01)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    server.go_on()
    await one.reported()
    await one.reported()
    await other.admit(who, 100)


async def test_a_caller_who_leaves_in_the_moment_of_the_answer_keeps_no_place(
    one: RedisRateLimiter, other: RedisRateLimiter
) -> None:
    who = key(concurrency=1)

    async def hinder() -> None:
        await one.admit(key("sk-proj-two"), 0)
        # Both answers came in one round trip; the other's task has not gone on yet.
        task.cancel()

    hindered = asyncio.ensure_future(hinder())
    task = asyncio.ensure_future(one.admit(who, 0))
    _, left = await asyncio.gather(hindered, task, return_exceptions=True)
    assert isinstance(left, asyncio.CancelledError)
    await one.reported()
    await other.admit(who, 0)


async def test_while_the_server_is_away_each_process_admits_its_share_and_nothing_at_first(
    stopped: None,
    one: RedisRateLimiter,
    other: RedisRateLimiter,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    who = key(requests_per_minute=60, tokens_per_minute=600)
    with caplog.at_level(logging.WARNING):
        for limiter in (one, other):
            refusal = await refused(limiter, who)
            assert refusal.retry_after_seconds == pytest.approx(2)
            assert refusal.requests is not None
            assert refusal.requests.limit == 30
            assert "its share, 1/2" in (await limiter.state() or "")
    assert [record.message.partition(":")[0] for record in caplog.records] == [
        "Redis, which keeps the rate limits, is away"
    ] * 2
    clock.advance(2)
    assert [await admitted(limiter, who, 3) for limiter in (one, other)] == [1, 1]
    clock.advance(3600)
    assert [await admitted(limiter, who, 40, tokens=10) for limiter in (one, other)] == [30, 30]


@pytest.mark.usefixtures("stopped")
async def test_what_was_admitted_without_the_server_counts_when_it_is_back(
    server: RedisServer,
    one: RedisRateLimiter,
    other: RedisRateLimiter,
    clock: FakeClock,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # The server is looked for in vain many times before it is back.
    monkeypatch.setattr("headgate.stores.redis_limits.HEARTBEAT_SECONDS", 0.001)
    who = key(requests_per_minute=60)
    for limiter in (one, other):
        await refused(limiter, who)
    clock.advance(3600)
    assert [await admitted(limiter, who, 40) for limiter in (one, other)] == [30, 30]
    await asyncio.to_thread(server.start)
    await back(one, other)
    await one.reported()
    await other.reported()
    # The server has lost its memory, and yet nobody is admitted twice.
    assert (await refused(one, who)).retry_after_seconds == pytest.approx(1)
    clock.advance(2)
    assert await admitted(one, who, 5) + await admitted(other, who, 5) == 2


async def test_tokens_of_an_outage_count_as_they_were_used(
    server: RedisServer,
    stopped: None,
    one: RedisRateLimiter,
    clock: FakeClock,
) -> None:
    who = key(tokens_per_minute=600)
    await refused(one, who, 10)
    clock.advance(60)
    ticket = await one.admit(who, 300)
    ticket.finish(100)
    assert (await one.admit(who, 200)).tokens.remaining == 0
    server.start()
    await back(one)
    await one.reported()
    assert (await one.admit(who, 0)).tokens.remaining == 300


async def test_calls_under_way_count_through_an_outage(
    server: RedisServer,
    one: RedisRateLimiter,
    other: RedisRateLimiter,
    clock: FakeClock,
) -> None:
    who = key(concurrency=4)
    first = [await one.admit(who, 0) for _ in range(2)]
    server.stop()
    try:
        for limiter in (one, other):
            assert isinstance(await answered(limiter, who), RateLimited)
        clock.advance(60)
        assert isinstance(await answered(one, who), RateLimited), "its share is under way"
        first.pop().finish(0)
        first.append(await one.admit(who, 0))
        first += [await other.admit(who, 0) for _ in range(2)]
    finally:
        server.start()
    await back(one, other)
    await one.reported()
    await other.reported()
    await refused(one, who)
    for ticket in first:
        ticket.finish(0)
    await one.reported()
    await other.reported()
    assert [await answered(one, who) for _ in range(4)]
    await refused(other, who)


async def test_a_share_of_less_than_a_call_is_refused_plainly(
    stopped: None, one: RedisRateLimiter, clock: FakeClock
) -> None:
    for who in (key(requests_per_minute=1), key(concurrency=1)):
        for _ in range(2):
            with pytest.raises(Overloaded, match="less than one call"):
                await one.admit(who, 0)
            clock.advance(3600)


async def test_a_process_that_never_reached_the_server_admits_nothing(
    stopped: None, server: RedisServer, clock: FakeClock
) -> None:
    limiter = RedisRateLimiter(server.url, DEFAULTS, clock=clock)
    await limiter.start()
    clock.advance(3600)
    with pytest.raises(Overloaded):
        await limiter.admit(key(), 0)
    assert "not been reached" in (await limiter.state() or "")
    server.start()
    await back(limiter)
    await limiter.admit(key(), 0)
    await limiter.aclose()


async def test_a_server_that_hangs_is_away(
    server: RedisServer, one: RedisRateLimiter, clock: FakeClock
) -> None:
    server.pause()
    try:
        assert isinstance(await answered(one, key()), RateLimited)
        assert "away" in (await one.state() or "")
        clock.advance(1)
        assert await admitted(one, key(), 50) == 25
    finally:
        server.go_on()
    await back(one)


async def test_who_leaves_is_not_counted_any_more(
    server: RedisServer, one: RedisRateLimiter, other: RedisRateLimiter
) -> None:
    who = key(concurrency=1)
    leaving = RedisRateLimiter(server.url, DEFAULTS, clock=FakeClock())
    await leaving.start()
    await leaving.admit(who, 0)
    await refused(one, who)
    await leaving.aclose()
    await one.admit(who, 0)
    assert one._processes == 2


@pytest.mark.parametrize("url", ["http://:p4ss@host", "redis://:p4/ss@host:1", "nonsense"])
async def test_a_wrong_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(Overloaded, match="HEADGATE_REDIS_URL") as refusal:
        RedisRateLimiter(url, DEFAULTS)
    assert "p4" not in refusal.value.message


async def test_a_limit_on_calls_that_is_new_counts_those_that_are_under_way(
    one: RedisRateLimiter, other: RedisRateLimiter
) -> None:
    """Within a second: processes say by and by what they have under way without a limit."""
    ticket = await one.admit(key(), 0)
    await one.reported()
    await refused(other, key(concurrency=1))
    ticket.finish(0)
    await one.reported()
    await other.admit(key(concurrency=1), 0)


async def test_calls_that_come_while_the_server_hangs_do_not_wait_for_the_next_try(
    server: RedisServer, one: RedisRateLimiter
) -> None:
    server.pause()
    try:
        first = asyncio.ensure_future(answered(one, key("first")))
        await asyncio.sleep(0.1)
        second = asyncio.ensure_future(answered(one, key("second")))
        await first
        await asyncio.sleep(0)
        assert second.done()
    finally:
        server.go_on()
    await back(one)
