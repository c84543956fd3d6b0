"""What every store of answered questions does, wherever it keeps them."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from fakes import FakeClock
from headgate.core.cache import MOST_NEIGHBOURS, Neighbour, NeighbourStore
from headgate.stores.memory_neighbours import MemoryNeighbours
from headgate.stores.redis_cache import AWAY_SECONDS, RedisCache
from redis_server import RedisServer, redis_running


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture(params=["memory", "redis"])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[NeighbourStore]:
    if request.param == "memory":
        yield MemoryNeighbours(3600, 64 * 1024 * 1024)
        return
    server = request.getfixturevalue("redis")
    server.empty()
    shared = RedisCache(server.url, 3600)
    yield shared
    await shared.aclose()


def question(number: int) -> Neighbour:
    return Neighbour(bytes([number % 256, 0, 255]), f"answer {number}")


async def test_questions_are_found_in_their_group_the_newest_first(store: NeighbourStore) -> None:
    for number in range(3):
        await store.add_neighbour("one", question(number))
    await store.add_neighbour("two", question(7))
    assert list(await store.neighbours("one")) == [question(2), question(1), question(0)]
    assert list(await store.neighbours("two")) == [question(7)]
    assert list(await store.neighbours("three")) == []


async def test_a_group_is_bounded_and_its_oldest_questions_go(store: NeighbourStore) -> None:
    for number in range(MOST_NEIGHBOURS + 5):
        await store.add_neighbour("one", question(number))
    found = await store.neighbours("one")
    assert [each.name for each in found] == [
        f"answer {number}" for number in range(MOST_NEIGHBOURS + 4, 4, -1)
    ]


async def test_many_callers_at_once_are_served(store: NeighbourStore) -> None:
    await asyncio.gather(*(store.add_neighbour("one", question(number)) for number in range(40)))
    found = await store.neighbours("one")
    assert {each.name for each in found} == {f"answer {number}" for number in range(40)}


async def test_a_group_is_forgotten_in_time_by_redis(redis: RedisServer) -> None:
    redis.empty()
    store = RedisCache(redis.url, 60)
    await store.add_neighbour("one", question(1))
    left = await store._redis.pttl("headgate:neighbours:one")
    assert 50_000 < left <= 60_000
    await store.aclose()


async def test_a_redis_that_is_away_or_holds_something_else_knows_no_questions() -> None:
    with redis_running() as server:
        clock = FakeClock()
        store = RedisCache(server.url, 60, clock=clock)
        await store._redis.rpush("headgate:neighbours:one", b"\xc1")
        assert list(await store.neighbours("one")) == []
        await store._redis.set("headgate:neighbours:two", b"text")
        assert list(await store.neighbours("two")) == []
        clock.advance(AWAY_SECONDS)
        server.stop()
        await store.add_neighbour("three", question(1))
        assert list(await store.neighbours("three")) == []
        await store.aclose()
