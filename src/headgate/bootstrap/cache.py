"""The part of `bootstrap` that joins the response cache: in this process, or in Redis."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import NamedTuple

from headgate.bootstrap.routing import routing_of
from headgate.bootstrap.vendors import DISCOVERY_SECONDS, vendors_of
from headgate.cli.findings import Finding
from headgate.core.cache import NeighbourStore, ResponseCache
from headgate.core.errors import ModelNotFound
from headgate.core.keys import VirtualKey
from headgate.gateway.cache import Cache
from headgate.gateway.catalog import Catalog
from headgate.gateway.gateway import Gateway
from headgate.gateway.semantic import Semantics
from headgate.settings import Settings
from headgate.stores.memory_cache import MemoryCache
from headgate.stores.memory_neighbours import MemoryNeighbours
from headgate.transport.http import HttpClient

LOOK_SECONDS = 2.0
"""A caller waits no longer for the vector of a question than this."""
QUESTIONS_SHARE = 4
"""One part in so many of a process's room is for questions where similar ones are looked for."""


class CacheStores(NamedTuple):
    """Where answers are kept, if they are, and the questions that they answer, if these matter."""

    answers: ResponseCache | None = None
    questions: NeighbourStore | None = None


@contextlib.asynccontextmanager
async def open_cache(settings: Settings) -> AsyncIterator[CacheStores]:
    """The stores of the response cache; none where it is switched off."""
    section = settings.configuration.cache
    if not section.ttl_seconds:
        yield CacheStores()
        return
    is_semantic = bool(section.semantic_model)
    if settings.redis_url is None:
        room = section.max_bytes // QUESTIONS_SHARE if is_semantic else 0
        yield CacheStores(
            MemoryCache(section.ttl_seconds, section.max_bytes - room),
            MemoryNeighbours(section.ttl_seconds, room) if is_semantic else None,
        )
        return
    # The client library takes longer to load than the rest of the platform.
    from headgate.stores.redis_cache import RedisCache

    shared = RedisCache(settings.redis_url.reveal(), section.ttl_seconds)
    try:
        yield CacheStores(shared, shared if is_semantic else None)
    finally:
        await shared.aclose()


def with_semantics(gateway: Gateway, settings: Settings, questions: NeighbourStore) -> Gateway:
    """The gateway, finding answers to similar questions as the settings say.

    Looks are made with circuits of their own: they give up early, which says little of how the
    vendor serves those who have time, and while one is open few callers wait for it.
    """
    section = settings.configuration.cache
    routing = replace(routing_of(settings.configuration), retries=0, attempt_seconds=LOOK_SECONDS)
    looking = replace(gateway, dispatcher=replace(gateway.dispatcher, routing=routing))
    semantics = Semantics(
        questions, looking, section.semantic_model or "", section.semantic_threshold
    )
    return replace(gateway, cache=Cache(gateway.cache.store, semantics))


async def check_cache(settings: Settings) -> Finding:
    """Where answers are kept, and whether there is the model that finds similar questions."""
    section = settings.configuration.cache
    if not section.ttl_seconds:
        return Finding("ok", "off, since `[cache] ttl_seconds` is 0")
    where = "in each process" if settings.redis_url is None else "in Redis"
    kept = f"answers are kept {where} for {section.ttl_seconds} s"
    if not section.semantic_model:
        return Finding("ok", kept)
    client = HttpClient(connect_seconds=DISCOVERY_SECONDS, idle_seconds=DISCOVERY_SECONDS)
    try:
        vendors = vendors_of(settings, client)
        catalog = Catalog(vendors.providers, vendors.prices, settings.configuration.alias_models)
        anyone = VirtualKey(key_id="", name="", scopes=frozenset(), created_at=0.0)
        await catalog.routes(section.semantic_model, anyone)
    except ModelNotFound:
        return Finding(
            "fail",
            f"{kept}; there is no model {section.semantic_model!r} that finds similar questions",
            "Name an embedding model of a configured vendor in `[cache] semantic_model`.",
        )
    finally:
        await client.aclose()
    return Finding("ok", f"{kept}; similar questions are found by {section.semantic_model}")
