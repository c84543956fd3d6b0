"""What every store of money promises: never over, never lost, never stuck."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator, Coroutine
from pathlib import Path
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from headgate.core.budgets import (
    Account,
    AccountState,
    Charge,
    LeaseId,
    LedgerStore,
    Limit,
    Settlement,
    Unconfirmed,
)
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.memory import MemoryLedger
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.ledger import SqliteLedger
from ministack import dynamo_client
from usage_events import usage_event

T = TypeVar("T")

PERIOD = "2026-11"
NEXT_PERIOD = "2026-12"
KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
LEASE = LeaseId("process-1", KEY, PERIOD)
END = 1000.0


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[LedgerStore]:
    if request.param == "memory":
        yield MemoryLedger()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            ledger = DynamoLedger(client)
            yield ledger
            await ledger.close()
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteLedger(database)
    await database.close()


async def state_of(
    store: LedgerStore, account: Account = KEY, period: str = PERIOD
) -> AccountState:
    (state,) = await store.states([account], period)
    return state


async def sums_of(store: LedgerStore, account: Account = KEY) -> tuple[int, int, int]:
    state = await state_of(store, account)
    return state.granted, state.spent, state.unconfirmed


def settlement(
    *charges: tuple[Account, int, int], owner: str = "process-1", event_id: str | None = None
) -> Settlement:
    event = usage_event(billed=charges[0][1])
    if event_id is not None:
        event = usage_event(billed=charges[0][1], id=event_id)
    return Settlement(
        owner, event, tuple(Charge(account, PERIOD, *amounts) for account, *amounts in charges)
    )


async def lease(store: LedgerStore, amount: int, *, limit: int = 1000) -> None:
    await store.set_limit(KEY, Limit(amount=limit))
    assert await store.lease(LEASE, least=amount, most=amount, expires_at=END) == amount


async def test_an_unknown_account_is_empty(store: LedgerStore) -> None:
    assert await store.states([KEY, USER], PERIOD) == [
        AccountState(account=KEY),
        AccountState(account=USER),
    ]


async def test_states_come_in_the_order_asked_for(store: LedgerStore) -> None:
    limit = Limit(amount=7, hard=False, alert_thresholds=(0.25, 0.9))
    await store.set_limit(USER, limit)
    states = await store.states([USER, KEY], PERIOD)
    assert [(state.account, state.limit) for state in states] == [(USER, limit), (KEY, None)]


async def test_of_accounts_without_a_limit_less_may_be_told(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30), (USER, 30, 0)))
    states = await store.states([USER, KEY, KEY], PERIOD, unlimited=False)
    assert [state.account for state in states] == [USER, KEY, KEY]
    assert [(state.granted, state.spent) for state in states[1:]] == [(100, 30)] * 2
    assert states[0].limit is None
    await store.set_limit(USER, Limit(amount=50))
    (state,) = await store.states([USER], PERIOD, unlimited=False)
    assert (state.granted, state.spent) == (30, 30)


async def test_a_limit_is_changed_and_removed(store: LedgerStore) -> None:
    await store.set_limit(KEY, Limit(amount=5))
    await store.set_limit(KEY, Limit(amount=9))
    assert (await state_of(store)).limit == Limit(amount=9)
    await store.set_limit(KEY, None)
    assert (await state_of(store)).limit is None


async def test_a_lease_gets_the_most_where_that_fits(store: LedgerStore) -> None:
    await store.set_limit(KEY, Limit(amount=100))
    assert await store.lease(LEASE, least=10, most=60, expires_at=END) == 60
    assert await sums_of(store) == (60, 0, 0)


async def test_a_lease_gets_what_is_left_down_to_the_least(store: LedgerStore) -> None:
    await store.set_limit(KEY, Limit(amount=100))
    await store.lease(LEASE, least=10, most=60, expires_at=END)
    assert await store.lease(LEASE, least=40, most=60, expires_at=END) == 40
    assert await store.lease(LEASE, least=1, most=60, expires_at=END) == 0
    assert await sums_of(store) == (100, 0, 0)


async def test_less_than_the_least_is_not_granted(store: LedgerStore) -> None:
    await store.set_limit(KEY, Limit(amount=100))
    assert await store.lease(LEASE, least=101, most=200, expires_at=END) == 0
    assert await sums_of(store) == (0, 0, 0)


async def test_nothing_is_granted_where_there_is_no_limit(store: LedgerStore) -> None:
    assert await store.lease(LEASE, least=1, most=60, expires_at=END) == 0
    assert await sums_of(store) == (0, 0, 0)


async def test_a_soft_limit_grants_beyond_itself(store: LedgerStore) -> None:
    await store.set_limit(KEY, Limit(amount=100, hard=False))
    assert await store.lease(LEASE, least=10, most=600, expires_at=END) == 600


async def test_a_limit_below_what_was_granted_stops_grants_and_takes_nothing(
    store: LedgerStore,
) -> None:
    await lease(store, 80)
    await store.set_limit(KEY, Limit(amount=50))
    assert await store.lease(LEASE, least=0, most=60, expires_at=END) == 0
    assert await sums_of(store) == (80, 0, 0)


async def test_an_impossible_lease_is_refused(store: LedgerStore) -> None:
    with pytest.raises(ValueError, match="between 5 and 4"):
        await store.lease(LEASE, least=5, most=4, expires_at=END)


async def test_a_thousand_callers_at_once_are_granted_exactly_the_limit(
    store: LedgerStore,
) -> None:
    await store.set_limit(KEY, Limit(amount=5_000))
    grants = await asyncio.gather(
        *(
            store.lease(
                LeaseId(f"process-{number % 7}", KEY, PERIOD), least=100, most=100, expires_at=END
            )
            for number in range(1_000)
        )
    )
    assert grants.count(100) == 50
    assert grants.count(0) == 950
    assert await sums_of(store) == (5_000, 0, 0)


async def test_a_covered_charge_is_spent_from_its_lease(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30)))
    assert await sums_of(store) == (100, 30, 0)
    await store.give_back(LEASE, 70)
    assert await sums_of(store) == (30, 30, 0)


async def test_a_charge_without_a_lease_is_granted_as_it_is_spent(store: LedgerStore) -> None:
    await store.settle(settlement((USER, 30, 0)))
    assert await sums_of(store, USER) == (30, 30, 0)


async def test_a_limit_set_later_counts_what_was_spent_before(store: LedgerStore) -> None:
    await store.settle(settlement((KEY, 30, 0)))
    await store.set_limit(KEY, Limit(amount=100))
    assert await store.lease(LEASE, least=1, most=100, expires_at=END) == 70


async def test_an_overrun_is_recorded_in_full(store: LedgerStore) -> None:
    await lease(store, 100, limit=100)
    await store.settle(settlement((KEY, 130, 100)))
    assert await sums_of(store) == (130, 130, 0)


async def test_what_a_lease_turns_out_not_to_cover_is_an_overrun(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 130, 130)))
    assert await sums_of(store) == (130, 130, 0)


async def test_each_account_of_a_call_pays(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30), (USER, 30, 0)))
    assert await sums_of(store, KEY) == (100, 30, 0)
    assert await sums_of(store, USER) == (30, 30, 0)


async def test_a_call_is_settled_once(store: LedgerStore) -> None:
    await lease(store, 100)
    once = settlement((KEY, 30, 30), (USER, 30, 0))
    await store.settle(once)
    await asyncio.gather(*(store.settle(once) for _ in range(5)))
    assert await sums_of(store, KEY) == (100, 30, 0)
    assert await sums_of(store, USER) == (30, 30, 0)


async def test_equal_events_that_arrive_at_once_are_settled_once(store: LedgerStore) -> None:
    twice = settlement((USER, 30, 0), event_id="evt_1")
    await asyncio.gather(*(store.settle(twice) for _ in range(5)))
    assert await sums_of(store, USER) == (30, 30, 0)


@pytest.mark.parametrize("amounts", [(10, 11), (10, -1), (-1, -1)])
async def test_an_impossible_charge_is_refused_and_records_nothing(
    store: LedgerStore, amounts: tuple[int, int]
) -> None:
    with pytest.raises(ValueError, match="cannot cover"):
        await store.settle(settlement((KEY, *amounts)))
    assert await sums_of(store) == (0, 0, 0)


async def test_no_more_is_given_back_than_is_unsettled(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30)))
    await store.give_back(LEASE, 1_000)
    await store.give_back(LEASE, 1_000)
    assert await sums_of(store) == (30, 30, 0)


async def test_a_lease_goes_on_after_a_part_of_it_was_given_back(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.give_back(LEASE, 40)
    assert await store.lease(LEASE, least=15, most=15, expires_at=END) == 15
    await store.settle(settlement((KEY, 75, 75)))
    assert await sums_of(store) == (75, 75, 0)


async def test_a_negative_amount_is_not_given_back(store: LedgerStore) -> None:
    with pytest.raises(ValueError, match="-1"):
        await store.give_back(LEASE, -1)


async def test_what_a_dead_process_had_not_settled_becomes_unconfirmed(
    store: LedgerStore,
) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30)))
    assert await store.expire(now=END) == 0
    assert await store.expire(now=END + 1) == 1
    assert await store.expire(now=END + 2) == 0
    assert await sums_of(store) == (100, 100, 70)


async def test_a_lease_that_is_settled_in_full_leaves_nothing_unconfirmed(
    store: LedgerStore,
) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 100, 100)))
    assert await store.expire(now=END + 1) == 1
    assert await sums_of(store) == (100, 100, 0)


async def test_a_lease_that_is_extended_stays(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.extend("process-1", expires_at=END + 10)
    await store.extend("process-2", expires_at=END + 90)
    await store.extend("process-1", expires_at=END + 5)
    assert await store.expire(now=END + 9) == 0
    assert await store.expire(now=END + 11) == 1


async def test_a_late_settlement_replaces_what_was_unconfirmed(store: LedgerStore) -> None:
    """A process that was only paused: nothing is lost and nothing counts twice."""
    await lease(store, 100)
    await store.expire(now=END + 1)
    await store.settle(settlement((KEY, 30, 30)))
    assert await sums_of(store) == (100, 100, 70)
    await store.settle(settlement((KEY, 90, 90)))
    assert await sums_of(store) == (120, 120, 0)


async def test_what_a_paused_process_did_not_use_is_no_longer_unconfirmed(
    store: LedgerStore,
) -> None:
    await lease(store, 100)
    await store.expire(now=END + 1)
    await store.give_back(LEASE, 60)
    assert await sums_of(store) == (40, 40, 40)
    await store.settle(settlement((KEY, 40, 40)))
    assert await sums_of(store) == (40, 40, 0)


async def test_only_its_own_process_replaces_what_is_unconfirmed(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.expire(now=END + 1)
    await store.settle(settlement((KEY, 30, 30), owner="process-2"))
    assert await sums_of(store) == (130, 130, 100)


async def test_a_late_settlement_beside_a_new_lease_counts_once(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.expire(now=END + 1)
    await lease(store, 50)
    await store.settle(settlement((KEY, 100, 100)))
    await store.settle(settlement((KEY, 20, 20)))
    assert await sums_of(store) == (150, 150, 30)
    await store.give_back(LEASE, 30)
    assert await sums_of(store) == (120, 120, 0)


def last_call(billed: int, leased: int, returned: int, **more: Any) -> Settlement:
    """A call that ends its lease."""
    settled = settlement((KEY, billed, leased), **more)
    (charge,) = settled.charges
    ended = msgspec.structs.replace(charge, returned=returned)
    return msgspec.structs.replace(settled, charges=(ended,))


async def test_a_lease_that_ends_with_a_call_goes_back_with_its_record(store: LedgerStore) -> None:
    await lease(store, 100)
    settled = last_call(30, 30, 70, event_id="evt_last")
    await store.settle(settled)
    assert await sums_of(store) == (30, 30, 0)
    await store.settle(settled)
    assert await sums_of(store) == (30, 30, 0)
    assert await store.expire(now=END + 1) == 0
    assert await store.lease(LEASE, least=970, most=970, expires_at=END) == 970


async def test_a_lease_that_a_call_has_used_up_is_gone_with_it(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(last_call(100, 100, 0))
    assert await sums_of(store) == (100, 100, 0)
    assert await store.expire(now=END + 1) == 0


async def test_a_call_that_cost_nothing_gives_its_lease_back(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(last_call(0, 0, 100))
    assert await sums_of(store) == (0, 0, 0)
    assert await store.expire(now=END + 1) == 0


async def test_a_call_that_cost_more_than_its_lease_is_recorded_in_full(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.settle(last_call(130, 100, 0))
    assert await sums_of(store) == (130, 130, 0)
    assert await store.expire(now=END + 1) == 0


async def test_what_ends_a_lease_too_late_replaces_what_was_unconfirmed(store: LedgerStore) -> None:
    """A function that stood still for longer than its lease, in the middle of its call."""
    await lease(store, 100)
    await store.expire(now=END + 1)
    await store.settle(last_call(30, 30, 70))
    assert await sums_of(store) == (30, 30, 0)


async def test_a_lease_that_was_enlarged_meanwhile_keeps_what_came(store: LedgerStore) -> None:
    await lease(store, 100)
    await lease(store, 50)
    await store.settle(last_call(30, 30, 70))
    assert await sums_of(store) == (80, 30, 0)
    await store.give_back(LEASE, 50)
    assert await sums_of(store) == (30, 30, 0)


async def test_of_two_calls_of_a_lease_the_last_ends_it(store: LedgerStore) -> None:
    await lease(store, 100)
    first = store.settle(settlement((KEY, 20, 20)))
    last = store.settle(last_call(30, 30, 50))
    await asyncio.gather(first, last)
    assert await sums_of(store) == (50, 50, 0)
    assert await store.expire(now=END + 1) == 0


async def test_less_than_nothing_does_not_go_back(store: LedgerStore) -> None:
    with pytest.raises(ValueError, match="given back"):
        await store.settle(last_call(10, 10, -1))


async def test_a_recall_is_known_until_it_ends(store: LedgerStore) -> None:
    assert await store.recalled(now=0.0) == []
    await store.recall(KEY, PERIOD, until=50.0)
    await store.recall(USER, PERIOD, until=40.0)
    await store.recall(KEY, NEXT_PERIOD, until=60.0)
    assert sorted(await store.recalled(now=40.0)) == [
        (KEY, PERIOD),
        (KEY, NEXT_PERIOD),
        (USER, PERIOD),
    ]
    assert sorted(await store.recalled(now=50.0)) == [(KEY, PERIOD), (KEY, NEXT_PERIOD)]
    assert await store.recalled(now=60.5) == []


async def test_a_recall_is_made_longer_and_never_shorter(store: LedgerStore) -> None:
    for until in (50.0, 70.0, 60.0):
        await store.recall(KEY, PERIOD, until=until)
    assert await store.recalled(now=70.0) == [(KEY, PERIOD)]
    assert await store.recalled(now=70.5) == []


async def test_recalls_that_ended_are_forgotten(store: LedgerStore) -> None:
    await store.recall(KEY, PERIOD, until=50.0)
    await store.recall(USER, PERIOD, until=60.0)
    await store.expire(now=55.0)
    assert await store.recalled(now=0.0) == [(USER, PERIOD)]


async def test_a_recall_changes_no_sums(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.recall(KEY, PERIOD, until=50.0)
    assert await sums_of(store) == (100, 0, 0)


async def unconfirmed_of(store: LedgerStore) -> list[Unconfirmed]:
    return await store.unconfirmed(limit=100, after=None)


async def test_what_is_unconfirmed_is_told_with_its_lease(store: LedgerStore) -> None:
    await lease(store, 100)
    assert await unconfirmed_of(store) == []
    await store.expire(now=END + 1.5)
    (entry,) = await unconfirmed_of(store)
    assert (entry.lease, entry.amount) == (LEASE, 100)
    assert (entry.created_at, entry.released_at) == (END + 1.5, None)
    await store.settle(settlement((KEY, 30, 30)))
    assert [(rest.id, rest.amount) for rest in await unconfirmed_of(store)] == [(entry.id, 70)]
    await store.give_back(LEASE, 70)
    assert await unconfirmed_of(store) == []


async def test_unconfirmed_entries_are_listed_newest_first_and_in_pages(
    store: LedgerStore,
) -> None:
    for number in range(5):
        await lease(store, 10 + number)
        await store.expire(now=END + 1 + number)
    first = await store.unconfirmed(limit=2, after=None)
    await lease(store, 99)
    await store.expire(now=END + 9)
    # The page's last entry may be gone when the next page is asked for.
    await store.release(first[-1].id, now=END + 10)
    second = await store.unconfirmed(limit=2, after=first[-1].id)
    third = await store.unconfirmed(limit=2, after=second[-1].id)
    assert [entry.amount for entry in first + second + third] == [14, 13, 12, 11, 10]


async def test_a_released_entry_is_no_longer_charged_and_is_released_once(
    store: LedgerStore,
) -> None:
    await lease(store, 100)
    await store.settle(settlement((KEY, 30, 30)))
    await store.expire(now=END + 1)
    (entry,) = await unconfirmed_of(store)
    released = await store.release(entry.id, now=END + 5)
    assert released == msgspec.structs.replace(entry, released_at=END + 5)
    assert await store.release(entry.id, now=END + 6) == released
    assert await unconfirmed_of(store) == []
    assert await sums_of(store) == (30, 30, 0)
    assert await store.lease(LEASE, least=970, most=970, expires_at=END) == 970


async def test_an_entry_that_is_not_there_is_not_released(store: LedgerStore) -> None:
    assert await store.release("unc_none", now=END) is None
    await lease(store, 100)
    await store.expire(now=END + 1)
    (entry,) = await unconfirmed_of(store)
    await store.settle(settlement((KEY, 100, 100)))
    assert await store.release(entry.id, now=END + 2) is None
    assert await sums_of(store) == (100, 100, 0)


async def test_what_is_settled_after_a_release_is_recorded_in_full(store: LedgerStore) -> None:
    await lease(store, 100)
    await store.expire(now=END + 1)
    (entry,) = await unconfirmed_of(store)
    await store.release(entry.id, now=END + 2)
    await store.settle(settlement((KEY, 60, 60)))
    await store.give_back(LEASE, 40)
    assert await sums_of(store) == (60, 60, 0)


async def test_an_erased_call_leaves_no_trace_in_its_accounts(store: LedgerStore) -> None:
    """What others spent, and what was granted to them, stays as it is."""
    await lease(store, 100)
    await store.settle(settlement((KEY, 60, 60), event_id="evt_real"))
    sample = settlement((KEY, 30, 0), (USER, 30, 0), owner="samples", event_id="evt_sample")
    await store.settle(sample)
    assert await store.erase([sample, settlement((KEY, 5, 0), event_id="evt_never")]) == 1
    assert await sums_of(store) == (100, 60, 0)
    assert await sums_of(store, USER) == (0, 0, 0)
    assert await store.erase([sample]) == 0
    assert await sums_of(store) == (100, 60, 0)
    await store.settle(sample)
    assert await sums_of(store, USER) == (30, 30, 0)


async def test_periods_are_apart(store: LedgerStore) -> None:
    await lease(store, 1000)
    later = LeaseId("process-1", KEY, NEXT_PERIOD)
    assert await store.lease(later, least=1, most=1000, expires_at=END) == 1000
    await store.settle(settlement((KEY, 30, 30)))
    assert (await state_of(store)).spent == 30
    assert (await state_of(store, period=NEXT_PERIOD)).spent == 0


accounts = st.sampled_from([KEY, USER])
owners = st.sampled_from(["process-1", "process-2"])
amounts = st.integers(0, 120)
parts = st.sampled_from([0.0, 0.3, 0.7, 1.0])


class LedgerMachine(RuleBasedStateMachine):
    """Two processes that are honest about money but not about time, on two accounts.

    Each knows what it was granted and has neither settled nor given back. That is all the test
    keeps: whatever the store resolved meanwhile, its sums must agree with what the owners know.
    """

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.store: LedgerStore = self.run(self.open())
        self.now = END
        self.period = PERIOD
        self.owned: dict[LeaseId, int] = {}
        self.billed: dict[tuple[Account, str], int] = {}
        self.settled: list[Settlement] = []

    def run(self, coroutine: Coroutine[Any, Any, T]) -> T:
        return self.runner.run(coroutine)

    async def open(self) -> LedgerStore:
        """Each adapter's machine opens its own; this one is never run by itself."""
        raise NotImplementedError

    async def record(self, settled: Settlement) -> None:
        await self.store.settle(settled)

    def state(self, account: Account, period: str) -> AccountState:
        return self.run(state_of(self.store, account, period))

    @rule(account=accounts, amount=st.integers(0, 300), hard=st.booleans())
    def set_limit(self, account: Account, amount: int, hard: bool) -> None:
        self.run(self.store.set_limit(account, Limit(amount=amount, hard=hard)))

    @rule(account=accounts)
    def remove_limit(self, account: Account) -> None:
        self.run(self.store.set_limit(account, None))

    @rule(owner=owners, account=accounts, least=amounts, more=amounts, seconds=st.integers(0, 9))
    def lease(self, owner: str, account: Account, least: int, more: int, seconds: int) -> None:
        lease = LeaseId(owner, account, self.period)
        before = self.state(account, self.period)
        most = least + more
        granted = self.run(
            self.store.lease(lease, least=least, most=most, expires_at=self.now + seconds)
        )
        if before.limit is None:
            assert granted == 0
        elif not before.limit.hard:
            assert granted == most
        else:
            left = min(most, before.limit.amount - before.granted)
            assert granted == (left if left >= least and left > 0 else 0)
        self.owned[lease] = self.owned.get(lease, 0) + granted

    @rule(owner=owners, billed=amounts, covered=parts, both=st.booleans(), ends=st.booleans())
    def settle(self, owner: str, billed: int, covered: float, both: bool, ends: bool) -> None:
        charges = []
        for account in (KEY, USER) if both else (USER,):
            lease = LeaseId(owner, account, self.period)
            leased = min(self.owned.get(lease, 0), int(billed * covered))
            left = self.owned.get(lease, 0) - leased
            self.owned[lease] = 0 if ends else left
            returned = left if ends else None
            charges.append(Charge(account, self.period, billed, leased, returned))
            key = account, self.period
            self.billed[key] = self.billed.get(key, 0) + billed
        settled = Settlement(owner, usage_event(billed=billed), tuple(charges))
        self.settled.append(settled)
        self.run(self.record(settled))

    @precondition(lambda self: self.settled)
    @rule(data=st.data())
    def settle_again(self, data: st.DataObject) -> None:
        self.run(self.record(data.draw(st.sampled_from(self.settled))))

    @rule(owner=owners, account=accounts, part=parts)
    def give_back(self, owner: str, account: Account, part: float) -> None:
        lease = LeaseId(owner, account, self.period)
        amount = int(self.owned.get(lease, 0) * part)
        self.owned[lease] = self.owned.get(lease, 0) - amount
        self.run(self.store.give_back(lease, amount))

    @rule(owner=owners, seconds=st.integers(0, 9))
    def extend(self, owner: str, seconds: int) -> None:
        self.run(self.store.extend(owner, expires_at=self.now + seconds))

    @rule(seconds=st.integers(1, 9))
    def expire(self, seconds: int) -> None:
        self.now += seconds
        self.run(self.store.expire(now=self.now))

    @rule(data=st.data())
    def release(self, data: st.DataObject) -> None:
        entries = self.run(self.store.unconfirmed(limit=100, after=None))
        if entries:
            entry = data.draw(st.sampled_from(entries))
            self.run(self.store.release(entry.id, now=self.now))
            self.owned[entry.lease] -= entry.amount

    @rule()
    def change_period(self) -> None:
        self.period = NEXT_PERIOD if self.period == PERIOD else PERIOD

    @invariant()
    def sums_agree(self) -> None:
        for period in (PERIOD, NEXT_PERIOD):
            for account in (KEY, USER):
                state = self.state(account, period)
                owned = sum(
                    amount
                    for lease, amount in self.owned.items()
                    if (lease.account, lease.period) == (account, period)
                )
                assert 0 <= state.unconfirmed <= state.spent <= state.granted
                assert state.spent == self.billed.get((account, period), 0) + state.unconfirmed
                assert state.granted - state.spent + state.unconfirmed == owned
                assert state.unconfirmed == sum(
                    entry.amount
                    for entry in self.run(self.store.unconfirmed(limit=100, after=None))
                    if (entry.lease.account, entry.lease.period) == (account, period)
                )

    def teardown(self) -> None:
        """Once every owner has given back what it has left, only bills remain."""
        for lease, amount in self.owned.items():
            self.run(self.store.give_back(lease, amount))
        self.owned.clear()
        self.sums_agree()
        self.run(self.close())
        self.runner.close()

    async def close(self) -> None:
        """Let go of what `open` took."""


class MemoryMachine(LedgerMachine):
    async def open(self) -> LedgerStore:
        return MemoryLedger()


class SqliteMachine(LedgerMachine):
    async def open(self) -> LedgerStore:
        self.directory = tempfile.TemporaryDirectory()
        self.database = Database(Path(self.directory.name) / "headgate.db", readers=1)
        return SqliteLedger(self.database)

    async def close(self) -> None:
        await self.database.close()
        self.directory.cleanup()


class DynamoMachine(LedgerMachine):
    async def open(self) -> LedgerStore:
        self.stack = contextlib.AsyncExitStack()
        self.ledger = DynamoLedger(await self.stack.enter_async_context(dynamo_client()))
        return self.ledger

    async def close(self) -> None:
        await self.ledger.close()
        await self.stack.aclose()


MACHINE_SETTINGS = settings(
    max_examples=30,
    stateful_step_count=40,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow],
)

TestMemoryMachine = MemoryMachine.TestCase
TestMemoryMachine.settings = MACHINE_SETTINGS
TestSqliteMachine = SqliteMachine.TestCase
TestSqliteMachine.settings = MACHINE_SETTINGS
TestDynamoMachine = DynamoMachine.TestCase
TestDynamoMachine.settings = MACHINE_SETTINGS
