"""A cache whose server is away, hangs, or is none."""

import asyncio
from collections.abc import Iterator

import pytest

from fakes import FakeClock
from headgate.core.errors import Overloaded
from headgate.stores.redis_cache import AWAY_SECONDS, RedisCache
from redis_server import RedisServer, redis_running


@pytest.fixture
def redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


async def test_a_server_that_is_away_is_a_miss_and_is_found_again(redis: RedisServer) -> None:
    clock = FakeClock()
    cache = RedisCache(redis.url, 60, clock=clock)
    await cache.put("a", b"one")
    redis.stop()
    assert await cache.get("a") is None
    await cache.put("a", b"two")
    redis.start()
    # It is left alone for a moment, though it is back.
    await cache.put("a", b"three")
    clock.advance(AWAY_SECONDS)
    assert await cache.get("a") is None
    await cache.put("a", b"four")
    assert await cache.get("a") == b"four"
    await cache.aclose()


async def test_a_server_that_hangs_is_a_miss(redis: RedisServer) -> None:
    clock = FakeClock()
    cache = RedisCache(redis.url, 60, clock=clock)
    await cache.put("a", b"one")
    redis.pause()
    assert await cache.get("a") is None
    redis.go_on()
    clock.advance(AWAY_SECONDS)
    assert await cache.get("a") == b"one"
    await cache.aclose()


async def test_a_caller_who_leaves_does_not_leave_an_answer_to_the_next(redis: RedisServer) -> None:
    """A reply that nobody has read would be taken for the reply to the next question."""
    cache = RedisCache(redis.url, 60)
    await cache.put("a", b"one")
    await cache.put("b", b"two")
    redis.pause()
    leaving = asyncio.create_task(cache.get("a"))
    # The question is out after a few turns of the loop; no reply can come.
    for _ in range(30):
        await asyncio.sleep(0)
    assert not leaving.done()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    redis.go_on()
    assert [await cache.get("b") for _ in range(3)] == [b"two"] * 3
    await cache.aclose()


def test_an_address_that_is_none_is_refused_without_its_password() -> None:
    with pytest.raises(Overloaded) as refused:
        RedisCache("http://:hunter2@host", 60)
    assert "HEADGATE_REDIS_URL" in refused.value.message
    assert "hunter2" not in refused.value.message
