"""What every store promises that deletes users' data, and that one of them cannot yet."""

import datetime as dt
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from headgate.core.alerts import AlertId, Mark
from headgate.core.budgets import Account, Charge, LeaseId, Limit, Settlement
from headgate.core.erasures import Erased, Erasure
from headgate.core.errors import InvalidRequest
from headgate.core.memory import Fact, Person, Turn
from headgate.core.runs import Run, RunFilter, RunRequest
from headgate.core.usage import UsageFilter
from headgate.core.vendor_keys import VendorKey
from headgate.stores.dynamodb.user_data import DynamoUserData
from headgate.stores.sqlite.alerts import SqliteAlerts
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.memories import SqliteMemories
from headgate.stores.sqlite.runs import SqliteRuns
from headgate.stores.sqlite.usage import SqliteUsage
from headgate.stores.sqlite.user_data import SqliteUserData
from headgate.stores.sqlite.vendor_keys import SqliteVendorKeys
from usage_events import NOON, usage_event

PERIOD = "2026-11"
ERASURE = Erasure(user_id="ada", pseudonym="deleted-1", begun_at=1000.5)
HOUR = 3_600_000
EVERYTHING = UsageFilter(
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
)


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = Database(tmp_path / "headgate.db")
    yield database
    await database.close()


@pytest.fixture
def store(database: Database) -> SqliteUserData:
    return SqliteUserData(database)


async def spend(database: Database, user: str, *, calls: int, first: int = 0) -> None:
    """Calls of a user in as many hours, each billed 102, with a tag."""
    ledger, account = SqliteLedger(database), Account("user", user)
    for number in range(first, first + calls):
        event = usage_event(user_id=user, timestamp=NOON - number * HOUR, tags=("t",))
        charges = (Charge(account, PERIOD, event.billed, 0),)
        await ledger.settle(Settlement("process-1", event, charges))


async def finish(store: SqliteUserData, limit: int = 500) -> Erased:
    """Take steps until one changes nothing; gives that one."""
    while (step := await store.erase(ERASURE, limit=limit)).changed:
        pass
    return step


async def by_user(database: Database, **where: Any) -> dict[str, int]:
    usage = SqliteUsage(database)
    found = await usage.rows(EVERYTHING._replace(**where), "user")
    return {user: sums.billed for user, sums in found}


def run(run_id: str, **fields: Any) -> Run:
    request = RunRequest(
        type="react",
        input="hello",
        model="auto",
        tools=(),
        budget=7,
        max_steps=50,
        seconds=60,
        approval_seconds=60,
    )
    return Run(
        run_id=run_id,
        key_id="k",
        workspace_id="w",
        user_id="ada",
        request=request,
        created_at=1.0,
        **fields,
    )


@pytest.mark.parametrize("limit", [1, 2, 500])
async def test_what_was_spent_stays_under_a_pseudonym(
    database: Database, store: SqliteUserData, limit: int
) -> None:
    """However many steps it takes: in the ledger, in all its sums, and in the month's account."""
    await spend(database, "ada", calls=7)
    await spend(database, "bob", calls=2)
    totals = await SqliteUsage(database).totals(EVERYTHING)
    by_tag = await SqliteUsage(database).rows(EVERYTHING, "tag")
    by_day = await SqliteUsage(database).rows(EVERYTHING, "day")
    assert await finish(store, limit) == Erased(0, 0)
    usage, ledger = SqliteUsage(database), SqliteLedger(database)
    assert await usage.totals(EVERYTHING) == totals
    assert await usage.rows(EVERYTHING, "tag") == by_tag
    assert await usage.rows(EVERYTHING, "day") == by_day
    assert await by_user(database) == {"deleted-1": 714, "bob": 204}
    assert (await usage.totals(EVERYTHING._replace(user_id="ada"))).requests == 0
    assert (await usage.totals(EVERYTHING._replace(user_id="deleted-1"))).requests == 7
    events = await usage.events(EVERYTHING, limit=50, before=None)
    assert {event.user_id for event in events} == {"deleted-1", "bob"}
    accounts = [Account("user", name) for name in ("ada", "deleted-1", "bob")]
    states = await ledger.states(accounts, PERIOD)
    assert [state.spent for state in states] == [0, 714, 204]


async def test_what_calls_under_way_add_later_goes_to_the_same_pseudonym(
    database: Database, store: SqliteUserData
) -> None:
    await spend(database, "ada", calls=3)
    await finish(store)
    await spend(database, "ada", calls=2, first=1)
    await finish(store)
    assert await by_user(database) == {"deleted-1": 510}
    (state,) = await SqliteLedger(database).states([Account("user", "deleted-1")], PERIOD)
    assert state.spent == 510


async def test_sums_that_are_closed_later_know_the_pseudonym_alone(
    database: Database, store: SqliteUserData
) -> None:
    await spend(database, "ada", calls=1)
    await finish(store)
    ledger = SqliteLedger(database)
    later = usage_event(user_id="bob", timestamp=NOON + 8 * 24 * HOUR)
    await ledger.settle(Settlement("process-1", later, ()))
    assert await by_user(database) == {"deleted-1": 102, "bob": 102}


async def test_what_was_said_and_set_goes_and_that_of_others_stays(
    database: Database, store: SqliteUserData
) -> None:
    memories, keys = SqliteMemories(database), SqliteVendorKeys(database)
    ledger, alerts = SqliteLedger(database), SqliteAlerts(database)
    for user in ("ada", "bob"):
        for workspace in ("one", "two"):
            person = Person(workspace, user)
            await memories.say(person, "s", [Turn("user", "hello", 1.0)], once="a")
            await memories.keep(person, [Fact(id="f", text="likes tea", created_at=1.0)])
        await keys.put(
            VendorKey(user_id=user, provider="openai", sealed=b"s", last_four="last", set_at=1.0)
        )
        await ledger.set_limit(Account("user", user), Limit(amount=5))
        await alerts.raise_alert(AlertId("log", Account("user", user), PERIOD), Mark(0.8, False))
    assert await finish(store) == Erased(0, 0)
    for user, left in (("ada", 0), ("bob", 1)):
        for workspace in ("one", "two"):
            person = Person(workspace, user)
            assert len(await memories.conversation(person, "s", limit=9)) == left
            assert len(await memories.facts(person, now=2.0, limit=9)) == left
        assert len(await keys.of_user(user)) == left
    assert await alerts.limited() == [Account("user", "bob")]


async def test_an_account_waits_for_what_is_leased_of_it(
    database: Database, store: SqliteUserData
) -> None:
    """What is settled on the lease finds the account; then both go."""
    ledger, lease = SqliteLedger(database), LeaseId("process-1", Account("user", "ada"), PERIOD)
    await ledger.set_limit(lease.account, Limit(amount=50))
    await ledger.lease(lease, least=10, most=10, expires_at=9e9)
    assert await finish(store) == Erased(0, 1)
    await ledger.give_back(lease, 4)
    event = usage_event(billed=6)
    await ledger.settle(Settlement("process-1", event, (Charge(lease.account, PERIOD, 6, 6),)))
    await ledger.expire(now=9e9 + 1)
    assert await finish(store) == Erased(0, 0)
    states = await ledger.states([lease.account, Account("user", "deleted-1")], PERIOD)
    assert [(state.granted, state.spent) for state in states] == [(0, 0), (6, 6)]


async def test_what_a_dead_process_may_have_spent_stays_with_the_pseudonym(
    database: Database, store: SqliteUserData
) -> None:
    ledger, lease = SqliteLedger(database), LeaseId("process-1", Account("user", "ada"), PERIOD)
    await ledger.set_limit(lease.account, Limit(amount=50))
    await ledger.lease(lease, least=10, most=10, expires_at=1.0)
    await ledger.expire(now=2.0)
    await finish(store)
    (entry,) = await ledger.unconfirmed(limit=9, after=None)
    assert entry.lease.account == Account("user", "deleted-1")
    (state,) = await ledger.states([entry.lease.account], PERIOD)
    assert (state.spent, state.unconfirmed) == (10, 10)
    assert await ledger.release(entry.id, now=3.0) is not None
    (state,) = await ledger.states([entry.lease.account], PERIOD)
    assert (state.spent, state.unconfirmed) == (0, 0)


async def test_runs_are_stopped_and_left_for_whoever_works_on_them_to_delete(
    database: Database, store: SqliteUserData
) -> None:
    runs = SqliteRuns(database)
    await runs.add(run("run_1"))
    assert not await runs.has_erased()
    assert await finish(store) == Erased(0, 1)
    (command,) = await runs.commands_of("run_1")
    assert command.kind == "cancel"
    await database.writer.run(
        lambda connection: connection.execute("UPDATE runs SET finished_at = 5")
    )
    assert await finish(store) == Erased(0, 1)
    assert await runs.has_erased()
    assert await runs.forget(before=1.0, limit=9) == ["run_1"]
    assert await finish(store) == Erased(0, 0)
    assert await runs.page(RunFilter(user_id="ada"), limit=9, before=None) == []


async def test_a_deletion_goes_on_under_its_first_pseudonym(store: SqliteUserData) -> None:
    assert await store.of("ada") is None
    assert await store.begin(ERASURE) == ERASURE
    other = Erasure(user_id="ada", pseudonym="deleted-2", begun_at=2000.0)
    assert await store.begin(other) == ERASURE
    assert await store.under_way() == [ERASURE]
    await store.end(other)
    assert await store.of("ada") == ERASURE
    await store.end(ERASURE)
    await store.end(ERASURE)
    assert await store.under_way() == []


async def test_where_data_cannot_be_deleted_nothing_begins() -> None:
    store = DynamoUserData()
    with pytest.raises(InvalidRequest, match="retention_days"):
        await store.begin(ERASURE)
    assert await store.under_way() == []
