"""What every store of users' own vendor keys promises."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.vendor_keys import VendorKey, VendorKeyStore
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys
from headgate.stores.memory_vendor_keys import MemoryVendorKeys
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.vendor_keys import SqliteVendorKeys
from ministack import dynamo_client


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[VendorKeyStore]:
    if request.param == "memory":
        yield MemoryVendorKeys()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoVendorKeys(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteVendorKeys(database)
    await database.close()


def key(user_id: str, provider: str, sealed: bytes = b"\x00\xff sealed") -> VendorKey:
    return VendorKey(
        user_id=user_id, provider=provider, sealed=sealed, last_four="wxyz", set_at=1000.25
    )


async def test_a_key_is_found_by_its_user(store: VendorKeyStore) -> None:
    await store.put(key("ada", "openai"))
    assert await store.of_user("ada") == [key("ada", "openai")]
    assert await store.of_user("ad") == []
    assert await store.of_user("ada#") == []


async def test_a_user_has_one_key_for_each_vendor(store: VendorKeyStore) -> None:
    await store.put(key("ada", "openai", b"old"))
    await store.put(key("ada", "anthropic"))
    await store.put(key("bob", "openai"))
    await store.put(key("ada", "openai", b"new"))
    assert await store.of_user("ada") == [key("ada", "anthropic"), key("ada", "openai", b"new")]


async def test_a_key_is_forgotten(store: VendorKeyStore) -> None:
    for user in ("ada", "bob"):
        await store.put(key(user, "openai"))
        await store.put(key(user, "anthropic"))
    await store.drop("ada", "openai")
    await store.drop("ada", "openai")
    assert await store.of_user("ada") == [key("ada", "anthropic")]
    assert len(await store.of_user("bob")) == 2


@pytest.mark.parametrize("user", ["ada", "a#b", "vendor#openai", "Ωμέγα", "' OR 1=1 --"])
async def test_any_name_is_a_users_own(store: VendorKeyStore, user: str) -> None:
    await store.put(key(user, "openai"))
    assert await store.of_user(user) == [key(user, "openai")]
