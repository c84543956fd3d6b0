"""Keys where several processes change them at once."""

import asyncio

import msgspec

from dynamo_wire import wired
from headgate.core.keys import KeySecret, VirtualKey
from headgate.stores.dynamodb.keys import DynamoKeys
from ministack import account_of, dynamo_client

KEY = VirtualKey(key_id="a", name="A key", scopes=frozenset({"admin"}), created_at=1000.0)


async def test_of_rotations_at_once_only_one_secret_stays() -> None:
    async with (
        dynamo_client() as one,
        wired(await account_of(one)) as (other, _),
    ):
        stores = [DynamoKeys(one), DynamoKeys(other)]
        await stores[0].add(KEY, KeySecret("first", "a"))
        secrets = [f"hash-{number}" for number in range(6)]
        await asyncio.gather(
            *(
                stores[number % 2].rotate(KeySecret(secret, "a"), old_valid_until=50.0)
                for number, secret in enumerate(secrets)
            )
        )
        found = [await stores[0].find(secret) for secret in ("first", *secrets)]
    ends = [each[1].valid_until for each in found if each is not None]
    assert sorted(str(end) for end in ends) == ["50.0"] * 6 + ["None"]


async def test_a_key_that_several_processes_add_at_once_is_kept_once() -> None:
    async with dynamo_client() as client:
        store = DynamoKeys(client)
        await asyncio.gather(*(store.add(KEY, KeySecret("hash", "a")) for _ in range(8)))
        assert await store.list(limit=9, after=None) == [KEY]


async def test_an_addition_whose_answer_was_lost_succeeds() -> None:
    async with dynamo_client() as maker, wired(await account_of(maker)) as (client, wire):
        wire.lost["TransactWriteItems"] = 1
        await DynamoKeys(client).add(KEY, KeySecret("hash", "a"))
        assert await DynamoKeys(client).get("a") == KEY


async def test_of_changes_at_once_each_is_made_as_it_was_read() -> None:
    async with dynamo_client() as one, wired(await account_of(one)) as (other, wire):
        store, slower = DynamoKeys(one), DynamoKeys(other)
        await store.add(KEY, KeySecret("hash", "a"))
        revoked = msgspec.structs.replace(KEY, revoked_at=5.0)
        renamed = msgspec.structs.replace(KEY, name="Renamed")

        async def revoke() -> None:
            assert await store.put(revoked, expected=KEY)

        wire.before["UpdateItem"] = revoke
        assert not await slower.put(renamed, expected=KEY)
        assert await store.get("a") == revoked


async def test_a_change_whose_answer_was_lost_was_made() -> None:
    async with dynamo_client() as one, wired(await account_of(one)) as (client, wire):
        await DynamoKeys(one).add(KEY, KeySecret("hash", "a"))
        wire.lost["UpdateItem"] = 1
        renamed = msgspec.structs.replace(KEY, name="Renamed")
        assert await DynamoKeys(client).put(renamed, expected=KEY)
        assert await DynamoKeys(one).get("a") == renamed
