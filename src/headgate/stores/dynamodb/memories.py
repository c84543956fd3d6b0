"""Agents' memory in `ai-platform-memories`.

| `part`                              | `place`         | holds                                  |
|-------------------------------------|-----------------|----------------------------------------|
| `session#<workspace>#<person>#<id>` | `head`          | how many turns were ever said          |
| `session#<workspace>#<person>#<id>` | `turn#<number>` | a turn                                 |
| `session#<workspace>#<person>#<id>` | `once#<name>`   | nothing: this was said                 |
| `person#<workspace>#<person>`       | `fact#<id>`     | a fact; the table removes expired ones |
| `of#<person>`                       | a `part`        | when it was last written, as a random  |
|                                     |                 | text: what there is of a person        |
"""

import asyncio
import contextlib
import math
import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.core.memory import Fact, Person, Turn
from headgate.stores.dynamodb.attributes import escaped, integer_of, number, text, text_of
from headgate.stores.dynamodb.client import (
    ConditionFailed,
    DynamoClient,
    Item,
    TransactionRefused,
)
from headgate.stores.dynamodb.schema import MEMORIES, TTL

TRIES = 50
PAUSE_SECONDS = 0.02

_encode = msgspec.json.Encoder().encode
_turn = msgspec.json.Decoder(Turn)
_fact = msgspec.json.Decoder(Fact)


@dataclass(frozen=True, slots=True)
class DynamoMemories:
    """`MemoryStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def say(
        self, person: Person, session_id: str, turns: Sequence[Turn], *, once: str
    ) -> None:
        """See `MemoryStore.say`."""
        part = _session(person, session_id)
        for tried in range(TRIES):
            try:
                await self._say(person, part, turns, once)
            except TransactionRefused as refused:
                if 0 in refused.failed:
                    return  # it was said before
                # Something else was said at this moment.
                longest = PAUSE_SECONDS * (tried + 1)
                await asyncio.sleep(longest * random.random())  # noqa: S311 - no secret
            else:
                return
        raise Overloaded("Too much is said in this session at once; try again.")

    async def conversation(self, person: Person, session_id: str, *, limit: int) -> list[Turn]:
        """See `MemoryStore.conversation`."""
        request = {**_beginning(_session(person, session_id), "turn#"), "ScanIndexForward": False}
        found = await self.client.query(MEMORIES, request, limit=limit)
        return [_turn.decode(text_of(item, "body")) for item in reversed(found)]

    async def end(self, person: Person, session_id: str) -> None:
        """See `MemoryStore.end`."""
        part = _session(person, session_id)
        # The head stays: whoever says something meanwhile says it after its end.
        keys = [
            _key(part, text_of(item, "place"))
            for beginning in ("turn#", "once#")
            for item in await self.client.query(MEMORIES, _beginning(part, beginning))
        ]
        await self.client.delete_all(MEMORIES, keys)

    async def keep(self, person: Person, facts: Sequence[Fact]) -> None:
        """See `MemoryStore.keep`."""
        for fact in facts:
            part = _person(person)
            item = {**_fact_key(person, fact.id), "body": text(_encode(fact).decode())}
            if fact.expires_at is not None:
                item["expiresAt"] = number(fact.expires_at)
                item[TTL] = number(math.ceil(fact.expires_at))
            actions = [
                {"TableName": MEMORIES, "Item": each} for each in (_listed(person, part), item)
            ]
            await self.client.transact([{"Put": action} for action in actions])

    async def facts(self, person: Person, *, now: float, limit: int) -> list[Fact]:
        """See `MemoryStore.facts`."""
        request = _beginning(_person(person), "fact#")
        request["FilterExpression"] = "attribute_not_exists(expiresAt) OR expiresAt > :now"
        request["ExpressionAttributeValues"][":now"] = number(now)
        found = await self.client.query(MEMORIES, request)
        facts = [_fact.decode(text_of(item, "body")) for item in found]
        facts.sort(key=lambda fact: (fact.created_at, fact.id), reverse=True)
        return facts[:limit]

    async def forget(self, person: Person, fact_id: str) -> bool:
        """See `MemoryStore.forget`."""
        request = {
            "TableName": MEMORIES,
            "Key": _fact_key(person, fact_id),
            "ReturnValues": "ALL_OLD",
        }
        return bool((await self.client.call("DeleteItem", request)).get("Attributes"))

    async def erase(self, person_id: str, *, limit: int) -> int:
        """Delete all that is kept of a person, in about `limit` sessions; how much of it went.

        What is written meanwhile is found the next time: its `part` is listed anew.
        """
        listed = await self.client.query(MEMORIES, _whole(_list(person_id)), limit=limit)
        for item in listed:
            part = text_of(item, "place")
            kept = await self.client.query(MEMORIES, _whole(part))
            places = [_key(part, text_of(each, "place")) for each in kept]
            await self.client.delete_all(MEMORIES, places)
            unchanged = {
                "TableName": MEMORIES,
                "Key": _key(_list(person_id), part),
                "ConditionExpression": "edition = :seen",
                "ExpressionAttributeValues": {":seen": item["edition"]},
            }
            with contextlib.suppress(ConditionFailed):
                await self.client.call("DeleteItem", unchanged)
        return len(listed)

    async def _say(self, person: Person, part: str, turns: Sequence[Turn], once: str) -> None:
        """Say it behind what was said until now.

        Raises:
            TransactionRefused: something else was; first, that it was said before.
        """
        head = _key(part, "head")
        said = integer_of(await self.client.get(MEMORIES, head), "said")
        unless_new = {
            "ConditionExpression": "said = :said",
            "ExpressionAttributeValues": {":said": number(said)},
        }
        condition = unless_new if said else {"ConditionExpression": "attribute_not_exists(part)"}
        bodies = [_encode(turn).decode() for turn in turns]
        new_head = {**head, "said": number(said + len(turns))}
        actions: list[dict[str, Any]] = [
            {
                "TableName": MEMORIES,
                "Item": _key(part, f"once#{once}"),
                "ConditionExpression": "attribute_not_exists(part)",
            },
            {"TableName": MEMORIES, "Item": new_head, **condition},
            {"TableName": MEMORIES, "Item": _listed(person, part)},
        ]
        for place, body in enumerate(bodies, said + 1):
            item = {**_key(part, f"turn#{place:09d}"), "body": text(body)}
            actions.append({"TableName": MEMORIES, "Item": item})
        await self.client.transact([{"Put": action} for action in actions])


def _key(part: str, place: str) -> Item:
    return {"part": text(part), "place": text(place)}


def _fact_key(person: Person, fact_id: str) -> Item:
    return _key(_person(person), f"fact#{fact_id}")


def _person(person: Person) -> str:
    return f"person#{escaped(person.workspace_id)}#{escaped(person.id)}"


def _session(person: Person, session_id: str) -> str:
    return f"session#{escaped(person.workspace_id)}#{escaped(person.id)}#{escaped(session_id)}"


def _list(person_id: str) -> str:
    return f"of#{escaped(person_id)}"


def _listed(person: Person, part: str) -> Item:
    """Tells that there is a partition of a person's, and that it has just changed."""
    return {**_key(_list(person.id), part), "edition": text(new_id("edn"))}


def _whole(part: str) -> dict[str, Any]:
    """The query for all of a partition."""
    return {
        "KeyConditionExpression": "part = :part",
        "ExpressionAttributeValues": {":part": text(part)},
        "ConsistentRead": True,
    }


def _beginning(part: str, beginning: str) -> dict[str, Any]:
    """The query for what in a partition begins so."""
    return {
        "KeyConditionExpression": "part = :part AND begins_with(place, :beginning)",
        "ExpressionAttributeValues": {":part": text(part), ":beginning": text(beginning)},
        "ConsistentRead": True,
    }
