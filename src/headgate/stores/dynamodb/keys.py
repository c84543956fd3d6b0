"""Keys in DynamoDB: a table whose partitions each answer one question.

| `part`          | `place`             | holds                                                 |
|-----------------|---------------------|-------------------------------------------------------|
| `key#<id>`      | `key`               | the key, its place in the list, how often it rotated  |
| `key#<id>`      | `secret#<hash>`     | nothing: which secrets the key has                    |
| `secret#<hash>` | `secret`            | which key it opens, and until when                    |
| `keys`          | age and id of a key | nothing: the order in which keys are listed           |
"""

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from headgate.core.errors import InvalidRequest, NotFound, Overloaded
from headgate.core.keys import KeySecret, VirtualKey
from headgate.stores.dynamodb.attributes import float_of, integer_of, number, text, text_of
from headgate.stores.dynamodb.client import (
    ConditionFailed,
    DynamoClient,
    Item,
    TransactionRefused,
)
from headgate.stores.dynamodb.schema import KEYS

ROTATIONS_TRIED = 10

_LIST = text("keys")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(VirtualKey).decode


@dataclass(frozen=True, slots=True)
class DynamoKeys:
    """`KeyStore` in tables that other processes and machines use too."""

    client: DynamoClient

    async def add(self, key: VirtualKey, secret: KeySecret) -> None:
        """See `KeyStore.add`."""
        place = text(_place(key))
        document = {
            **_key(key.key_id),
            "document": text(_encode(key).decode()),
            "listedAt": place,
            "rotations": number(0),
        }
        actions = [
            _put(_secret(secret), "attribute_not_exists(part)"),
            _put(document, "attribute_not_exists(part)"),
            _put(_ownership(secret)),
            _put({"part": _LIST, "place": place, "keyId": text(key.key_id)}),
        ]
        try:
            await self.client.transact(actions)
        except TransactionRefused as refused:
            if 0 not in refused.failed:
                raise InvalidRequest(
                    f"There is already a key {key.key_id}; choose another id."
                ) from None

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """See `KeyStore.find`."""
        item = await self.client.get(KEYS, _secret_key(secret_hash))
        if item is None:
            return None
        secret = _secret_in(item)
        key = await self.get(secret.key_id)
        return None if key is None else (key, secret)

    async def get(self, key_id: str) -> VirtualKey | None:
        """See `KeyStore.get`."""
        item = await self.client.get(KEYS, _key(key_id))
        return None if item is None else _decode(text_of(item, "document"))

    async def list(self, *, limit: int, after: str | None) -> list[VirtualKey]:
        """See `KeyStore.list`."""
        condition, values = "part = :part", {":part": _LIST}
        if after is not None:
            last = await self.client.get(KEYS, _key(after))
            if last is None:
                return []
            condition += " AND place < :last"
            values[":last"] = last["listedAt"]
        request = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ScanIndexForward": False,
            "ConsistentRead": True,
        }
        listed = await self.client.query(KEYS, request, limit=limit)
        keys = await self.client.get_all(KEYS, [_key(text_of(item, "keyId")) for item in listed])
        return [_decode(text_of(item, "document")) for item in keys if item is not None]

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        """See `KeyStore.put`."""
        found = await self.client.get(KEYS, _key(key.key_id))
        if found is None:
            raise NotFound(f"There is no key {key.key_id}.")
        # As values: the order of scopes in the text differs from process to process.
        if _decode(text_of(found, "document")) != expected:
            return False
        # A key keeps its place in the list: when it was made does not change.
        request = {
            "TableName": KEYS,
            "Key": _key(key.key_id),
            "UpdateExpression": "SET document = :document",
            "ConditionExpression": "document = :seen",
            "ExpressionAttributeValues": {
                ":document": text(_encode(key).decode()),
                ":seen": found["document"],
            },
        }
        try:
            await self.client.call("UpdateItem", request)
        except ConditionFailed:
            # Also where it was carried out, the answer was lost, and it was sent again.
            return await self.get(key.key_id) == key
        return True

    async def rotate(self, new: KeySecret, *, old_valid_until: float) -> None:
        """See `KeyStore.rotate`."""
        for _ in range(ROTATIONS_TRIED):
            try:
                return await self._rotate(new, old_valid_until)
            except TransactionRefused:
                continue  # another rotation was first; its secret ends too
        raise Overloaded(f"The key {new.key_id} is being rotated by others; try again.")

    async def erase(self, key_id: str) -> bool:
        """See `KeyStore.erase`."""
        items = await self.client.query(KEYS, _parts_of(key_id))
        deleted: list[Item] = [{"part": item["part"], "place": item["place"]} for item in items]
        for item in items:
            place = text_of(item, "place")
            if place == "key":
                deleted.append({"part": _LIST, "place": item["listedAt"]})
            else:
                deleted.append(_secret_key(place.partition("#")[2]))
        if deleted:
            await self.client.transact(
                [{"Delete": {"TableName": KEYS, "Key": each}} for each in deleted]
            )
        return any(text_of(item, "place") == "key" for item in items)

    async def _rotate(self, new: KeySecret, old_valid_until: float) -> None:
        found = await self.client.query(KEYS, _parts_of(new.key_id))
        items = {text_of(item, "place"): item for item in found}
        key = items.pop("key", None)
        if key is None:
            raise NotFound(f"There is no key {new.key_id}.")
        hashes = [place.partition("#")[2] for place in items]
        known = await self.client.get_all(KEYS, [_secret_key(each) for each in hashes])
        end = number(old_valid_until)
        ending = [
            {
                "Update": {
                    "TableName": KEYS,
                    "Key": _secret_key(text_of(item, "part").partition("#")[2]),
                    "UpdateExpression": "SET validUntil = :end",
                    "ExpressionAttributeValues": {":end": end},
                }
            }
            for item in known
            if item is not None
            and _secret_in(item).hash != new.hash
            and ("validUntil" not in item or float_of(item, "validUntil") > old_valid_until)
        ]
        turn = {
            "TableName": KEYS,
            "Key": _key(new.key_id),
            "UpdateExpression": "SET rotations = :next",
            "ConditionExpression": "rotations = :seen",
            "ExpressionAttributeValues": {
                ":seen": key["rotations"],
                ":next": number(integer_of(key, "rotations") + 1),
            },
        }
        await self.client.transact(
            [{"Update": turn}, _put(_secret(new)), _put(_ownership(new)), *ending]
        )


def _place(key: VirtualKey) -> str:
    """Where a key is listed; texts of one length sort as their numbers do."""
    return f"{key.created_at:024.9f}#{key.key_id}"


def _key(key_id: str) -> Item:
    return {"part": text(f"key#{key_id}"), "place": text("key")}


def _parts_of(key_id: str) -> dict[str, object]:
    """A query for a key and the places of its secrets."""
    return {
        "KeyConditionExpression": "part = :part",
        "ExpressionAttributeValues": {":part": _key(key_id)["part"]},
        "ConsistentRead": True,
    }


def _secret_key(secret_hash: str) -> Item:
    return {"part": text(f"secret#{secret_hash}"), "place": text("secret")}


def _ownership(secret: KeySecret) -> Item:
    return {"part": text(f"key#{secret.key_id}"), "place": text(f"secret#{secret.hash}")}


def _secret(secret: KeySecret) -> Item:
    item = {**_secret_key(secret.hash), "keyId": text(secret.key_id)}
    if secret.valid_until is not None:
        item["validUntil"] = number(secret.valid_until)
    return item


def _secret_in(item: Item) -> KeySecret:
    end = float_of(item, "validUntil") if "validUntil" in item else None
    return KeySecret(text_of(item, "part").partition("#")[2], text_of(item, "keyId"), end)


def _put(item: Item, condition: str | None = None) -> Mapping[str, object]:
    put: dict[str, object] = {"TableName": KEYS, "Item": item}
    if condition is not None:
        put["ConditionExpression"] = condition
    return {"Put": put}
