"""What must hold before a step, what it takes, and what becomes of it when processes die."""

import asyncio
from typing import Any

import msgspec
import pytest

from agent_desk import BILLED, COST, KEY, Said, Script, agent_desk, told
from fakes import FakeClock
from headgate.agents.runs import RunLimits
from headgate.core.budgets import Account, Budget
from headgate.core.chat import ChatRequest
from headgate.core.errors import (
    BudgetExceeded,
    HeadgateError,
    IdempotencyConflict,
    InvalidKey,
    InvalidRequest,
    Overloaded,
    RateLimited,
    UpstreamFailed,
)
from headgate.core.runs import Begun, Run
from headgate.stores.memory_runs import MemoryRuns
from headgate.tools.declaration import tool


@tool()
async def look(at: str) -> str:
    """Look at something."""
    return f"seen {at}"


def turns(*said: Said) -> Script:
    """What the model says at each of its turns in a run."""

    def script(request: ChatRequest) -> Said:
        return said[sum(message.role == "assistant" for message in request.messages)]

    return script


def error_code(run: Run) -> str:
    assert run.error is not None
    return run.error.code


LOOK: Said = [("look", '{"at": "it"}')]


async def test_a_run_that_dies_goes_on_where_it_was_and_asks_nothing_twice() -> None:
    asked = asyncio.Event()

    def silent(request: ChatRequest) -> Said:
        if request.messages[-1].role != "tool":
            return LOOK
        asked.set()
        return asyncio.Event()

    async with agent_desk(silent, look) as first:
        run = await first.start("Go", tools=("look",))
        await asked.wait()
    async with agent_desk(turns(LOOK, "I saw it"), look, before=first) as second:
        run = await second.ended(run)
        events = await second.events(run)
    assert run.output == {"text": "I saw it "}
    # Only the call that was interrupted is made again, and under its first name.
    assert first.models.calls == [f"{run.run_id}:1", f"{run.run_id}:3"]
    assert second.models.calls == [f"{run.run_id}:3"]
    started = [(item.step_id, item.attempt) for item in events if item.type == "step.started"]
    assert started == [("1", 1), ("2", 1), ("3", 1), ("3", 2)]
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert (run.tally.steps, run.tally.cost) == (3, 2 * COST)


async def test_a_call_that_may_not_be_made_twice_is_not_made_again() -> None:
    made: list[str] = []
    begun = asyncio.Event()

    @tool(idempotent=False)
    async def pay(to: str) -> str:
        """Pay somebody."""
        made.append(to)
        begun.set()
        await asyncio.get_running_loop().create_future()
        return "paid"

    def script(request: ChatRequest) -> Said:
        return told(request) if request.messages[-1].role == "tool" else [("pay", '{"to": "Al"}')]

    async with agent_desk(script, pay) as first:
        run = await first.start("Pay!", tools=("pay",))
        await begun.wait()
    async with agent_desk(script, pay, before=first) as second:
        run = await second.ended(run)
    assert made == ["Al"]
    assert "nobody knows whether it was done" in run.output["text"]


async def test_a_call_that_was_told_before_its_process_died_is_not_made_again() -> None:
    """Between a step's end in the store and its checkpoint a process can die."""
    made: list[str] = []
    asked = asyncio.Event()

    @tool(idempotent=False)
    async def pay(to: str) -> str:
        """Pay somebody."""
        made.append(to)
        return "paid"

    def silent(request: ChatRequest) -> Said:
        if request.messages[-1].role != "tool":
            return [("pay", '{"to": "Al"}')]
        asked.set()
        return asyncio.Event()

    async with agent_desk(silent, pay) as first:
        run = await first.start("Pay!", tools=("pay",))
        await asked.wait()
    (unkept,) = [place for place in first.engine.results if place[-1] == "tool pay"]
    del first.engine.results[unkept]
    async with agent_desk(turns([("pay", "{}")], "It is paid"), pay, before=first) as second:
        run = await second.ended(run)
        events = await second.events(run)
        assert told(second.models.requests[-1]) == "paid"
    assert made == ["Al"]
    assert (run.output, run.tally.steps, run.tally.billed) == (
        {"text": "It is paid "},
        3,
        2 * BILLED,
    )
    finished = [event.step_id for event in events if event.type == "step.finished"]
    assert finished == ["1", "2", "3"]


class Away(MemoryRuns):
    """A store that may be away; `refused` says that somebody has found it so."""

    def __init__(self) -> None:
        super().__init__()
        self.is_away = False
        self.refused = asyncio.Event()

    def _reach(self) -> None:
        if self.is_away:
            self.refused.set()
            raise Overloaded("away")

    async def get(self, run_id: str) -> Run | None:
        self._reach()
        return await super().get(run_id)

    async def record(self, *place: Any, **fields: Any) -> bool:
        self._reach()
        return await super().record(*place, **fields)

    async def begin_step(self, *place: Any, **fields: Any) -> Begun | None:
        self._reach()
        return await super().begin_step(*place, **fields)


async def test_a_run_whose_store_is_away_goes_on_when_it_is_back() -> None:
    """Nothing that happened could be told, so it is done again; the run does not fail for it."""
    store = Away()

    def script(request: ChatRequest) -> Said:
        store.is_away = told(request) == "seen it"
        return "I saw it" if store.is_away else LOOK

    async with agent_desk(script, look, store=store) as first:
        run = await first.start("Go", tools=("look",))
        await store.refused.wait()
    store.is_away = False
    async with agent_desk(lambda _: "I saw it", look, before=first) as second:
        run = await second.ended(run)
    assert (run.status, run.output) == ("succeeded", {"text": "I saw it "})
    assert second.models.calls == [f"{run.run_id}:3"]


async def test_a_run_that_cannot_be_looked_up_goes_on_another_time() -> None:
    store = Away()
    async with agent_desk(store=store) as first:
        pass
    run = await first.start("Go")
    await store.submitted([run.run_id])
    store.is_away = True
    first.engine.submitted[run.run_id] = ""
    async with agent_desk(before=first):
        await store.refused.wait()
    store.is_away = False
    async with agent_desk(before=first) as third:
        assert (await third.ended(run)).status == "succeeded"


async def test_a_key_that_is_revoked_ends_its_runs_at_their_next_step() -> None:
    silence = asyncio.Event()
    async with agent_desk(turns(silence, "never"), look) as desk:
        run = await desk.start("Go")
        await desk.until(run, "step.started")
        desk.keys[KEY.key_id] = msgspec.structs.replace(KEY, revoked_at=1.0)
        other = await desk.finish("Go")
        silence.set()
        assert (await desk.ended(run)).status == "succeeded"
    assert (other.status, error_code(other)) == ("failed", "key_revoked")


@pytest.mark.parametrize("change", [{"expires_at": 1.0}, {"scopes": frozenset({"ai:complete"})}])
async def test_a_key_must_be_good_for_agents(change: dict[str, object]) -> None:
    async with agent_desk() as desk:
        desk.keys[KEY.key_id] = msgspec.structs.replace(KEY, **change)
        assert error_code(await desk.finish("Go")) == "key_revoked"
        assert desk.models.calls == []


async def test_a_budget_that_is_spent_ends_the_run_after_a_warning() -> None:
    async with agent_desk(turns(LOOK, LOOK, "never"), look) as desk:
        run = await desk.finish("Go", tools=("look",), budget=2 * BILLED)
        events = await desk.events(run)
    assert error_code(run) == "budget_exceeded"
    assert run.tally.billed == 2 * BILLED
    (warning,) = [event for event in events if event.type == "budget.warning"]
    assert warning.data == {"billed": 2 * BILLED, "budget": 2 * BILLED}


async def test_a_run_ends_at_its_most_steps() -> None:
    limits = RunLimits(max_steps=3)
    async with agent_desk(turns(LOOK, LOOK, "never"), look, limits=limits) as desk:
        run = await desk.finish("Go", tools=("look",))
    assert error_code(run) == "step_limit"
    assert run.tally.steps == 3


async def test_a_run_ends_when_its_time_is_over() -> None:
    clock = FakeClock()

    @tool()
    async def nap() -> str:
        """Take a nap."""
        clock.advance(100)
        return "rested"

    limits = RunLimits(seconds=150)
    script = turns([("nap", "{}")], [("nap", '{"": 1}'), ("nap", "{}")], "never")
    async with agent_desk(script, nap, limits=limits, clock=clock) as desk:
        run = await desk.finish("Go", tools=("nap",))
    assert error_code(run) == "time_limit"


async def test_a_run_whose_time_ends_in_a_call_stops_that_call() -> None:
    limits = RunLimits(seconds=1.0)
    async with agent_desk(lambda _: asyncio.Event(), limits=limits) as desk:
        run = await desk.finish("Go")
    assert error_code(run) == "time_limit"
    assert desk.models.abandoned == 1


async def test_what_may_mend_is_tried_again_after_a_pause() -> None:
    failures: list[HeadgateError] = [
        Overloaded("busy"),
        RateLimited("slow down", retry_after_seconds=7),
    ]
    async with agent_desk(lambda _: failures.pop(0) if failures else "at last") as desk:
        run = await desk.finish("Go")
        events = await desk.events(run)
    assert run.output == {"text": "at last "}
    assert desk.pauses == [1.0, 7]
    assert set(desk.models.calls) == {f"{run.run_id}:1"}
    assert [event.attempt for event in events if event.type == "step.started"] == [1, 2, 3]


async def test_a_run_waits_for_its_turn_as_long_as_it_takes() -> None:
    failures = [RateLimited("slow down", retry_after_seconds=2) for _ in range(10)]
    async with agent_desk(lambda _: failures.pop() if failures else "at last") as desk:
        run = await desk.finish("Go")
    assert run.status == "succeeded"
    assert desk.pauses == [2] * 10


@pytest.mark.parametrize(
    ("error", "code", "calls"),
    [
        (UpstreamFailed("the vendor failed"), "upstream_error", 3),
        (InvalidRequest("too long"), "upstream_error", 1),
        (InvalidKey("gone"), "key_revoked", 1),
        (
            BudgetExceeded(
                "empty", budget=Budget(account=Account("key", "k"), period="2026-11", limit=None)
            ),
            "budget_exceeded",
            1,
        ),
        (ZeroDivisionError("a bug"), "internal", 1),
    ],
)
async def test_what_does_not_mend_ends_the_run_and_says_why(
    error: Exception, code: str, calls: int
) -> None:
    async with agent_desk(lambda _: error) as desk:
        run = await desk.finish("Go")
        events = await desk.events(run)
    assert error_code(run) == code
    assert len(desk.models.calls) == calls
    assert [event.type for event in events[-2:]] == ["step.finished", "run.failed"]
    assert events[-1].data["error"]["code"] == code
    assert "bug" not in events[-1].data["error"]["message"]


async def test_calls_are_labelled_with_their_run() -> None:
    async with agent_desk() as desk:
        run = await desk.finish("Go")
    labels = desk.models.labels[-1]
    assert (labels.run_id, labels.request_type) == (run.run_id, "agent")


async def test_a_question_that_a_later_release_words_otherwise_is_asked_anew() -> None:
    """The answer to the old wording may be kept under the call's name; it is another question."""
    conflicts = [IdempotencyConflict("another body")]
    async with agent_desk(lambda _: conflicts.pop() if conflicts else "done") as desk:
        run = await desk.finish("Go")
    assert run.output == {"text": "done "}
    assert desk.models.calls == [f"{run.run_id}:1", f"{run.run_id}:1#1"]


async def test_a_run_of_an_hour_outlives_six_processes() -> None:
    """A call of the tool takes a minute; each process dies in its tenth."""
    clock = FakeClock()
    minutes: list[int] = []
    died = asyncio.Event()

    @tool(timeout_seconds=3600)
    async def wait_a_minute(number: int) -> int:
        """Wait a minute."""
        if len(minutes) % 10 == 9 and not died.is_set():
            died.set()
            await asyncio.get_running_loop().create_future()
        clock.advance(60)
        minutes.append(number)
        return number

    def script(request: ChatRequest) -> Said:
        made = sum(message.role == "tool" for message in request.messages)
        return [("wait_a_minute", f'{{"number": {made}}}')] if made < 60 else "an hour"

    desk, run = None, None
    for _ in range(6):
        async with agent_desk(script, wait_a_minute, before=desk, clock=clock) as desk:
            run = run or await desk.start("Go", tools=("wait_a_minute",))
            await died.wait()
        died.clear()
        clock.advance(1)
        minutes.append(-1)  # a death, after which the same call is made again
    async with agent_desk(script, wait_a_minute, before=desk, clock=clock) as desk:
        died.set()
        assert run is not None
        run = await desk.ended(run)
        events = await desk.events(run)
    assert run.output == {"text": "an hour "}
    assert [number for number in minutes if number >= 0] == list(range(60))
    assert events[-1].at - events[0].at > 0
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    assert run.started_at is not None
    assert clock() - run.started_at >= 3600
