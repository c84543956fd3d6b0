"""Answers kept under idempotency keys, in `ai-platform-answers`.

| `callId`         | `part`         | holds                                           |
|------------------|----------------|-------------------------------------------------|
| digest of a call | `answer`       | the claim on it, later its answer               |
| digest of a call | event#number   | a piece of an answer too long for one item      |
| `of#<user>`      | digest         | the event: which calls of a user have an answer |

An item is a claim as long as it has no `model`. `expiresAt` is the claim's end, or the answer's; an
item that has ended counts as gone, and DynamoDB removes it some time after its `ttl`. The pieces of
a long answer are written before the transaction that keeps it: without that they mean nothing.
"""

import asyncio
import base64
import contextlib
import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.core.answers import AnswerKey, Claim, KeptAnswer
from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.stores.dynamodb.accounts import Action
from headgate.stores.dynamodb.attributes import float_of, integer_of, number, text, text_of
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.schema import ANSWERS, TTL

PIECE_BYTES = 300_000
"""An item holds at most 400 KB, its names included."""

_ANSWER = text("answer")


@dataclass(frozen=True, slots=True)
class DynamoAnswers:
    """`AnswerStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def find(self, call_id: str, *, now: float) -> Claim | KeptAnswer | None:
        """See `AnswerStore.find`."""
        found = await self.client.get(ANSWERS, _key(call_id))
        if found is None or float_of(found, "expiresAt") <= now:
            return None
        return await self._answer(found) if "model" in found else _claim_in(found)

    async def claim(
        self, key: AnswerKey, *, owner: str, now: float, until: float
    ) -> Claim | KeptAnswer:
        """See `AnswerStore.claim`."""
        while True:
            with contextlib.suppress(ConditionFailed):
                await self._take(key, owner, now, until)
                return Claim(owner=owner, fingerprint=key.fingerprint)
            found = await self.client.get(ANSWERS, _key(key.id))
            if found is None or float_of(found, "expiresAt") <= now:
                continue  # it was dropped, or ended, since it was in the way
            if "model" in found:
                return await self._answer(found)
            # Where the answer has come meanwhile, it is found when it is asked for again.
            with contextlib.suppress(ConditionFailed):
                await self._change(
                    key.id,
                    "SET awaitedAt = :now",
                    "attribute_exists(callId) AND attribute_not_exists(model)",
                    {":now": number(now)},
                )
            return _claim_in(found)

    async def renew(self, ids: Sequence[str], *, owner: str, until: float) -> None:
        """See `AnswerStore.renew`."""
        await asyncio.gather(*(self._renew(call_id, owner, until) for call_id in ids))

    async def drop(self, call_id: str, *, owner: str) -> None:
        """See `AnswerStore.drop`."""
        request = {
            "TableName": ANSWERS,
            "Key": _key(call_id),
            "ConditionExpression": "#owner = :owner AND attribute_not_exists(model)",
            "ExpressionAttributeNames": {"#owner": "owner"},
            "ExpressionAttributeValues": {":owner": text(owner)},
        }
        with contextlib.suppress(ConditionFailed):
            await self.client.call("DeleteItem", request)

    async def is_awaited(self, call_id: str, *, since: float) -> bool:
        """See `AnswerStore.is_awaited`."""
        found = await self.client.get(ANSWERS, _key(call_id))
        return found is not None and "awaitedAt" in found and float_of(found, "awaitedAt") >= since

    async def keep(self, answer: KeptAnswer) -> None:
        """See `AnswerStore.keep`."""
        place = new_id("own")
        if is_long(answer):
            await write_pieces(self.client, answer, place)
        await self.client.transact(keep(answer, place))

    async def erase(self, user_id: str, *, limit: int) -> int:
        """Delete up to `limit` of a user's answers; how many there were.

        One that is kept anew meanwhile is found the next time.
        """
        request = _whole(_list(user_id))
        listed = await self.client.query(ANSWERS, request, limit=limit)
        for item in listed:
            call_id = text_of(item, "part")
            kept = await self.client.query(ANSWERS, _whole(call_id))
            await self.client.delete_all(ANSWERS, [_key(call_id, each["part"]) for each in kept])
            unchanged = {
                "TableName": ANSWERS,
                "Key": _key(_list(user_id), item["part"]),
                "ConditionExpression": "eventId = :seen",
                "ExpressionAttributeValues": {":seen": item["eventId"]},
            }
            with contextlib.suppress(ConditionFailed):
                await self.client.call("DeleteItem", unchanged)
        return len(listed)

    async def forget(self, *, now: float) -> None:
        """See `AnswerStore.forget`; the table does it by itself."""

    async def _take(self, key: AnswerKey, owner: str, now: float, until: float) -> None:
        await self._change(
            key.id,
            "SET fingerprint = :fingerprint, #owner = :owner, expiresAt = :until, #ttl = :ttl "
            "REMOVE awaitedAt, model, provider, body, pieces, eventId",
            "attribute_not_exists(callId) OR expiresAt <= :now "
            "OR (#owner = :owner AND attribute_not_exists(model))",
            {
                ":fingerprint": text(key.fingerprint),
                ":owner": text(owner),
                ":until": number(until),
                ":ttl": number(math.ceil(until)),
                ":now": number(now),
            },
            names={"#owner": "owner", "#ttl": TTL},
        )

    async def _renew(self, call_id: str, owner: str, until: float) -> None:
        with contextlib.suppress(ConditionFailed):
            await self._change(
                call_id,
                "SET expiresAt = :until, #ttl = :ttl",
                "#owner = :owner AND attribute_not_exists(model) AND expiresAt < :until",
                {
                    ":owner": text(owner),
                    ":until": number(until),
                    ":ttl": number(math.ceil(until)),
                },
                names={"#owner": "owner", "#ttl": TTL},
            )

    async def _change(
        self,
        call_id: str,
        update: str,
        condition: str,
        values: Mapping[str, object],
        *,
        names: Mapping[str, str] | None = None,
    ) -> None:
        request: dict[str, Any] = {
            "TableName": ANSWERS,
            "Key": _key(call_id),
            "UpdateExpression": update,
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
        if names:
            request["ExpressionAttributeNames"] = names
        await self.client.call("UpdateItem", request)

    async def _answer(self, found: Item) -> KeptAnswer:
        call_id = text_of(found, "callId")
        body = base64.b64decode(found["body"]["B"]) if "body" in found else b""
        count = integer_of(found, "pieces")
        if count:
            event_id = text_of(found, "eventId")
            keys = [_key(call_id, _place(event_id, index)) for index in range(count)]
            for piece in await self.client.get_all(ANSWERS, keys):
                if piece is None:
                    raise Overloaded("A kept answer lost a part; use another idempotency key.")
                body += base64.b64decode(piece["body"]["B"])
        return KeptAnswer(
            key=AnswerKey(call_id, text_of(found, "fingerprint")),
            model=text_of(found, "model"),
            provider=text_of(found, "provider"),
            body=body,
            expires_at=float_of(found, "expiresAt"),
        )


async def write_pieces(client: DynamoClient, answer: KeptAnswer, event_id: str) -> None:
    """Write the pieces of an answer that is too long for one item, ahead of `keep`."""
    items = (
        {
            **_key(answer.key.id, _place(event_id, index)),
            "body": _bytes(answer.body[start : start + PIECE_BYTES]),
            TTL: number(math.ceil(answer.expires_at)),
        }
        for index, start in enumerate(range(0, len(answer.body), PIECE_BYTES))
    )
    # A few at once: a body of many megabytes must not take every connection.
    while some := list(itertools.islice(items, 4)):
        await asyncio.gather(
            *(client.call("PutItem", {"TableName": ANSWERS, "Item": item}) for item in some)
        )


def keep(answer: KeptAnswer, event_id: str) -> list[Action]:
    """The part of a call's transaction that puts its answer in the place of its claim."""
    items = [_item(answer, event_id)]
    if answer.user_id is not None:
        place = _key(_list(answer.user_id), text(answer.key.id))
        items.append({**place, "eventId": text(event_id), TTL: items[0][TTL]})
    return [{"Put": {"TableName": ANSWERS, "Item": item}} for item in items]


def _item(answer: KeptAnswer, event_id: str) -> Item:
    item: dict[str, Mapping[str, Any]] = {
        **_key(answer.key.id),
        "fingerprint": text(answer.key.fingerprint),
        "owner": text(""),
        "model": text(answer.model),
        "provider": text(answer.provider),
        "eventId": text(event_id),
        "expiresAt": number(answer.expires_at),
        TTL: number(math.ceil(answer.expires_at)),
    }
    if is_long(answer):
        item["pieces"] = number(-(-len(answer.body) // PIECE_BYTES))
    else:
        item["body"] = _bytes(answer.body)
    return item


def is_long(answer: KeptAnswer) -> bool:
    """Whether an answer's pieces have to be written before its transaction."""
    return len(answer.body) > PIECE_BYTES


def size_in_transaction(answer: KeptAnswer) -> int:
    """How many bytes of an answer its transaction holds, about."""
    return 0 if is_long(answer) else len(answer.body)


def _claim_in(item: Item) -> Claim:
    return Claim(owner=text_of(item, "owner"), fingerprint=text_of(item, "fingerprint"))


def _key(call_id: str, part: Mapping[str, Any] = _ANSWER) -> Item:
    return {"callId": text(call_id), "part": part}


def _list(user_id: str) -> str:
    return f"of#{user_id}"


def _whole(call_id: str) -> dict[str, Any]:
    """The query for all that stands under a call, or in a list."""
    return {
        "KeyConditionExpression": "callId = :call",
        "ExpressionAttributeValues": {":call": text(call_id)},
        "ProjectionExpression": "part, eventId",
        "ConsistentRead": True,
    }


def _place(event_id: str, index: int) -> Mapping[str, Any]:
    return text(f"{event_id}#{index}")


def _bytes(value: bytes) -> Mapping[str, Any]:
    return {"B": base64.b64encode(value).decode()}
