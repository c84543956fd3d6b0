"""The audit log in DynamoDB: items of the table of keys, which are written once.

| `part`       | `place`    | holds                       |
|--------------|------------|-----------------------------|
| `audit`      | its number | a record, and its hash      |
| `audit#<id>` | `outcome`  | how the act with this id ended |

A record is written only where none has its number, so two writers cannot both be behind the same
one: who comes second reads what came first and takes the next number.
"""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

from headgate.core.audit import (
    Act,
    AuditFilter,
    AuditRecord,
    Intent,
    Outcome,
    SealedRecord,
    opened,
    seal,
)
from headgate.core.errors import Overloaded
from headgate.stores.dynamodb.attributes import text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.schema import KEYS

MOST_TRIES = 100
READ_AT_ONCE = 500

_LOG = text("audit")


@dataclass(frozen=True, slots=True)
class DynamoAudit:
    """`AuditStore` in a table that other processes and machines use too."""

    client: DynamoClient
    # Those of this process take turns, so that they do not take each other's numbers.
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def append(self, record: AuditRecord) -> None:
        """See `AuditStore.append`."""
        async with self._turn:
            for _ in range(MOST_TRIES):
                last = await self._read("place < :number", "9", limit=1, newest_first=True)
                try:
                    await self.client.transact(
                        _writes(record, seal(record, last[-1] if last else None))
                    )
                except TransactionRefused:
                    continue  # another machine was first
                return
        raise Overloaded("The audit log is being written by many; try again.")

    async def acts(self, where: AuditFilter, *, limit: int, before: int | None) -> list[Act]:
        """See `AuditStore.acts`."""
        found: list[Act] = []
        position = "9" if before is None else _place(before)
        while len(found) < limit:
            records = await self._read(
                "place < :number", position, limit=READ_AT_ONCE, newest_first=True
            )
            found += filter(where.admits, await self._joined(records))
            if len(records) < READ_AT_ONCE:
                break
            position = _place(records[-1].number)
        return found[:limit]

    async def records(self, *, after: int, limit: int) -> list[SealedRecord]:
        """See `AuditStore.records`."""
        return await self._read("place > :number", _place(after), limit=limit, newest_first=False)

    async def _joined(self, records: Sequence[SealedRecord]) -> list[Act]:
        """The acts whose intents are among `records`, with their outcomes."""
        intents = [
            (sealed.number, record)
            for sealed in records
            if isinstance(record := opened(sealed.text), Intent)
        ]
        outcomes = await self.client.get_all(
            KEYS, [_outcome_key(intent.act_id) for _, intent in intents]
        )
        return [
            Act(
                number,
                intent,
                None if item is None else cast("Outcome", opened(text_of(item, "record"))),
            )
            for (number, intent), item in zip(intents, outcomes, strict=True)
        ]

    async def _read(
        self, condition: str, place: str, *, limit: int, newest_first: bool
    ) -> list[SealedRecord]:
        request = {
            "KeyConditionExpression": f"part = :part AND {condition}",
            "ExpressionAttributeValues": {":part": _LOG, ":number": text(place)},
            "ScanIndexForward": not newest_first,
            "ConsistentRead": True,
        }
        items = await self.client.query(KEYS, request, limit=limit)
        return [
            SealedRecord(
                int(text_of(item, "place")), text_of(item, "record"), text_of(item, "hash")
            )
            for item in items
        ]


def _writes(record: AuditRecord, sealed: SealedRecord) -> list[dict[str, object]]:
    """What is written at once for a record."""
    item = {
        "part": _LOG,
        "place": text(_place(sealed.number)),
        "record": text(sealed.text),
        "hash": text(sealed.hash),
    }
    items: list[Item] = [item]
    if isinstance(record, Outcome):
        items.append({**_outcome_key(record.act_id), "record": text(sealed.text)})
    return [
        {
            "Put": {
                "TableName": KEYS,
                "Item": each,
                "ConditionExpression": "attribute_not_exists(part)",
            }
        }
        for each in items
    ]


def _outcome_key(act_id: str) -> Item:
    return {"part": text(f"audit#{act_id}"), "place": text("outcome")}


def _place(number: int) -> str:
    """Texts of one length sort as their numbers do; no number begins with a 9."""
    return f"{number:016d}"
