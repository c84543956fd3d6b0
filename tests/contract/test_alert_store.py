"""What every store of alerts promises: what is raised is taken by one at a time, and told once."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import NamedTuple

import pytest

import ministack
from headgate.core.alerts import AlertId, AlertStore, Mark, Taken
from headgate.core.budgets import Account, LedgerStore, Limit
from headgate.stores.dynamodb.alerts import DynamoAlerts
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.memory import MemoryLedger
from headgate.stores.sqlite.alerts import SqliteAlerts
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from ministack import dynamo_client

KEY = Account("key", "sk-proj-one")
ALERT = AlertId("slack", KEY, "2026-11")
HALF = Mark(0.5, 50)
MOST = Mark(0.8, 80)
ALL = Mark(1.0, 100)
NOW = 1000.0
UNTIL = 1030.0


class Process(NamedTuple):
    """The stores as one process has them."""

    ledger: LedgerStore
    alerts: AlertStore


Open = Callable[[], AbstractAsyncContextManager[Process]]


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def processes(request: pytest.FixtureRequest, tmp_path: Path) -> Open:
    """Opens the same stores for one more process."""
    memory = MemoryLedger()
    account = ministack.new_account()

    @contextlib.asynccontextmanager
    async def in_memory() -> AsyncIterator[Process]:
        yield Process(memory, memory)

    @contextlib.asynccontextmanager
    async def in_sqlite() -> AsyncIterator[Process]:
        database = Database(tmp_path / "headgate.db")
        yield Process(SqliteLedger(database), SqliteAlerts(database))
        await database.close()

    @contextlib.asynccontextmanager
    async def in_dynamodb() -> AsyncIterator[Process]:
        async with dynamo_client(account) as client:
            ledger = DynamoLedger(client)
            yield Process(ledger, DynamoAlerts(client))
            await ledger.close()

    openers: dict[str, Open] = {"memory": in_memory, "sqlite": in_sqlite, "dynamodb": in_dynamodb}
    return openers[request.param]


@pytest.fixture
async def store(processes: Open) -> AsyncIterator[AlertStore]:
    async with processes() as process:
        yield process.alerts


async def take(store: AlertStore, *, now: float = NOW, channel: str = "slack") -> Taken:
    taken = await store.take(channel, now=now, until=now + 30)
    assert taken is not None
    return taken


async def nothing_is_due(store: AlertStore, *, now: float = NOW, channel: str = "slack") -> bool:
    return await store.take(channel, now=now, until=now + 30) is None


async def test_the_accounts_with_a_limit_are_known(processes: Open) -> None:
    odd = Account("user", "a#b%23/ü")
    async with processes() as (ledger, alerts):
        assert list(await alerts.limited()) == []
        for account in (KEY, odd, Account("model", "gone")):
            await ledger.set_limit(account, Limit(amount=1))
        await ledger.set_limit(Account("model", "gone"), None)
        await ledger.states([KEY], "2026-11")
        assert set(await alerts.limited()) == {KEY, odd}


async def test_what_is_raised_is_taken_by_one_until_the_claim_ends(store: AlertStore) -> None:
    await store.raise_alert(ALERT, HALF)
    taken = await take(store)
    assert (taken.alert, taken.due, taken.state.attempts) == (ALERT, HALF, 1)
    assert await nothing_is_due(store, now=UNTIL - 1)
    again = await take(store, now=UNTIL)
    assert (again.due, again.state.attempts) == (HALF, 2)


async def test_what_is_raised_twice_is_told_once(store: AlertStore) -> None:
    await store.raise_alert(ALERT, HALF)
    await store.raise_alert(ALERT, HALF)
    await store.finish(await take(store), HALF)
    await store.raise_alert(ALERT, HALF)
    assert await nothing_is_due(store, now=UNTIL)


async def test_several_marks_that_are_due_are_told_as_the_highest(store: AlertStore) -> None:
    for mark in (HALF, ALL, MOST):
        await store.raise_alert(ALERT, mark)
    taken = await take(store)
    assert taken.due == ALL
    await store.finish(taken, ALL)
    for mark in (HALF, ALL, MOST):
        await store.raise_alert(ALERT, mark)
    assert await nothing_is_due(store, now=UNTIL)


async def test_a_larger_share_or_a_larger_spend_is_told_anew(store: AlertStore) -> None:
    """As for a limit that was lowered, and for one that was raised."""
    await store.raise_alert(ALERT, MOST)
    await store.finish(await take(store), MOST)
    for mark in (Mark(0.9, 45), Mark(0.5, 90)):
        await store.raise_alert(ALERT, mark)
        taken = await take(store)
        assert taken.due == mark
        await store.finish(taken, mark)
    for mark in (MOST, Mark(0.9, 45), Mark(0.5, 90), Mark(0.4, 40)):
        await store.raise_alert(ALERT, mark)
    assert await nothing_is_due(store, now=UNTIL)


async def test_what_was_told_is_part_of_what_is_taken(store: AlertStore) -> None:
    await store.raise_alert(ALERT, HALF)
    await store.finish(await take(store), HALF)
    await store.raise_alert(ALERT, ALL)
    assert (await take(store)).state.told == (HALF,)


async def test_what_is_raised_while_another_mark_is_told_is_due_after_it(
    store: AlertStore,
) -> None:
    await store.raise_alert(ALERT, HALF)
    taken = await take(store)
    await store.raise_alert(ALERT, ALL)
    assert await nothing_is_due(store)
    await store.finish(taken, HALF)
    assert (await take(store)).due == ALL


async def test_more_may_be_told_than_was_due(store: AlertStore) -> None:
    """Between the taking and the telling more was spent."""
    await store.raise_alert(ALERT, HALF)
    taken = await take(store)
    await store.raise_alert(ALERT, MOST)
    await store.finish(taken, ALL)
    assert await nothing_is_due(store, now=UNTIL)


async def test_what_could_not_be_told_waits_for_its_pause(store: AlertStore) -> None:
    await store.raise_alert(ALERT, HALF)
    await store.put_off(await take(store), until=NOW + 5)
    assert await nothing_is_due(store, now=NOW + 4)
    assert (await take(store, now=NOW + 5)).state.attempts == 2


async def test_who_lost_a_claim_holds_nothing_up_and_what_it_told_counts(
    store: AlertStore,
) -> None:
    await store.raise_alert(ALERT, HALF)
    late = await take(store)
    current = await take(store, now=UNTIL)
    await store.put_off(late, until=NOW)
    assert await nothing_is_due(store, now=UNTIL), "the second claim stands"
    await store.finish(late, HALF)
    await store.put_off(current, until=UNTIL)
    assert await nothing_is_due(store, now=UNTIL + 60)


async def test_what_need_not_be_told_any_more_may_become_due_again(store: AlertStore) -> None:
    await store.raise_alert(ALERT, HALF)
    await store.finish(await take(store), None)
    assert await nothing_is_due(store, now=UNTIL)
    await store.raise_alert(ALERT, HALF)
    assert (await take(store)).due == HALF


async def test_each_channel_account_and_period_is_told_by_itself(store: AlertStore) -> None:
    others = [
        AlertId("email", KEY, "2026-11"),
        AlertId("slack", Account("user", "sk-proj-one"), "2026-11"),
        AlertId("slack", Account("key", "odd#2026-11%"), "2026-11"),
        AlertId("slack", KEY, "2026-12"),
    ]
    await store.raise_alert(ALERT, ALL)
    await store.finish(await take(store), ALL)
    for alert in others:
        await store.raise_alert(alert, HALF)
    assert (await take(store, channel="email")).alert == others[0]
    assert {(await take(store)).alert for _ in others[1:]} == set(others[1:])
    assert await nothing_is_due(store)
    assert await nothing_is_due(store, channel="email")


async def test_of_several_processes_one_takes_an_alert(processes: Open) -> None:
    async with processes() as one, processes() as other:
        accounts = [Account("user", str(number)) for number in range(5)]
        raised = (
            process.alerts.raise_alert(AlertId("slack", account, "2026-11"), HALF)
            for account in accounts
            for process in (one, other)
        )
        await asyncio.gather(*raised)
        taken: list[Taken] = []

        async def take_all(store: AlertStore) -> None:
            while len(taken) < len(accounts):
                found = await store.take("slack", now=NOW, until=UNTIL)
                if found is not None:
                    taken.append(found)

        await asyncio.gather(*(take_all(process.alerts) for process in (one, other, one, other)))
        assert {each.alert.account for each in taken} == set(accounts)
        assert len(taken) == len(accounts)
        assert await nothing_is_due(one.alerts)


async def test_another_process_knows_what_was_told(processes: Open) -> None:
    async with processes() as one, processes() as other:
        await one.alerts.raise_alert(ALERT, HALF)
        await other.alerts.finish(await take(one.alerts), HALF)
        await one.alerts.raise_alert(ALERT, HALF)
        assert await nothing_is_due(other.alerts, now=UNTIL)
