"""A run's budget is not passed by calls at the same time, and no call is refused without need."""

import asyncio

import pytest

from headgate.agents.journal import Journal
from headgate.agents.purse import StepPurse
from headgate.core.runs import UNCHANGED, Change, Hold, Run, RunRequest, Tally
from headgate.stores.memory_runs import MemoryRuns
from usage_events import usage_event

BUDGET = 10


@pytest.fixture
async def journal() -> Journal:
    store = MemoryRuns()
    request = RunRequest(
        type="react",
        input="Go",
        model="m",
        budget=BUDGET,
        max_steps=9,
        seconds=9,
        approval_seconds=9,
    )
    await store.add(
        Run(
            run_id="run_1",
            key_id="k",
            workspace_id="w",
            user_id=None,
            request=request,
            created_at=0,
        )
    )
    return Journal(store)


def purse(journal: Journal, step_id: str, budget: int | None = BUDGET) -> StepPurse:
    return StepPurse(journal, "run_1", step_id, budget)


async def finished(journal: Journal, step_id: str, billed: int) -> None:
    """What a step writes at its end."""
    await journal.record(
        "run_1", [], Change(tally=(step_id, Tally(1, 0, billed)), hold=(step_id, None))
    )


async def holds(journal: Journal) -> dict[str, Hold]:
    run = await journal.store.get("run_1")
    assert run is not None
    return dict(run.holds)


async def begun_to_wait(work: "asyncio.Task[int]") -> None:
    for _ in range(20):
        await asyncio.sleep(0)
    assert not work.done()


async def test_a_call_that_the_budget_does_not_cover_waits_for_those_under_way(
    journal: Journal,
) -> None:
    first, second = purse(journal, "1"), purse(journal, "2")
    assert await first.hold(7) == 7
    waiting = asyncio.create_task(second.hold(7))
    await begun_to_wait(waiting)
    assert await holds(journal) == {"1": Hold(0, 7), "2": Hold(0, 0)}
    first.settle(7, usage_event(billed=2))
    await finished(journal, "1", billed=2)
    assert await waiting == 7
    assert await holds(journal) == {"2": Hold(0, 7)}


async def test_a_call_that_is_alone_gets_what_there_is(journal: Journal) -> None:
    await finished(journal, "0", billed=6)
    assert await purse(journal, "1").hold(7) == 4
    await finished(journal, "1", billed=4)
    assert await purse(journal, "2").hold(7) == 0


async def test_calls_of_one_step_share_the_budget_as_well(journal: Journal) -> None:
    tool = purse(journal, "1")
    assert await tool.hold(6) == 6
    waiting = asyncio.create_task(tool.hold(6))
    await begun_to_wait(waiting)
    tool.settle(6, usage_event(billed=5))
    assert await waiting == 5
    assert await holds(journal) == {"1": Hold(5, 5)}
    assert [event.billed for event in tool.events] == [5]


async def test_steps_with_calls_behind_them_do_not_wait_for_each_other_for_ever(
    journal: Journal,
) -> None:
    tools = [purse(journal, "1"), purse(journal, "2")]
    for tool in tools:
        assert await tool.hold(5) == 5
    for tool in tools:
        tool.settle(5, usage_event(billed=1))
    async with asyncio.timeout(10):
        granted = await asyncio.gather(*(tool.hold(4) for tool in tools))
    assert granted == [4, 4]


async def test_a_hold_that_came_to_nothing_is_given_back(journal: Journal) -> None:
    tool = purse(journal, "1")
    tool.settle(await tool.hold(9), None)
    assert await tool.hold(10) == 10
    assert tool.events == []


async def test_what_a_dead_process_held_is_free_once_its_step_begins_again(
    journal: Journal,
) -> None:
    assert await purse(journal, "1").hold(9) == 9
    again, other = purse(journal, "1"), purse(journal, "2")
    waiting = asyncio.create_task(other.hold(8))
    await begun_to_wait(waiting)
    await again.begin_again()
    assert await waiting == 8
    assert await holds(journal) == {"1": Hold(0, 0), "2": Hold(0, 8)}


async def test_without_a_budget_nothing_is_written(journal: Journal) -> None:
    free = purse(journal, "1", budget=None)
    await free.begin_again()
    assert await free.hold(1_000) == 1_000
    free.settle(1_000, usage_event(billed=5))
    assert await holds(journal) == {}
    assert Change() == UNCHANGED
    assert [event.billed for event in free.events] == [5]
