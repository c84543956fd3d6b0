"""What every store of keys promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.keys import KeySecret, KeyStore, RateLimit, VirtualKey
from headgate.stores.dynamodb.keys import DynamoKeys
from headgate.stores.memory import MemoryKeys
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.keys import SqliteKeys
from ministack import dynamo_client


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[KeyStore]:
    if request.param == "memory":
        yield MemoryKeys()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoKeys(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteKeys(database)
    await database.close()


def key(key_id: str, *, created_at: float = 1000.0) -> VirtualKey:
    return VirtualKey(
        key_id=key_id,
        name=f"The key {key_id}",
        scopes=frozenset({"ai:complete", "usage:read"}),
        user_id="ada",
        rate_limit=RateLimit(requests_per_minute=60),
        models=("gpt-4o",),
        created_at=created_at,
        expires_at=2000.5,
    )


async def test_a_key_is_found_by_its_secret_and_by_its_id(store: KeyStore) -> None:
    secret = KeySecret("hash-of-a", "a")
    await store.add(key("a"), secret)
    assert await store.find("hash-of-a") == (key("a"), secret)
    assert await store.get("a") == key("a")


async def test_an_unknown_secret_or_id_finds_nothing(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("hash-of-a", "a"))
    assert await store.find("hash-of-b") is None
    assert await store.get("b") is None


async def test_adding_the_same_secret_again_changes_nothing(store: KeyStore) -> None:
    """Processes that start at once may all add the key that the environment names."""
    await store.add(key("a"), KeySecret("hash", "a"))
    await store.add(key("b", created_at=2000.0), KeySecret("hash", "b"))
    assert await store.find("hash") == (key("a"), KeySecret("hash", "a"))
    assert await store.get("b") is None


async def test_an_id_is_never_given_to_a_second_key(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("hash", "a"))
    with pytest.raises(InvalidRequest, match="already a key a"):
        await store.add(key("a"), KeySecret("another", "a"))
    assert await store.find("another") is None


async def test_a_key_is_replaced(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("hash", "a"))
    revoked = VirtualKey(
        key_id="a", name="Gone", scopes=frozenset(), created_at=1000.0, revoked_at=1500.25
    )
    assert await store.put(revoked, expected=key("a"))
    assert await store.get("a") == revoked
    found = await store.find("hash")
    assert found is not None
    assert found[0] == revoked


async def test_a_key_that_was_changed_meanwhile_is_not_replaced(store: KeyStore) -> None:
    """Two changes rest on the same reading: the second must not undo the first."""
    await store.add(key("a"), KeySecret("hash", "a"))
    revoked = msgspec.structs.replace(key("a"), revoked_at=1500.25)
    renamed = msgspec.structs.replace(key("a"), name="Another")
    assert await store.put(revoked, expected=key("a"))
    assert not await store.put(renamed, expected=key("a"))
    assert await store.get("a") == revoked


async def test_of_changes_at_once_exactly_one_is_made(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("hash", "a"))
    wanted = [msgspec.structs.replace(key("a"), name=f"Name {number}") for number in range(9)]
    made = await asyncio.gather(*(store.put(each, expected=key("a")) for each in wanted))
    assert made.count(True) == 1
    assert await store.get("a") == wanted[made.index(True)]


async def test_a_key_that_does_not_exist_is_not_replaced(store: KeyStore) -> None:
    with pytest.raises(NotFound):
        await store.put(key("a"), expected=key("a"))
    assert await store.get("a") is None


async def test_keys_are_listed_newest_first_and_in_pages(store: KeyStore) -> None:
    for number, key_id in enumerate("cabed"):
        # The last two are of the same age: the id decides.
        created_at = 1000.0 + min(number, 3)
        await store.add(key(key_id, created_at=created_at), KeySecret(f"hash-{key_id}", key_id))
    first = await store.list(limit=2, after=None)
    await store.add(key("new", created_at=9000.0), KeySecret("hash-new", "new"))
    second = await store.list(limit=2, after=first[-1].key_id)
    third = await store.list(limit=2, after=second[-1].key_id)
    assert [each.key_id for each in first + second + third] == ["e", "d", "b", "a", "c"]


async def test_nothing_is_listed_behind_a_key_that_does_not_exist(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("hash", "a"))
    assert await store.list(limit=10, after="z") == []


async def test_a_rotation_ends_the_older_secrets_and_lengthens_none(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("first", "a"))
    await store.add(key("b"), KeySecret("other", "b"))
    await store.rotate(KeySecret("second", "a"), old_valid_until=50.0)
    await store.rotate(KeySecret("third", "a"), old_valid_until=70.0)
    ends = {}
    for secret_hash in ("first", "second", "third", "other"):
        found = await store.find(secret_hash)
        assert found is not None
        ends[secret_hash] = found[1].valid_until
    assert ends == {"first": 50.0, "second": 70.0, "third": None, "other": None}


async def test_a_key_that_does_not_exist_is_not_rotated(store: KeyStore) -> None:
    with pytest.raises(NotFound):
        await store.rotate(KeySecret("hash", "a"), old_valid_until=50.0)
    assert await store.find("hash") is None


async def test_an_erased_key_is_gone_with_its_secrets(store: KeyStore) -> None:
    await store.add(key("a"), KeySecret("first", "a"))
    await store.rotate(KeySecret("second", "a"), old_valid_until=50.0)
    await store.add(key("b"), KeySecret("other", "b"))
    assert await store.erase("a")
    assert not await store.erase("a")
    assert [await store.find(each) for each in ("first", "second")] == [None, None]
    assert await store.get("a") is None
    assert [each.key_id for each in await store.list(limit=9, after=None)] == ["b"]
    await store.add(key("a"), KeySecret("first", "a"))
    assert await store.find("first") is not None
