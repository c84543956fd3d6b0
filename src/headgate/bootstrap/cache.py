"""The part of `bootstrap` that joins the response cache: in this process, or in Redis."""

import contextlib
from collections.abc import AsyncIterator

from headgate.gateway.cache import Cache
from headgate.settings import Settings
from headgate.stores.memory_cache import MemoryCache


@contextlib.asynccontextmanager
async def open_cache(settings: Settings) -> AsyncIterator[Cache]:
    """The response cache; one that keeps nothing where it is switched off."""
    section = settings.configuration.cache
    if not section.ttl_seconds:
        yield Cache()
        return
    if settings.redis_url is None:
        yield Cache(MemoryCache(section.ttl_seconds, section.max_bytes))
        return
    # The client library takes longer to load than the rest of the platform.
    from headgate.stores.redis_cache import RedisCache

    shared = RedisCache(settings.redis_url.reveal(), section.ttl_seconds)
    try:
        yield Cache(shared)
    finally:
        await shared.aclose()
