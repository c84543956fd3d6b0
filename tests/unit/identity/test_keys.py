"""Whose key it is, and until when."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
import pytest

from fakes import FakeClock, until
from headgate.core.errors import (
    InsufficientScope,
    InvalidKey,
    InvalidRequest,
    NotFound,
    Overloaded,
)
from headgate.core.keys import SCOPES, KeySecret, VirtualKey, hash_api_key, new_api_key, new_key_id
from headgate.identity.keys import FRESH_SECONDS, MAX_KEY_LENGTH, IssuedKey, Keys, require
from headgate.stores.memory import MemoryKeys

GIVEN = "an admin key of the environment"


class CountedKeys(MemoryKeys):
    """A key store that counts look-ups and can hold one of them back after it has looked.

    `before_put` happens once, between a reading and the writing that rests on it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.lookups = 0
        self.gate: asyncio.Event | None = None
        self.looked = asyncio.Event()
        self.before_put: Callable[[], Awaitable[object]] | None = None

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        before, self.before_put = self.before_put, None
        if before is not None:
            await before()
        return await super().put(key, expected=expected)

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        self.lookups += 1
        found = await super().find(secret_hash)
        self.looked.set()
        if self.gate is not None:
            await self.gate.wait()
        return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> CountedKeys:
    return CountedKeys()


@pytest.fixture
def keys(store: CountedKeys, clock: FakeClock) -> Keys:
    return Keys(store, clock=clock)


async def issue(keys: Keys, **fields: Any) -> IssuedKey:
    values: dict[str, Any] = {
        "key_id": new_key_id(),
        "name": "one",
        "scopes": frozenset({"ai:complete"}),
        "created_at": keys.clock(),
    }
    return await keys.create(VirtualKey(**(values | fields)))


async def is_good(keys: Keys, api_key: str | None) -> bool:
    try:
        await keys.authenticate(api_key)
    except InvalidKey:
        return False
    return True


async def test_a_key_is_known_by_its_secret(keys: Keys) -> None:
    issued = await issue(keys)
    assert await keys.authenticate(issued.api_key) == issued.key


async def test_a_secret_is_nowhere_in_the_store(keys: Keys, store: CountedKeys) -> None:
    issued = await issue(keys)
    kept = repr(vars(store))
    assert issued.key.key_id in kept
    assert issued.api_key.removeprefix(issued.key.key_id) not in kept


@pytest.mark.parametrize("api_key", [None, "", "sk-proj-unknown", "x" * (MAX_KEY_LENGTH + 1), "é"])
async def test_what_is_no_key_is_refused(keys: Keys, api_key: str | None) -> None:
    await issue(keys)
    with pytest.raises(InvalidKey):
        await keys.authenticate(api_key)


async def test_an_oversized_key_does_not_reach_the_store(keys: Keys, store: CountedKeys) -> None:
    assert not await is_good(keys, "x" * (MAX_KEY_LENGTH + 1))
    assert store.lookups == 0


async def test_a_known_key_is_looked_up_again_after_a_moment_only(
    keys: Keys, store: CountedKeys, clock: FakeClock
) -> None:
    issued = await issue(keys)
    for _ in range(10):
        await keys.authenticate(issued.api_key)
    assert store.lookups == 1
    clock.advance(FRESH_SECONDS)
    await keys.authenticate(issued.api_key)
    assert store.lookups == 2


async def test_a_clock_that_is_set_back_does_not_keep_old_knowledge_alive(
    keys: Keys, store: CountedKeys, clock: FakeClock
) -> None:
    issued = await issue(keys)
    await keys.authenticate(issued.api_key)
    clock.advance(-3600)
    await keys.authenticate(issued.api_key)
    assert store.lookups == 2


async def test_callers_at_once_share_one_look_up() -> None:
    store, clock = CountedKeys(), FakeClock()
    keys = Keys(store, clock=clock)
    api_key = (await issue(keys)).api_key
    store.gate = asyncio.Event()
    asking = [asyncio.create_task(keys.authenticate(api_key)) for _ in range(32)]
    await store.looked.wait()
    # One who leaves does not take it along.
    asking.pop(0).cancel()
    store.gate.set()
    found = await asyncio.gather(*asking)
    assert store.lookups == 1
    assert len({key.key_id for key in found}) == 1
    clock.advance(FRESH_SECONDS)
    await asyncio.gather(*(keys.authenticate(api_key) for _ in range(32)))
    assert store.lookups == 2
    assert not keys._readings._begun


async def test_callers_at_once_share_a_failure_and_the_next_one_asks_again() -> None:
    store = CountedKeys()
    keys = Keys(store)
    wrong = new_api_key(new_key_id())
    outcomes = await asyncio.gather(
        *(keys.authenticate(wrong) for _ in range(5)), return_exceptions=True
    )
    assert all(isinstance(outcome, InvalidKey) for outcome in outcomes)
    assert store.lookups == 1
    with pytest.raises(InvalidKey):
        await keys.authenticate(wrong)
    assert store.lookups == 2


async def test_a_look_up_that_is_slow_answers_nobody_who_asks_too_late() -> None:
    """Elsewhere the key may have been revoked since it began."""
    store, clock = CountedKeys(), FakeClock()
    keys = Keys(store, clock=clock)
    api_key = (await issue(keys)).api_key
    store.gate = asyncio.Event()
    first = asyncio.create_task(keys.authenticate(api_key))
    await store.looked.wait()
    clock.advance(FRESH_SECONDS)
    second = asyncio.create_task(keys.authenticate(api_key))
    await until(lambda: store.lookups == 2)
    store.gate.set()
    await asyncio.gather(first, second)


async def test_a_look_up_from_before_a_change_answers_nobody_who_asks_after_it() -> None:
    store = CountedKeys()
    keys = Keys(store)
    issued = await issue(keys)
    store.gate = asyncio.Event()
    first = asyncio.create_task(keys.authenticate(issued.api_key))
    await store.looked.wait()
    await keys.revoke(issued.key.key_id)
    second = asyncio.create_task(keys.authenticate(issued.api_key))
    await until(lambda: store.lookups == 2)
    store.gate.set()
    with pytest.raises(InvalidKey):
        await second
    await first


async def test_a_revoked_key_is_refused_here_at_once(keys: Keys) -> None:
    issued = await issue(keys)
    assert await is_good(keys, issued.api_key)
    await keys.revoke(issued.key.key_id)
    assert not await is_good(keys, issued.api_key)


async def test_a_key_revoked_elsewhere_is_refused_within_a_second(
    keys: Keys, store: CountedKeys, clock: FakeClock
) -> None:
    issued = await issue(keys)
    assert await is_good(keys, issued.api_key)
    await Keys(store, clock=clock).revoke(issued.key.key_id)
    clock.advance(1)
    assert not await is_good(keys, issued.api_key)


async def test_a_look_up_that_a_revocation_overtakes_is_not_remembered(
    keys: Keys, store: CountedKeys
) -> None:
    issued = await issue(keys)
    store.gate = asyncio.Event()
    early = asyncio.create_task(keys.authenticate(issued.api_key))
    await store.looked.wait()
    await keys.revoke(issued.key.key_id)
    store.gate.set()
    await early
    assert not await is_good(keys, issued.api_key)


async def test_a_second_revocation_changes_nothing(keys: Keys, clock: FakeClock) -> None:
    issued = await issue(keys)
    revoked = await keys.revoke(issued.key.key_id)
    clock.advance(60)
    assert await keys.revoke(issued.key.key_id) == revoked


async def test_a_key_ends_when_it_expires_even_while_it_is_remembered(
    keys: Keys, clock: FakeClock
) -> None:
    issued = await issue(keys, expires_at=clock() + FRESH_SECONDS / 2)
    assert await is_good(keys, issued.api_key)
    clock.advance(FRESH_SECONDS / 2)
    assert not await is_good(keys, issued.api_key)


async def test_a_rotated_secret_works_until_its_grace_ends(keys: Keys, clock: FakeClock) -> None:
    old = await issue(keys)
    assert await is_good(keys, old.api_key)
    new = await keys.rotate(old.key.key_id, grace_seconds=60)
    assert new.key == msgspec.structs.replace(old.key, rotated_at=clock.now)
    clock.advance(59.9)
    assert await is_good(keys, old.api_key)
    clock.advance(0.1)
    assert not await is_good(keys, old.api_key)
    assert await is_good(keys, new.api_key)


async def test_a_rotation_without_grace_ends_the_old_secret_at_once(keys: Keys) -> None:
    old = await issue(keys)
    assert await is_good(keys, old.api_key)
    await keys.rotate(old.key.key_id, grace_seconds=0)
    assert not await is_good(keys, old.api_key)


async def test_a_second_rotation_lengthens_no_grace(keys: Keys, clock: FakeClock) -> None:
    first = await issue(keys)
    second = await keys.rotate(first.key.key_id, grace_seconds=10)
    third = await keys.rotate(first.key.key_id, grace_seconds=100)
    clock.advance(10)
    good = [await is_good(keys, issued.api_key) for issued in (first, second, third)]
    assert good == [False, True, True]


async def test_a_revoked_key_takes_all_its_secrets_along(keys: Keys) -> None:
    old = await issue(keys)
    new = await keys.rotate(old.key.key_id, grace_seconds=100)
    await keys.revoke(old.key.key_id)
    assert not await is_good(keys, old.api_key)
    assert not await is_good(keys, new.api_key)
    with pytest.raises(InvalidRequest, match="revoked"):
        await keys.rotate(old.key.key_id, grace_seconds=0)


async def test_a_changed_key_is_known_as_it_is_now(keys: Keys) -> None:
    issued = await issue(keys)
    await keys.authenticate(issued.api_key)
    changed = await keys.change(issued.key.key_id, {"name": "two"})
    assert changed == msgspec.structs.replace(issued.key, name="two")
    assert await keys.authenticate(issued.api_key) == changed
    assert await keys.get(issued.key.key_id) == changed


async def test_a_change_that_races_a_revocation_does_not_bring_the_key_back(
    keys: Keys, store: CountedKeys
) -> None:
    issued = await issue(keys)
    store.before_put = lambda: keys.revoke(issued.key.key_id)
    changed = await keys.change(issued.key.key_id, {"name": "two"})
    assert (changed.name, changed.revoked_at) == ("two", keys.clock())
    assert await keys.get(issued.key.key_id) == changed
    assert not await is_good(keys, issued.api_key)


async def test_a_change_gives_up_where_others_keep_changing_the_key(
    keys: Keys, store: CountedKeys
) -> None:
    issued = await issue(keys)

    async def change() -> None:
        found = await keys.get(issued.key.key_id)
        other = msgspec.structs.replace(found, name=found.name + "!")
        await MemoryKeys.put(store, other, expected=found)
        store.before_put = change

    store.before_put = change
    with pytest.raises(Overloaded, match="at once"):
        await keys.change(issued.key.key_id, {"name": "two"})


async def test_a_key_that_does_not_exist_is_not_found(keys: Keys) -> None:
    for attempt in (
        keys.get("sk-proj-none"),
        keys.revoke("sk-proj-none"),
        keys.change("sk-proj-none", {"name": "two"}),
        keys.rotate("sk-proj-none", grace_seconds=0),
    ):
        with pytest.raises(NotFound):
            await attempt


async def test_keys_are_listed_page_by_page(keys: Keys, clock: FakeClock) -> None:
    issued = []
    for _ in range(3):
        issued.append((await issue(keys)).key)
        clock.advance(1)
    first, second, third = issued
    assert await keys.list(limit=2, after=None) == [third, second]
    assert await keys.list(limit=2, after=second.key_id) == [first]


async def test_a_process_may_have_a_key_of_its_own(store: CountedKeys, clock: FakeClock) -> None:
    own = VirtualKey(key_id=new_key_id(), name="own", scopes=frozenset(SCOPES), created_at=clock())
    api_key = new_api_key(own.key_id)
    keys = Keys(store, clock=clock, local={hash_api_key(api_key): own})
    assert await keys.authenticate(api_key) == own
    assert not await is_good(Keys(store, clock=clock), api_key)


async def test_memory_for_keys_has_an_end(keys: Keys, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.identity.keys.MOST_REMEMBERED", 2)
    for _ in range(5):
        assert await is_good(keys, (await issue(keys)).api_key)
    assert len(keys._known) <= 2


async def test_the_first_start_makes_an_admin_key_and_no_other_does(keys: Keys) -> None:
    api_key = await keys.ensure_admin(None)
    assert (await keys.authenticate(api_key)).scopes == frozenset(SCOPES)
    assert await keys.ensure_admin(None) is None


async def test_an_admin_key_of_the_environment_is_good_as_it_is(keys: Keys) -> None:
    assert await keys.ensure_admin(GIVEN) is None
    admin = await keys.authenticate(GIVEN)
    assert admin.may("admin")
    assert admin.source == "environment"
    assert await keys.ensure_admin(GIVEN) is None
    assert await keys.list(limit=10, after=None) == [admin]


async def test_an_admin_key_in_the_platforms_form_keeps_its_id(keys: Keys) -> None:
    api_key = new_api_key("sk-proj-given")
    await keys.ensure_admin(api_key)
    assert (await keys.authenticate(api_key)).key_id == "sk-proj-given"


async def test_an_id_that_is_taken_is_not_taken_over(keys: Keys) -> None:
    issued = await issue(keys)
    await keys.ensure_admin(new_api_key(issued.key.key_id))
    assert await keys.authenticate(issued.api_key) == issued.key


async def test_a_short_admin_key_is_refused(keys: Keys) -> None:
    with pytest.raises(InvalidRequest, match="at least 8"):
        await keys.ensure_admin("secret")
    assert await keys.list(limit=1, after=None) == []


async def test_a_new_admin_key_of_the_environment_replaces_the_old_one(keys: Keys) -> None:
    issued = await issue(keys)
    await keys.ensure_admin(GIVEN)
    await keys.ensure_admin(GIVEN + " anew")
    assert not await is_good(keys, GIVEN)
    assert await is_good(keys, GIVEN + " anew")
    assert await is_good(keys, issued.api_key)


async def test_an_earlier_admin_key_of_the_environment_is_restored(keys: Keys) -> None:
    await keys.ensure_admin(GIVEN)
    await keys.ensure_admin(GIVEN + " anew")
    await keys.ensure_admin(GIVEN)
    assert await is_good(keys, GIVEN)
    assert not await is_good(keys, GIVEN + " anew")


async def test_an_ordinary_key_that_the_environment_names_becomes_the_admins(
    keys: Keys, clock: FakeClock
) -> None:
    """Whoever can set the environment decides which admin key is good."""
    issued = await issue(keys, expires_at=clock() + 1)
    clock.advance(2)
    await keys.ensure_admin(issued.api_key)
    assert (await keys.authenticate(issued.api_key)).may("admin")


async def test_processes_that_start_at_once_agree_on_the_admin_key(
    store: CountedKeys, clock: FakeClock
) -> None:
    """None revokes the key that another has just made of the same secret."""
    store.gate = asyncio.Event()
    slow = asyncio.create_task(Keys(store, clock=clock).ensure_admin(GIVEN))
    await store.looked.wait()
    gate, store.gate = store.gate, None
    await Keys(store, clock=clock).ensure_admin(GIVEN)
    gate.set()
    await slow
    assert await is_good(Keys(store, clock=clock), GIVEN)


async def test_many_keys_hide_no_old_admin_key(keys: Keys, clock: FakeClock) -> None:
    await keys.ensure_admin(GIVEN)
    for _ in range(250):
        clock.advance(1)
        await issue(keys)
    await keys.ensure_admin(GIVEN + " anew")
    assert not await is_good(keys, GIVEN)


def test_a_missing_scope_is_named() -> None:
    key = VirtualKey(
        key_id="sk-proj-one", name="one", scopes=frozenset({"ai:complete"}), created_at=0.0
    )
    require(key, "ai:complete")
    with pytest.raises(InsufficientScope, match="ai:embed"):
        require(key, "ai:embed")
