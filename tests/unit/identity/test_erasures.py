import asyncio

import pytest

from headgate.core.erasures import Erased
from headgate.core.errors import InvalidKey, Overloaded
from headgate.core.keys import VirtualKey, new_key_id
from headgate.identity.erasures import SETTLING_SECONDS, Erasures
from headgate.identity.keys import Keys
from headgate.stores.memory import MemoryKeys
from platform_in_memory import FakeUserData


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


async def issued(keys: Keys, user: str | None) -> tuple[str, str]:
    key = VirtualKey(
        key_id=new_key_id(),
        name=f"{user}'s",
        scopes=frozenset({"ai:complete"}),
        user_id=user,
        created_at=1.0,
    )
    return key.key_id, (await keys.create(key)).api_key


async def test_the_keys_end_first_and_lose_the_users_name() -> None:
    clock, keys = Clock(), Keys(MemoryKeys())
    key_id, api_key = await issued(keys, "ada")
    other_id, other = await issued(keys, "bob")
    begun = await Erasures(FakeUserData(), keys, clock).begin("ada")
    assert begun.keys_revoked == 1
    with pytest.raises(InvalidKey):
        await keys.authenticate(api_key)
    key = await keys.get(key_id)
    assert key.user_id == begun.erasure.pseudonym
    assert "ada" not in key.name
    assert (await keys.authenticate(other)).key_id == other_id


async def test_a_second_request_goes_on_with_the_first() -> None:
    keys = Keys(MemoryKeys())
    await issued(keys, "ada")
    erasures = Erasures(FakeUserData(), keys, Clock())
    first, second = await erasures.begin("ada"), await erasures.begin("ada")
    assert second.erasure == first.erasure
    assert (first.keys_revoked, second.keys_revoked) == (1, 0)


async def test_no_pseudonym_tells_of_its_user_or_comes_twice() -> None:
    erasures = Erasures(FakeUserData(), Keys(MemoryKeys()), Clock())
    names = {(await erasures.begin(user)).erasure.pseudonym for user in ("zoe", "yuri")}
    assert len(names) == 2
    assert not any("zoe" in name or "yuri" in name for name in names)


async def test_a_deletion_is_over_when_an_hour_has_passed_and_nothing_is_found() -> None:
    clock, store = Clock(), FakeUserData()
    erasures = Erasures(store, Keys(MemoryKeys()), clock)
    store.steps = [Erased(5, 1), Erased(0, 1)]
    begun = await erasures.begin("ada")
    assert begun.progress == (5, 1, False)
    clock.now += SETTLING_SECONDS
    store.steps = [Erased(0, 1)]
    assert (await erasures.advance(begun.erasure)).is_over is False
    store.steps = [Erased(2, 0)]
    assert (await erasures.advance(begun.erasure)).is_over is True
    assert await erasures.of("ada") is None


async def test_what_another_process_began_is_gone_on_with() -> None:
    """Also after the store was away."""
    clock, store = Clock(), FakeUserData()
    await Erasures(store, Keys(MemoryKeys()), clock).begin("ada")
    clock.now += SETTLING_SECONDS
    # A round ends where the next may begin.
    rounds: asyncio.Queue[float] = asyncio.Queue(1)
    failures = [Overloaded("away")]

    class Failing(FakeUserData):
        async def erase(self, erasure: object, *, limit: int) -> Erased:
            if failures:
                raise failures.pop()
            return Erased(0, 0)

    other = Failing()
    other.begun = store.begun
    erasures = Erasures(other, Keys(MemoryKeys()), clock, pause=rounds.put)
    async with erasures.going_on():
        await rounds.get()
        while other.begun:
            await rounds.get()
    assert not store.begun
