"""Recalls: money that lies idle with one process is not refused by another."""

import asyncio

import pytest

from escrow_till import KEY, PERIOD, USER, Till
from fakes import RemoteLedger, until
from headgate.core.errors import BudgetExceeded, Overloaded
from headgate.gateway.escrow import FRESH_SECONDS
from headgate.gateway.recalls import AGAIN_SECONDS, LOOKS
from headgate.stores.memory import MemoryLedger


@pytest.fixture
def here() -> Till:
    return Till()


@pytest.fixture
def there(here: Till) -> Till:
    """A process that answers recalls while the one that is `here` waits."""
    there = here.beside()
    here.meanwhile = there.escrow._answer_recalls
    return there


async def is_refused(till: Till, ceiling: int) -> bool:
    try:
        await till.reserve(ceiling)
    except BudgetExceeded:
        return True
    return False


async def leave_free(till: Till, amount: int) -> None:
    """Leave a process with a lease that no call holds."""
    till.escrow.release(await till.reserve(amount))


async def test_what_another_process_does_not_use_comes_back_before_a_refusal(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await leave_free(there, 900)
    held = await there.reserve(200)
    await here.settle(await here.reserve(800), 800)
    await there.settle(held, 200)
    assert await here.sums() == (1000, 1000, 0)
    assert here.store.asked.count("recall") == 1


async def test_what_the_calls_of_another_process_hold_does_not_come_back(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    held = await there.reserve(500)
    with pytest.raises(BudgetExceeded) as refused:
        await here.reserve(501)
    assert refused.value.budget.reserved == 500
    assert await here.sums() == (500, 0, 0)
    await there.settle(held, 100)
    here.clock.advance(AGAIN_SECONDS)
    await here.settle(await here.reserve(900), 900)
    assert await here.sums() == (1000, 1000, 0)


async def test_a_refusal_is_immediate_where_nobody_else_has_a_lease(here: Till) -> None:
    await here.limit(1000)
    await here.spend(1000, 1000)
    here.store.asked.clear()
    assert await is_refused(here, 1)
    assert here.store.asked == ["lease", "states"]


async def test_a_refusal_is_immediate_where_all_that_others_have_would_not_do(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await here.spend(600, 600)
    await leave_free(there, 300)
    assert await is_refused(here, 401)
    assert "recall" not in here.store.asked
    assert not await is_refused(here, 400)


async def test_retries_on_an_empty_budget_cost_one_reading_a_second(here: Till) -> None:
    await here.limit(5_000)
    answered = 0
    for _ in range(891):
        try:
            await here.spend(100, 100)
            answered += 1
        except BudgetExceeded:
            pass
        here.clock.advance(0.01)
    assert answered == 50
    assert here.store.asked.count("settle") == 50
    assert await here.sums() == (5_000, 5_000, 0)
    here.store.asked.clear()
    for _ in range(400):
        assert await is_refused(here, 100)
        here.clock.advance(0.01)
    assert here.store.asked == ["states"] * 4


async def test_retries_find_a_changed_budget_within_a_second(here: Till) -> None:
    await here.limit(100)
    await here.spend(100, 100)
    assert await is_refused(here, 1)
    await here.limit(150)
    here.clock.advance(FRESH_SECONDS)
    await here.spend(50, 50)
    assert await here.sums() == (150, 150, 0)


async def test_a_smaller_call_is_not_refused_because_a_larger_one_was(here: Till) -> None:
    await here.limit(100)
    assert await is_refused(here, 101)
    await here.spend(100, 100)


async def test_retries_while_others_hold_all_money_recall_it_once_a_second(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await there.reserve(1000)
    for _ in range(50):
        assert await is_refused(here, 100)
    assert here.store.asked.count("recall") == 1
    assert here.store.asked.count("lease") == 1
    assert here.store.asked.count("states") == 2 + LOOKS
    here.clock.advance(AGAIN_SECONDS)
    for _ in range(50):
        assert await is_refused(here, 100)
    assert here.store.asked.count("recall") == 2


async def test_a_call_soon_after_a_recall_that_helped_waits_again(here: Till, there: Till) -> None:
    """The owner has leased again since, and looks for marks only now and then."""
    await here.limit(1000)
    await leave_free(there, 1000)
    await here.spend(100, 100)
    await leave_free(there, 900)
    await here.spend(900, 900)
    assert here.store.asked.count("recall") == 1


async def test_callers_at_once_share_one_recall(here: Till, there: Till) -> None:
    await here.limit(1000)
    await leave_free(there, 1000)
    refused = await asyncio.gather(*(is_refused(here, 100) for _ in range(50)))
    assert refused.count(False) == 10
    assert here.store.asked.count("recall") == 1
    assert (await here.sums())[0] == 1000


async def test_callers_wait_for_the_last_process_that_has_something_free() -> None:
    memory = MemoryLedger()
    here, second, third = (Till(store=RemoteLedger(memory)) for _ in range(3))
    await here.limit(200)
    await leave_free(second, 100)
    await leave_free(third, 100)
    slow = asyncio.Event()

    async def answer() -> None:
        await second.escrow._answer_recalls()
        if slow.is_set():
            await third.escrow._answer_recalls()

    here.meanwhile = answer
    callers = [asyncio.create_task(is_refused(here, 100)) for _ in range(5)]
    await until(lambda: second.store.asked.count("give_back") == 1)
    slow.set()
    assert (await asyncio.gather(*callers)).count(False) == 2


async def test_two_halves_become_a_whole(here: Till, there: Till) -> None:
    """Each of two processes has half of what a call needs, and each has such a call."""
    await here.limit(100)
    await leave_free(here, 50)
    await leave_free(there, 50)

    async def answer() -> None:
        await here.escrow._answer_recalls()
        await there.escrow._answer_recalls()

    here.meanwhile = there.meanwhile = answer
    refused = await asyncio.gather(is_refused(here, 100), is_refused(there, 100))
    assert sorted(refused) == [False, True]


async def test_a_caller_who_leaves_does_not_end_the_recall_for_others(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await leave_free(there, 1000)
    marked = here.store.hold_back("recall")
    first = asyncio.create_task(here.reserve(900))
    second = asyncio.create_task(here.reserve(900))
    await until(lambda: "recall" in here.store.asked)
    first.cancel()
    marked.set()
    await here.settle(await second, 900)
    assert here.store.asked.count("recall") == 1


async def test_nobody_waits_longer_than_a_moment_for_a_slow_store(
    here: Till, there: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.gateway.recalls.PATIENCE_SECONDS", 0.01)
    await here.limit(1000)
    await leave_free(there, 1000)
    marked = here.store.hold_back("recall")
    assert await is_refused(here, 900)
    marked.set()
    await here.escrow.aclose()
    assert (await here.sums())[0] == 0


async def test_a_store_that_goes_away_during_a_recall_is_overloaded(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await leave_free(there, 1000)
    here.store.fail_once("recall", Overloaded("the store is away"))
    with pytest.raises(Overloaded, match="away"):
        await here.reserve(900)
    await here.settle(await here.reserve(900), 900)


async def test_a_call_in_several_budgets_recalls_each_that_is_short(
    here: Till, there: Till
) -> None:
    for account in (KEY, USER):
        await here.limit(1000, account)
    there.escrow.release(await there.reserve(900, KEY, USER))
    await here.settle(await here.reserve(800, KEY, USER), 800)
    assert here.store.asked.count("recall") == 2
    for account in (KEY, USER):
        assert await here.sums(account) == (800, 800, 0)


async def test_owners_look_for_recalls_only_while_they_have_something_free(there: Till) -> None:
    await there.escrow._answer_recalls()
    await there.limit(1000)
    hold = await there.reserve(500)
    await there.escrow._answer_recalls()
    assert "recalled" not in there.store.asked
    await there.settle(hold, 100)
    await there.escrow._answer_recalls()
    assert there.store.asked.count("recalled") == 1
    assert "give_back" not in there.store.asked


async def test_owners_give_back_what_becomes_free_while_the_mark_stands(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    hold = await there.reserve(1000)
    assert await is_refused(here, 100)
    there.escrow.release(hold)
    await there.escrow._answer_recalls()
    assert await here.sums() == (0, 0, 0)
    here.clock.advance(FRESH_SECONDS)
    await here.spend(1000, 1000)


async def test_a_recall_that_was_answered_leaves_the_owner_what_it_can_lease_again(
    here: Till, there: Till
) -> None:
    await here.limit(1000)
    await leave_free(there, 900)
    await here.spend(800, 100)
    await there.spend(200, 200)
    await there.rest()
    await here.rest()
    assert await here.sums() == (300, 300, 0)


async def test_what_is_affordable_grows_by_what_others_do_not_use(here: Till, there: Till) -> None:
    await here.limit(1000)
    await leave_free(there, 900)
    books = await here.escrow.books([KEY, USER])
    assert here.escrow.affordable(books) == 100
    await here.escrow.recall(books, 100)
    assert "recall" not in here.store.asked
    await here.escrow.recall(books, 5_000)
    assert here.escrow.affordable(books) == 1000


async def test_recalls_are_answered_by_a_process_that_runs(
    here: Till, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(RemoteLedger, "look_seconds", 0)
    await here.limit(1000)
    await here.escrow.start()
    await leave_free(here, 1000)
    await here.store.memory.recall(KEY, PERIOD, until=here.clock.now)
    await until(lambda: "give_back" in here.store.asked)
    await here.escrow.aclose()
    assert await here.sums() == (0, 0, 0)
