"""Deleting what is kept of a user in DynamoDB, step by step; no step does harm twice.

| table              | `part`     | `place` | holds                                           |
|--------------------|------------|---------|-------------------------------------------------|
| `ai-platform-keys` | `erasures` | user    | the pseudonym, the beginning, and from which    |
|                    |            |         | moment on sums may still be the user's          |

Whatever moves money or what counts it is one transaction, written only where all of it is still as
it was read; what was refused is found again by the next step.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from headgate.core.erasures import Erased, Erasure
from headgate.core.runs import Command
from headgate.stores.dynamodb import user_accounts, user_events
from headgate.stores.dynamodb.answers import DynamoAnswers
from headgate.stores.dynamodb.attributes import float_of, integer_of, number, text, text_of
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.memories import DynamoMemories
from headgate.stores.dynamodb.run_items import all_of_user, key
from headgate.stores.dynamodb.runs import DynamoRuns
from headgate.stores.dynamodb.schema import KEYS, RUNS
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys

_LIST = text("erasures")


@dataclass(frozen=True, slots=True)
class DynamoUserData:
    """`UserDataStore` over the tables of the other stores."""

    client: DynamoClient

    async def begin(self, erasure: Erasure) -> Erasure:
        """See `UserDataStore.begin`."""
        item = {
            **_key(erasure.user_id),
            "pseudonym": text(erasure.pseudonym),
            "begunAt": number(erasure.begun_at),
        }
        condition = "attribute_not_exists(part)"
        try:
            await self.client.call(
                "PutItem", {"TableName": KEYS, "Item": item, "ConditionExpression": condition}
            )
        except ConditionFailed:
            return await self.of(erasure.user_id) or erasure
        return erasure

    async def of(self, user_id: str) -> Erasure | None:
        """See `UserDataStore.of`."""
        item = await self.client.get(KEYS, _key(user_id))
        return None if item is None else _erasure(item)

    async def under_way(self) -> list[Erasure]:
        """See `UserDataStore.under_way`."""
        request = {
            "KeyConditionExpression": "part = :part",
            "ExpressionAttributeValues": {":part": _LIST},
            "ConsistentRead": True,
        }
        return [_erasure(item) for item in await self.client.query(KEYS, request)]

    async def erase(self, erasure: Erasure, *, limit: int) -> Erased:
        """See `UserDataStore.erase`.

        What takes longer to look through has its turn once nothing else is left.
        """
        user, pseudonym = erasure.user_id, erasure.pseudonym
        vendor_keys = DynamoVendorKeys(self.client)
        found = await vendor_keys.of_user(user)
        for vendor_key in found:
            await vendor_keys.drop(user, vendor_key.provider)
        forgotten = await DynamoMemories(self.client).erase(user, limit=limit)
        answers = await DynamoAnswers(self.client).erase(user, limit=limit)
        runs = await self._runs(user, limit)
        steps = [Erased(len(found) + forgotten + answers, 0), runs]
        events = await user_events.rename(self.client, user, pseudonym, limit)
        steps.append(events)
        if events == Erased(0, 0):
            sums = await self._sums(erasure, limit)
            steps.append(sums)
            if sums == Erased(0, 0):
                steps.append(await user_accounts.rename(self.client, user, pseudonym))
        return _together(steps)

    async def end(self, erasure: Erasure) -> None:
        """See `UserDataStore.end`."""
        request = {
            "TableName": KEYS,
            "Key": _key(erasure.user_id),
            "ConditionExpression": "pseudonym = :pseudonym",
            "ExpressionAttributeValues": {":pseudonym": text(erasure.pseudonym)},
        }
        try:
            await self.client.call("DeleteItem", request)
        except ConditionFailed:
            return  # it ended before, and may have begun anew

    async def _runs(self, user: str, limit: int) -> Erased:
        """Stop a user's runs, and mark those that have ended; who works on runs deletes them."""
        request = {
            "KeyConditionExpression": "part = :part",
            "ExpressionAttributeValues": {":part": text(all_of_user(user))},
            "ConsistentRead": True,
        }
        runs, changed = DynamoRuns(self.client), 0
        listed = await self.client.query(RUNS, request, limit=limit)
        for item in listed:
            run_id = text_of(item, "place")
            run = await runs.get(run_id)
            if run is None:  # deleted, but for its place in this list
                await self.client.delete_all(RUNS, [key(all_of_user(user), run_id)])
                changed += 1
            elif run.has_ended:
                changed += await runs.mark_erased(run_id)
            elif all(told.kind != "cancel" for told in await runs.commands_of(run_id)):
                await runs.command(Command(run_id=run_id, kind="cancel"))
                changed += 1
        return Erased(changed, len(listed))

    async def _sums(self, erasure: Erasure, limit: int) -> Erased:
        item = await self.client.get(KEYS, _key(erasure.user_id))
        since = integer_of(item, "sumsFrom")
        step = await user_events.rename_sums(self.client, erasure, since=since, limit=limit)
        if step.since > since:
            await self._note(erasure, step.since)
        return step.erased

    async def _note(self, erasure: Erasure, since: int) -> None:
        """Note that sums before a moment, in milliseconds, are the user's no more."""
        request = {
            "TableName": KEYS,
            "Key": _key(erasure.user_id),
            "UpdateExpression": "SET sumsFrom = :since",
            "ConditionExpression": "pseudonym = :pseudonym",
            "ExpressionAttributeValues": {
                ":since": number(since),
                ":pseudonym": text(erasure.pseudonym),
            },
        }
        try:
            await self.client.call("UpdateItem", request)
        except ConditionFailed:
            return  # another process has ended it


def _together(steps: Sequence[Erased]) -> Erased:
    return Erased(sum(step.changed for step in steps), sum(step.waiting for step in steps))


def _key(user_id: str) -> Item:
    return {"part": _LIST, "place": text(user_id)}


def _erasure(item: Item) -> Erasure:
    return Erasure(
        user_id=text_of(item, "place"),
        pseudonym=text_of(item, "pseudonym"),
        begun_at=float_of(item, "begunAt"),
    )
