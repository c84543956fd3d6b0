"""Runs that were recorded when their format was new go on with this release, step by step.

A run that a release begins is gone on with by later ones. So what is recorded is never changed:
another format gets a file of its own, which running this file writes.
"""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pytest

from agent_desk import KEY, AgentDesk, Said, agent_desk, in_json
from engines import MemoryEngine
from headgate.agents.performer import OTHER_STEPS
from headgate.agents.runs import Order
from headgate.agents.steps import FORMAT
from headgate.core.chat import ChatRequest
from headgate.core.runs import Run, RunError
from headgate.stores.memory_memories import MemoryMemories
from headgate.stores.memory_runs import MemoryRuns
from headgate.tools.declaration import tool

RECORDED = Path(__file__).parents[2] / "recorded_runs" / f"format_{FORMAT}.json"
PASSAGE = {"documentId": "d1", "name": "a.md", "text": "Ferries are slow.", "start": 0, "end": 17}
TEAM = [{"name": "bills", "does": "Invoices."}, {"name": "goods", "does": "Deliveries."}]
MADE: list[str] = []


@tool()
async def search(query: str, limit: int) -> dict[str, Any]:
    """Search."""
    MADE.append("search")
    return {"results": [PASSAGE | {"score": 1.0}]}


@tool()
async def look(at: str) -> str:
    """Look at something."""
    MADE.append("look")
    return f"seen {at}"


class Case(NamedTuple):
    """A run, and what models say in it, by the name of the template they are asked with."""

    order: Mapping[str, Any]
    says: Mapping[str, Said]


CASES = {
    "react": Case(
        {"type": "react", "input": "Look", "tools": ("look",), "session_id": "s"},
        {"agent": [("look", '{"at":"here"}'), ("look", '{"at":"there"}')]},
    ),
    "research": Case(
        {"type": "research", "input": {"topic": "Ferries"}, "tools": ("search",)},
        {"plan": in_json({"steps": [{"id": "1", "task": "How fast?", "needs": []}]})},
    ),
    "pipeline": Case({"type": "pipeline", "input": {"task": "Go", "agents": TEAM}}, {}),
    "parallel": Case({"type": "parallel", "input": {"task": "Go", "agents": TEAM}}, {}),
    "route": Case(
        {"type": "route", "input": {"task": "Go", "agents": TEAM}},
        {"route": in_json({"route": "goods", "reason": "a parcel", "confidence": 1})},
    ),
}


class Recorded(msgspec.Struct):
    """A run's checkpoints, in their order, and what came of it."""

    steps: list[tuple[str, str, int, str, str]]
    output: Any


def script(case: Case, asked: list[str]) -> Any:
    def say(request: ChatRequest) -> Said:
        name = "" if request.prompt is None else request.prompt.name
        asked.append(name)
        return "Slow [1]." if request.messages[-1].role == "tool" else case.says.get(name, "Slow.")

    return say


async def begun(desk: AgentDesk, case: Case) -> Run:
    request = desk.runs.request_of(KEY, Order(**{"model": "small", **case.order}))
    return await desk.runs.begin(KEY, request, "run_recorded")


async def performed(case: Case, kept: Recorded | None, asked: list[str]) -> tuple[Run, AgentDesk]:
    """The run at its end, where a dead process had come as far as what is `kept` of it."""
    results = {} if kept is None else {(a, b, c, d): e for a, b, c, d, e in kept.steps}
    async with agent_desk() as nobody:
        pass
    nobody.store, nobody.memories = MemoryRuns(), MemoryMemories()
    nobody.engine = MemoryEngine(results)
    async with agent_desk(script(case, asked), search, look, before=nobody) as desk:
        return await desk.ended(await begun(desk, case)), desk


def recorded() -> dict[str, Recorded]:
    return msgspec.json.decode(RECORDED.read_bytes(), type=dict[str, Recorded])


@pytest.mark.parametrize("name", CASES)
async def test_a_recorded_run_comes_to_the_same_and_nothing_in_it_is_done_again(name: str) -> None:
    asked: list[str] = []
    MADE.clear()
    run, desk = await performed(CASES[name], recorded()[name], asked)
    assert run.error is None
    assert run.output == recorded()[name].output
    assert (asked, MADE) == ([], [])
    assert [(*key, value) for key, value in desk.engine.results.items()] == recorded()[name].steps


@pytest.mark.parametrize("name", CASES)
async def test_a_recorded_run_goes_on_from_its_first_step(name: str) -> None:
    whole = recorded()[name]
    asked: list[str] = []
    run, _ = await performed(CASES[name], Recorded(whole.steps[:1], None), asked)
    assert (run.error, run.output) == (None, whole.output)
    assert asked


async def test_a_run_whose_steps_were_others_ends_and_says_why() -> None:
    whole = recorded()["react"]
    (run_id, path, number, _, result), *_ = whole.steps
    other = Recorded([(run_id, path, number, "a step that is no more", result)], None)
    run, _ = await performed(CASES["react"], other, [])
    assert (run.status, run.error) == ("failed", RunError("internal", OTHER_STEPS))


async def test_a_run_whose_steps_were_kept_in_another_form_ends_and_says_why() -> None:
    steps = [
        (*step[:4], '{"tally":"none"}' if "tally" in step[4] else step[4])
        for step in recorded()["pipeline"].steps
    ]
    run, _ = await performed(CASES["pipeline"], Recorded(steps, None), [])
    assert (run.status, run.error) == ("failed", RunError("internal", OTHER_STEPS))


async def test_a_run_of_another_format_ends_and_says_why() -> None:
    async with agent_desk(lambda _: asyncio.Event()) as desk:
        run = await desk.start("wait")
        await desk.until(run, "step.started")
    later = msgspec.structs.replace(await _stored(desk, run), steps_format=FORMAT + 1)
    desk.store._runs[run.run_id] = later
    async with agent_desk(before=desk) as after:
        found = await after.ended(later)
    assert (found.status, found.error) == ("failed", RunError("internal", OTHER_STEPS))


async def _stored(desk: AgentDesk, run: Run) -> Run:
    found = await desk.store.get(run.run_id)
    assert found is not None
    return found


async def record() -> None:
    """Write down what runs of the present format look like."""
    told = {}
    for name, case in CASES.items():
        run, desk = await performed(case, None, [])
        assert run.error is None, run.error
        steps = [[*key, value] for key, value in desk.engine.results.items()]
        told[name] = {"steps": steps, "output": run.output}
    RECORDED.write_text(json.dumps(told, indent=1) + "\n")


if __name__ == "__main__":
    if RECORDED.exists():
        raise SystemExit(f"{RECORDED.name} stays as it is: count FORMAT on for another format")
    asyncio.run(record())
