"""Limits that hold over processes, and whatever comes between reading and writing."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator

import pytest

from dynamo_wire import Wire, wired
from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement, period_of
from headgate.core.errors import Overloaded
from headgate.stores.dynamodb import accounts
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.schema import BUDGETS
from ministack import account_of, dynamo_client
from usage_events import usage_event

# Whoever changes a limit refuses grants of the present.
PERIOD = period_of(time.time())
KEY = Account("key", "sk-proj-one")
ODD = Account("user", "a#b%23")
END = 1000.0


class Process:
    """A ledger with a connection of its own, as each process has one."""

    def __init__(self, name: str, client: DynamoClient, wire: Wire) -> None:
        self.name = name
        self.client = client
        self.ledger = DynamoLedger(client)
        self.wire = wire

    async def lease(self, amount: int, *, least: int | None = None) -> int:
        lease = LeaseId(self.name, KEY, PERIOD)
        least = amount if least is None else least
        return await self.ledger.lease(lease, least=least, most=amount, expires_at=END)

    async def settle(self, billed: int, leased: int, account: Account = KEY) -> None:
        charge = Charge(account, PERIOD, billed, leased)
        await self.ledger.settle(Settlement(self.name, usage_event(billed=billed), (charge,)))

    async def sums(self, account: Account = KEY) -> tuple[int, int, int]:
        (state,) = await self.ledger.states([account], PERIOD)
        return state.granted, state.spent, state.unconfirmed


@pytest.fixture
async def processes() -> AsyncIterator[list[Process]]:
    async with dynamo_client() as maker, contextlib.AsyncExitStack() as stack:
        found = []
        for number in range(4):
            client, wire = await stack.enter_async_context(wired(await account_of(maker)))
            found.append(Process(f"process-{number}", client, wire))
        yield found
        for process in found:
            await process.ledger.close()


async def test_processes_that_compete_are_granted_exactly_the_limit(
    processes: list[Process],
) -> None:
    await processes[0].ledger.set_limit(KEY, Limit(amount=2_000))
    grants = await asyncio.gather(*(processes[number % 4].lease(100) for number in range(200)))
    assert grants.count(100) == 20
    assert grants.count(0) == 180
    assert await processes[1].sums() == (2_000, 0, 0)


async def test_what_several_processes_settle_adds_up(processes: list[Process]) -> None:
    await asyncio.gather(*(processes[number % 4].settle(10, 0) for number in range(60)))
    assert await processes[0].sums() == (600, 600, 0)


async def test_a_grant_counts_what_others_settled_without_one(processes: list[Process]) -> None:
    for process in processes:
        await process.settle(30, 0)
    await processes[0].ledger.set_limit(KEY, Limit(amount=200))
    assert await processes[0].lease(200, least=1) == 80


@pytest.mark.parametrize("moment", ["GetItem", "BatchGetItem", "TransactWriteItems"])
async def test_a_limit_that_is_lowered_before_the_grant_is_written_holds(
    processes: list[Process], moment: str
) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(10)

    async def lower() -> None:
        await other.ledger.set_limit(KEY, Limit(amount=50))

    one.wire.before[moment] = lower
    assert await one.lease(90, least=1) == 40


async def test_the_first_grant_of_all_heeds_a_limit_that_is_lowered_meanwhile(
    processes: list[Process],
) -> None:
    one, other = processes[:2]
    limit = accounts.limit_item(KEY, Limit(amount=100))
    await one.client.call("PutItem", {"TableName": BUDGETS, "Item": limit})

    async def lower() -> None:
        await other.ledger.set_limit(KEY, Limit(amount=50))

    one.wire.before["TransactWriteItems"] = lower
    assert await one.lease(90, least=1) == 50


async def test_money_that_another_took_meanwhile_is_not_granted_again(
    processes: list[Process],
) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))

    async def take() -> None:
        assert await other.lease(80) == 80

    one.wire.before["TransactWriteItems"] = take
    assert await one.lease(90, least=1) == 20


async def test_a_grant_whose_answer_was_lost_is_made_once(processes: list[Process]) -> None:
    one = processes[0]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    one.wire.lost["TransactWriteItems"] = 1
    assert await one.lease(40) == 40
    assert await one.sums() == (40, 0, 0)


async def test_a_part_whose_return_was_lost_is_returned_once(processes: list[Process]) -> None:
    one = processes[0]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)
    one.wire.lost["TransactWriteItems"] = 1
    await one.ledger.give_back(LeaseId(one.name, KEY, PERIOD), 15)
    assert await one.sums() == (25, 0, 0)


async def test_a_lease_is_resolved_by_one_process_only(processes: list[Process]) -> None:
    await processes[0].ledger.set_limit(KEY, Limit(amount=100))
    await processes[0].lease(40)
    resolved = await asyncio.gather(*(process.ledger.expire(now=END + 1) for process in processes))
    assert sorted(resolved) == [0, 0, 0, 1]
    assert await processes[0].sums() == (40, 40, 40)


async def test_a_lease_that_is_extended_meanwhile_is_not_resolved(
    processes: list[Process],
) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)

    async def extend() -> None:
        await one.ledger.extend(one.name, expires_at=END + 50)

    other.wire.before["TransactWriteItems"] = extend
    assert await other.ledger.expire(now=END + 1) == 0
    assert await one.sums() == (40, 0, 0)


async def test_a_lease_that_was_resolved_is_not_brought_back(processes: list[Process]) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)

    async def resolve() -> None:
        assert await other.ledger.expire(now=END + 1) == 1

    one.wire.before["UpdateItem"] = resolve
    await one.ledger.extend(one.name, expires_at=END + 50)
    assert await other.ledger.expire(now=END + 99) == 0


async def test_an_entry_that_is_partly_replaced_while_it_is_released_counts_once(
    processes: list[Process],
) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)
    await other.ledger.expire(now=END + 1)
    (entry,) = await other.ledger.unconfirmed(limit=9, after=None)

    async def settle() -> None:
        await one.settle(15, 15)

    other.wire.before["TransactWriteItems"] = settle
    released = await other.ledger.release(entry.id, now=END + 2)
    assert released
    assert released.amount == 25
    assert await one.sums() == (15, 15, 0)


async def test_an_entry_whose_release_was_lost_on_its_way_is_released_once(
    processes: list[Process],
) -> None:
    one = processes[0]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)
    await one.ledger.expire(now=END + 1)
    (entry,) = await one.ledger.unconfirmed(limit=9, after=None)
    one.wire.lost["TransactWriteItems"] = 1
    await one.ledger.release(entry.id, now=END + 2)
    assert await one.sums() == (0, 0, 0)


async def test_a_recall_is_seen_by_other_processes_and_ends_no_lease(
    processes: list[Process],
) -> None:
    one, other = processes[:2]
    await one.ledger.set_limit(KEY, Limit(amount=100))
    await one.lease(40)
    await one.ledger.recall(KEY, PERIOD, until=END - 5)
    assert await other.ledger.recalled(now=END - 6) == [(KEY, PERIOD)]
    assert await other.ledger.expire(now=END - 1) == 0
    assert await one.ledger.recalled(now=0) == []
    assert await one.sums() == (40, 0, 0)


async def test_ids_that_look_like_parts_of_a_key_are_taken_as_they_are(
    processes: list[Process],
) -> None:
    one = processes[0]
    await one.ledger.set_limit(ODD, Limit(amount=100))
    lease = LeaseId(one.name, ODD, PERIOD)
    assert await one.ledger.lease(lease, least=1, most=40, expires_at=END) == 40
    await one.settle(10, 10, ODD)
    assert await one.ledger.expire(now=END + 1) == 1
    assert await one.sums(ODD) == (40, 40, 30)
    assert await one.sums(Account("user", "a")) == (0, 0, 0)


async def test_while_the_store_is_away_nothing_is_granted(processes: list[Process]) -> None:
    async with (
        dynamo_client() as maker,
        wired(await account_of(maker), patience=0) as (client, wire),
    ):
        ledger = DynamoLedger(client)
        wire.is_cut = True
        with pytest.raises(Overloaded):
            await ledger.lease(LeaseId("p", KEY, PERIOD), least=1, most=1, expires_at=END)
