"""What every cache of answers does, wherever it keeps them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from fakes import FakeClock
from headgate.core.cache import LARGEST_VALUE, ResponseCache
from headgate.stores.memory_cache import MemoryCache
from headgate.stores.redis_cache import RedisCache
from redis_server import RedisServer, redis_running


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def cache(request: pytest.FixtureRequest) -> AsyncIterator[ResponseCache]:
    if request.param == "memory":
        yield MemoryCache(3600, 64 * 1024 * 1024)
        return
    server = request.getfixturevalue("redis")
    server.empty()
    shared = RedisCache(server.url, 3600)
    yield shared
    await shared.aclose()


async def test_what_was_put_is_found(cache: ResponseCache) -> None:
    await cache.put("a", b"\x00\xffone")
    assert await cache.get("a") == b"\x00\xffone"
    assert await cache.get("b") is None


async def test_the_latest_value_counts(cache: ResponseCache) -> None:
    await cache.put("a", b"one")
    await cache.put("a", b"two")
    assert await cache.get("a") == b"two"


async def test_a_value_may_be_empty(cache: ResponseCache) -> None:
    await cache.put("a", b"")
    assert await cache.get("a") == b""


async def test_a_value_of_the_largest_size_is_kept_and_a_longer_one_is_not(
    cache: ResponseCache,
) -> None:
    await cache.put("a", b"x" * LARGEST_VALUE)
    await cache.put("b", b"x" * (LARGEST_VALUE + 1))
    assert await cache.get("a") == b"x" * LARGEST_VALUE
    assert await cache.get("b") is None


async def test_many_callers_at_once_are_served(cache: ResponseCache) -> None:
    await asyncio.gather(*(cache.put(str(number), b"%d" % number) for number in range(40)))
    found = await asyncio.gather(*(cache.get(str(number)) for number in range(40)))
    assert found == [b"%d" % number for number in range(40)]


async def test_a_value_is_forgotten_in_time_by_a_process() -> None:
    clock = FakeClock()
    cache = MemoryCache(60, 1_000_000, clock=clock)
    await cache.put("a", b"one")
    clock.advance(59.9)
    assert await cache.get("a") == b"one"
    clock.advance(0.1)
    assert await cache.get("a") is None


async def test_a_value_is_forgotten_in_time_by_redis(redis: RedisServer) -> None:
    """Redis has a clock of its own: it is asked how long the value still has."""
    redis.empty()
    cache = RedisCache(redis.url, 60)
    await cache.put("a", b"one")
    left = await cache._redis.pttl("headgate:cache:a")
    assert 50_000 < left <= 60_000
    await cache.aclose()
