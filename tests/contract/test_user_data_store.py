"""What every store promises that deletes users' data."""

import asyncio
import datetime as dt
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from headgate.core.alerts import AlertId, AlertStore, Mark
from headgate.core.answers import AnswerKey, AnswerStore, KeptAnswer
from headgate.core.budgets import Account, Charge, LeaseId, LedgerStore, Limit, Settlement
from headgate.core.erasures import Erased, Erasure, UserDataStore
from headgate.core.errors import Overloaded
from headgate.core.memory import Fact, MemoryStore, Person, Turn
from headgate.core.runs import Change, Draft, Run, RunFilter, RunRequest, RunStore
from headgate.core.usage import UsageFilter, UsageStore
from headgate.core.vendor_keys import VendorKey, VendorKeyStore
from headgate.stores.dynamodb.alerts import DynamoAlerts
from headgate.stores.dynamodb.answers import DynamoAnswers
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.memories import DynamoMemories
from headgate.stores.dynamodb.runs import DynamoRuns
from headgate.stores.dynamodb.schema import TABLES
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.dynamodb.user_data import DynamoUserData
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys
from headgate.stores.sqlite.alerts import SqliteAlerts
from headgate.stores.sqlite.answers import SqliteAnswers
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.memories import SqliteMemories
from headgate.stores.sqlite.runs import SqliteRuns
from headgate.stores.sqlite.usage import SqliteUsage
from headgate.stores.sqlite.user_data import SqliteUserData
from headgate.stores.sqlite.vendor_keys import SqliteVendorKeys
from ministack import dynamo_client
from usage_events import NOON, usage_event

PERIOD = "2026-11"
USER = "somebody-rare"
ERASURE = Erasure(user_id="ada", pseudonym="deleted-1", begun_at=1000.5)
HOUR = 3_600_000
EVERYTHING = UsageFilter(
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.datetime(2027, 1, 1, tzinfo=dt.UTC)
)


@dataclass(frozen=True)
class Kept:
    """All stores that have something of a user, over one database; `dump` gives all of that."""

    data: UserDataStore
    ledger: LedgerStore
    usage: UsageStore
    memories: MemoryStore
    vendor_keys: VendorKeyStore
    alerts: AlertStore
    runs: RunStore
    answers: AnswerStore
    dump: Callable[[], Awaitable[str]]


async def all_tables(client: DynamoClient) -> str:
    return str([await client.scan(table.name, {}) for table in TABLES])


async def all_rows(database: Database) -> str:
    return await database.readers.run(lambda connection: "\n".join(connection.iterdump()))


@pytest.fixture(params=["sqlite", "dynamodb"])
async def kept(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Kept]:
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            dynamo = DynamoLedger(client)
            yield Kept(
                DynamoUserData(client),
                dynamo,
                DynamoUsage(client),
                DynamoMemories(client),
                DynamoVendorKeys(client),
                DynamoAlerts(client),
                DynamoRuns(client),
                DynamoAnswers(client),
                partial(all_tables, client),
            )
            await dynamo.close()
        return
    database = Database(tmp_path / "headgate.db")
    yield Kept(
        SqliteUserData(database),
        SqliteLedger(database),
        SqliteUsage(database),
        SqliteMemories(database),
        SqliteVendorKeys(database),
        SqliteAlerts(database),
        SqliteRuns(database),
        SqliteAnswers(database),
        partial(all_rows, database),
    )
    await database.close()


async def spend(kept: Kept, user: str, *, calls: int, first: int = 0) -> None:
    """Calls of a user in as many hours, each billed 102, with a tag."""
    account = Account("user", user)
    for number in range(first, first + calls):
        event = usage_event(user_id=user, timestamp=NOON - number * HOUR, tags=("t",))
        charges = (Charge(account, PERIOD, event.billed, 0),)
        await kept.ledger.settle(Settlement("process-1", event, charges))


async def finish(kept: Kept, limit: int = 500, erasure: Erasure = ERASURE) -> Erased:
    """Take steps until one changes nothing; gives that one."""
    while (step := await kept.data.erase(erasure, limit=limit)).changed:
        pass
    return step


async def by_user(kept: Kept, **where: Any) -> dict[str, int]:
    found = await kept.usage.rows(EVERYTHING._replace(**where), "user")
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
async def test_what_was_spent_stays_under_a_pseudonym(kept: Kept, limit: int) -> None:
    """However many steps it takes: in the ledger, in all its sums, and in the month's account."""
    await spend(kept, "ada", calls=7)
    await spend(kept, "bob", calls=2)
    totals = await kept.usage.totals(EVERYTHING)
    by_tag = await kept.usage.rows(EVERYTHING, "tag")
    by_day = await kept.usage.rows(EVERYTHING, "day")
    assert await finish(kept, limit) == Erased(0, 0)
    usage, ledger = kept.usage, kept.ledger
    assert await usage.totals(EVERYTHING) == totals
    assert await usage.rows(EVERYTHING, "tag") == by_tag
    assert await usage.rows(EVERYTHING, "day") == by_day
    assert await by_user(kept) == {"deleted-1": 714, "bob": 204}
    assert (await usage.totals(EVERYTHING._replace(user_id="ada"))).requests == 0
    assert (await usage.totals(EVERYTHING._replace(user_id="deleted-1"))).requests == 7
    events = await usage.events(EVERYTHING, limit=50, before=None)
    assert {event.user_id for event in events} == {"deleted-1", "bob"}
    accounts = [Account("user", name) for name in ("ada", "deleted-1", "bob")]
    states = await ledger.states(accounts, PERIOD)
    assert [state.spent for state in states] == [0, 714, 204]


async def test_what_calls_under_way_add_later_goes_to_the_same_pseudonym(
    kept: Kept,
) -> None:
    await spend(kept, "ada", calls=3)
    await finish(kept)
    await spend(kept, "ada", calls=2, first=1)
    await finish(kept)
    assert await by_user(kept) == {"deleted-1": 510}
    (state,) = await kept.ledger.states([Account("user", "deleted-1")], PERIOD)
    assert state.spent == 510


async def test_sums_that_are_closed_later_know_the_pseudonym_alone(
    kept: Kept,
) -> None:
    await spend(kept, "ada", calls=1)
    await finish(kept)
    ledger = kept.ledger
    later = usage_event(user_id="bob", timestamp=NOON + 8 * 24 * HOUR)
    await ledger.settle(Settlement("process-1", later, ()))
    assert await by_user(kept) == {"deleted-1": 102, "bob": 102}


async def test_what_was_said_and_set_goes_and_that_of_others_stays(
    kept: Kept,
) -> None:
    memories, keys = kept.memories, kept.vendor_keys
    ledger, alerts = kept.ledger, kept.alerts
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
    assert await finish(kept) == Erased(0, 0)
    for user, left in (("ada", 0), ("bob", 1)):
        for workspace in ("one", "two"):
            person = Person(workspace, user)
            assert len(await memories.conversation(person, "s", limit=9)) == left
            assert len(await memories.facts(person, now=2.0, limit=9)) == left
        assert len(await keys.of_user(user)) == left
    assert await alerts.limited() == [Account("user", "bob")]


def answer_of(user: str, name: str, body: bytes = b"{}") -> KeptAnswer:
    return KeptAnswer(
        key=AnswerKey(f"{user}-{name}", "f"),
        model="m",
        provider="p",
        body=body,
        expires_at=9e9,
        user_id=user,
    )


async def test_answers_under_idempotency_keys_go_and_those_of_others_stay(kept: Kept) -> None:
    for user in ("ada", "bob"):
        account = Account("user", user)
        for name, body in (("short", b"{}"), ("long", b"x" * 700_000)):
            event = usage_event(user_id=user, timestamp=NOON)
            charges = (Charge(account, PERIOD, 102, 0),)
            await kept.ledger.settle(Settlement("p", event, charges, answer_of(user, name, body)))
        await kept.answers.keep(answer_of(user, "work"))
    assert await finish(kept, 2) == Erased(0, 0)
    for name in ("short", "long", "work"):
        assert await kept.answers.find(f"ada-{name}", now=1.0) is None
        assert await kept.answers.find(f"bob-{name}", now=1.0) is not None
    assert "ada" not in await kept.dump()


async def test_nothing_names_the_user_any_more(kept: Kept) -> None:
    await spend(kept, USER, calls=3)
    await kept.answers.keep(answer_of(USER, "a"))
    await kept.memories.say(Person("w", USER), "s", [Turn("user", "hello", 1.0)], once="a")
    await kept.memories.keep(Person("w", USER), [Fact(id="f", text="tea", created_at=1.0)])
    await kept.memories.end(Person("w", USER), "s")
    await kept.vendor_keys.put(
        VendorKey(user_id=USER, provider="openai", sealed=b"s", last_four="last", set_at=1.0)
    )
    account = Account("user", USER)
    await kept.ledger.set_limit(account, Limit(amount=5))
    for channel in ("log", "mail#1"):
        await kept.alerts.raise_alert(AlertId(channel, account, PERIOD), Mark(0.8, False))
    lease = LeaseId("process-1", account, PERIOD)
    await kept.ledger.set_limit(account, Limit(amount=500))
    await kept.ledger.lease(lease, least=10, most=10, expires_at=1.0)
    await kept.ledger.expire(now=2.0)
    (entry,) = await kept.ledger.unconfirmed(limit=9, after=None)
    assert await kept.ledger.release(entry.id, now=3.0) is not None
    assert USER in await kept.dump()
    erasure = Erasure(user_id=USER, pseudonym="deleted-1", begun_at=1000.5)
    await kept.data.begin(erasure)
    assert await finish(kept, erasure=erasure) == Erased(0, 0)
    await kept.data.end(erasure)
    assert USER not in await kept.dump()


@pytest.mark.parametrize("user", ["a#2026-11", "a%23", "é b/", "key#k", '"', "t"])
async def test_whatever_a_user_is_called_others_stay_as_they_are(kept: Kept, user: str) -> None:
    others = [name for name in ("a", "a#", "ab", "a#2026-11#0", "k", "") if name != user]
    for name in (user, *others):
        await spend(kept, name, calls=1)
    erasure = Erasure(user_id=user, pseudonym="deleted-1", begun_at=1000.5)
    assert await finish(kept, erasure=erasure) == Erased(0, 0)
    assert await by_user(kept) == dict.fromkeys([*others, "deleted-1"], 102)
    accounts = [Account("user", name) for name in (user, *others, "deleted-1")]
    states = await kept.ledger.states(accounts, PERIOD)
    assert [state.spent for state in states] == [0, *[102] * len(others), 102]


async def test_deletions_at_once_and_calls_beside_them_lose_no_money(kept: Kept) -> None:
    await spend(kept, "ada", calls=5)
    await asyncio.gather(
        finish(kept, 2), finish(kept), spend(kept, "ada", calls=3), spend(kept, "bob", calls=3)
    )
    assert await finish(kept) == Erased(0, 0)
    assert await by_user(kept) == {"deleted-1": 816, "bob": 306}
    assert (await kept.usage.totals(EVERYTHING)).billed == 1122
    accounts = [Account("user", name) for name in ("ada", "deleted-1", "bob")]
    states = await kept.ledger.states(accounts, PERIOD)
    assert [state.spent for state in states] == [0, 816, 306]


async def test_a_deletion_that_is_over_with_the_past_still_finds_the_days_calls(kept: Kept) -> None:
    """Sums of long ago are looked through once, those of the last day again."""
    late = Erasure(user_id="ada", pseudonym="deleted-1", begun_at=NOON / 1000 + 60)
    await kept.data.begin(late)
    await spend(kept, "ada", calls=50)
    assert await finish(kept, erasure=late) == Erased(0, 0)
    await spend(kept, "ada", calls=4)
    assert await finish(kept, erasure=late) == Erased(0, 0)
    assert await by_user(kept) == {"deleted-1": 54 * 102}
    assert await kept.data.of("ada") == late


class Dying(DynamoClient):
    """Dies after so many requests."""

    async def call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        if not allowance:
            raise Overloaded("dead")
        allowance.pop()
        return await super().call(operation, request)


allowance: list[None] = []


async def test_a_deletion_whose_processes_die_anywhere_is_gone_on_with() -> None:
    """In DynamoDB a step is several requests; in SQLite it is one transaction."""
    async with dynamo_client() as client:
        ledger = DynamoLedger(client)
        data, memories = DynamoUserData(client), DynamoMemories(client)
        account = Account("user", "ada")
        await ledger.set_limit(account, Limit(amount=500))
        for number in range(3):
            event = usage_event(user_id="ada", timestamp=NOON - number * HOUR)
            await ledger.settle(Settlement("p", event, (Charge(account, PERIOD, 102, 0),)))
        await memories.say(Person("w", "ada"), "s", [Turn("user", "hello", 1.0)], once="a")
        await data.begin(ERASURE)
        dying = DynamoUserData(
            Dying(client.http, client.endpoint, client.region, client.credentials)
        )
        deaths = 0
        while True:
            allowance[:] = [None] * (deaths + 1)
            try:
                step = await dying.erase(ERASURE, limit=1)
            except Overloaded:
                deaths += 1
            else:
                if step == Erased(0, 0):
                    break
        assert deaths > 10
        assert await DynamoUsage(client).rows(EVERYTHING, "user") == [
            ("deleted-1", await DynamoUsage(client).totals(EVERYTHING))
        ]
        states = await ledger.states([account, Account("user", "deleted-1")], PERIOD)
        assert [state.spent for state in states] == [0, 306]
        await data.end(ERASURE)
        assert "'ada'" not in await all_tables(client)
        await ledger.close()


async def test_an_account_waits_for_what_is_leased_of_it(
    kept: Kept,
) -> None:
    """What is settled on the lease finds the account; then both go."""
    ledger, lease = kept.ledger, LeaseId("process-1", Account("user", "ada"), PERIOD)
    await ledger.set_limit(lease.account, Limit(amount=50))
    await ledger.lease(lease, least=10, most=10, expires_at=9e9)
    assert await finish(kept) == Erased(0, 1)
    await ledger.give_back(lease, 4)
    event = usage_event(billed=6)
    await ledger.settle(Settlement("process-1", event, (Charge(lease.account, PERIOD, 6, 6),)))
    await ledger.expire(now=9e9 + 1)
    assert await finish(kept) == Erased(0, 0)
    states = await ledger.states([lease.account, Account("user", "deleted-1")], PERIOD)
    assert [(state.granted, state.spent) for state in states] == [(0, 0), (6, 6)]


async def test_what_was_billed_as_its_lease_ended_goes_too(kept: Kept) -> None:
    lease = LeaseId("process-1", Account("user", "ada"), PERIOD)
    await kept.ledger.set_limit(lease.account, Limit(amount=50))
    await kept.ledger.lease(lease, least=10, most=10, expires_at=9e9)
    charge = Charge(lease.account, PERIOD, 6, 6, returned=4)
    await kept.ledger.settle(Settlement("process-1", usage_event(billed=6), (charge,)))
    assert await finish(kept) == Erased(0, 0)
    states = await kept.ledger.states([lease.account, Account("user", "deleted-1")], PERIOD)
    assert [(state.granted, state.spent) for state in states] == [(0, 0), (6, 6)]


async def test_what_a_dead_process_may_have_spent_stays_with_the_pseudonym(
    kept: Kept,
) -> None:
    ledger, lease = kept.ledger, LeaseId("process-1", Account("user", "ada"), PERIOD)
    await ledger.set_limit(lease.account, Limit(amount=50))
    await ledger.lease(lease, least=10, most=10, expires_at=1.0)
    await ledger.expire(now=2.0)
    await finish(kept)
    (entry,) = await ledger.unconfirmed(limit=9, after=None)
    assert entry.lease.account == Account("user", "deleted-1")
    (state,) = await ledger.states([entry.lease.account], PERIOD)
    assert (state.spent, state.unconfirmed) == (10, 10)
    assert await ledger.release(entry.id, now=3.0) is not None
    (state,) = await ledger.states([entry.lease.account], PERIOD)
    assert (state.spent, state.unconfirmed) == (0, 0)


async def test_runs_are_stopped_and_left_for_whoever_works_on_them_to_delete(
    kept: Kept,
) -> None:
    runs = kept.runs
    await runs.add(run("run_1"))
    assert not await runs.has_erased()
    assert await finish(kept) == Erased(0, 1)
    (command,) = await runs.commands_of("run_1")
    assert command.kind == "cancel"
    ended = Change(status="cancelled", finished_at=5.0)
    assert await runs.record("run_1", [Draft(type="run.finished")], ended)
    assert await finish(kept) == Erased(0, 1)
    assert await runs.has_erased()
    assert await runs.forget(before=1.0, limit=9) == ["run_1"]
    assert await finish(kept) == Erased(0, 0)
    assert await runs.page(RunFilter(user_id="ada"), limit=9, before=None) == []


async def test_a_deletion_goes_on_under_its_first_pseudonym(kept: Kept) -> None:
    store = kept.data
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
