"""The process's part in working on runs."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from agent_desk import agent_desk
from engines import MemoryEngine
from headgate.agents.control import Controls
from headgate.agents.executor import Executor
from headgate.core.durable import Thread
from headgate.core.runs import Change, Draft
from headgate.stores.memory_runs import MemoryRuns


class Loads:
    """Counts how often an engine is loaded and the office is entered."""

    def __init__(self) -> None:
        self.loaded = asyncio.Event()
        self.engines = 0
        self.offices = 0

    async def load(self) -> MemoryEngine:
        self.engines += 1
        self.loaded.set()
        return MemoryEngine()

    @contextlib.asynccontextmanager
    async def office(self) -> AsyncIterator[None]:
        self.offices += 1
        yield


async def perform(thread: Thread, body: str) -> str:
    return ""


async def test_no_engine_is_loaded_where_there_is_nothing_to_work_on() -> None:
    loads, store = Loads(), MemoryRuns()
    executor = Executor(store, Controls(store), perform, loads.office, loads.load)  # type: ignore[arg-type]
    async with executor.running():
        for _ in range(3):
            executor.nudge()
            await store.counts()
    assert loads.engines == 0


async def test_an_engine_is_loaded_before_there_is_work_where_that_is_wanted() -> None:
    loads, store = Loads(), MemoryRuns()
    executor = Executor(
        store,
        Controls(store),
        perform,  # type: ignore[arg-type]
        loads.office,
        loads.load,
        is_warm=True,
    )
    async with executor.running():
        await loads.loaded.wait()
    assert loads.engines == 1


async def test_a_command_does_not_work_on_the_runs_of_others() -> None:
    loads = Loads()
    async with agent_desk() as desk:
        pass
    await desk.start("Go")
    store = desk.store
    executor = Executor(
        store,
        Controls(store),
        perform,  # type: ignore[arg-type]
        loads.office,
        loads.load,
        is_eager=False,
    )
    async with executor.running():
        assert loads.offices == 0


async def test_ended_runs_are_forgotten_when_they_are_old() -> None:
    async with agent_desk() as desk:
        old = await desk.finish("Go")
    new = await desk.start("Go")
    await desk.store.record(
        new.run_id, [Draft(type="run.cancelled")], Change(status="cancelled", finished_at=900.0)
    )
    waiting = await desk.start("Go")
    store = MemoryRuns()
    store._runs, store._events = desk.store._runs, desk.store._events
    store._runs[old.run_id] = Change(finished_at=100.0).applied(store._runs[old.run_id])
    engine = MemoryEngine()

    async def load() -> MemoryEngine:
        return engine

    executor = Executor(
        store,
        Controls(store),
        perform,  # type: ignore[arg-type]
        contextlib.nullcontext,
        load,
        kept_seconds=500.0,
        clock=lambda: 1000.0,
    )
    async with executor.running():
        executor.nudge()
        await engine.forgot.wait()
    assert waiting.run_id in engine.submitted
    assert await store.get(old.run_id) is None
    assert await store.get(new.run_id) is not None
