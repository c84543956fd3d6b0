"""A user's calls and their sums, given to a pseudonym.

Rows move to the partition of another user, with all that they hold; the sums of hours and days are
taken from one user's rollup and added to the other's, each in one transaction, in the shard where
they were counted.
"""

import datetime as dt
from collections.abc import Sequence
from typing import NamedTuple

from headgate.core.erasures import Erased, Erasure
from headgate.stores.dynamodb import events, rollups
from headgate.stores.dynamodb.accounts import Action
from headgate.stores.dynamodb.attributes import integer_of, number, text
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.rollups import Counted
from headgate.stores.dynamodb.schema import USAGE
from headgate.stores.time_ranges import DAY

AT_ONCE = 50
"""Two items each; a transaction takes 100."""
SLOTS_TRIED = 3
LATEST = 253_402_300_800_000
"""The end of the year 9999, in milliseconds."""


class SumsStep(NamedTuple):
    """What a step over the sums did; before `since`, in milliseconds, none is the user's."""

    erased: Erased
    since: int


async def rename(client: DynamoClient, user: str, name: str, limit: int) -> Erased:
    """Give up to `limit` calls of a user to another name."""
    request = {
        "KeyConditionExpression": "userId = :user",
        # A user may be named as the partition of a key's calls is.
        "FilterExpression": "#user = :user",
        "ExpressionAttributeNames": {"#user": "user"},
        "ExpressionAttributeValues": {":user": text(user)},
        "ConsistentRead": True,
    }
    found = await client.query(USAGE, request, limit=limit)
    moved = 0
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        try:
            await client.transact([action for item in some for action in _move(item, name, 0)])
        except TransactionRefused:
            moved += sum([await _moved_alone(client, item, name) for item in some])
        else:
            moved += len(some)
    return Erased(moved, len(found) - moved)


async def rename_sums(
    client: DynamoClient, erasure: Erasure, *, since: int, limit: int
) -> SumsStep:
    """Give up to about `limit` sums of a user to the pseudonym, the oldest first."""
    # Calls that were under way at the beginning are counted where they began.
    settled = int(erasure.begun_at * 1000) // DAY * DAY - DAY
    months = await rollups.shards_by_month(client, since, LATEST)
    for month, shards in months.items():
        found: list[Counted] = []
        for shard in shards:
            user = erasure.user_id
            found += await rollups.of_user(client, user, month, shard, since=since)
            if len(found) >= limit:
                break
        if found:
            moved = await _give(client, found, erasure.pseudonym)
            return SumsStep(Erased(moved, len(found) - moved), since)
        since = max(since, min(_end_of(month), settled))
    return SumsStep(Erased(0, 0), since)


async def _give(client: DynamoClient, found: Sequence[Counted], name: str) -> int:
    given = 0
    for start in range(0, len(found), AT_ONCE):
        some = found[start : start + AT_ONCE]
        try:
            await client.transact([one for each in some for one in rollups.give(each, name)])
        except TransactionRefused:
            for each in some:
                try:
                    await client.transact(rollups.give(each, name))
                except TransactionRefused:
                    continue  # it has grown, or another process was here
                given += 1
        else:
            given += len(some)
    return given


async def _moved_alone(client: DynamoClient, item: Item, name: str) -> bool:
    for attempt in range(SLOTS_TRIED):
        try:
            await client.transact(_move(item, name, attempt))
        except TransactionRefused:
            continue  # its place is taken, or another process was here
        return True
    return False


def _move(item: Item, name: str, further: int) -> list[Action]:
    """Put a row where it stands under another name, or so many places behind."""
    moment, slot = divmod(integer_of(item, "timestamp"), events.SLOTS)
    place = moment * events.SLOTS + (slot + further) % events.SLOTS
    moved = {**item, "userId": text(name), "user": text(name), "timestamp": number(place)}
    return [
        {
            "Delete": {
                "TableName": USAGE,
                "Key": {"userId": item["userId"], "timestamp": item["timestamp"]},
                "ConditionExpression": "id = :id",
                "ExpressionAttributeValues": {":id": item["id"]},
            }
        },
        {
            "Put": {
                "TableName": USAGE,
                "Item": moved,
                "ConditionExpression": "attribute_not_exists(userId)",
            }
        },
    ]


def _end_of(month: str) -> int:
    """The moment in milliseconds at which a month is over."""
    year, number_ = map(int, month.split("-"))
    end = dt.datetime(year + number_ // 12, number_ % 12 + 1, 1, tzinfo=dt.UTC)
    return int(end.timestamp()) * 1000
