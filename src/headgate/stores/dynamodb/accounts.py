"""Accounts in `ai-platform-budgets`, each an item that guards grants and some that count spend.

| `userId`                        | holds                                                        |
|---------------------------------|--------------------------------------------------------------|
| `<scope>#<id>`                  | the limit                                                    |
| `<scope>#<id>#<period>`         | the guard: `granted` to leases, `unconfirmed`, `version`,    |
|                                 | and what was `billed` by calls that ended a lease            |
| `<scope>#<id>#<period>#<shard>` | `billed`, and of it what was `granted` only as it was spent  |

What was told of them stands there too; see `alerts`.

An item takes about a thousand writes a second, so each process adds what it settles to one of
`SHARDS` shards. Sums over all of them are what the port speaks of: `granted` is that of the guard
and of the shards, `spent` what both were billed and what is unconfirmed. A shard only grows. A call
that ends its lease writes the guard anyway, and is billed there.
"""

import random
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from headgate.core.budgets import Account, AccountState, BudgetScope, Limit
from headgate.core.money import NanoUSD
from headgate.stores.dynamodb.attributes import (
    escaped,
    float_of,
    integer_of,
    number,
    text,
    text_of,
    unescaped,
)
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.schema import BUDGETS

SHARDS = 4

Action = Mapping[str, object]


class Sums(NamedTuple):
    """What the shards of an account and period add up to."""

    granted: NanoUSD
    billed: NanoUSD


def new_shard() -> int:
    """The shard that a process adds to for as long as it lives."""
    return random.randrange(SHARDS)  # noqa: S311 - spreads load, and is no secret


def limit_key(account: Account) -> Item:
    """Where an account's limit is."""
    return {"userId": text(f"{account.scope}#{escaped(account.id)}")}


def scope_of(text: str) -> BudgetScope:
    """The scope that the first part of a key names."""
    scopes: Mapping[str, BudgetScope] = {
        "key": "key",
        "user": "user",
        "workspace": "workspace",
        "model": "model",
    }
    return scopes[text]


def account_name(account: Account, period: str) -> str:
    """An account's period as one text, in which no part can be taken for another."""
    return f"{account.scope}#{escaped(account.id)}#{period}"


def guard_key(account: Account, period: str) -> Item:
    """Where what was granted to leases is."""
    return {"userId": text(account_name(account, period))}


def shard_keys(account: Account, period: str) -> list[Item]:
    """Where what was settled is."""
    name = account_name(account, period)
    return [{"userId": text(f"{name}#{shard}")} for shard in range(SHARDS)]


def limit_item(account: Account, limit: Limit) -> Item:
    """A limit as it is kept."""
    return {
        **limit_key(account),
        "amount": number(limit.amount),
        "hard": {"BOOL": limit.hard},
        "alertThresholds": {"L": [number(share) for share in limit.alert_thresholds]},
    }


def limit_in(item: Item | None) -> Limit | None:
    """The limit in an item."""
    if item is None:
        return None
    shares = [float_of({"share": share}, "share") for share in item["alertThresholds"]["L"]]
    return Limit(
        amount=integer_of(item, "amount"),
        hard=item["hard"]["BOOL"],
        alert_thresholds=tuple(shares),
    )


async def limited_accounts(client: DynamoClient) -> list[Account]:
    """Every account that has a limit, found by reading the whole table: not for every second."""
    request = {
        "FilterExpression": "attribute_exists(alertThresholds)",
        "ProjectionExpression": "userId",
    }
    found = []
    for item in await client.scan(BUDGETS, request):
        scope, _, account_id = text_of(item, "userId").partition("#")
        found.append(Account(scope_of(scope), unescaped(account_id)))
    return found


def sums_of(shards: Sequence[Item | None]) -> Sums:
    """What `shards` add up to."""
    granted = sum(integer_of(shard, "granted") for shard in shards)
    return Sums(granted, sum(integer_of(shard, "billed") for shard in shards))


async def states(
    client: DynamoClient, accounts: Sequence[Account], period: str
) -> list[AccountState]:
    """What is known of each account, in the same order."""
    distinct = list(dict.fromkeys(accounts))
    keys = [
        key
        for account in distinct
        for key in (limit_key(account), guard_key(account, period), *shard_keys(account, period))
    ]
    items = await client.get_all(BUDGETS, keys)
    width = 2 + SHARDS
    known = {
        account: _state(account, items[width * place : width * (place + 1)])
        for place, account in enumerate(distinct)
    }
    return [known[account] for account in accounts]


async def limited_states(
    client: DynamoClient, accounts: Sequence[Account], period: str
) -> list[AccountState]:
    """What is known of each account that has a limit; the others are empty.

    The limits are read first: an account without one is one item to read instead of six.
    """
    distinct = list(dict.fromkeys(accounts))
    limits = await client.get_all(BUDGETS, [limit_key(account) for account in distinct])
    limited = {account: limit for account, limit in zip(distinct, limits, strict=True) if limit}
    keys = [
        key
        for account in limited
        for key in (guard_key(account, period), *shard_keys(account, period))
    ]
    items = await client.get_all(BUDGETS, keys)
    width = 1 + SHARDS
    known = {
        account: _state(account, [limit, *items[width * place : width * (place + 1)]])
        for place, (account, limit) in enumerate(limited.items())
    }
    return [known.get(account) or AccountState(account=account) for account in accounts]


def _state(account: Account, items: Sequence[Item | None]) -> AccountState:
    limit, guard, *shards = items
    granted, billed = sums_of(shards)
    unconfirmed = integer_of(guard, "unconfirmed")
    spent = billed + integer_of(guard, "billed") + unconfirmed
    return AccountState(
        account=account,
        limit=limit_in(limit),
        # The items are read one by one, so that a grant may be unread whose spend is read already.
        granted=max(spent, integer_of(guard, "granted") + granted),
        spent=spent,
        unconfirmed=unconfirmed,
    )


def add_to_shard(
    account: Account, period: str, shard: int, *, granted: NanoUSD, billed: NanoUSD
) -> Action:
    """Add what was settled to a shard."""
    return {
        "Update": {
            "TableName": BUDGETS,
            "Key": shard_keys(account, period)[shard],
            "UpdateExpression": "ADD granted :granted, billed :billed",
            "ExpressionAttributeValues": {":granted": number(granted), ":billed": number(billed)},
        }
    }


def add_to_guard(
    account: Account,
    period: str,
    *,
    granted: NanoUSD = 0,
    billed: NanoUSD = 0,
    unconfirmed: NanoUSD = 0,
) -> Action:
    """Change what is granted to leases, billed or unconfirmed, except for a new grant."""
    return {
        "Update": guard_change(
            account, period, granted=granted, billed=billed, unconfirmed=unconfirmed
        )
    }


def guard_change(account: Account, period: str, **sums: NanoUSD) -> Mapping[str, object]:
    """An update of the guard, after which grants that have read it before are refused."""
    added = {name: number(value) for name, value in {**sums, "version": 1}.items() if value}
    return {
        "TableName": BUDGETS,
        "Key": guard_key(account, period),
        "UpdateExpression": "ADD " + ", ".join(f"{name} :{name}" for name in added),
        "ExpressionAttributeValues": {f":{name}": value for name, value in added.items()},
    }


def grant(account: Account, period: str, guard: Item | None, amount: NanoUSD) -> Action:
    """Grant `amount` if the guard is still as it was read.

    That it has not changed means that what was read of the account then was true together.
    """
    condition = "version = :seen" if guard else "attribute_not_exists(version)"
    values = {":amount": number(amount), ":one": number(1)}
    if guard:
        values[":seen"] = guard["version"]
    return {
        "Update": {
            "TableName": BUDGETS,
            "Key": guard_key(account, period),
            "UpdateExpression": "ADD granted :amount, version :one",
            "ConditionExpression": condition,
            "ExpressionAttributeValues": values,
        }
    }
