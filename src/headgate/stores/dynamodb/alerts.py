"""What was told of budgets, in DynamoDB.

| table                 | key                                     | holds                          |
|-----------------------|-----------------------------------------|--------------------------------|
| `ai-platform-budgets` | `<scope>#<id>#<period>#alert#<channel>` | an `AlertState`                |
| `ai-platform-leases`  | `#alerts#<channel>`, then the account   | when what is due may be taken  |

The first is written only where it is still as it was read (`version`). The second says which of
them have something due, so that one small query a channel finds it; both change together.
"""

import random
from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from headgate.core.alerts import AlertId, AlertState, Mark, Taken
from headgate.core.budgets import Account
from headgate.core.errors import Overloaded
from headgate.stores.dynamodb.accounts import Action, account_name, limited_accounts
from headgate.stores.dynamodb.attributes import escaped, number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.leases import lease_in
from headgate.stores.dynamodb.schema import BUDGETS, LEASES

ATTEMPTS = 20
# A process that finds one claimed by another looks at so many others.
MOST_DUE = 50

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(AlertState).decode


class DynamoAlerts:
    """`AlertStore` in tables that other processes and machines use too."""

    def __init__(self, client: DynamoClient) -> None:
        self._client = client

    async def limited(self) -> list[Account]:
        """See `AlertStore.limited`."""
        return await limited_accounts(self._client)

    async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
        """See `AlertStore.raise_alert`."""
        await self._change(alert, lambda state: state.raised(mark))

    async def take(self, channel: str, *, now: float, until: float) -> Taken | None:
        """See `AlertStore.take`."""
        request = {
            "KeyConditionExpression": "holder = :holder",
            "FilterExpression": "heldUntil <= :now",
            "ExpressionAttributeValues": {":holder": _holder(channel), ":now": number(now)},
            "ConsistentRead": True,
        }
        due = await self._client.query(LEASES, request)
        # Those who look at the same moment begin at different places.
        for item in random.sample(due, min(len(due), MOST_DUE)):
            lease = lease_in(item)
            alert = AlertId(channel, lease.account, lease.period)
            state = await self._take(alert, now=now, until=until)
            if state is not None and state.due is not None:
                return Taken(alert, state.due, state)
        return None

    async def finish(self, taken: Taken, told: Mark | None) -> None:
        """See `AlertStore.finish`."""
        await self._change(taken.alert, lambda state: state.done(taken.due, told))

    async def put_off(self, taken: Taken, *, until: float) -> None:
        """See `AlertStore.put_off`."""
        attempt = taken.state.attempts
        await self._change(taken.alert, lambda state: state.put_off(attempt, until=until))

    async def _take(self, alert: AlertId, *, now: float, until: float) -> AlertState | None:
        item = await self._client.get(BUDGETS, _key(alert))
        state = _state_in(item).taken(now=now, until=until)
        if state is None:
            return None
        try:
            await self._client.transact(_put(alert, item, state))
        except TransactionRefused:
            return None  # another was first
        return state

    async def _change(self, alert: AlertId, change: Callable[[AlertState], AlertState]) -> None:
        for _ in range(ATTEMPTS):
            item = await self._client.get(BUDGETS, _key(alert))
            known = _state_in(item)
            state = change(known)
            if state == known:
                return
            try:
                await self._client.transact(_put(alert, item, state))
            except TransactionRefused:
                continue  # it was changed since it was read
            return
        raise Overloaded("too many processes compete for one alert", retry_after_seconds=1)


def _holder(channel: str) -> Mapping[str, Any]:
    return text(f"#alerts#{channel}")


def _key(alert: AlertId) -> Item:
    name = f"{account_name(alert.account, alert.period)}#alert#{escaped(alert.channel)}"
    return {"userId": text(name)}


def _state_in(item: Item | None) -> AlertState:
    return AlertState() if item is None else _decode(text_of(item, "state"))


def _put(alert: AlertId, seen: Item | None, state: AlertState) -> list[Action]:
    """Write a state where the one before is still as it was `seen`, and whether it is due."""
    version = 0 if seen is None else int(seen["version"]["N"])
    put: dict[str, object] = {
        "TableName": BUDGETS,
        "Item": {
            **_key(alert),
            "state": text(_encode(state).decode()),
            "version": number(version + 1),
        },
        "ConditionExpression": "attribute_not_exists(version)",
    }
    if seen is not None:
        put["ConditionExpression"] = "version = :seen"
        put["ExpressionAttributeValues"] = {":seen": seen["version"]}
    place = {
        "holder": _holder(alert.channel),
        "account": text(account_name(alert.account, alert.period)),
    }
    if state.due is None:
        return [{"Put": put}, {"Delete": {"TableName": LEASES, "Key": place}}]
    due = {**place, "heldUntil": number(state.held_until)}
    return [{"Put": put}, {"Put": {"TableName": LEASES, "Item": due}}]
