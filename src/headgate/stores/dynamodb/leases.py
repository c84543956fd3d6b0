"""Leases and what dead ones left, as items and as parts of transactions.

A lease is an item of `ai-platform-leases` under its owner (`holder`) and its account and period.
DynamoDB rejects arithmetic in conditions, so it holds what is not settled instead of an amount and
what is settled of it. What an ended one left is an item of `ai-platform-unconfirmed`, in its part
`charged` until it is released, then in `released`. There are few: one for each process that died.
"""

from collections.abc import Mapping
from typing import NamedTuple

from headgate.core.budgets import Account, LeaseId, Unconfirmed
from headgate.core.ids import new_timed_id
from headgate.core.money import NanoUSD
from headgate.stores.dynamodb.accounts import Action, account_name, add_to_guard, scope_of
from headgate.stores.dynamodb.attributes import (
    float_of,
    integer_of,
    number,
    text,
    text_of,
    unescaped,
)
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.schema import LEASES, UNCONFIRMED

CHARGED = text("charged")
RELEASED = text("released")
MOST_ENTRIES = 15
"""So many entries of one owner and account are changed at once; a transaction takes 100 items."""


class Cover(NamedTuple):
    """What a lease and its owner's unconfirmed entries cover of an amount, as they were read."""

    lease: LeaseId
    item: Item | None
    from_lease: NanoUSD
    entries: tuple[tuple[Item, NanoUSD], ...] = ()

    @property
    def confirmed(self) -> NanoUSD:
        """The part that takes the place of unconfirmed charges."""
        return sum(part for _, part in self.entries)


def lease_key(lease: LeaseId) -> Item:
    """Where a lease is."""
    account = account_name(lease.account, lease.period)
    return {"holder": text(lease.owner), "account": text(account)}


def lease_in(item: Item) -> LeaseId:
    """The lease in an item."""
    scope, account_id, period = text_of(item, "account").split("#")
    return LeaseId(text_of(item, "holder"), Account(scope_of(scope), unescaped(account_id)), period)


async def cover(client: DynamoClient, lease: LeaseId, amount: NanoUSD) -> Cover:
    """What covers `amount`: the lease first, then the owner's oldest unconfirmed entries."""
    item = await client.get(LEASES, lease_key(lease))
    from_lease = min(amount, integer_of(item, "unsettled"))
    left = amount - from_lease
    entries: list[tuple[Item, NanoUSD]] = []
    if left:
        for entry in (await _entries(client, lease))[:MOST_ENTRIES]:
            part = min(left, integer_of(entry, "amount"))
            if part:
                entries.append((entry, part))
                left -= part
    return Cover(lease, item, from_lease, tuple(entries))


async def _entries(client: DynamoClient, lease: LeaseId) -> list[Item]:
    found = await client.query(
        UNCONFIRMED,
        {
            "KeyConditionExpression": "part = :part",
            "FilterExpression": "account = :account AND holder = :holder",
            "ExpressionAttributeValues": {
                ":part": CHARGED,
                ":account": lease_key(lease)["account"],
                ":holder": text(lease.owner),
            },
            "ConsistentRead": True,
        },
    )
    return sorted(found, key=lambda entry: (float_of(entry, "createdAt"), entry["entryId"]["S"]))


async def charged(client: DynamoClient, *, limit: int, after: str | None) -> list[Unconfirmed]:
    """Up to `limit` entries that are not released, newest first, from behind the id `after`."""
    condition, values = "part = :part", {":part": CHARGED}
    if after is not None:
        condition += " AND entryId < :after"
        values[":after"] = text(after)
    request = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeValues": values,
        "ScanIndexForward": False,
        "ConsistentRead": True,
    }
    return [entry_in(item) for item in await client.query(UNCONFIRMED, request, limit=limit)]


def entry_key(part: Mapping[str, str], entry_id: str) -> Item:
    """Where an unconfirmed entry is."""
    return {"part": part, "entryId": text(entry_id)}


def entry_in(item: Item) -> Unconfirmed:
    """The unconfirmed entry in an item."""
    return Unconfirmed(
        id=text_of(item, "entryId"),
        lease=lease_in(item),
        amount=integer_of(item, "amount"),
        created_at=float_of(item, "createdAt"),
        released_at=float_of(item, "releasedAt") if "releasedAt" in item else None,
    )


def release(item: Item, now: float) -> tuple[Item, list[Action]]:
    """The entry as it is kept once it is released, and what takes it off its account."""
    released = {**item, "part": RELEASED, "releasedAt": number(now)}
    amount = integer_of(item, "amount")
    lease = lease_in(item)
    return released, [
        _reduce(item, amount),
        {"Put": {"TableName": UNCONFIRMED, "Item": released}},
        add_to_guard(lease.account, lease.period, granted=-amount, unconfirmed=-amount),
    ]


def enlarge(lease: LeaseId, item: Item | None, amount: NanoUSD, expires_at: float) -> Action:
    """Add `amount` to a lease if it still ends when it did as it was read."""
    update: dict[str, object] = {"TableName": LEASES, "Key": lease_key(lease)}
    values = {":amount": number(amount), ":end": number(expires_at)}
    if item is None:
        update["UpdateExpression"] = "SET unsettled = :amount, expiresAt = :end"
        update["ConditionExpression"] = "attribute_not_exists(account)"
    else:
        update["UpdateExpression"] = "SET unsettled = unsettled + :amount, expiresAt = :end"
        update["ConditionExpression"] = "expiresAt = :seen"
        values[":seen"] = item["expiresAt"]
        values[":end"] = number(max(expires_at, float_of(item, "expiresAt")))
    return {"Update": {**update, "ExpressionAttributeValues": values}}


def take(lease: LeaseId, amount: NanoUSD, *, ends: bool = False) -> Action:
    """Take `amount` of a lease that has so much left; one that `ends` with it has no more."""
    change: dict[str, object] = {
        "TableName": LEASES,
        "Key": lease_key(lease),
        "ConditionExpression": f"unsettled {'=' if ends else '>='} :amount",
        "ExpressionAttributeValues": {":amount": number(amount)},
    }
    if ends:
        return {"Delete": change}
    return {"Update": {**change, "UpdateExpression": "SET unsettled = unsettled - :amount"}}


def end(item: Item) -> Action:
    """Remove a lease that is still as it was read."""
    return {
        "Delete": {
            "TableName": LEASES,
            "Key": {"holder": item["holder"], "account": item["account"]},
            "ConditionExpression": "unsettled = :unsettled AND expiresAt = :end",
            "ExpressionAttributeValues": {
                ":unsettled": item["unsettled"],
                ":end": item["expiresAt"],
            },
        }
    }


def settle_lease(covered: Cover, *, ends: bool = False) -> list[Action]:
    """Take from a lease what it covers, if it still has as much as was read.

    One that `ends` is removed, unless it was enlarged meanwhile.
    """
    update: dict[str, object] = {"TableName": LEASES, "Key": lease_key(covered.lease)}
    if covered.item is None:
        return [
            {"ConditionCheck": {**update, "ConditionExpression": "attribute_not_exists(account)"}}
        ]
    left = integer_of(covered.item, "unsettled") - covered.from_lease
    if ends and not left:
        return [end(covered.item)]
    values = {":seen": covered.item["unsettled"], ":left": number(left)}
    update["UpdateExpression"] = "SET unsettled = :left"
    update["ConditionExpression"] = "unsettled = :seen"
    return [{"Update": {**update, "ExpressionAttributeValues": values}}]


def confirm(covered: Cover) -> list[Action]:
    """Take from the unconfirmed entries what they cover, if they are still as they were read."""
    return [_reduce(entry, part) for entry, part in covered.entries]


def _reduce(entry: Item, part: NanoUSD) -> Action:
    left = integer_of(entry, "amount") - part
    change: dict[str, object] = {
        "TableName": UNCONFIRMED,
        "Key": {"part": entry["part"], "entryId": entry["entryId"]},
        "ConditionExpression": "amount = :seen",
    }
    values = {":seen": entry["amount"]}
    if not left:
        return {"Delete": {**change, "ExpressionAttributeValues": values}}
    values[":left"] = number(left)
    change["UpdateExpression"] = "SET amount = :left"
    return {"Update": {**change, "ExpressionAttributeValues": values}}


def expire(item: Item, now: float) -> list[Action]:
    """Resolve a lease that is still as it was read: what is not settled becomes unconfirmed."""
    actions = [end(item)]
    unsettled = integer_of(item, "unsettled")
    if unsettled:
        entry = {
            **entry_key(CHARGED, new_timed_id("unc", now)),
            "account": item["account"],
            "holder": item["holder"],
            "amount": number(unsettled),
            "createdAt": number(now),
        }
        lease = lease_in(item)
        actions += [
            add_to_guard(lease.account, lease.period, unconfirmed=unsettled),
            {"Put": {"TableName": UNCONFIRMED, "Item": entry}},
        ]
    return actions
