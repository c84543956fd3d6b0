"""Calls that are made with a user's own vendor key: who is called with what, and what it costs."""

import asyncio
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider
from gateway_desk import ACCOUNT, CALLER, KEY, Desk, asks
from headgate.core.answers import answer_key
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    BudgetExceeded,
    InvalidRequest,
    ModelNotFound,
    NotFound,
    Overloaded,
    RateLimited,
    UpstreamFailed,
)
from headgate.core.models import Provider, ProviderRefused
from headgate.core.prices import Markup
from headgate.core.vendor_keys import Place, VendorKey
from headgate.gateway.calls import Caller
from headgate.gateway.vendor_keys import FRESH_SECONDS
from headgate.stores.memory_cache import MemoryCache
from headgate.stores.memory_vendor_keys import MemoryVendorKeys
from headgate.stores.sealing import AesSealer

SECRET = "sk-ada-1234"


class KeyedProvider(FakeProvider):
    """A vendor that takes keys; what is called with each is a script of its own."""

    def __init__(self, provider: str, *script: Any, with_keys: FakeProvider | None = None) -> None:
        super().__init__(provider, *script)
        self.own = with_keys or FakeProvider(provider)
        self.given: list[str] = []

    def with_key(self, api_key: str) -> Provider:
        self.given.append(api_key)
        return self.own


def caller(**fields: Any) -> Caller:
    return msgspec.structs.replace(CALLER, key=msgspec.structs.replace(KEY, **fields))


async def desk(*vendors: FakeProvider, **options: Any) -> Desk:
    """A desk at which ada has a key for the vendor `one`."""
    till = Desk(*vendors, **options)
    await till.vendor_keys.put("ada", "one", SECRET)
    return till


async def test_a_call_with_an_own_key_is_the_vendors_bill() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor, markup=Markup(100_000))
    answer = await till.gateway.complete(CALLER, asks())
    assert (len(vendor.own.chats), len(vendor.chats)) == (1, 0)
    assert vendor.given == [SECRET]
    assert (till.event.byok, till.event.cost, till.event.billed) == (True, 20, 0)
    assert answer.receipt.route.provider.provider == "one"
    await till.rest()


@pytest.mark.parametrize("other", [{"user_id": "bob"}, {"user_id": None}])
async def test_the_calls_of_others_are_made_with_the_platforms_key(other: dict[str, Any]) -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    await till.gateway.complete(caller(**other), asks())
    assert (len(vendor.own.chats), len(vendor.chats)) == (0, 1)
    assert (till.event.byok, till.event.billed) == (False, 20)


async def test_streams_embeddings_and_counts_are_made_with_the_own_key() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    assert [piece async for piece in await till.gateway.stream(CALLER, asks())]
    await till.gateway.embed(CALLER, EmbeddingRequest(model="small", input=("a",)))
    await till.gateway.count_tokens(KEY, asks())
    assert not vendor.chats
    assert not vendor.embeddings
    assert all(event.byok and not event.billed for event in till.events)
    await till.rest()


async def test_a_call_with_an_own_key_needs_no_budget() -> None:
    till = await desk(KeyedProvider("one"))
    await till.limit(0)
    await till.gateway.complete(CALLER, asks())
    with pytest.raises(BudgetExceeded):
        await till.gateway.complete(caller(user_id="bob"), asks())
    (budget,) = await till.ledger.budgets([ACCOUNT])
    assert budget.spent == 0


async def test_a_key_goes_to_no_other_vendor() -> None:
    one, two = KeyedProvider("one"), KeyedProvider("two")
    till = await desk(one, two)
    await till.gateway.complete(CALLER, asks(model="two/small"))
    assert (len(two.chats), two.given, one.own.chats) == (1, [], [])
    assert not till.event.byok


@pytest.mark.parametrize("is_streamed", [False, True])
async def test_a_refused_key_is_told_of_and_the_platforms_is_not_tried(
    *, is_streamed: bool
) -> None:
    refused = ProviderRefused("unauthorized", "the vendor refused the platform's credential")
    vendor = KeyedProvider("one", with_keys=FakeProvider("one", refused))
    till = await desk(vendor)
    ask = till.gateway.stream if is_streamed else till.gateway.complete
    with pytest.raises(UpstreamFailed, match="one refused your own key"):
        await ask(CALLER, asks())
    with pytest.raises(UpstreamFailed, match="one refused your own key"):
        await till.gateway.complete(CALLER, asks())
    assert not vendor.chats
    assert {(event.byok, event.cost, event.status) for event in till.events} == {(True, 0, "error")}
    await till.rest()


async def test_another_vendor_may_take_over_from_one_that_refused_the_key() -> None:
    refused = ProviderRefused("unauthorized", "who?")
    one = KeyedProvider("one", with_keys=FakeProvider("one", refused))
    till = await desk(one, FakeProvider("two"), aliases={"best": ["one/small", "two/small"]})
    await till.gateway.complete(CALLER, asks(model="best"))
    assert [(event.provider, event.byok) for event in till.events] == [
        ("one", True),
        ("two", False),
    ]
    assert not one.chats


async def test_the_platforms_refused_key_is_not_told_as_the_users() -> None:
    refused = ProviderRefused("unauthorized", "the vendor refused the platform's credential")
    till = Desk(KeyedProvider("one", refused))
    with pytest.raises(UpstreamFailed, match="platform's credential"):
        await till.gateway.complete(CALLER, asks())


async def test_a_vendor_that_the_platform_has_no_key_for_answers_who_brings_one() -> None:
    vendor = KeyedProvider("one")
    till = Desk(FakeProvider("two"), keyless=[vendor])
    with pytest.raises(ModelNotFound):
        await till.gateway.complete(CALLER, asks(model="one/small"))
    await till.vendor_keys.put("ada", "one", SECRET)
    await till.gateway.complete(CALLER, asks(model="one/small"))
    assert (len(vendor.own.chats), vendor.chats, vendor.given) == (1, [], [SECRET])
    assert (till.event.provider, till.event.byok, till.event.billed) == ("one", True, 0)
    for other in ({"user_id": "bob"}, {"user_id": None}):
        with pytest.raises(ModelNotFound):
            await till.gateway.complete(caller(**other), asks(model="one/small"))
    await till.vendor_keys.drop("ada", "one")
    with pytest.raises(ModelNotFound):
        await till.gateway.complete(CALLER, asks(model="one/small"))
    await till.rest()


async def test_a_kept_answer_is_not_given_again_once_its_vendor_is_gone() -> None:
    till = Desk(FakeProvider("two"), keyless=[KeyedProvider("one")])
    await till.vendor_keys.put("ada", "one", SECRET)
    key = answer_key(KEY.key_id, "POST /v1/complete", "once", b"{}")
    keyed = msgspec.structs.replace(CALLER, answer_key=key)

    async def ask() -> bytes:
        request = asks(model="one/small")
        return (await till.replays.complete(keyed, request, lambda _: b"said")).body

    assert [await ask(), await ask()] == [b"said", b"said"]
    await till.vendor_keys.drop("ada", "one")
    with pytest.raises(ModelNotFound):
        await ask()
    await till.flights.aclose()


async def test_what_an_own_key_paid_for_is_cached_for_its_owner_alone() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor, cache=MemoryCache(3600, 1_000_000))
    exact = asks(temperature=0)
    for who in (CALLER, caller(user_id="bob"), CALLER, caller(user_id="bob")):
        await till.gateway.complete(who, exact)
    caches = [(event.byok, event.cache, event.saved_cost) for event in till.events]
    assert caches == [(True, "miss", 0), (False, "miss", 0), (True, "hit", 20), (False, "hit", 20)]


async def test_a_change_reaches_another_process_in_time() -> None:
    vendor = KeyedProvider("one")
    here = Desk(vendor)
    there = Desk(vendor, beside=here)
    there.vendor_keys.store = here.vendor_keys.store
    await there.gateway.complete(CALLER, asks())
    await here.vendor_keys.put("ada", "one", SECRET)
    here.clock.advance(FRESH_SECONDS)
    await there.gateway.complete(CALLER, asks())
    await here.vendor_keys.drop("ada", "one")
    here.clock.advance(FRESH_SECONDS)
    await there.gateway.complete(CALLER, asks())
    assert [event.byok for event in here.events] == [False, True, False]
    assert FRESH_SECONDS < 1


async def test_a_change_holds_here_at_once() -> None:
    till = Desk(KeyedProvider("one"))
    await till.gateway.complete(CALLER, asks())
    await till.vendor_keys.put("ada", "one", SECRET)
    await till.gateway.complete(CALLER, asks())
    await till.vendor_keys.drop("ada", "one")
    await till.gateway.complete(CALLER, asks())
    assert [event.byok for event in till.events] == [False, True, False]


async def test_a_key_is_opened_once_as_long_as_it_stays() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    for _ in range(3):
        await till.gateway.complete(CALLER, asks())
        till.clock.advance(FRESH_SECONDS)
    assert vendor.given == [SECRET]
    await till.vendor_keys.put("ada", "one", "sk-ada-5678")
    await till.gateway.complete(CALLER, asks())
    assert vendor.given == [SECRET, "sk-ada-5678"]


async def test_rows_that_somebody_swapped_open_nothing() -> None:
    """Bob's row is put in ada's place: his key must not pay for her calls."""
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    bobs = await till.vendor_keys.put("bob", "one", "sk-bob-1234")
    await till.vendor_keys.store.put(msgspec.structs.replace(bobs, user_id="ada"))
    till.clock.advance(FRESH_SECONDS)
    with pytest.raises(UpstreamFailed, match="can no longer be read"):
        await till.gateway.complete(CALLER, asks())
    assert not vendor.given
    assert not vendor.chats


async def test_a_secret_that_changed_is_told_and_the_platforms_key_is_not_used() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    till.vendor_keys._sealer = AesSealer(b"another")
    with pytest.raises(UpstreamFailed, match="set it again"):
        await till.gateway.complete(CALLER, asks())
    assert not vendor.chats
    await till.vendor_keys.put("ada", "one", SECRET)
    await till.gateway.complete(CALLER, asks())


async def test_what_is_kept_and_told_is_not_the_key() -> None:
    till = await desk(KeyedProvider("one"))
    key = await till.vendor_keys.get("ada", "one")
    assert (key.last_four, key.set_at) == ("1234", till.clock())
    store = till.vendor_keys.store
    assert isinstance(store, MemoryVendorKeys)
    assert SECRET not in repr(store)
    assert SECRET.encode() not in key.sealed


async def test_vendors_that_take_no_keys_or_are_none_are_refused() -> None:
    till = await desk(KeyedProvider("one"), FakeProvider("two"))
    with pytest.raises(InvalidRequest, match="two takes no keys"):
        await till.vendor_keys.put("ada", "two", SECRET)
    with pytest.raises(NotFound, match="there are: one"):
        await till.vendor_keys.put("ada", "three", SECRET)
    for name in ("two", "three"):
        with pytest.raises(NotFound):
            await till.vendor_keys.get("ada", name)
        with pytest.raises(NotFound):
            await till.vendor_keys.drop("ada", name)


async def test_a_key_for_a_vendor_that_is_gone_is_left_alone() -> None:
    till = await desk(KeyedProvider("one"), FakeProvider("two"))
    await till.vendor_keys.put("ada", "one", SECRET)
    key = await till.vendor_keys.get("ada", "one")
    for name in ("two", "gone"):
        await till.vendor_keys.store.put(msgspec.structs.replace(key, provider=name))
    await till.gateway.complete(CALLER, asks(model="two/small"))
    assert not till.event.byok


@pytest.mark.parametrize("after", [None, 60])
async def test_a_limit_of_a_users_own_account_does_not_close_the_model_to_others(
    after: float | None,
) -> None:
    """Each of the user's calls is refused; nobody else's account has anything to do with it."""
    refused = ProviderRefused("rate_limited", "later", retry_after_seconds=after)
    vendor = KeyedProvider("one", with_keys=FakeProvider("one", refused))
    till = await desk(vendor)
    for _ in range(10):
        with pytest.raises(RateLimited):
            await till.gateway.complete(CALLER, asks())
    assert not till.gateway.routing.breakers.troubles()
    await till.gateway.complete(caller(user_id="bob"), asks())


async def test_many_calls_at_once_are_all_made_with_the_own_key() -> None:
    vendor = KeyedProvider("one")
    till = await desk(vendor)
    await asyncio.gather(*(till.gateway.complete(CALLER, asks()) for _ in range(50)))
    assert len(vendor.own.chats) == 50
    await till.rest()


async def test_callers_at_once_share_one_reading_of_the_users_keys() -> None:
    class Counted(MemoryVendorKeys):
        reads = 0

        async def of_user(self, user_id: str) -> list[VendorKey]:
            self.reads += 1
            await asyncio.sleep(0)
            return await super().of_user(user_id)

    till = await desk(KeyedProvider("one"))
    store = till.vendor_keys.store = Counted()
    await till.vendor_keys.put("ada", "one", SECRET)
    found = await asyncio.gather(*(till.vendor_keys.of(KEY) for _ in range(32)))
    assert store.reads == 1
    assert {own.vendors for own in found} == {frozenset({"one"})}


class CountingSealer:
    """Another sealer that is asked of each opening, and may be away."""

    def __init__(self) -> None:
        self.opened: list[str] = []
        self.is_away = False
        self._sealer = AesSealer(b"a secret of the desk")

    async def seal(self, secret: str, place: Place) -> bytes:
        return await self._sealer.seal(secret, place)

    async def open(self, sealed: bytes, place: Place) -> str | None:
        self.opened.append(place.user_id)
        if self.is_away:
            raise Overloaded("the sealer does not answer", retry_after_seconds=1)
        return await self._sealer.open(sealed, place)


async def test_a_key_is_opened_once_whatever_becomes_of_the_keys_of_others() -> None:
    """To open one may be a request to a service that counts them."""
    till = await desk(KeyedProvider("one"))
    sealer = till.vendor_keys._sealer = CountingSealer()
    for _ in range(3):
        await till.gateway.complete(CALLER, asks())
        till.clock.advance(FRESH_SECONDS)
        await till.vendor_keys.put("bob", "one", "sk-bob-1234")
    assert sealer.opened == ["ada"]
    await till.vendor_keys.put("ada", "one", "sk-ada-5678")
    await till.gateway.complete(CALLER, asks())
    assert sealer.opened == ["ada", "ada"]


async def test_while_a_key_cannot_be_opened_its_vendor_alone_is_not_called() -> None:
    """And never with the platform's key; a moment later it is tried again."""
    vendor, other = KeyedProvider("one"), FakeProvider("two", models=("large",))
    till = await desk(vendor, other)
    sealer = till.vendor_keys._sealer = CountingSealer()
    sealer.is_away = True
    with pytest.raises(Overloaded, match="does not answer"):
        await till.gateway.complete(CALLER, asks())
    assert not vendor.chats
    await till.gateway.complete(CALLER, asks(model="large"))
    assert len(other.chats) == 1
    sealer.is_away = False
    till.clock.advance(FRESH_SECONDS)
    await till.gateway.complete(CALLER, asks())
    assert len(vendor.own.chats) == 1
