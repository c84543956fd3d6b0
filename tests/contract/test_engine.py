"""What every engine of durable execution promises."""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from engines import MemoryEngine
from headgate.core.durable import Displaced, Diverged, Engine, Thread
from headgate.engine.databases import sqlite_database
from headgate.engine.dbos import DbosEngine


@pytest.fixture(params=["memory", "sqlite"])
async def make_engine(
    request: pytest.FixtureRequest, tmp_path: Path
) -> AsyncIterator[Callable[[], Engine]]:
    """Makes engines on the same checkpoints, one after the other."""
    made: list[Engine] = []

    def make() -> Engine:
        if request.param == "memory":
            before = made[-1] if made else None
            kept = before if isinstance(before, MemoryEngine) else MemoryEngine()
            engine: Engine = MemoryEngine(kept.results, kept.submitted, kept.finished)
        else:
            engine = DbosEngine(sqlite_database(tmp_path / "agents.db"), "local", 100)
        made.append(engine)
        return engine

    yield make
    await made[-1].aclose()


class Recorder:
    """Work of a given number of steps, which notes what was really done and what came of it."""

    def __init__(self, body: Callable[["Recorder", Thread, str], Awaitable[str]]) -> None:
        self.done: list[str] = []
        self.ended: dict[str, asyncio.Future[str]] = {}
        self.reached = asyncio.Event()
        self._body = body

    async def __call__(self, thread: Thread, body: str) -> str:
        result = await self._body(self, thread, body)
        if not thread.path:
            self.result_of(thread.run_id).set_result(result)
        return result

    def result_of(self, run_id: str) -> asyncio.Future[str]:
        return self.ended.setdefault(run_id, asyncio.get_running_loop().create_future())

    async def work(self, name: str) -> str:
        self.done.append(name)
        return f"result of {name}"


async def three_steps(recorder: Recorder, thread: Thread, body: str) -> str:
    results = [await thread.step(name, lambda n=name: recorder.work(n)) for name in "abc"]  # type: ignore[misc]
    return json.dumps([body, *results])


async def test_a_thread_is_performed_with_its_body(make_engine: Callable[[], Engine]) -> None:
    engine, recorder = make_engine(), Recorder(three_steps)
    await engine.start(recorder)
    await engine.submit("run_1", "the body, äöü")
    told = json.loads(await recorder.result_of("run_1"))
    assert told == ["the body, äöü", "result of a", "result of b", "result of c"]
    assert recorder.done == ["a", "b", "c"]


async def test_a_run_that_is_submitted_twice_is_performed_once(
    make_engine: Callable[[], Engine],
) -> None:
    engine, recorder = make_engine(), Recorder(three_steps)
    await engine.start(recorder)
    await asyncio.gather(*(engine.submit("run_1", "") for _ in range(3)))
    await recorder.result_of("run_1")
    await engine.submit("run_1", "")
    await engine.submit("run_2", "")
    await recorder.result_of("run_2")
    assert recorder.done == ["a", "b", "c"] * 2


async def stuck_at_b(recorder: Recorder, thread: Thread, body: str) -> str:
    await thread.step("a", lambda: recorder.work("a"))

    async def stick() -> str:
        recorder.reached.set()
        await asyncio.get_running_loop().create_future()
        return ""

    return await thread.step("b", stick)


async def test_what_a_dead_process_left_goes_on_behind_its_last_step(
    make_engine: Callable[[], Engine],
) -> None:
    engine, recorder = make_engine(), Recorder(stuck_at_b)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    await recorder.reached.wait()
    await engine.aclose()
    assert recorder.done == ["a"]

    engine, recorder = make_engine(), Recorder(three_steps)
    await engine.start(recorder)
    told = json.loads(await recorder.result_of("run_1"))
    assert told[1:] == ["result of a", "result of b", "result of c"]
    assert recorder.done == ["b", "c"]


async def test_a_step_whose_process_loses_the_thread_is_not_kept(
    make_engine: Callable[[], Engine],
) -> None:
    """It is worked on again where the thread goes on."""

    async def displaced_at_b(recorder: Recorder, thread: Thread, body: str) -> str:
        await thread.step("a", lambda: recorder.work("a"))

        async def lose() -> str:
            recorder.reached.set()
            raise Displaced

        return await thread.step("b", lose)

    engine, recorder = make_engine(), Recorder(displaced_at_b)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    await recorder.reached.wait()
    await engine.aclose()

    engine, recorder = make_engine(), Recorder(three_steps)
    await engine.start(recorder)
    assert json.loads(await recorder.result_of("run_1"))[1:] == [
        "result of a",
        "result of b",
        "result of c",
    ]
    assert recorder.done == ["b", "c"]


async def a_hundred_at_once(recorder: Recorder, thread: Thread, body: str) -> str:
    names = [f"s{number}" for number in range(100)]
    steps = [thread.step(name, lambda n=name: recorder.work(n)) for name in names]  # type: ignore[misc]
    return json.dumps(await asyncio.gather(*steps))


async def test_steps_may_overlap(make_engine: Callable[[], Engine]) -> None:
    engine, recorder = make_engine(), Recorder(a_hundred_at_once)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    told = json.loads(await recorder.result_of("run_1"))
    assert told == [f"result of s{number}" for number in range(100)]


async def branching(recorder: Recorder, thread: Thread, body: str) -> str:
    if thread.path:
        first = await thread.step("first", lambda: recorder.work(f"{thread.path}:{body}"))
        return f"{first} and {await thread.step('second', lambda: recorder.work(thread.path))}"
    told = await asyncio.gather(*(thread.branch(number, f"b{number}") for number in (1, 2)))
    return json.dumps([*told, await thread.step("merge", lambda: recorder.work("merge"))])


async def test_branches_work_side_by_side_and_give_their_results(
    make_engine: Callable[[], Engine],
) -> None:
    engine, recorder = make_engine(), Recorder(branching)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    assert json.loads(await recorder.result_of("run_1")) == [
        "result of 1:b1 and result of 1",
        "result of 2:b2 and result of 2",
        "result of merge",
    ]
    assert sorted(recorder.done) == ["1", "1:b1", "2", "2:b2", "merge"]


async def stuck_in_branch(recorder: Recorder, thread: Thread, body: str) -> str:
    if not thread.path:
        await thread.step("a", lambda: recorder.work("a"))
        return await thread.branch(1, "b")
    await thread.step("b", lambda: recorder.work("b"))
    return await stuck_at_b(recorder, thread, body) if not recorder.reached.is_set() else "end"


async def ends_in_branch(recorder: Recorder, thread: Thread, body: str) -> str:
    recorder.reached.set()
    return await stuck_in_branch(recorder, thread, body)


async def test_a_dead_process_branches_go_on_too(make_engine: Callable[[], Engine]) -> None:
    engine, recorder = make_engine(), Recorder(stuck_in_branch)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    await recorder.reached.wait()
    await engine.aclose()

    engine, recorder = make_engine(), Recorder(ends_in_branch)
    await engine.start(recorder)
    assert await recorder.result_of("run_1") == "end"
    assert recorder.done == []


async def test_an_ended_run_may_be_forgotten(make_engine: Callable[[], Engine]) -> None:
    engine, recorder = make_engine(), Recorder(three_steps)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    await recorder.result_of("run_1")
    await engine.forget(["run_1", "run_unknown"])


async def other_steps(recorder: Recorder, thread: Thread, body: str) -> str:
    with pytest.raises(Diverged):
        await thread.step("before a", lambda: recorder.work("before a"))
    return "it takes other steps"


async def test_a_thread_that_goes_on_with_other_steps_is_told_so(
    make_engine: Callable[[], Engine],
) -> None:
    """And its run ends as its function wants it to."""
    engine, recorder = make_engine(), Recorder(stuck_at_b)
    await engine.start(recorder)
    await engine.submit("run_1", "")
    await recorder.reached.wait()
    await engine.aclose()

    engine, recorder = make_engine(), Recorder(other_steps)
    await engine.start(recorder)
    assert await recorder.result_of("run_1") == "it takes other steps"
    assert recorder.done == []
