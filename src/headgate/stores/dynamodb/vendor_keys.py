"""Users' own vendor keys in DynamoDB, sealed: items of the table of keys.

| `part`      | `place`           | holds                                      |
|-------------|-------------------|--------------------------------------------|
| `user#<id>` | `vendor#<vendor>` | the sealed key, its end, and when it came  |
"""

import base64
from dataclasses import dataclass

from headgate.core.vendor_keys import VendorKey
from headgate.stores.dynamodb.attributes import float_of, number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.schema import KEYS

_PLACE = "vendor#"


@dataclass(frozen=True, slots=True)
class DynamoVendorKeys:
    """`VendorKeyStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def put(self, key: VendorKey) -> None:
        """See `VendorKeyStore.put`."""
        item = {
            **_item_key(key.user_id, key.provider),
            "sealed": {"B": base64.b64encode(key.sealed).decode()},
            "lastFour": text(key.last_four),
            "setAt": number(key.set_at),
        }
        await self.client.call("PutItem", {"TableName": KEYS, "Item": item})

    async def of_user(self, user_id: str) -> list[VendorKey]:
        """See `VendorKeyStore.of_user`."""
        request = {
            "KeyConditionExpression": "part = :part",
            "ExpressionAttributeValues": {":part": _item_key(user_id, "")["part"]},
            "ConsistentRead": True,
        }
        return [_key_in(item, user_id) for item in await self.client.query(KEYS, request)]

    async def drop(self, user_id: str, provider: str) -> None:
        """See `VendorKeyStore.drop`."""
        request = {"TableName": KEYS, "Key": _item_key(user_id, provider)}
        await self.client.call("DeleteItem", request)


def _item_key(user_id: str, provider: str) -> Item:
    return {"part": text(f"user#{user_id}"), "place": text(f"{_PLACE}{provider}")}


def _key_in(item: Item, user_id: str) -> VendorKey:
    return VendorKey(
        user_id=user_id,
        provider=text_of(item, "place").removeprefix(_PLACE),
        sealed=base64.b64decode(item["sealed"]["B"]),
        last_four=text_of(item, "lastFour"),
        set_at=float_of(item, "setAt"),
    )
