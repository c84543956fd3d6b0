"""How much a process keeps, and what it gives up first."""

from headgate.stores.memory_cache import OVERHEAD_BYTES, MemoryCache

SIZE = OVERHEAD_BYTES + 1 + 100
VALUE = b"x" * 100


async def test_what_was_used_longest_ago_goes_first() -> None:
    cache = MemoryCache(3600, 2 * SIZE)
    await cache.put("a", VALUE)
    await cache.put("b", VALUE)
    await cache.get("a")
    await cache.put("c", VALUE)
    assert [name for name in "abc" if await cache.get(name)] == ["a", "c"]


async def test_a_value_that_does_not_fit_pushes_nothing_out() -> None:
    cache = MemoryCache(3600, 2 * SIZE)
    await cache.put("a", VALUE)
    await cache.put("b", b"x" * 2 * SIZE)
    assert await cache.get("a") == VALUE
    assert await cache.get("b") is None


async def test_a_value_that_is_replaced_gives_its_place_back() -> None:
    cache = MemoryCache(3600, 2 * SIZE)
    for _ in range(10):
        await cache.put("a", VALUE)
    await cache.put("b", VALUE)
    assert await cache.get("a") == VALUE
    assert await cache.get("b") == VALUE


async def test_a_cache_without_room_keeps_nothing() -> None:
    cache = MemoryCache(3600, 0)
    await cache.put("a", VALUE)
    assert await cache.get("a") is None
