"""The process's part in working on runs."""

import asyncio
import contextlib
import dataclasses
from collections.abc import AsyncIterator, Sequence
from typing import Any

from agent_desk import KEY, agent_desk
from engines import MemoryEngine
from headgate.agents.control import Controls
from headgate.agents.executor import Executor
from headgate.agents.runs import Order
from headgate.core.durable import Thread
from headgate.core.errors import Overloaded
from headgate.core.run_queue import RunQueue, Ticket
from headgate.core.runs import Change, Command, Draft
from headgate.stores.memory_run_queue import MemoryRunQueue
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


class Watched(MemoryRunQueue):
    """A queue that says when something is done with, and how often it was asked."""

    def __init__(self) -> None:
        super().__init__(wait_seconds=60)
        self.asked: list[int] = []
        self.finished: asyncio.Queue[str] = asyncio.Queue()
        self.failing = False

    async def put(self, run_id: str) -> None:
        if self.failing:
            raise Overloaded("away")
        await super().put(run_id)

    async def take(self, limit: int) -> Sequence[Ticket]:
        self.asked.append(limit)
        return await super().take(limit)

    async def done(self, ticket: Ticket) -> None:
        await super().done(ticket)
        await self.finished.put(ticket.run_id)


def taking(store: MemoryRuns, queue: RunQueue, engine: MemoryEngine, **fields: Any) -> Executor:
    async def load() -> MemoryEngine:
        return engine

    return Executor(
        store,
        Controls(store),
        perform,  # type: ignore[arg-type]
        contextlib.nullcontext,
        load,
        is_warm=True,
        queue=queue,
        **fields,
    )


async def test_a_run_that_is_announced_twice_is_taken_once() -> None:
    async with agent_desk() as desk:
        pass
    run = await desk.start("Go")
    queue, engine = Watched(), MemoryEngine()
    for _ in range(2):
        await queue.put(run.run_id)
    async with taking(desk.store, queue, engine).running():
        assert [await queue.finished.get() for _ in range(2)] == [run.run_id] * 2
        assert list(engine.submitted) == [run.run_id]
        assert not await desk.store.claim(run.run_id)


async def test_a_ticket_of_which_its_process_died_is_given_again_and_taken() -> None:
    async with agent_desk() as desk:
        pass
    run = await desk.start("Go")
    queue = Watched()
    await queue.put(run.run_id)
    await queue.take(1)  # by one that died before it had done anything
    engine = MemoryEngine()
    async with taking(desk.store, queue, engine).running():
        queue.time_out()
        assert await queue.finished.get() == run.run_id
        assert list(engine.submitted) == [run.run_id]


async def test_news_of_a_run_that_has_ended_or_is_gone_is_done_with() -> None:
    async with agent_desk() as desk:
        pass
    run = await desk.start("Go")
    await desk.store.record(run.run_id, [], Change(status="cancelled", finished_at=1.0))
    queue, engine = Watched(), MemoryEngine()
    for run_id in (run.run_id, "run_gone"):
        await queue.put(run_id)
    async with taking(desk.store, queue, engine).running():
        assert [await queue.finished.get() for _ in range(2)] == [run.run_id, "run_gone"]
        assert engine.submitted == {}


async def test_what_the_queue_has_lost_is_found_in_the_store() -> None:
    """As where a process died between the run and its news."""

    class Noting(MemoryRuns):
        noted = asyncio.Event()

        async def submitted(self, run_ids: Sequence[str]) -> None:
            await super().submitted(run_ids)
            self.noted.set()

    async with agent_desk() as desk:
        pass
    run, store, engine = await desk.start("Go"), Noting(), MemoryEngine()
    await store.add(run)
    async with taking(store, MemoryRunQueue(), engine).running():
        await store.noted.wait()
        assert list(engine.submitted) == [run.run_id]


async def test_a_process_that_is_full_leaves_the_queue_to_others() -> None:
    class Rounds(MemoryRuns):
        third = asyncio.Event()
        count = 0

        async def commands(self, *, after: int) -> list[Command]:
            self.count += 1
            if self.count == 3:
                self.third.set()
            return await super().commands(after=after)

    store, queue = Rounds(), Watched()
    executor = taking(store, queue, MemoryEngine(), most_at_once=3, round_seconds=0.001)
    async with executor.controls.of("run_1"), contextlib.AsyncExitStack() as more:
        for run_id in ("run_2", "run_3"):
            await more.enter_async_context(executor.controls.of(run_id))
        async with executor.running():
            await store.third.wait()
            assert queue.asked == []
            await more.aclose()
            await queue.put("run_gone")
            assert await queue.finished.get() == "run_gone"
    assert queue.asked[0] == 2


async def test_a_run_begins_although_it_could_not_be_announced() -> None:
    """It is in the store, where it is found a little later."""
    queue = Watched()
    queue.failing = True
    async with agent_desk() as desk:
        runs = dataclasses.replace(desk.runs, queue=queue)
        order = Order(type="react", model="small", input="Go")
        run = await runs.start(KEY, order)
        assert await desk.store.get(run.run_id) is not None


async def test_a_run_is_announced_when_it_begins_and_when_it_goes_on_before_it_has_begun() -> None:
    queue = MemoryRunQueue()
    async with agent_desk() as desk:
        pass
    runs = dataclasses.replace(desk.runs, queue=queue)
    run = await runs.start(KEY, Order(type="react", model="small", input="Go"))
    assert [ticket.run_id for ticket in await queue.take(9)] == [run.run_id]
    await runs.pause(KEY, run.run_id)
    assert await queue.take(9) == []
    await runs.resume(KEY, run.run_id)
    assert [ticket.run_id for ticket in await queue.take(9)] == [run.run_id]
