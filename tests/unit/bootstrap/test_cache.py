"""Where the settings say that answers are kept."""

from headgate.bootstrap.cache import open_cache
from headgate.configuration import Cache, Configuration
from headgate.settings import Secret, Settings
from headgate.stores.memory_cache import MemoryCache
from headgate.stores.redis_cache import RedisCache


async def test_a_process_keeps_answers_itself() -> None:
    async with open_cache(Settings()) as cache:
        assert isinstance(cache.store, MemoryCache)


async def test_processes_with_a_redis_keep_them_there() -> None:
    async with open_cache(Settings(redis_url=Secret("redis://127.0.0.1:1/0"))) as cache:
        assert isinstance(cache.store, RedisCache)


async def test_a_time_of_nothing_switches_the_cache_off() -> None:
    off = Settings(configuration=Configuration(cache=Cache(ttl_seconds=0)))
    async with open_cache(off) as cache:
        assert cache.store is None
