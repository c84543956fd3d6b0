"""Recalls in `ai-platform-leases`: accounts whose leases others wait for.

They stand under a `holder` of their own, which is no process, so that one query finds all of them.
"""

import contextlib

from headgate.core.budgets import Account
from headgate.stores.dynamodb.accounts import account_name
from headgate.stores.dynamodb.attributes import number, text
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item
from headgate.stores.dynamodb.leases import lease_in
from headgate.stores.dynamodb.schema import LEASES

HOLDER = text("#recalls")


async def add(client: DynamoClient, account: Account, period: str, *, until: float) -> None:
    """Recall an account until then at least."""
    request = {
        "TableName": LEASES,
        "Key": {"holder": HOLDER, "account": text(account_name(account, period))},
        "UpdateExpression": "SET recalledUntil = :end",
        "ConditionExpression": "attribute_not_exists(recalledUntil) OR recalledUntil < :end",
        "ExpressionAttributeValues": {":end": number(until)},
    }
    # It does not hold where the account is recalled for longer already.
    with contextlib.suppress(ConditionFailed):
        await client.call("UpdateItem", request)


async def at(client: DynamoClient, now: float) -> list[tuple[Account, str]]:
    """The accounts, with their periods, that are recalled at `now`."""
    request = {
        "KeyConditionExpression": "holder = :holder",
        "FilterExpression": "recalledUntil >= :now",
        "ExpressionAttributeValues": {":holder": HOLDER, ":now": number(now)},
        "ConsistentRead": True,
    }
    leases = map(lease_in, await client.query(LEASES, request))
    return [(lease.account, lease.period) for lease in leases]


async def forget(client: DynamoClient, item: Item, now: float) -> None:
    """Remove a recall, unless it was made longer since it was read."""
    request = {
        "TableName": LEASES,
        "Key": {"holder": item["holder"], "account": item["account"]},
        "ConditionExpression": "recalledUntil < :now",
        "ExpressionAttributeValues": {":now": number(now)},
    }
    with contextlib.suppress(ConditionFailed):
        await client.call("DeleteItem", request)
