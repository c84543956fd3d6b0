"""Which calls share an answer, what a hit costs, and what is not kept."""

import asyncio
from typing import Any

import msgspec
import pytest

from fakes import USAGE, FakeProvider, StreamStep, words
from gateway_desk import CALLER, KEY, PRICE, Desk, asks
from headgate.core.cache import LARGEST_VALUE
from headgate.core.chat import ChatDelta, Message, TokenUsage, Wire
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import HeadgateError, RateLimited
from headgate.core.keys import RateLimit
from headgate.core.models import ProviderBroke, ProviderRefused
from headgate.core.prices import Markup
from headgate.gateway.calls import Caller
from headgate.gateway.choice import Choice, Preference
from headgate.gateway.routing import Routing
from headgate.stores.memory_cache import MemoryCache

EXACT = asks(temperature=0)
TEXTS = EmbeddingRequest(model="small", input=("one", "two"))


def desk(*providers: FakeProvider, **options: Any) -> Desk:
    cache = MemoryCache(3600, 64 * 1024 * 1024)
    return Desk(*(providers or (FakeProvider("one"),)), cache=cache, **options)


def caller(**fields: Any) -> Caller:
    """Another caller, whose key differs in `fields`."""
    return msgspec.structs.replace(CALLER, key=msgspec.structs.replace(KEY, **fields))


def wire(body: bytes, *, protocol: str = "openai") -> Wire:
    return Wire(protocol, body)


async def pieces(desk: Desk, caller: Caller = CALLER, **fields: Any) -> list[Any]:
    answer = await desk.gateway.stream(caller, msgspec.structs.replace(EXACT, **fields))
    return [piece async for piece in answer]


async def test_a_hit_is_the_same_answer_costs_nothing_and_calls_nobody() -> None:
    vendor = FakeProvider("one")
    till = desk(vendor, markup=Markup(100_000))
    first = await till.gateway.complete(CALLER, EXACT)
    second = await till.gateway.complete(CALLER, EXACT)
    assert second.response == first.response
    assert len(vendor.chats) == 1
    miss, hit = till.events
    assert (miss.cache, miss.cost, miss.billed, miss.saved_cost) == ("miss", 20, 22, 0)
    assert (hit.cache, hit.cost, hit.billed, hit.saved_cost) == ("hit", 0, 0, 20)
    assert (hit.provider, hit.model, hit.status) == ("one", "small", "ok")
    assert (hit.input_tokens, hit.output_tokens) == (10, 5)
    assert second.receipt.cache == "hit"
    assert first.receipt.cache == "miss"
    await till.rest()


async def test_a_streamed_hit_comes_in_the_same_pieces() -> None:
    vendor = FakeProvider("one", words("a b c"))
    till = desk(vendor)
    assert await pieces(till) == await pieces(till)
    assert len(vendor.streams) == 1
    miss, hit = till.events
    assert (miss.cache, miss.billed) == ("miss", 16)
    assert (hit.cache, hit.billed, hit.saved_cost, hit.status) == ("hit", 0, 16, "ok")
    await till.rest()


async def test_a_stream_and_a_whole_answer_are_kept_apart() -> None:
    vendor = FakeProvider("one", words("a b c"), USAGE)
    till = desk(vendor)
    await pieces(till)
    await till.gateway.complete(CALLER, EXACT)
    assert [event.cache for event in till.events] == ["miss", "miss"]


async def test_embeddings_are_always_cached() -> None:
    vendor = FakeProvider("one")
    till = desk(vendor)
    first = await till.gateway.embed(CALLER, TEXTS)
    second = await till.gateway.embed(CALLER, TEXTS)
    await till.gateway.embed(CALLER, msgspec.structs.replace(TEXTS, dimensions=1))
    assert second.response == first.response
    assert [event.cache for event in till.events] == ["miss", "hit", "miss"]
    await till.rest()


@pytest.mark.parametrize("temperature", [None, 0.1, 1])
async def test_a_call_that_may_vary_bypasses_the_cache(temperature: float | None) -> None:
    till = desk()
    for _ in range(2):
        await till.gateway.complete(CALLER, asks(temperature=temperature))
    assert [event.cache for event in till.events] == ["bypass", "bypass"]


async def test_a_caller_who_wants_a_fresh_answer_neither_finds_nor_leaves_one() -> None:
    till = desk()
    fresh = msgspec.structs.replace(CALLER, wants_fresh=True)
    await till.gateway.complete(fresh, EXACT)
    await till.gateway.complete(CALLER, EXACT)
    await till.gateway.complete(fresh, EXACT)
    await till.gateway.embed(fresh, TEXTS)
    assert [event.cache for event in till.events] == ["bypass", "miss", "bypass", "bypass"]


async def test_a_platform_without_a_cache_bypasses_it() -> None:
    till = Desk(FakeProvider("one"))
    await till.gateway.complete(CALLER, EXACT)
    await till.gateway.embed(CALLER, TEXTS)
    assert [event.cache for event in till.events] == ["bypass", "bypass"]


async def test_workspaces_never_share_and_keys_of_one_workspace_do() -> None:
    till = desk()
    await till.gateway.complete(CALLER, EXACT)
    await till.gateway.complete(caller(workspace_id="other"), EXACT)
    await till.gateway.complete(caller(key_id="sk-proj-two", user_id="bob"), EXACT)
    assert [event.cache for event in till.events] == ["miss", "miss", "hit"]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": (Message("user", "hello!"),)},
        {"messages": (Message("system", "hello"),)},
        {"max_tokens": 7},
        {"stop": ("x",)},
        {"seed": 1},
        {"user": "someone"},
        {"use_case": "other"},
        {"wire": wire(b'{"temperature":0}')},
    ],
)
async def test_requests_that_differ_share_nothing(fields: dict[str, Any]) -> None:
    till = desk()
    await till.gateway.complete(CALLER, EXACT)
    await till.gateway.complete(CALLER, msgspec.structs.replace(EXACT, **fields))
    assert [event.cache for event in till.events] == ["miss", "miss"]


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        (wire(b'{"a":1,"b":{"c":2,"d":3}}'), wire(b'{ "b": {"d": 3, "c": 2}, "a": 1 }'), True),
        (wire(b'{"model":"fast","a":1}'), wire(b'{"model":"small","a":1}'), True),
        (wire(b'{"new":1}'), wire(b'{"new":2}'), False),
        (wire(b'{"a":[1,2]}'), wire(b'{"a":[2,1]}'), False),
        (wire(b'{"a":1}'), wire(b'{"a":1}', protocol="anthropic"), False),
        (wire(b'{"a":1}'), Wire("openai", b'{"a":1}', (("version", "2"),)), False),
    ],
)
async def test_bodies_are_compared_by_what_they_say(
    one: Wire, other: Wire, *, is_shared: bool
) -> None:
    till = desk()
    for body in (one, other):
        await till.gateway.complete(CALLER, msgspec.structs.replace(EXACT, wire=body))
    assert till.events[1].cache == ("hit" if is_shared else "miss")


@pytest.mark.parametrize("body", [b'{"a":"\xff"}', b'{"a":' + b"[" * 50_000 + b"]" * 50_000 + b"}"])
async def test_a_body_that_cannot_be_compared_bypasses_the_cache(body: bytes) -> None:
    till = desk()
    await till.gateway.complete(CALLER, msgspec.structs.replace(EXACT, wire=wire(body)))
    assert till.event.cache == "bypass"


async def test_an_alias_shares_with_its_model_and_not_with_longer_lists() -> None:
    """What counts is who may answer: an alias that means another model tomorrow finds nothing."""
    till = desk(
        FakeProvider("one"),
        FakeProvider("two"),
        aliases={"fast": ["one/small"], "best": ["one/small", "two/small"]},
    )
    for model in ("one/small", "fast", "best"):
        await till.gateway.complete(CALLER, msgspec.structs.replace(EXACT, model=model))
    assert [event.cache for event in till.events] == ["miss", "hit", "miss"]


async def test_the_model_that_had_answered_is_told_again() -> None:
    refused = ProviderRefused("rate_limited", "later")
    till = desk(
        FakeProvider("one", refused),
        FakeProvider("two"),
        aliases={"best": ["one/small", "two/small"]},
    )
    request = msgspec.structs.replace(EXACT, model="best")
    await till.gateway.complete(CALLER, request)
    hit = await till.gateway.complete(CALLER, request)
    assert hit.receipt.route.provider.provider == "two"
    assert [event.cache for event in till.events] == ["miss", "miss", "hit"]


async def test_models_that_are_asked_by_lot_share_their_answers() -> None:
    """Who is asked first differs from call to call; who may answer does not."""
    lots = iter([0.9, 0.1, 0.1, 0.9])
    choice = Choice(
        {"best": Preference("weighted", {"one/small": 1, "two/small": 1})},
        chance=lambda: next(lots),
    )
    till = desk(
        FakeProvider("one"),
        FakeProvider("two"),
        aliases={"best": ["one/small", "two/small"]},
        routing=Routing(choice=choice),
    )
    for _ in range(2):
        await till.gateway.complete(CALLER, msgspec.structs.replace(EXACT, model="best"))
    assert [event.cache for event in till.events] == ["miss", "hit"]


async def test_a_hit_says_nothing_of_how_the_vendor_does() -> None:
    vendor = FakeProvider("one", USAGE, ProviderBroke("gone"))
    till = desk(vendor)
    await till.gateway.complete(CALLER, EXACT)
    with pytest.raises(HeadgateError):
        await till.gateway.complete(CALLER, asks())
    before = till.gateway.routing.breakers.troubles()
    assert before
    await till.gateway.complete(CALLER, EXACT)
    assert till.events[-1].cache == "hit"
    assert till.gateway.routing.breakers.troubles() == before


async def test_failures_are_not_kept() -> None:
    vendor = FakeProvider("one", ProviderBroke("gone"), ProviderRefused("failed", "no"), USAGE)
    till = desk(vendor)
    for _ in range(2):
        with pytest.raises(HeadgateError):
            await till.gateway.complete(CALLER, EXACT)
    await till.gateway.complete(CALLER, EXACT)
    assert [event.cache for event in till.events] == ["miss"] * 3


async def test_a_stream_that_breaks_off_or_is_left_is_not_kept() -> None:
    cut: list[StreamStep] = [ChatDelta(text="a"), ProviderBroke("gone")]
    till = desk(FakeProvider("one", cut, words("a b"), words("a b")))
    with pytest.raises(ProviderBroke):
        await pieces(till)
    left = await till.gateway.stream(CALLER, EXACT)
    await anext(aiter(left))
    await left.aclose()
    assert len(await pieces(till)) == 3
    assert [event.status for event in till.events] == ["incomplete", "cancelled", "ok"]
    assert {event.cache for event in till.events} == {"miss"}
    await till.rest()


class SilentCache(MemoryCache):
    """Answers no write."""

    def __init__(self) -> None:
        super().__init__(3600, 1_000_000)
        self.asked = asyncio.Event()

    async def put(self, name: str, value: bytes) -> None:
        self.asked.set()
        await asyncio.get_running_loop().create_future()


async def test_an_answer_is_on_record_before_the_cache_is_told() -> None:
    """Whoever dies while the cache is silent has lost nothing that a vendor was paid for."""
    for ask in (pieces, lambda till: till.gateway.complete(CALLER, EXACT)):
        cache = SilentCache()
        till = Desk(FakeProvider("one"), cache=cache)
        asking = asyncio.create_task(ask(till))
        await cache.asked.wait()
        assert [event.status for event in till.events] == ["ok"]
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
        await till.rest()


async def test_a_hit_needs_no_budget() -> None:
    till = desk()
    await till.limit(10_000)
    request = msgspec.structs.replace(EXACT, max_tokens=10)
    await till.gateway.complete(CALLER, request)
    await till.limit(20)
    await till.gateway.complete(CALLER, request)
    assert [event.cache for event in till.events] == ["miss", "hit"]
    await till.rest()


async def test_a_hit_counts_against_the_rate_limit() -> None:
    till = desk()
    limited = caller(rate_limit=RateLimit(requests_per_minute=2))
    for _ in range(2):
        await till.gateway.complete(limited, EXACT)
    with pytest.raises(RateLimited):
        await till.gateway.complete(limited, EXACT)
    assert till.events[1].cache == "hit"


@pytest.mark.parametrize(("written", "caches"), [(70, ["miss", "miss"]), (69, ["miss", "hit"])])
async def test_an_answer_that_an_empty_purse_cut_short_is_not_given_to_others(
    written: int, caches: list[str]
) -> None:
    """160 nano-dollars cover 20 tokens of input and 70 of output; the model gives 100."""
    till = desk(FakeProvider("one", TokenUsage(10, written)))
    await till.limit(160)
    await till.gateway.complete(CALLER, EXACT)
    await till.limit(100_000)
    await till.gateway.complete(CALLER, EXACT)
    assert [event.cache for event in till.events] == caches


async def test_an_answer_that_is_too_long_is_not_kept() -> None:
    long: list[StreamStep] = [ChatDelta(text="x" * LARGEST_VALUE), ChatDelta(text="x")]
    till = desk(FakeProvider("one", [*long, USAGE]))
    await pieces(till)
    await pieces(till)
    assert [event.cache for event in till.events] == ["miss", "miss"]


async def test_what_cannot_be_read_is_a_miss() -> None:
    till = desk()
    store = till.gateway.cache.store
    assert isinstance(store, MemoryCache)
    await till.gateway.complete(CALLER, EXACT)
    (name,) = store._entries
    for value in (b"", b"\xc1", msgspec.msgpack.encode({"route": "one/small", "answer": 7})):
        await store.put(name, value)
        await till.gateway.complete(CALLER, EXACT)
    assert {event.cache for event in till.events} == {"miss"}


async def test_an_answer_in_the_place_of_another_goes_to_nobody() -> None:
    till = desk()
    store = till.gateway.cache.store
    assert isinstance(store, MemoryCache)
    await till.gateway.complete(CALLER, EXACT)
    other = asks(temperature=0, messages=(Message("user", "something else"),))
    await till.gateway.complete(CALLER, other)
    one, two = store._entries
    await store.put(two, store._entries[one].value)
    await till.gateway.complete(CALLER, other)
    assert [event.cache for event in till.events] == ["miss"] * 3


async def test_calls_at_once_are_all_answered() -> None:
    till = desk()
    await asyncio.gather(*(till.gateway.complete(CALLER, EXACT) for _ in range(50)))
    await till.gateway.complete(CALLER, EXACT)
    assert till.events[-1].cache == "hit"
    await till.rest()


def test_the_price_of_the_desk_is_what_these_tests_count_with() -> None:
    assert PRICE.cost(USAGE) == 20
