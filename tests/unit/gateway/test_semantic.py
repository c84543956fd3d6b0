"""Which questions share an answer, who pays for finding out, and what becomes of failures."""

import asyncio
import math
import random
from typing import Any

import msgspec
import pytest

from fakes import USAGE, FakeProvider, words
from gateway_desk import CALLER, KEY, Desk, asks
from headgate.core.answers import answer_key
from headgate.core.budgets import Account
from headgate.core.chat import ChatRequest, Image, Message, Text, TokenUsage, Wire
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import BudgetExceeded
from headgate.core.keys import RateLimit
from headgate.core.models import ProviderBroke
from headgate.gateway.calls import Caller
from headgate.gateway.semantic import LONGEST_QUESTION, packed, similarity, without_question
from headgate.stores.memory_cache import MemoryCache

# The cosine of 18 degrees is 0.951, of 19 degrees 0.946.
DEGREES = {"hello": 0, "hey": 9, "hi": 18, "bye": 19, "nothing": None}
THRESHOLD = 0.95
VISION = Image("data:image/png;base64,AA==")


class Meanings(FakeProvider):
    """A vendor to which a text means the direction of its last word."""

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        answer = await super().embed(request, idempotency_key=idempotency_key)
        degrees = DEGREES[str(request.input[0]).split()[-1]]
        if degrees is None:
            return msgspec.structs.replace(answer, vectors=((0.0, 0.0),))
        angle = math.radians(degrees)
        return msgspec.structs.replace(answer, vectors=((math.cos(angle), math.sin(angle)),))


def desk(vendor: FakeProvider | None = None, meanings: FakeProvider | None = None) -> Desk:
    """A gateway that answers similar questions alike, by what another vendor says of them."""
    return Desk(
        vendor or FakeProvider("one"),
        meanings or Meanings("two", models=("meaning",)),
        cache=MemoryCache(3600, 64 * 1024 * 1024),
        semantic=("two/meaning", THRESHOLD),
    )


def question(text: str, **fields: Any) -> ChatRequest:
    fields = {"temperature": 0, "messages": (Message("user", text),)} | fields
    return asks(**fields)


def caller(**fields: Any) -> Caller:
    return msgspec.structs.replace(CALLER, key=msgspec.structs.replace(KEY, **fields))


def told(till: Desk, kind: str = "completion") -> list[str]:
    """What the ledger says of the cache, for answers or for embeddings."""
    return [event.cache for event in till.events if event.request_type == kind]


async def test_a_similar_question_is_answered_alike() -> None:
    vendor = FakeProvider("one")
    till = desk(vendor)
    first = await till.gateway.complete(CALLER, question("hello"))
    second = await till.gateway.complete(CALLER, question("hi"))
    assert second.response == first.response
    assert second.receipt.cache == "hit"
    assert len(vendor.chats) == 1
    await till.rest()


async def test_a_less_similar_question_is_not() -> None:
    till = desk()
    for text in ("hello", "bye"):
        await till.gateway.complete(CALLER, question(text))
    assert told(till) == ["miss", "miss"]


async def test_likeness_does_not_add_up() -> None:
    """Nineteen degrees are too many, however many questions lie in between."""
    till = desk()
    for text in ("hello", "hey", "bye"):
        await till.gateway.complete(CALLER, question(text))
    assert told(till) == ["miss", "hit", "miss"]


async def test_of_several_similar_questions_the_most_similar_counts() -> None:
    vendor = FakeProvider("one", TokenUsage(1, 1), TokenUsage(2, 2))
    till = desk(vendor)
    for text in ("hello", "bye"):
        await till.gateway.complete(CALLER, question(text))
    hit = await till.gateway.complete(CALLER, question("hi"))
    assert hit.response.usage == TokenUsage(2, 2)


async def test_a_stream_comes_again_for_a_similar_question() -> None:
    vendor = FakeProvider("one", words("a b c"))
    till = desk(vendor)
    first, second = [
        [piece async for piece in await till.gateway.stream(CALLER, question(text))]
        for text in ("hello", "hey")
    ]
    assert second == first
    assert told(till) == ["miss", "hit"]
    await till.rest()


async def test_the_look_is_a_call_of_the_callers_own_and_the_hit_is_free() -> None:
    till = desk()
    await till.gateway.complete(CALLER, question("hello"))
    await till.gateway.complete(CALLER, question("hi"))
    look, miss, second_look, hit = till.events
    for event in (look, second_look):
        assert (event.request_type, event.provider, event.model) == ("embedding", "two", "meaning")
        assert (event.cost, event.billed, event.status) == (20, 20, "ok")
        assert (event.key_id, event.user_id) == (KEY.key_id, KEY.user_id)
        assert (event.request_id, event.tags) == (CALLER.request_id, CALLER.tags)
    assert (miss.cost, miss.billed) == (20, 20)
    assert (hit.cost, hit.billed, hit.saved_cost) == (0, 0, 20)
    assert till.limited_tokens() == 4 * USAGE.total_tokens
    await till.rest()


async def test_the_same_request_needs_no_look() -> None:
    till = desk()
    for _ in range(2):
        await till.gateway.complete(CALLER, question("hello"))
    assert told(till) == ["miss", "hit"]
    assert told(till, "embedding") == ["miss"]


async def test_the_look_takes_no_second_place_in_the_rate_limit() -> None:
    till = desk()
    limited = caller(rate_limit=RateLimit(requests_per_minute=2, concurrency=1))
    for text in ("hello", "hi"):
        await till.gateway.complete(limited, question(text))
    assert told(till) == ["miss", "hit"]
    await till.rest()


@pytest.mark.parametrize(
    "failing",
    [FakeProvider("two", ProviderBroke("gone"), models=("meaning",)), FakeProvider("three")],
    ids=["a vendor that fails", "a model that is not there"],
)
async def test_a_look_that_fails_is_a_miss(failing: FakeProvider) -> None:
    till = desk(meanings=failing)
    for text in ("hello", "hi"):
        answer = await till.gateway.complete(CALLER, question(text))
        assert answer.receipt.cache == "miss"
    await till.rest()


async def test_a_text_without_a_meaning_is_a_miss() -> None:
    till = desk()
    for text in ("nothing", "say nothing"):
        await till.gateway.complete(CALLER, question(text))
    assert told(till) == ["miss", "miss"]


async def test_a_key_that_may_not_use_the_embedding_model_is_not_charged_for_it() -> None:
    till = desk()
    for text in ("hello", "hi"):
        await till.gateway.complete(caller(models=("small",)), question(text))
    assert told(till) == ["miss", "miss"]
    assert told(till, "embedding") == []


async def test_a_budget_that_covers_no_look_still_pays_for_the_answer() -> None:
    till = desk()
    await till.limit(0, Account("model", "meaning"))
    for text in ("hello", "hi"):
        await till.gateway.complete(CALLER, question(text))
    assert told(till) == ["miss", "miss"]


async def test_an_empty_budget_is_told_as_ever() -> None:
    till = desk()
    await till.limit(0)
    with pytest.raises(BudgetExceeded):
        await till.gateway.complete(CALLER, question("hello"))
    await till.rest()


async def test_a_caller_who_leaves_during_the_look_leaves_nothing_behind() -> None:
    till = desk(meanings=FakeProvider("two", asyncio.Event(), models=("meaning",)))
    leaving = asyncio.create_task(till.gateway.complete(CALLER, question("hello")))
    meanings = till.gateway.catalog.providers["two"]
    assert isinstance(meanings, FakeProvider)
    await meanings.called.wait()
    leaving.cancel()
    with pytest.raises(asyncio.CancelledError):
        await leaving
    assert (till.event.request_type, till.event.status) == ("embedding", "cancelled")
    await till.rest()


async def test_a_look_under_an_idempotency_key_is_not_kept_as_the_answer() -> None:
    till = desk()
    key = answer_key(KEY.key_id, "POST /v1/complete", "once", b"{}")
    keyed = msgspec.structs.replace(CALLER, answer_key=key)
    for _ in range(2):
        written = await till.replays.complete(keyed, question("hello"), lambda _: b"the answer")
        assert written.body == b"the answer"
    assert len(till.events) == 2
    await till.flights.aclose()


async def test_a_look_is_another_call_to_a_vendor_that_knows_calls_by_their_keys() -> None:
    vendor = Meanings("one")
    cache = MemoryCache(3600, 1_000_000)
    till = Desk(vendor, cache=cache, semantic=("one/small", THRESHOLD))
    named = msgspec.structs.replace(CALLER, call_key="step 7")
    await till.gateway.complete(named, question("hello"))
    assert len(set(vendor.idempotency_keys)) == 2


@pytest.mark.parametrize(
    "fields",
    [
        {"temperature": None},
        {"temperature": 1},
        {"messages": (Message("user", "hi " * LONGEST_QUESTION),)},
        {"messages": (Message("user", "  "),)},
        {"messages": (Message("system", "hi"),)},
    ],
)
async def test_what_is_not_to_be_compared_costs_no_look(fields: dict[str, Any]) -> None:
    till = desk()
    await till.gateway.complete(CALLER, question("hello", **fields))
    assert told(till, "embedding") == []


async def test_a_caller_who_wants_a_fresh_answer_neither_finds_nor_leaves_a_similar_one() -> None:
    till = desk()
    fresh = msgspec.structs.replace(CALLER, wants_fresh=True)
    await till.gateway.complete(fresh, question("hello"))
    await till.gateway.complete(CALLER, question("hi"))
    await till.gateway.complete(fresh, question("hello"))
    assert told(till) == ["bypass", "miss", "bypass"]


async def test_workspaces_share_nothing_and_keys_of_one_workspace_do() -> None:
    till = desk()
    await till.gateway.complete(CALLER, question("hello"))
    await till.gateway.complete(caller(workspace_id="other"), question("hi"))
    await till.gateway.complete(caller(key_id="sk-proj-two", user_id="bob"), question("hey"))
    assert told(till) == ["miss", "miss", "hit"]


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": (Message("system", "be brief"), Message("user", "hi"))},
        {"messages": (Message("user", "hi"), Message("assistant", "well"))},
        {"messages": (Message("user", (Text("hi"), VISION)),)},
        {"messages": (Message("user", "in 2026 say hi"),)},
        {"max_tokens": 7},
        {"n": 2},
        {"use_case": "other"},
        {"model": "one/other"},
        {"labels": ("a", "b")},
        {"wire": Wire("openai", b'{"messages":[{"role":"user","content":"hi"}]}')},
    ],
)
async def test_requests_that_differ_in_anything_else_share_nothing(fields: dict[str, Any]) -> None:
    till = desk()
    await till.gateway.complete(CALLER, question("hello"))
    await till.gateway.complete(CALLER, question("hi", **fields))
    assert told(till) == ["miss", "miss"]


async def test_an_answer_that_is_gone_makes_room_for_the_next_similar_one() -> None:
    till = desk()
    for text in ("hello", "bye"):
        await till.gateway.complete(CALLER, question(text))
    store = till.gateway.cache.store
    assert isinstance(store, MemoryCache)
    names = [name for name in store._entries if b"chat" not in name.encode()]
    # The nearest is the one that was kept last.
    store._remove(names[-1])
    await till.gateway.complete(CALLER, question("hi"))
    assert told(till) == ["miss", "miss", "hit"]


def body(content: str, **rest: str) -> Wire:
    extra = "".join(f',"{name}":{value}' for name, value in rest.items())
    return Wire("openai", f'{{"messages":[{{"role":"user","content":{content}}}]{extra}}}'.encode())


@pytest.mark.parametrize(
    ("one", "other", "is_shared"),
    [
        (body('"hello"'), body('"hi"'), True),
        (body('"hello"', new="1"), body('"hi"', new="1"), True),
        (body('"hello"', new="1"), body('"hi"', new="2"), False),
        (body('"hello"', model='"a"'), body('"hi"', model='"b"'), True),
        (body('[{"type":"text","text":"hello"}]'), body('[{"type":"text","text":"hi"}]'), True),
        (body('[{"type":"text","text":"hello"}]'), body('"hi"'), False),
    ],
)
async def test_bodies_are_compared_by_what_they_say_besides(
    one: Wire, other: Wire, *, is_shared: bool
) -> None:
    till = desk()
    for text, wire in (("hello", one), ("hi", other)):
        await till.gateway.complete(CALLER, question(text, wire=wire))
    assert told(till) == ["miss", "hit" if is_shared else "miss"]


@pytest.mark.parametrize(
    "said",
    [
        b'{"input":"hi"}',
        b'{"messages":7}',
        b'{"messages":[{"role":"assistant","content":"hi"},7]}',
        b'{"messages":[{"role":"user","content":[{"type":"new","said":"hi"}]}]}',
        b'{"messages":[{"role":"user","content":[{"type":"text"}]}]}',
    ],
)
def test_a_body_whose_question_cannot_be_found_is_compared_with_none(said: bytes) -> None:
    assert without_question(question("hi", wire=Wire("openai", said))) is None


def test_packed_vectors_compare_about_like_those_they_were_made_of() -> None:
    chance = random.Random(7)
    one = [chance.gauss(0, 1) for _ in range(1536)]
    for share in (0.0, 0.1, 0.3, 1.0):
        other = [(1 - share) * each + share * chance.gauss(0, 1) for each in one]
        lengths = math.hypot(*one) * math.hypot(*other)
        cosine = math.fsum(a * b for a, b in zip(one, other, strict=True)) / lengths
        assert similarity(packed(one), packed(other)) == pytest.approx(cosine, abs=0.002)


def test_what_has_no_direction_is_like_nothing() -> None:
    assert packed([]) == packed([0.0, 0.0]) == packed([math.inf, 1.0]) == b""
    assert similarity(b"", b"") == 0
    assert similarity(packed([1.0]), packed([1.0, 1.0])) == 0
