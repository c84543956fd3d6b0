"""Takes sample calls out of the tables again: rows, charges and what they added to the rollups.

What a call added to a process's shard is taken off that shard, as the call's own row names it, so a
shard never counts less than nothing. Several calls go in one transaction, each under the condition
that its row is still there: nothing is taken off twice, whatever was lost on the way.
"""

import contextlib
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headgate.core.budgets import Account, Settlement
from headgate.core.money import NanoUSD
from headgate.stores.dynamodb import events, rollups
from headgate.stores.dynamodb.accounts import Action, add_to_shard
from headgate.stores.dynamodb.attributes import number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.rollups import Cell
from headgate.stores.dynamodb.schema import USAGE

MOST_ITEMS = 100


class _Call(NamedTuple):
    """A call that is there: its row's key, and the shard that it was counted in."""

    settlement: Settlement
    key: Item
    shard: int


class _Erasure:
    """What is deleted and taken off for several calls, each item once."""

    def __init__(self) -> None:
        self.calls: list[_Call] = []
        self._spent: dict[tuple[Account, str, int], NanoUSD] = {}
        self._cells: dict[tuple[Cell, int], Sequence[int]] = {}

    def add(self, call: _Call) -> None:
        """Take this call out too."""
        self.calls.append(call)
        for charge in call.settlement.charges:
            if charge.billed:
                key = charge.account, charge.period, call.shard
                self._spent[key] = self._spent.get(key, 0) - charge.billed
        event = call.settlement.event
        for cell in rollups.cells_of(event):
            known = self._cells.get((cell, call.shard), (0,) * len(rollups.additions_of(event)))
            taken = zip(known, rollups.additions_of(event), strict=True)
            self._cells[cell, call.shard] = [sum_ - value for sum_, value in taken]

    def actions(self) -> list[Action]:
        """What to write, at once."""
        return [
            *(_deletion(call) for call in self.calls),
            *(
                add_to_shard(account, period, shard, granted=amount, billed=amount)
                for (account, period, shard), amount in self._spent.items()
            ),
            *(rollups.add(cell, sums, shard) for (cell, shard), sums in self._cells.items()),
        ]


async def erase(client: DynamoClient, settlements: Sequence[Settlement]) -> int:
    """Take calls out again; how many of them were there."""
    together: dict[str, dict[str, Settlement]] = {}
    for settlement in settlements:
        of_one = together.setdefault(events.partition(settlement.event), {})
        of_one[settlement.event.id] = settlement
    erased = 0
    for partition, calls in together.items():
        for erasure in _split(await _found(client, partition, calls)):
            erased += await _erase(client, erasure)
    return erased


async def _erase(client: DynamoClient, together: _Erasure) -> int:
    try:
        await client.transact(together.actions())
    except TransactionRefused:
        if len(together.calls) == 1:
            return 0  # it went meanwhile
        erased = 0
        for call in together.calls:
            alone = _Erasure()
            alone.add(call)
            with contextlib.suppress(TransactionRefused):
                await client.transact(alone.actions())
                erased += 1
        return erased
    return len(together.calls)


async def _found(
    client: DynamoClient, partition: str, calls: Mapping[str, Settlement]
) -> list[_Call]:
    """Those of a partition's calls, by their ids, that are there: all in one question."""
    times = [settlement.event.timestamp for settlement in calls.values()]
    items = await client.query(
        USAGE,
        {
            "KeyConditionExpression": "userId = :user AND #timestamp BETWEEN :first AND :last",
            "ProjectionExpression": "id, userId, #timestamp, hourShard",
            "ExpressionAttributeNames": {"#timestamp": "timestamp"},
            "ExpressionAttributeValues": {
                ":user": text(partition),
                ":first": number(min(times) * events.SLOTS),
                ":last": number((max(times) + 1) * events.SLOTS - 1),
            },
            "ConsistentRead": True,
        },
    )
    found = []
    for item in items:
        if settlement := calls.get(events.id_of(item)):
            key = {"userId": item["userId"], "timestamp": item["timestamp"]}
            shard = int(text_of(item, "hourShard").partition("#")[2])
            found.append(_Call(settlement, key, shard))
    return found


def _split(calls: Sequence[_Call]) -> list[_Erasure]:
    """Transactions of whole calls, none with too many items."""
    found: list[_Erasure] = []
    room = 0
    for call in calls:
        # As if it had no item in common with the others.
        items = 1 + len(call.settlement.charges) + len(rollups.cells_of(call.settlement.event))
        if items > room:
            found.append(_Erasure())
            room = MOST_ITEMS
        found[-1].add(call)
        room -= items
    return found


def _deletion(call: _Call) -> Action:
    return {
        "Delete": {
            "TableName": USAGE,
            "Key": call.key,
            "ConditionExpression": "id = :id",
            "ExpressionAttributeValues": {":id": text(call.settlement.event.id)},
        }
    }
