"""The ledger in DynamoDB: limits, grants, leases and what is settled.

The invariant, true of every account and period after each transaction:

    granted - spent = Σ what the account's leases have not settled
    spent = Σ billed of the account's events + Σ open unconfirmed entries

A grant reads the guard, then the limit and the shards, and is written only where the guard is still
the same: then there was a moment, when the shards were read, at which all of it was true and the
grant within the limit. What is settled meanwhile without a grant counts as later; it was spent
already, and no check could have kept it out.

Whoever sets a limit writes it first and then changes the guard, so that a grant which has read
another limit is refused: none is made above a limit once it is set.
"""

import asyncio
import contextlib
import random
import weakref
from collections.abc import AsyncIterator, Sequence
from typing import ClassVar

from headgate.core.budgets import (
    Account,
    AccountState,
    LeaseId,
    Limit,
    Settlement,
    Unconfirmed,
    period_of,
)
from headgate.core.errors import Overloaded
from headgate.core.money import NanoUSD
from headgate.stores.dynamodb import accounts, erasing, leases, recalls
from headgate.stores.dynamodb.attributes import float_of, integer_of, number, text
from headgate.stores.dynamodb.client import ConditionFailed, DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.schema import BUDGETS, LEASES, UNCONFIRMED
from headgate.stores.dynamodb.writer import Writer

ATTEMPTS = 50
LONGEST_PAUSE_SECONDS = 0.2
RESOLVED_AT_ONCE = 16
# Where a period has just begun or is about to, others may still grant, or grant already, in it.
CLOCK_SECONDS = 3600.0


class DynamoLedger:
    """`LedgerStore` in tables that other processes and machines use too."""

    look_seconds: ClassVar[float] = 0.2

    def __init__(self, client: DynamoClient, *, retention_days: int | None = None) -> None:
        """Use the tables behind `client`; events are kept for `retention_days`, or for good."""
        self._client = client
        self._writer = Writer(client, accounts.new_shard(), retention_days=retention_days)
        # Callers of one process wait for each other here instead of refusing each other there.
        self._turns: weakref.WeakValueDictionary[tuple[Account, str], asyncio.Lock] = (
            weakref.WeakValueDictionary()
        )

    async def close(self) -> None:
        """Record what is waiting and take no more."""
        await self._writer.close()

    async def states(
        self, accounts_asked: Sequence[Account], period: str, *, unlimited: bool = True
    ) -> list[AccountState]:
        """See `LedgerStore.states`."""
        if unlimited:
            return await accounts.states(self._client, accounts_asked, period)
        return await accounts.limited_states(self._client, accounts_asked, period)

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        """See `LedgerStore.lease`."""
        if not 0 <= least <= most:
            raise ValueError(f"no lease has between {least} and {most} nano-dollars")
        async with self._turn(lease):
            async for _ in _attempts():
                with contextlib.suppress(TransactionRefused):
                    return await self._lease(lease, least, most, expires_at)
        raise Overloaded("too many processes compete for one budget", retry_after_seconds=1)

    async def extend(self, owner: str, *, expires_at: float) -> None:
        """See `LedgerStore.extend`."""
        held = await self._client.query(
            LEASES,
            {
                "KeyConditionExpression": "holder = :holder",
                "ExpressionAttributeValues": {":holder": text(owner)},
                "ConsistentRead": True,
            },
        )
        await asyncio.gather(
            *(
                self._extend(item, expires_at)
                for item in held
                if float_of(item, "expiresAt") < expires_at
            )
        )

    async def give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        """See `LedgerStore.give_back`."""
        if amount < 0:
            raise ValueError(f"{amount} nano-dollars cannot be given back")
        async with self._turn(lease):
            async for _ in _attempts():
                with contextlib.suppress(TransactionRefused):
                    return await self._give_back(lease, amount)
        raise Overloaded("too many processes compete for one budget", retry_after_seconds=1)

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """See `LedgerStore.settle`."""
        for charge in settlement.charges:
            charge.check()
        return self._writer.append(settlement)

    async def expire(self, *, now: float) -> int:
        """See `LedgerStore.expire`."""
        ended = await self._client.scan(
            LEASES,
            {
                "FilterExpression": "expiresAt < :now OR recalledUntil < :now",
                "ExpressionAttributeValues": {":now": number(now)},
                "ConsistentRead": True,
            },
        )
        resolved = 0
        for start in range(0, len(ended), RESOLVED_AT_ONCE):
            some = ended[start : start + RESOLVED_AT_ONCE]
            resolved += sum(await asyncio.gather(*(self._end(item, now) for item in some)))
        return resolved

    async def recall(self, account: Account, period: str, *, until: float) -> None:
        """See `LedgerStore.recall`."""
        await recalls.add(self._client, account, period, until=until)

    async def recalled(self, *, now: float) -> list[tuple[Account, str]]:
        """See `LedgerStore.recalled`."""
        return await recalls.at(self._client, now)

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        """See `LedgerStore.unconfirmed`."""
        return await leases.charged(self._client, limit=limit, after=after)

    async def release(self, entry_id: str, *, now: float) -> Unconfirmed | None:
        """See `LedgerStore.release`."""
        async for _ in _attempts():
            item = await self._client.get(UNCONFIRMED, leases.entry_key(leases.CHARGED, entry_id))
            if item is None:
                key = leases.entry_key(leases.RELEASED, entry_id)
                item = await self._client.get(UNCONFIRMED, key)
                return None if item is None else leases.entry_in(item)
            released, actions = leases.release(item, now)
            # Refused where a late settlement has replaced a part of it meanwhile.
            with contextlib.suppress(TransactionRefused):
                await self._client.transact(actions)
                return leases.entry_in(released)
        raise Overloaded("too many processes compete for one entry", retry_after_seconds=1)

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        """See `LedgerStore.set_limit`."""
        if limit is None:
            key = accounts.limit_key(account)
            await self._client.call("DeleteItem", {"TableName": BUDGETS, "Key": key})
        else:
            item = accounts.limit_item(account, limit)
            await self._client.call("PutItem", {"TableName": BUDGETS, "Item": item})
        now = self._client.clock()
        for period in {period_of(now - CLOCK_SECONDS), period_of(now + CLOCK_SECONDS)}:
            await self._client.call("UpdateItem", accounts.guard_change(account, period))

    async def erase(self, settlements: Sequence[Settlement]) -> int:
        """See `LedgerStore.erase`."""
        return await erasing.erase(self._client, settlements)

    @contextlib.asynccontextmanager
    async def _turn(self, lease: LeaseId) -> AsyncIterator[None]:
        key = lease.account, lease.period
        turn = self._turns.get(key)
        if turn is None:
            turn = self._turns[key] = asyncio.Lock()
        async with turn:
            yield

    async def _lease(
        self, lease: LeaseId, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        account, period = lease.account, lease.period
        guard = await self._client.get(BUDGETS, accounts.guard_key(account, period))
        (limited, *shards), held = await asyncio.gather(
            self._client.get_all(
                BUDGETS, [accounts.limit_key(account), *accounts.shard_keys(account, period)]
            ),
            self._client.get(LEASES, leases.lease_key(lease)),
        )
        limit = accounts.limit_in(limited)
        if limit is None:
            return 0
        granted = integer_of(guard, "granted") + accounts.sums_of(shards).granted
        amount = min(most, limit.amount - granted) if limit.hard else most
        if amount < least or amount <= 0:
            return 0
        await self._client.transact(
            [
                accounts.grant(account, period, guard, amount),
                leases.enlarge(lease, held, amount, expires_at),
            ]
        )
        return amount

    async def _give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        covered = await leases.cover(self._client, lease, amount)
        actions: list[accounts.Action] = []
        if covered.item is not None:
            if covered.from_lease == integer_of(covered.item, "unsettled"):
                actions.append(leases.end(covered.item))
            elif covered.from_lease:
                actions.append(leases.take(lease, covered.from_lease))
        actions += leases.confirm(covered)
        returned = covered.from_lease + covered.confirmed
        if returned:
            actions.append(
                accounts.add_to_guard(
                    lease.account,
                    lease.period,
                    granted=-returned,
                    unconfirmed=-covered.confirmed,
                )
            )
        if actions:
            await self._client.transact(actions)

    async def _extend(self, item: Item, expires_at: float) -> None:
        request = {
            "TableName": LEASES,
            "Key": {"holder": item["holder"], "account": item["account"]},
            "UpdateExpression": "SET expiresAt = :end",
            # Does not hold for a lease that was resolved meanwhile, so it is not brought back.
            "ConditionExpression": "expiresAt < :end",
            "ExpressionAttributeValues": {":end": number(expires_at)},
        }
        with contextlib.suppress(ConditionFailed):
            await self._client.call("UpdateItem", request)

    async def _end(self, item: Item, now: float) -> bool:
        if "recalledUntil" in item:
            await recalls.forget(self._client, item, now)
            return False
        return await self._expire(item, now)

    async def _expire(self, item: Item, now: float) -> bool:
        """Resolve a lease; whether it was this process that did."""
        found: Item | None = item
        async for _ in _attempts():
            if found is None or float_of(found, "expiresAt") >= now:
                return False
            try:
                await self._client.transact(leases.expire(found, now))
            except TransactionRefused:
                key = {"holder": item["holder"], "account": item["account"]}
                found = await self._client.get(LEASES, key)
            else:
                return True
        return False


async def _attempts() -> AsyncIterator[int]:
    """Tries, with longer pauses between them: whoever was met there may come again too."""
    pause = 0.001
    for attempt in range(ATTEMPTS):
        yield attempt
        await asyncio.sleep(pause * random.uniform(0.5, 1))  # noqa: S311 - no secret
        pause = min(2 * pause, LONGEST_PAUSE_SECONDS)
