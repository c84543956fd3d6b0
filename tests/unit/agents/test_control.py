"""What runs are told while they work."""

import asyncio

import pytest

from headgate.agents.control import Control, Controls, RunCancelled
from headgate.core.runs import Command
from headgate.stores.memory_runs import MemoryRuns


def command(number: int, kind: str, **fields: object) -> Command:
    return Command(run_id="run_1", number=number, kind=kind, **fields)  # type: ignore[arg-type]


async def test_a_paused_run_waits_and_says_how_long() -> None:
    now = [10.0]
    control = Control(lambda: now[0])
    control.take(command(1, "pause"))
    going = asyncio.create_task(control.go())
    await asyncio.sleep(0)
    assert not going.done()
    now[0] += 5
    control.take(command(2, "resume"))
    assert await going == 5
    assert await control.go() == 0


async def test_an_old_command_changes_nothing() -> None:
    control = Control()
    control.take(command(1, "pause"))
    control.take(command(2, "resume"))
    control.take(command(1, "pause"))
    assert await control.go() < 1


async def test_a_cancelled_run_waits_for_nothing() -> None:
    control = Control()
    control.take(command(1, "pause"))
    waiting = [
        asyncio.create_task(wait)
        for wait in (
            control.go(),
            control.decision("1"),
            control.unless_cancelled(asyncio.sleep(60)),
        )
    ]
    await asyncio.sleep(0)
    control.take(command(2, "cancel"))
    for task in waiting:
        with pytest.raises(RunCancelled):
            await task


async def test_work_that_ends_keeps_its_result_and_its_error() -> None:
    async def fails() -> None:
        raise LookupError

    control = Control()
    assert await control.unless_cancelled(asyncio.sleep(0, "done")) == "done"
    with pytest.raises(LookupError):
        await control.unless_cancelled(fails())


async def test_a_decision_is_heard_by_the_step_it_is_for() -> None:
    control = Control()
    control.take(command(1, "decide", step_id="2", approved=True))
    waiting = asyncio.create_task(control.decision("3"))
    control.take(command(2, "decide", step_id="3"))
    assert (await waiting).step_id == "3"
    assert (await control.decision("2")).approved


async def test_commands_reach_the_runs_that_are_worked_on_here() -> None:
    store = MemoryRuns()
    await store.command(Command(run_id="run_1", kind="pause"))
    controls = Controls(store)
    async with controls.of("run_1") as first, controls.of("run_1") as second:
        assert first is second
        waiting = asyncio.create_task(first.go())
        await asyncio.sleep(0)
        assert not waiting.done()
        await controls.update()
        await store.command(Command(run_id="run_2", kind="cancel"))
        await store.command(Command(run_id="run_1", kind="resume"))
        await controls.update()
        await waiting
    async with controls.of("run_1") as later:
        assert later is not first


async def test_nobody_is_asked_for_commands_where_nothing_is_worked_on() -> None:
    """Yet what came meanwhile reaches the run that is worked on next."""

    class Counting(MemoryRuns):
        asked = 0

        async def last_command(self) -> int:
            self.asked += 1
            return await super().last_command()

    store = Counting()
    controls = Controls(store)
    await controls.update()
    assert store.asked == 0
    await store.command(Command(run_id="run_1", kind="cancel"))
    async with controls.of("run_1") as control:
        await controls.update()
        with pytest.raises(RunCancelled):
            await control.go()
    await controls.update()
    assert store.asked == 1
