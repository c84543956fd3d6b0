"""Sockets behind API Gateway: items of a table that removes what has expired.

| `socketId` | `place`        | holds                                                           |
|------------|----------------|-----------------------------------------------------------------|
| `<id>`     | `owner`        | whose it is: `keyId` and `secretHash`, once that was said       |
| `<id>`     | `request#<id>` | while under way, `callId` and `at`; once cancelled, until `upTo` |

A request is noted before its socket is looked at, and a socket is forgotten before its requests
are: so one that begins while its socket ends is found by one of the two.
"""

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from headgate.core.sockets import SocketGone, SocketOwner, SocketRequest, Standing
from headgate.stores.dynamodb.attributes import integer_of, number, text, text_of
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.schema import SOCKETS, TTL

# API Gateway ends a connection after two hours.
KEPT_SECONDS = 3 * 3600
_OWNER = "owner"


@dataclass(frozen=True, slots=True)
class DynamoSockets:
    """`SocketStore` in a table that all copies of a function use."""

    client: DynamoClient
    clock: Callable[[], float] = time.time

    async def open(self, socket_id: str, owner: SocketOwner | None) -> None:
        """See `SocketStore.open`."""
        item = {**_key(socket_id, _OWNER), TTL: self._ends(), **_owner(owner)}
        await self.client.call("PutItem", {"TableName": SOCKETS, "Item": item})

    async def claim(self, socket_id: str, owner: SocketOwner) -> bool:
        """See `SocketStore.claim`."""
        request = {
            "TableName": SOCKETS,
            "Key": _key(socket_id, _OWNER),
            "UpdateExpression": "SET keyId = :key, secretHash = :hash",
            "ConditionExpression": (
                "attribute_exists(place) AND (attribute_not_exists(keyId) OR keyId = :key)"
            ),
            "ExpressionAttributeValues": {
                ":key": text(owner.key_id),
                ":hash": text(owner.secret_hash),
            },
        }
        return await self._done("UpdateItem", request)

    async def owner(self, socket_id: str) -> SocketOwner | None:
        """See `SocketStore.owner`."""
        item = await self.client.get(SOCKETS, _key(socket_id, _OWNER))
        if item is None:
            raise SocketGone
        if "keyId" not in item:
            return None
        return SocketOwner(text_of(item, "keyId"), text_of(item, "secretHash"))

    async def begin(self, request: SocketRequest) -> bool:
        """See `SocketStore.begin`."""
        wanted = {
            "TableName": SOCKETS,
            "Key": _request_key(request.socket_id, request.request_id),
            "UpdateExpression": "SET callId = :call, #at = :at, #ttl = :ends",
            # The same one again where the answer to the first try was lost.
            "ConditionExpression": "attribute_not_exists(callId) OR callId = :call",
            "ExpressionAttributeNames": {"#at": "at", "#ttl": TTL},
            "ExpressionAttributeValues": {
                ":call": text(request.call_id),
                ":at": number(request.at),
                ":ends": self._ends(),
            },
        }
        if not await self._done("UpdateItem", wanted):
            return False
        try:
            await self.owner(request.socket_id)
        except SocketGone:
            await self.end(request)
            raise
        return True

    async def standing(self, request: SocketRequest) -> Standing:
        """See `SocketStore.standing`."""
        key = _request_key(request.socket_id, request.request_id)
        item = await self.client.get(SOCKETS, key)
        if item is None or "callId" not in item or text_of(item, "callId") != request.call_id:
            return "gone"
        is_cancelled = "upTo" in item and integer_of(item, "upTo") >= request.at
        return "cancelled" if is_cancelled else "wanted"

    async def cancel(self, socket_id: str, request_id: str, at: int) -> None:
        """See `SocketStore.cancel`."""
        wanted = {
            "TableName": SOCKETS,
            "Key": _request_key(socket_id, request_id),
            "UpdateExpression": "SET upTo = :at, #ttl = :ends",
            "ExpressionAttributeNames": {"#ttl": TTL},
            "ExpressionAttributeValues": {":at": number(at), ":ends": self._ends()},
        }
        await self.client.call("UpdateItem", wanted)

    async def end(self, request: SocketRequest) -> None:
        """See `SocketStore.end`."""
        wanted = {
            "TableName": SOCKETS,
            "Key": _request_key(request.socket_id, request.request_id),
            "ConditionExpression": "callId = :call",
            "ExpressionAttributeValues": {":call": text(request.call_id)},
        }
        await self._done("DeleteItem", wanted)

    async def close(self, socket_id: str) -> None:
        """See `SocketStore.close`."""
        await self._delete(_key(socket_id, _OWNER))
        request = {
            "KeyConditionExpression": "socketId = :socket",
            "ProjectionExpression": "socketId, place",
            "ExpressionAttributeValues": {":socket": text(socket_id)},
            "ConsistentRead": True,
        }
        items = await self.client.query(SOCKETS, request)
        await asyncio.gather(*(self._delete(item) for item in items))

    async def _delete(self, key: Item) -> None:
        await self.client.call("DeleteItem", {"TableName": SOCKETS, "Key": key})

    async def _done(self, operation: str, request: Mapping[str, object]) -> bool:
        """Whether a write's condition held."""
        try:
            await self.client.call(operation, request)
        except ConditionFailed:
            return False
        return True

    def _ends(self) -> Item:
        return number(int(self.clock()) + KEPT_SECONDS)


def _key(socket_id: str, place: str) -> Item:
    return {"socketId": text(socket_id), "place": text(place)}


def _request_key(socket_id: str, request_id: str) -> Item:
    return _key(socket_id, f"request#{request_id}")


def _owner(owner: SocketOwner | None) -> Item:
    if owner is None:
        return {}
    return {"keyId": text(owner.key_id), "secretHash": text(owner.secret_hash)}
