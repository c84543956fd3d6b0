"""The escrow: never over, never lost, never stuck, and cheap."""

import asyncio

import pytest

from escrow_till import KEY, PERIOD, USER, Till
from fakes import RemoteLedger, until
from headgate.core.budgets import Limit, period_bounds
from headgate.core.errors import BudgetExceeded, HeadgateError, Overloaded
from headgate.gateway.escrow import (
    FRESH_SECONDS,
    IDLE_SECONDS,
    LEASE_SECONDS,
    MARGIN_SECONDS,
    TICK_SECONDS,
    Escrow,
)
from headgate.stores.memory import MemoryLedger
from usage_events import usage_event


@pytest.fixture
def till() -> Till:
    return Till()


async def test_a_call_is_held_then_billed(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    (held,) = await till.escrow.budgets([KEY])
    assert (held.spent, held.reserved, held.remaining) == (0, 100, 900)
    await till.settle(hold, 30)
    (settled,) = await till.escrow.budgets([KEY])
    assert (settled.spent, settled.reserved, settled.remaining) == (30, 0, 970)


async def test_a_call_without_a_limit_needs_no_lease_and_is_counted(till: Till) -> None:
    await till.spend(100, 30)
    assert "lease" not in till.store.asked
    assert await till.sums() == (30, 30, 0)


async def test_a_soft_limit_refuses_nothing(till: Till) -> None:
    await till.store.memory.set_limit(KEY, Limit(amount=10, hard=False))
    await till.spend(100, 30)
    assert "lease" not in till.store.asked
    assert (await till.escrow.budgets([KEY]))[0].remaining == 0


async def test_a_free_call_needs_no_budget(till: Till) -> None:
    await till.limit(0)
    await till.spend(0, 0)
    assert await till.sums() == (0, 0, 0)


async def test_what_does_not_fit_is_refused_with_the_reason(till: Till) -> None:
    await till.limit(2_500_000_000)
    with pytest.raises(BudgetExceeded, match=r"\$2.5\) has \$2.5 left.*could cost \$3:") as refused:
        await till.reserve(3_000_000_000)
    assert "2026-12-01" in refused.value.message
    assert refused.value.budget.remaining == 2_500_000_000
    assert await till.sums() == (0, 0, 0)


async def test_a_call_is_held_in_all_budgets_or_in_none(till: Till) -> None:
    await till.limit(1000)
    await till.limit(50, USER)
    with pytest.raises(BudgetExceeded, match="user 'ada'"):
        await till.reserve(100, KEY, USER)
    key, user = await till.escrow.budgets([KEY, USER])
    assert (key.reserved, user.reserved) == (0, 0)
    await till.rest()
    assert await till.sums() == (0, 0, 0)


async def test_every_account_pays_limited_or_not(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 30, KEY, USER)
    await till.rest()
    assert await till.sums(KEY) == (30, 30, 0)
    assert await till.sums(USER) == (30, 30, 0)


async def test_money_is_free_before_its_record_is_durable(till: Till) -> None:
    await till.limit(100)
    hold = await till.reserve(100)
    committed = till.store.hold_back("settle")
    record = till.escrow.settle(hold, usage_event(billed=10))
    second = await till.reserve(90)
    assert not record.done()
    committed.set()
    await record
    await till.settle(second, 90)
    assert await till.sums() == (100, 100, 0)


async def test_a_hold_is_settled_once(till: Till) -> None:
    hold = await till.reserve(100)
    await till.settle(hold, 10)
    with pytest.raises(RuntimeError, match="once"):
        till.escrow.settle(hold, usage_event())
    with pytest.raises(RuntimeError, match="once"):
        till.escrow.release(hold)


async def test_a_released_hold_costs_nothing(till: Till) -> None:
    await till.limit(100)
    till.escrow.release(await till.reserve(100))
    await till.spend(100, 100)
    assert await till.sums() == (100, 100, 0)


async def test_an_overrun_is_recorded_in_full(till: Till) -> None:
    await till.limit(100)
    await till.spend(100, 130)
    assert await till.sums() == (130, 130, 0)
    with pytest.raises(BudgetExceeded):
        await till.reserve(1)


async def test_an_overrun_is_taken_from_the_lease_where_that_has_room(till: Till) -> None:
    await till.limit(1000)
    till.escrow.release(await till.reserve(200))
    await till.spend(100, 130)
    assert await till.sums() == (200, 130, 0)


async def test_a_steady_caller_seldom_asks_the_store(till: Till) -> None:
    await till.limit(1_000_000)
    for _ in range(100):
        await till.spend(10, 10)
    asked = till.store.asked
    assert asked.count("states") == 1
    assert asked.count("lease") < 20


async def test_a_thousand_callers_get_exactly_fifty_calls() -> None:
    """Over three processes, with a budget for exactly fifty."""
    memory = MemoryLedger()
    tills = [Till(store=RemoteLedger(memory)) for _ in range(3)]
    await tills[0].limit(5_000_000_000)

    async def call(till: Till) -> bool:
        try:
            hold = await till.reserve(100_000_000)
        except BudgetExceeded:
            return False
        await asyncio.sleep(0)
        await till.settle(hold, 100_000_000)
        return True

    answered = await asyncio.gather(*(call(tills[number % 3]) for number in range(1000)))
    assert sum(answered) == 50
    assert await tills[0].sums() == (5_000_000_000, 5_000_000_000, 0)


@pytest.mark.parametrize("pause", [1, 3, 7])
async def test_callers_who_come_in_waves_get_exactly_fifty_calls(pause: int) -> None:
    """Leases that were made ahead leave no part of a call to a process that cannot use it."""
    memory = MemoryLedger()
    tills = [Till(store=RemoteLedger(memory)) for _ in range(3)]
    await tills[0].limit(5_000_000_000)
    answered = 0

    async def caller(till: Till) -> None:
        nonlocal answered
        for _ in range(60):
            try:
                hold = await till.reserve(100_000_000)
            except BudgetExceeded:
                continue
            for _ in range(pause):
                await asyncio.sleep(0)
            await till.settle(hold, 100_000_000)
            answered += 1

    await asyncio.gather(*(caller(till) for till in tills for _ in range(2)))
    assert answered == 50
    assert await tills[0].sums() == (5_000_000_000, 5_000_000_000, 0)


async def test_an_idle_lease_is_given_back(till: Till) -> None:
    await till.limit(1000)
    for _ in range(3):
        await till.spend(10, 5)
        await till.pass_time(TICK_SECONDS)
    await till.rest()
    assert await till.sums() == (15, 15, 0)


async def test_a_held_part_stays_when_the_rest_is_given_back(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    await till.spend(200, 5)
    await till.rest()
    assert await till.sums() == (105, 5, 0)
    await till.settle(hold, 60)
    await till.rest()
    assert await till.sums() == (65, 65, 0)


async def test_a_budget_that_is_only_looked_at_keeps_no_lease(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 5)
    for _ in range(6):
        await till.escrow.budgets([KEY])
        await till.pass_time(2 * TICK_SECONDS)
    assert await till.sums() == (5, 5, 0)


async def test_a_lease_in_use_is_extended_as_long_as_the_call_lasts(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    await till.pass_time(10 * LEASE_SECONDS)
    assert await till.sums() == (100, 0, 0)
    await till.settle(hold, 60)
    assert (await till.sums())[1:] == (60, 0)


async def test_a_lease_that_is_taken_while_the_others_are_extended_lives_on(till: Till) -> None:
    await till.limit(1000)
    await till.limit(1000, USER)
    held = await till.reserve(100)
    till.clock.advance(LEASE_SECONDS / 2 + TICK_SECONDS)
    leased = till.store.hold_back("lease")
    second = asyncio.create_task(till.reserve(100, USER))
    await until(lambda: "lease" in till.store.asked)
    await till.escrow._tick()
    leased.set()
    hold = await second
    await till.pass_time(2 * LEASE_SECONDS)
    assert (await till.sums(USER))[2] == 0
    await till.settle(hold, 10)
    await till.settle(held, 10)
    assert (await till.sums(USER))[1:] == (10, 0)


async def test_after_a_pause_nothing_is_held_from_a_lease_that_may_have_ended(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    till.clock.advance(LEASE_SECONDS - MARGIN_SECONDS + 0.1)
    await till.reserve(100)
    assert await till.sums() == (200, 0, 0)
    await till.settle(hold, 100)
    assert await till.sums() == (200, 100, 0)


async def test_what_a_paused_process_settles_replaces_the_unconfirmed_charge(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    till.clock.advance(LEASE_SECONDS + MARGIN_SECONDS + 0.1)
    await till.escrow._tick()
    assert await till.sums() == (100, 100, 100)
    await till.settle(hold, 60)
    await till.rest()
    assert await till.sums() == (60, 60, 0)


async def test_what_a_paused_process_never_used_is_free_again_at_once(till: Till) -> None:
    """A laptop that slept must not find its budget eaten by its own idle lease."""
    await till.limit(100)
    till.escrow.release(await till.reserve(100))
    till.clock.advance(3600)
    await till.spend(100, 100)
    assert await till.sums() == (100, 100, 0)


async def test_a_hold_that_is_released_after_a_pause_leaves_nothing(till: Till) -> None:
    await till.limit(100)
    hold = await till.reserve(60)
    till.clock.advance(3600)
    await till.escrow._tick()
    assert await till.sums() == (60, 60, 60)
    till.escrow.release(hold)
    await till.rest()
    assert await till.sums() == (0, 0, 0)


async def test_a_grant_that_comes_after_a_pause_is_not_used_and_not_lost(till: Till) -> None:
    await till.limit(100)
    leased = till.store.hold_back("lease")
    late = asyncio.create_task(till.reserve(60))
    await until(lambda: "lease" in till.store.asked)
    till.clock.advance(LEASE_SECONDS + MARGIN_SECONDS + 1)
    await till.escrow._tick()
    leased.set()
    hold = await late
    await till.store.memory.expire(now=till.clock())
    (budget,) = await till.escrow.budgets([KEY])
    assert (budget.reserved, budget.unconfirmed) == (60, 0)
    await till.settle(hold, 60)
    await till.rest()
    assert await till.sums() == (60, 60, 0)


async def test_what_could_not_be_given_back_before_a_pause_is_given_back_after_it(
    till: Till,
) -> None:
    await till.limit(1000)
    hold = await till.reserve(10)
    till.escrow.release(await till.reserve(100))
    till.clock.advance(IDLE_SECONDS + TICK_SECONDS)
    returned = till.store.hold_back("give_back")
    tick = asyncio.create_task(till.escrow._tick())
    await until(lambda: "give_back" in till.store.asked)
    till.clock.advance(LEASE_SECONDS)
    second = await till.reserve(20)
    till.store.fail_once("give_back", Overloaded("the store is away"))
    returned.set()
    with pytest.raises(Overloaded):
        await tick
    await till.settle(hold, 10)
    await till.settle(second, 20)
    await till.rest()
    assert await till.sums() == (30, 30, 0)


async def test_an_extension_that_comes_too_late_is_not_relied_on(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    till.clock.advance(LEASE_SECONDS / 2 + TICK_SECONDS)
    extended = till.store.hold_back("extend")
    tick = asyncio.create_task(till.escrow._tick())
    await until(lambda: till.store.asked[-1] == "extend")
    till.clock.advance(LEASE_SECONDS / 2 + 1)
    await till.store.memory.expire(now=till.clock())
    extended.set()
    await tick
    second = await till.reserve(10)
    assert second.owner != hold.owner
    await till.settle(hold, 100)
    assert (await till.sums())[1:] == (100, 0)


async def test_the_lease_of_a_dead_process_becomes_unconfirmed(till: Till) -> None:
    await till.limit(1000)
    await till.reserve(100)
    other = Till(clock=till.clock, store=RemoteLedger(till.store.memory))
    till.clock.advance(LEASE_SECONDS + MARGIN_SECONDS + 1)
    await other.escrow.start()
    await other.escrow.aclose()
    assert await till.sums() == (100, 100, 100)


@pytest.mark.parametrize("turns", range(12))
async def test_a_caller_who_leaves_while_reserving_leaves_nothing_held(
    till: Till, turns: int
) -> None:
    """Whenever that is: what the store granted meanwhile is known and given back."""
    await till.limit(1000)
    await till.limit(1000, USER)
    caller = asyncio.create_task(till.reserve(100, KEY, USER))
    for _ in range(turns):
        await asyncio.sleep(0)
    if not caller.cancel():
        till.escrow.release(await caller)
    await asyncio.gather(caller, return_exceptions=True)
    if not caller.cancelled():
        assert turns > 6
    await till.rest()
    assert await till.sums(KEY) == await till.sums(USER) == (0, 0, 0)


async def test_a_caller_who_leaves_does_not_take_the_next_ones_turn_along(till: Till) -> None:
    await till.limit(100)
    leased = till.store.hold_back("lease")
    first = asyncio.create_task(till.reserve(60))
    second = asyncio.create_task(till.reserve(60))
    await until(lambda: "lease" in till.store.asked)
    first.cancel()
    leased.set()
    await till.settle(await second, 60)
    assert await till.sums() == (60, 60, 0)


async def test_a_book_is_not_forgotten_while_it_is_being_read(till: Till) -> None:
    """Else its lease would be nobody's, and never given back."""
    await till.limit(1000)
    read = till.store.hold_back("states")
    caller = asyncio.create_task(till.reserve(100))
    await until(lambda: till.store.asked == ["states"])
    await till.escrow._tick()
    read.set()
    await till.settle(await caller, 10)
    await till.rest()
    assert await till.sums() == (10, 10, 0)


async def test_a_book_is_not_forgotten_while_another_budget_is_waited_for(till: Till) -> None:
    await till.limit(1000)
    await till.limit(1000, USER)
    leased = till.store.hold_back("lease")
    caller = asyncio.create_task(till.reserve(100, KEY, USER))
    await until(lambda: "lease" in till.store.asked)
    await till.pass_time(LEASE_SECONDS + 1)
    leased.set()
    await till.settle(await caller, 10)
    await till.rest()
    assert await till.sums(KEY) == await till.sums(USER) == (10, 10, 0)


async def test_books_nobody_uses_are_forgotten(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 10, KEY, USER)
    await till.pass_time(LEASE_SECONDS + 2)
    assert not till.escrow._books


async def test_a_store_that_is_away_admits_nobody(till: Till) -> None:
    """Without knowing the limits nothing may be spent."""
    till.store.is_away = True
    with pytest.raises(Overloaded):
        await till.reserve(1)
    till.store.is_away = False
    await till.spend(1, 1)


async def test_limits_that_are_known_are_good_for_a_moment_only(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 0)
    till.store.is_away = True
    await till.reserve(1)
    till.clock.advance(FRESH_SECONDS)
    with pytest.raises(Overloaded):
        await till.reserve(1)


async def test_no_record_is_lost_when_the_store_goes_away_and_comes_back(till: Till) -> None:
    await till.limit(1000)
    holds = [await till.reserve(100) for _ in range(3)]
    till.store.is_away = True
    for hold in holds:
        with pytest.raises(Overloaded):
            await till.settle(hold, 30)
    for _ in range(3):
        till.clock.advance(TICK_SECONDS)
        with pytest.raises(Overloaded):
            await till.escrow._tick()
    till.store.is_away = False
    (budget,) = await till.escrow.budgets([KEY])
    assert (budget.spent, budget.reserved) == (90, 0)
    await till.rest()
    assert await till.sums() == (90, 90, 0)


@pytest.mark.parametrize("method", ["states", "lease"])
async def test_callers_at_once_are_told_of_one_outage_together(till: Till, method: str) -> None:
    """Else each would wait for the store's time-out behind the one before."""
    await till.limit(1000)
    if method == "lease":
        await till.escrow.books((KEY,))
    till.store.is_away = True
    asked = till.store.hold_back(method)
    calls = [asyncio.create_task(till.reserve(100)) for _ in range(3)]
    for _ in range(10):
        await asyncio.sleep(0)
    asked.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert {type(outcome) for outcome in outcomes} == {Overloaded}
    assert till.store.asked.count(method) == 1


async def test_who_waited_long_for_a_lease_does_not_go_by_what_was_known_before(
    till: Till,
) -> None:
    await till.limit(1000)
    granted = till.store.hold_back("lease")
    call = asyncio.create_task(till.reserve(100))
    await until(lambda: "lease" in till.store.asked)
    till.clock.advance(FRESH_SECONDS + 1)
    await till.limit(50)
    granted.set()
    with pytest.raises(BudgetExceeded):
        await call


async def test_a_store_that_stays_away_longer_than_a_lease_loses_no_record(till: Till) -> None:
    await till.limit(1000)
    hold = await till.reserve(100)
    till.store.is_away = True
    with pytest.raises(Overloaded):
        await till.settle(hold, 30)
    for _ in range(100):
        till.clock.advance(TICK_SECONDS)
        with pytest.raises(Overloaded):
            await till.escrow._tick()
    till.store.is_away = False
    await till.rest()
    assert await till.sums() == (30, 30, 0)


async def test_a_record_that_the_store_cannot_take_keeps_no_other_out(till: Till) -> None:
    first, second = await till.reserve(100), await till.reserve(100)
    for _ in range(2):
        till.store.fail_once("settle", LookupError("a fault of the store"))
    for hold in (first, second):
        with pytest.raises(LookupError):
            await till.settle(hold, 30)
    till.store.fail_once("settle", LookupError("the same fault"))
    with pytest.raises(LookupError):
        await till.escrow._tick()
    assert (await till.sums())[1] == 30
    await till.escrow._tick()
    assert (await till.sums())[1] == 60


async def test_a_caller_who_does_not_wait_for_the_record_does_not_lose_it(till: Till) -> None:
    hold = await till.reserve(100)
    committed = till.store.hold_back("settle")
    record = till.escrow.settle(hold, usage_event(billed=30))
    waiting = asyncio.create_task(asyncio.wait_for(asyncio.shield(record), None))
    await until(lambda: "settle" in till.store.asked)
    waiting.cancel()
    committed.set()
    await till.escrow.aclose()
    assert await till.sums() == (30, 30, 0)


async def test_closing_records_everything_and_gives_everything_back(till: Till) -> None:
    await till.limit(1000)
    await till.escrow.start()
    hold = await till.reserve(100)
    committed = till.store.hold_back("settle")
    till.escrow.settle(hold, usage_event(billed=30))
    closing = asyncio.create_task(till.escrow.aclose())
    await until(lambda: "settle" in till.store.asked)
    committed.set()
    await closing
    assert await till.sums() == (30, 30, 0)


async def test_closing_waits_for_a_grant_that_is_on_its_way(till: Till) -> None:
    await till.limit(1000)
    leased = till.store.hold_back("lease")
    caller = asyncio.create_task(till.reserve(100))
    await until(lambda: "lease" in till.store.asked)
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    closing = asyncio.create_task(till.escrow.aclose())
    await asyncio.sleep(0)
    leased.set()
    await closing
    for _ in range(10):
        await asyncio.sleep(0)
    assert await till.sums() == (0, 0, 0)


async def test_closing_does_not_interrupt_a_tick(till: Till) -> None:
    """What it was giving back would be given back twice, or not at all."""
    await till.limit(1000)
    await till.spend(100, 10)
    till.clock.advance(IDLE_SECONDS + 1)
    returned = till.store.hold_back("give_back")
    await till.escrow.start()
    closing = asyncio.create_task(till.escrow.aclose())
    await until(lambda: "give_back" in till.store.asked)
    returned.set()
    await closing
    assert await till.sums() == (10, 10, 0)


async def test_the_ticks_go_on_after_a_fault(
    till: Till, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.gateway.escrow.TICK_SECONDS", 0)
    await till.limit(1000)
    await till.escrow.start()
    await till.reserve(100)
    till.store.fail_once("extend", Overloaded("the store is away"))
    till.store.fail_once("extend", LookupError("a fault of the store"))
    till.clock.advance(LEASE_SECONDS / 2 + TICK_SECONDS)
    await until(lambda: till.store.asked.count("extend") == 3)
    await till.escrow.aclose()
    assert caplog.messages == ["a tick of the escrow failed"]


async def test_a_limit_set_later_counts_what_was_spent_before(till: Till) -> None:
    await till.spend(50, 50)
    await till.limit(100)
    till.clock.advance(FRESH_SECONDS)
    with pytest.raises(BudgetExceeded):
        await till.reserve(51)
    await till.spend(50, 50)


async def test_a_limit_set_while_a_call_is_under_way_counts_that_call(till: Till) -> None:
    hold = await till.reserve(50)
    await till.escrow.set_limit(KEY, Limit(amount=60))
    second = await till.reserve(40)
    await till.settle(hold, 50)
    await till.settle(second, 40)
    await till.rest()
    assert await till.sums() == (90, 90, 0)
    with pytest.raises(BudgetExceeded):
        await till.reserve(1)


async def test_a_raised_limit_is_used_at_once(till: Till) -> None:
    await till.limit(100)
    await till.reserve(100)
    await till.limit(150)
    await till.reserve(50)
    assert await till.sums() == (150, 0, 0)


async def test_a_lowered_limit_stops_new_holds_and_calls_free_parts_back(till: Till) -> None:
    """Even where this process still has a free lease."""
    await till.limit(1000)
    hold = await till.reserve(100)
    till.escrow.release(await till.reserve(800))
    await till.limit(150)
    till.clock.advance(FRESH_SECONDS)
    with pytest.raises(BudgetExceeded):
        await till.reserve(60)
    assert (await till.state()).granted == 150
    await till.reserve(50)
    await till.settle(hold, 100)
    assert await till.sums() == (150, 100, 0)


async def test_a_busy_process_gives_back_what_a_lowered_limit_takes(till: Till) -> None:
    await till.limit(1000)
    held = await till.reserve(100)
    till.escrow.release(await till.reserve(800))
    await till.limit(100)
    till.clock.advance(FRESH_SECONDS)
    await till.escrow.books([KEY])
    await till.escrow._tick()
    assert await till.sums() == (100, 0, 0)
    await till.settle(held, 100)


async def test_a_limit_lowered_through_this_process_holds_at_once(till: Till) -> None:
    await till.limit(1000)
    till.escrow.release(await till.reserve(800))
    await till.escrow.set_limit(KEY, Limit(amount=0))
    with pytest.raises(BudgetExceeded):
        await till.reserve(1)


async def test_a_limit_removed_while_a_call_waits_for_it_does_not_stop_the_call(
    till: Till,
) -> None:
    await till.limit(100)
    await till.reserve(100)
    await till.limit(None)
    await till.spend(500, 500)
    assert till.store.asked.count("lease") == 2
    assert (await till.state()).spent == 500


async def test_a_limit_removed_while_a_call_is_under_way_gives_the_lease_back(till: Till) -> None:
    await till.limit(100)
    hold = await till.reserve(60)
    await till.escrow.set_limit(KEY, None)
    await till.settle(hold, 10)
    await till.pass_time(TICK_SECONDS)
    assert await till.sums() == (10, 10, 0)


async def test_a_call_is_billed_to_the_month_in_which_it_was_admitted(till: Till) -> None:
    end = period_bounds(PERIOD)[1].timestamp()
    till.clock.now = end - 0.5
    await till.limit(100)
    hold = await till.reserve(80)
    till.clock.now = end
    new = await till.reserve(100)
    await till.settle(hold, 70)
    await till.settle(new, 90)
    await till.rest()
    assert await till.sums(period=PERIOD) == (70, 70, 0)
    assert await till.sums(period="2026-12") == (90, 90, 0)


async def test_a_lease_of_the_old_month_is_given_back(till: Till) -> None:
    end = period_bounds(PERIOD)[1].timestamp()
    till.clock.now = end - 0.25
    await till.limit(1000)
    till.escrow.release(await till.reserve(80))
    till.clock.now = end
    await till.reserve(10)
    await till.escrow._tick()
    assert await till.sums(period=PERIOD) == (0, 0, 0)


async def test_a_clock_that_is_set_back_does_not_make_old_limits_new(till: Till) -> None:
    await till.limit(1000)
    till.escrow.release(await till.reserve(100))
    till.clock.advance(-3600)
    await till.limit(0)
    with pytest.raises(BudgetExceeded):
        await till.reserve(1)


async def test_what_is_affordable_is_the_least_of_the_budgets(till: Till) -> None:
    assert till.escrow.affordable(await till.escrow.books([KEY])) is None
    await till.escrow.set_limit(KEY, Limit(amount=100))
    await till.escrow.set_limit(USER, Limit(amount=70))
    await till.reserve(20, KEY)
    books = await till.escrow.books([KEY, USER])
    assert till.escrow.affordable(books) == 70
    await till.reserve(70, KEY, USER)
    assert till.escrow.affordable(books) == 0


async def test_the_tightest_budget_is_the_one_with_the_least_left(till: Till) -> None:
    assert till.escrow.tightest((await till.reserve(1, KEY, USER)).books) is None
    await till.escrow.set_limit(KEY, Limit(amount=100))
    await till.escrow.set_limit(USER, Limit(amount=70, hard=False))
    tightest = till.escrow.tightest((await till.reserve(20, KEY, USER)).books)
    assert tightest is not None
    assert (tightest.account, tightest.remaining) == (USER, 70)


async def test_two_readings_at_once_count_no_spend_less(till: Till) -> None:
    await till.limit(100)
    await till.spend(100, 60)
    read = till.store.hold_back("states")
    looking = asyncio.create_task(till.escrow.budgets([KEY]))
    refused = asyncio.create_task(till.reserve(60))
    await until(lambda: till.store.asked.count("lease") == 2)
    for _ in range(10):
        await asyncio.sleep(0)
    read.set()
    (budget,) = await looking
    with pytest.raises(BudgetExceeded) as refusal:
        await refused
    assert budget.spent == 60
    assert refusal.value.budget.spent == 60


async def test_a_refusal_leaves_nothing_that_a_later_call_would_miss(till: Till) -> None:
    await till.limit(100)
    for _ in range(5):
        with pytest.raises(HeadgateError):
            await till.reserve(101)
    await till.spend(100, 100)
    assert await till.sums() == (100, 100, 0)


async def test_limited_accounts_are_watched_as_the_store_has_them(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 30, KEY, USER)
    assert [spend.spent for spend in await till.escrow.spends()] == [0], "it was read before"
    till.clock.advance(FRESH_SECONDS)
    (spend,) = await till.escrow.spends()
    assert spend == (KEY, PERIOD, Limit(amount=1000), 30)
    asked = len(till.store.asked)
    await till.escrow.spends()
    assert len(till.store.asked) == asked, "nothing was spent since"


async def test_a_soft_limit_is_watched_too(till: Till) -> None:
    await till.store.memory.set_limit(KEY, Limit(amount=10, hard=False))
    await till.spend(100, 30)
    assert [spend.spent for spend in await till.escrow.spends(at_once=True)] == [30]


async def test_of_two_processes_the_last_to_spend_sees_the_whole_sum(till: Till) -> None:
    """Though each had looked before the other spent."""
    other = till.beside()
    await till.limit(1000)
    holds = [await each.reserve(100) for each in (till, other)]
    await till.settle(holds[0], 60)
    await other.settle(holds[1], 70)
    till.clock.advance(FRESH_SECONDS)
    seen = [spend.spent for each in (till, other) for spend in await each.escrow.spends()]
    assert max(seen) == 130


async def test_what_is_spent_while_the_store_is_asked_is_asked_for_again(till: Till) -> None:
    await till.limit(1000)
    await till.spend(100, 30)
    hold = await till.reserve(100)
    till.clock.advance(FRESH_SECONDS)
    gate = till.store.hold_back("states")
    watching = asyncio.create_task(till.escrow.spends())
    await asyncio.sleep(0)
    await till.settle(hold, 40)
    gate.set()
    await watching
    till.clock.advance(FRESH_SECONDS)
    assert [spend.spent for spend in await till.escrow.spends()] == [70]


async def test_the_leases_of_the_dead_are_counted(till: Till) -> None:
    await till.limit(1000)
    await till.reserve(100)
    survivor = till.beside()
    await survivor.pass_time(2 * LEASE_SECONDS)
    assert survivor.escrow.expired == 1


async def test_a_process_that_will_stand_still_leaves_nothing_to_expire() -> None:
    """What it leased ahead is given back, what it settled is recorded, however long it sleeps."""
    till = Till()
    await till.limit(10_000)
    await till.spend(100, 40)
    await till.escrow.rest()
    assert await till.sums() == (40, 40, 0)
    till.clock.advance(3600)
    await till.store.memory.expire(now=till.clock())
    assert await till.sums() == (40, 40, 0)
    await till.spend(100, 60)
    await till.escrow.rest()
    assert await till.sums() == (100, 100, 0)


async def test_a_lease_for_one_call_goes_back_with_its_record() -> None:
    """A process that may stand still after a call has nothing more to ask of the store."""
    till = Till()
    escrow = Escrow(till.store, clock=till.clock, pause=till.pause, lead_ticks=0)
    await till.limit(10_000)
    for number in range(1, 4):
        books = await escrow.books((KEY,))
        await escrow.settle(await escrow.reserve(books, 100), usage_event(billed=40))
        assert await till.sums() == (40 * number, 40 * number, 0)
        assert escrow.tightest(books) == (await escrow.budgets((KEY,)))[0]
        await escrow.rest()
    assert till.store.asked.count("lease") == till.store.asked.count("settle") == 3
    assert "give_back" not in till.store.asked


async def test_of_calls_at_once_the_last_one_gives_the_lease_back() -> None:
    till = Till()
    escrow = Escrow(till.store, clock=till.clock, pause=till.pause, lead_ticks=0)
    await till.limit(10_000)
    books = await escrow.books((KEY,))
    first, second = await escrow.reserve(books, 100), await escrow.reserve(books, 100)
    await escrow.settle(first, usage_event(billed=40))
    assert await till.sums() == (200, 40, 0)
    await escrow.settle(second, usage_event(billed=130))
    assert await till.sums() == (170, 170, 0)
    assert "give_back" not in till.store.asked


async def test_a_return_that_the_store_did_not_take_is_made_with_its_record_later() -> None:
    till = Till()
    escrow = Escrow(till.store, clock=till.clock, pause=till.pause, lead_ticks=0)
    await till.limit(10_000)
    hold = await escrow.reserve(await escrow.books((KEY,)), 100)
    till.store.fail_once("settle", Overloaded("the store is away"))
    with pytest.raises(Overloaded):
        await escrow.settle(hold, usage_event(billed=40))
    assert await till.sums() == (100, 0, 0)
    await escrow.rest()
    assert await till.sums() == (40, 40, 0)


async def test_a_lease_for_one_call_takes_no_more() -> None:
    till = Till()
    escrow = Escrow(till.store, clock=till.clock, pause=till.pause, lead_ticks=0)
    await till.limit(10_000)
    for _ in range(3):
        books = await escrow.books((KEY,))
        hold = await escrow.reserve(books, 100)
        assert (await till.sums())[0] == 100
        escrow.release(hold)
        await escrow.rest()
