"""Where the settings say that answers are kept, and who may find them."""

import pytest

from gateway_desk import Desk
from headgate.bootstrap.cache import LOOK_SECONDS, check_cache, open_cache, with_semantics
from headgate.configuration import Cache, Configuration
from headgate.settings import Secret, Settings
from headgate.stores.memory_cache import MemoryCache
from headgate.stores.memory_neighbours import MemoryNeighbours
from headgate.stores.redis_cache import RedisCache
from headgate.variables import Url

REDIS = Secret("redis://127.0.0.1:1/0")
SEMANTIC = Configuration(cache=Cache(semantic_model="small", semantic_threshold=0.9))


async def test_a_process_keeps_answers_itself() -> None:
    async with open_cache(Settings()) as cache:
        assert isinstance(cache.answers, MemoryCache)
        assert cache.questions is None


async def test_processes_with_a_redis_keep_them_there() -> None:
    async with open_cache(Settings(redis_url=REDIS)) as cache:
        assert isinstance(cache.answers, RedisCache)
        assert cache.questions is None


async def test_a_time_of_nothing_switches_the_cache_off() -> None:
    off = Settings(configuration=Configuration(cache=Cache(ttl_seconds=0, semantic_model="small")))
    async with open_cache(off) as cache:
        assert cache == (None, None)


async def test_questions_lie_where_the_answers_do() -> None:
    async with open_cache(Settings(configuration=SEMANTIC)) as cache:
        assert isinstance(cache.questions, MemoryNeighbours)
    async with open_cache(Settings(configuration=SEMANTIC, redis_url=REDIS)) as cache:
        assert isinstance(cache.questions, RedisCache)
        assert isinstance(cache.answers, RedisCache)


def test_looks_for_similar_questions_give_up_early_and_shut_no_model_for_others() -> None:
    gateway = Desk().gateway
    cache = with_semantics(gateway, Settings(configuration=SEMANTIC), MemoryNeighbours(60, 1000))
    semantics = cache.cache.semantics
    assert semantics is not None
    assert (semantics.model, semantics.threshold) == ("small", 0.9)
    looking = semantics.embeds
    assert isinstance(looking, type(gateway))
    assert (looking.routing.attempt_seconds, looking.routing.retries) == (LOOK_SECONDS, 0)
    assert looking.routing.breakers._circuits is not gateway.routing.breakers._circuits
    assert looking.ledger is gateway.ledger


@pytest.mark.parametrize(
    ("section", "status", "said"),
    [
        (Cache(), "ok", "in each process for 3600 s"),
        (Cache(ttl_seconds=0, semantic_model="made-up"), "ok", "off"),
        (Cache(semantic_model="local/local"), "ok", "found by local/local"),
        (Cache(semantic_model="made-up"), "fail", "no model 'made-up'"),
        (Cache(semantic_model="openai/text-embedding-3-small"), "fail", "no model 'openai/"),
    ],
)
async def test_the_doctor_says_where_answers_are_kept_and_whether_the_model_is_there(
    section: Cache, status: str, said: str
) -> None:
    settings = Settings(
        configuration=Configuration(cache=section), ollama_base_url=Url("http://127.0.0.1:9")
    )
    finding = await check_cache(settings)
    assert (finding.status, said in finding.message) == (status, True)
