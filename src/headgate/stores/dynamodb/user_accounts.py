"""What a user spent, given to a pseudonym; limits, and what was told of them, go.

An account moves once nobody leases from it: what a lease settles finds it by its name. Its parts
are found by reading the tables of budgets and of leases as wholes, which is not for every second.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headgate.core.budgets import Account
from headgate.core.erasures import Erased
from headgate.stores.dynamodb import leases
from headgate.stores.dynamodb.accounts import (
    Action,
    account_name,
    add_to_guard,
    add_to_shard,
    limit_key,
)
from headgate.stores.dynamodb.attributes import integer_of, text, text_of, unescaped
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.schema import BUDGETS, LEASES, UNCONFIRMED


@dataclass(slots=True)
class _Month:
    """An account in a period, as its items are."""

    guard: Item | None = None
    shards: dict[int, Item] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Renaming:
    """A user's accounts on their way to another name."""

    client: DynamoClient
    old: Account
    new: Account

    async def run(self) -> Erased:
        """Take a step with all of them."""
        items = await self._found(BUDGETS, "userId")
        if not items:
            return Erased(0, 0)
        told, months = 0, dict[str, _Month]()
        for item in items:
            told += await self._forgotten(item, months)
        # Read after the guards: where somebody leases in between, the guard is another one.
        held = await self._found(LEASES, "account", "attribute_exists(unsettled)")
        leased = {leases.lease_in(item).period for item in held}
        entries = await self._entries()
        steps: list[Sequence[Action]] = []
        for period, month in months.items():
            if period in leased:
                continue
            waiting = [entry for entry in entries if leases.lease_in(entry).period == period]
            steps += [self._renamed(entry, period) for entry in waiting]
            if not waiting:
                steps.append(self._moved(month, period))
        changed = 0
        for step in steps:
            try:
                await self.client.transact(step)
            except TransactionRefused:
                continue  # it changed since it was read
            changed += 1
        return Erased(told + changed, len(held) + len(steps) - changed)

    async def _found(self, table: str, name: str, condition: str = "") -> list[Item]:
        """The items of the user's accounts in a table, where the account's name is `name`."""
        owner = text_of(limit_key(self.old), "userId")
        filters = [f"({name} = :owner OR begins_with({name}, :accounts))", condition]
        request = {
            "FilterExpression": " AND ".join(filter(None, filters)),
            "ExpressionAttributeValues": {":owner": text(owner), ":accounts": text(f"{owner}#")},
            "ConsistentRead": True,
        }
        return await self.client.scan(table, request)

    async def _forgotten(self, item: Item, months: dict[str, _Month]) -> bool:
        """Delete a limit or an alert's state; what counts money goes to `months`."""
        _, _, *rest = text_of(item, "userId").split("#")
        match rest:
            case [period]:
                months.setdefault(period, _Month()).guard = item
            case [period, "alert", channel]:
                place = {
                    "holder": text(f"#alerts#{unescaped(channel)}"),
                    "account": text(account_name(self.old, period)),
                }
                await self.client.delete_all(LEASES, [place])
                await self.client.delete_all(BUDGETS, [{"userId": item["userId"]}])
                return True
            case [period, shard]:
                months.setdefault(period, _Month()).shards[int(shard)] = item
            case _:
                await self.client.delete_all(BUDGETS, [{"userId": item["userId"]}])
                return True
        return False

    async def _entries(self) -> list[Item]:
        """What dead processes may have spent of the user's, open and released."""
        found: list[Item] = []
        for part in (leases.CHARGED, leases.RELEASED):
            request = {
                "KeyConditionExpression": "part = :part",
                "FilterExpression": "begins_with(account, :accounts)",
                "ExpressionAttributeValues": {
                    ":part": part,
                    ":accounts": text(f"{text_of(limit_key(self.old), 'userId')}#"),
                },
                "ConsistentRead": True,
            }
            found += await self.client.query(UNCONFIRMED, request)
        return found

    def _renamed(self, entry: Item, period: str) -> list[Action]:
        """Give an unconfirmed charge to the new name, and while it counts, its money too."""
        change: Action = {
            "Update": {
                "TableName": UNCONFIRMED,
                "Key": {"part": entry["part"], "entryId": entry["entryId"]},
                "UpdateExpression": "SET account = :new",
                "ConditionExpression": "account = :old AND amount = :amount",
                "ExpressionAttributeValues": {
                    ":new": text(account_name(self.new, period)),
                    ":old": entry["account"],
                    ":amount": entry["amount"],
                },
            }
        }
        if entry["part"] != leases.CHARGED:
            return [change]
        amount = integer_of(entry, "amount")
        return [
            change,
            add_to_guard(self.old, period, granted=-amount, unconfirmed=-amount),
            add_to_guard(self.new, period, granted=amount, unconfirmed=amount),
        ]

    def _moved(self, month: _Month, period: str) -> list[Action]:
        """Give an account in a period to the new name, if it is still as it was read."""
        actions: list[Action] = []
        if (guard := month.guard) is not None:
            held = {name: integer_of(guard, name) for name in ("granted", "billed", "unconfirmed")}
            actions.append(_removal(guard, "version"))
            if any(held.values()):
                actions.append(add_to_guard(self.new, period, **held))
        for shard, item in month.shards.items():
            granted, billed = integer_of(item, "granted"), integer_of(item, "billed")
            actions.append(_removal(item, "granted", "billed"))
            actions.append(add_to_shard(self.new, period, shard, granted=granted, billed=billed))
        return actions


async def rename(client: DynamoClient, user: str, name: str) -> Erased:
    """Take a step in giving a user's accounts to another name."""
    return await _Renaming(client, Account("user", user), Account("user", name)).run()


def _removal(item: Item, *names: str) -> Action:
    """Delete an item in which nothing of `names` has changed since it was read."""
    values: Mapping[str, object] = {f":{name}": item[name] for name in names}
    return {
        "Delete": {
            "TableName": BUDGETS,
            "Key": {"userId": item["userId"]},
            "ConditionExpression": " AND ".join(f"{name} = :{name}" for name in names),
            "ExpressionAttributeValues": values,
        }
    }
