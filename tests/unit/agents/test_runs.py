"""Runs as their owners deal with them."""

import asyncio

import msgspec
import pytest

from agent_desk import KEY, Said, agent_desk, told
from headgate.agents.runs import Order, RunLimits
from headgate.core.chat import ChatRequest
from headgate.core.errors import (
    Conflict,
    HeadgateError,
    InsufficientScope,
    InvalidRequest,
    NotFound,
)
from headgate.core.keys import Scope, VirtualKey
from headgate.tools.declaration import tool

BOB = VirtualKey(
    key_id="b", name="b", scopes=frozenset({"agent:run"}), user_id="bob", created_at=0.0
)


@tool()
async def buy(what: str) -> str:
    """Buy something."""
    return f"bought {what}"


def buys(request: ChatRequest) -> Said:
    """Buys a horse, and tells what came of it."""
    return told(request) if request.messages[-1].role == "tool" else [("buy", '{"what": "horse"}')]


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"type": "poet"}, "type"),
        ({"tools": ("fly",)}, "tools"),
        ({"approvals": ("fly",)}, "approvals"),
        ({"given": "  "}, "input"),
        ({"given": {}}, "input"),
    ],
)
async def test_what_cannot_be_meant_is_refused_before_it_begins(
    fields: dict[str, object], param: str
) -> None:
    async with agent_desk() as desk:
        with pytest.raises(InvalidRequest) as refused:
            await desk.start(**{"given": "Go", **fields})
        assert refused.value.param == param
        assert await desk.runs.page(KEY, status=None, limit=9, before=None) == []


async def test_a_run_is_its_owners() -> None:
    admin = msgspec.structs.replace(KEY, key_id="a", scopes=frozenset({"admin"}))
    colleague = msgspec.structs.replace(BOB, key_id="b2")
    async with agent_desk() as desk:
        order = Order(type="react", model="small", input="Go")
        run = await desk.runs.start(BOB, order)
        for key in (BOB, colleague, admin):
            assert (await desk.runs.get(key, run.run_id)).run_id == run.run_id
            assert len(await desk.runs.page(key, status=None, limit=9, before=None)) == 1
        with pytest.raises(NotFound):
            await desk.runs.get(KEY, run.run_id)
        assert await desk.runs.page(KEY, status=None, limit=9, before=None) == []
        with pytest.raises(NotFound):
            await desk.runs.get(admin, "run_none")


async def test_who_may_look_at_everything_sees_a_run_and_does_not_steer_it() -> None:
    """Even with a key that could steer runs of its own."""
    scopes = frozenset[Scope]({"admin:read", "agent:run"})
    viewer = msgspec.structs.replace(KEY, key_id="v", scopes=scopes)
    async with agent_desk(lambda _: asyncio.Event()) as desk:
        run = await desk.start("Go")
        assert (await desk.runs.get(viewer, run.run_id)).run_id == run.run_id
        assert len(await desk.runs.page(viewer, status=None, limit=9, before=None)) == 1
        for attempt in (desk.runs.cancel, desk.runs.pause, desk.runs.resume):
            with pytest.raises(InsufficientScope):
                await attempt(viewer, run.run_id)
        with pytest.raises(InsufficientScope):
            await desk.runs.decide(viewer, run.run_id, "1", approved=True, comment=None)
        await desk.runs.cancel(KEY, run.run_id)


async def test_a_cancelled_run_stops_in_the_middle_of_a_call() -> None:
    async with agent_desk(lambda _: asyncio.Event()) as desk:
        run = await desk.start("Go")
        await desk.until(run, "step.started")
        await desk.runs.cancel(KEY, run.run_id)
        run = await desk.ended(run)
        again = await desk.runs.cancel(KEY, run.run_id)
        events = await desk.events(run)
    assert (run.status, again.status) == ("cancelled", "cancelled")
    assert desk.models.abandoned == 1
    assert [event.type for event in events].count("run.cancelled") == 1


async def test_a_run_that_nobody_works_on_is_cancelled_at_once() -> None:
    async with agent_desk() as desk:
        pass
    run = await desk.start("Go")
    assert (await desk.runs.cancel(KEY, run.run_id)).status == "cancelled"


async def test_a_paused_run_stands_still_until_it_is_resumed() -> None:
    gate = asyncio.Event()
    async with agent_desk(lambda r: gate if len(r.messages) == 2 else "done", buy) as desk:
        run = await desk.start("Go", tools=("buy",))
        await desk.until(run, "step.started")
        paused = await desk.runs.pause(KEY, run.run_id)
        assert paused.status == "paused"
        assert (await desk.runs.pause(KEY, run.run_id)).status == "paused"
        gate.set()
        resumed = await desk.runs.resume(KEY, run.run_id)
        assert resumed.status == "running"
        with pytest.raises(Conflict):
            await desk.runs.resume(KEY, run.run_id)
        run = await desk.ended(run)
        events = [event.type for event in await desk.events(run)]
        with pytest.raises(Conflict):
            await desk.runs.pause(KEY, run.run_id)
    assert run.status == "succeeded"
    assert events.count("run.paused") == events.count("run.resumed") == 1


async def test_a_queued_run_that_is_paused_begins_when_it_is_resumed() -> None:
    async with agent_desk() as dead:
        pass
    run = await dead.start("Go")
    await dead.runs.pause(KEY, run.run_id)
    async with agent_desk(before=dead) as desk:
        assert (await desk.runs.ended(run, 0.3)).status == "paused"
        await desk.runs.resume(KEY, run.run_id)
        assert (await desk.ended(run)).status == "succeeded"


async def test_a_call_waits_for_a_yes() -> None:
    async with agent_desk(buys, buy) as desk:
        run = await desk.start("Buy", tools=("buy",), approvals=("buy",))
        asked = await desk.until(run, "approval.requested")
        waiting = await desk.runs.get(KEY, run.run_id)
        assert waiting.status == "waiting"
        (pending,) = waiting.pending
        assert (pending.step_id, pending.tool) == (asked.step_id, "buy")
        assert pending.arguments == {"what": "horse"}
        await desk.runs.decide(
            KEY, run.run_id, pending.step_id, approved=True, comment="a brown one"
        )
        run = await desk.ended(run)
        for step_id, error in ((pending.step_id, Conflict), ("99", NotFound)):
            with pytest.raises(error):
                await desk.runs.decide(KEY, run.run_id, step_id, approved=False, comment=None)
    assert run.output == {"text": "bought horse "}


async def test_a_no_is_for_the_model_to_read() -> None:
    async with agent_desk(buys, buy) as desk:
        run = await desk.start("Buy", tools=("buy",), approvals=("buy",))
        asked = await desk.until(run, "approval.requested")
        assert asked.step_id is not None
        await desk.runs.decide(KEY, run.run_id, asked.step_id, approved=False, comment="no room")
        run = await desk.ended(run)
    assert "the call was not approved: no room" in run.output["text"]


async def test_a_tool_may_ask_for_approval_itself() -> None:
    @tool(needs_approval=True)
    async def sell(what: str) -> str:
        """Sell something."""
        return f"sold {what}"

    async with agent_desk(lambda _: [("sell", '{"what": "horse"}')], sell) as desk:
        run = await desk.start("Sell", tools=("sell",))
        await desk.until(run, "approval.requested")
        await desk.runs.cancel(KEY, run.run_id)
        assert (await desk.ended(run)).status == "cancelled"


async def test_nobody_waits_for_a_decision_for_ever() -> None:
    limits = RunLimits(approval_seconds=0.05)
    async with agent_desk(buys, buy, limits=limits) as desk:
        run = await desk.finish("Buy", tools=("buy",), approvals=("buy",))
    assert "nobody decided in time" in run.output["text"]


async def test_an_approval_waits_over_the_death_of_a_process() -> None:
    async with agent_desk(buys, buy) as first:
        run = await first.start("Buy", tools=("buy",), approvals=("buy",))
        asked = await first.until(run, "approval.requested")
    assert asked.step_id is not None
    # While nobody works, the decision is kept.
    await first.runs.decide(KEY, run.run_id, asked.step_id, approved=True, comment=None)
    async with agent_desk(buys, buy, before=first) as second:
        run = await second.ended(run)
        kinds = [event.type for event in await second.events(run)]
    assert run.output == {"text": "bought horse "}
    assert kinds.count("approval.requested") == kinds.count("approval.decided") == 1


async def test_time_spent_waiting_for_people_is_no_time_of_the_run() -> None:
    now = [1000.0]
    limits = RunLimits(seconds=10, approval_seconds=3600)
    async with agent_desk(buys, buy, limits=limits, clock=lambda: now[0]) as desk:
        run = await desk.start("Buy", tools=("buy",), approvals=("buy",))
        asked = await desk.until(run, "approval.requested")
        assert asked.step_id is not None
        now[0] += 1000
        await desk.runs.decide(KEY, run.run_id, asked.step_id, approved=True, comment=None)
        assert (await desk.ended(run)).status == "succeeded"


async def test_time_that_a_run_is_paused_is_no_time_of_the_run() -> None:
    now = [1000.0]
    gate = asyncio.Event()

    @tool()
    async def hold() -> str:
        """Wait for the test."""
        await gate.wait()
        return "held"

    def script(request: ChatRequest) -> Said:
        return "done" if request.messages[-1].role == "tool" else [("hold", "{}")]

    limits = RunLimits(seconds=10)
    async with agent_desk(script, hold, limits=limits, clock=lambda: now[0]) as desk:
        run = await desk.start("Go", tools=("hold",))
        await desk.until(run, "tool.called")
        await desk.runs.pause(KEY, run.run_id)
        gate.set()
        await desk.until(run, "tool.result")
        for _ in range(200):  # it comes to its next step, and stands still
            await asyncio.sleep(0)
        assert (await desk.runs.get(KEY, run.run_id)).status == "paused"
        now[0] += 1000
        await desk.runs.resume(KEY, run.run_id)
        run = await desk.ended(run)
    assert run.status == "succeeded", run.error


async def test_what_happens_can_be_followed_and_read_again() -> None:
    async with agent_desk(buys, buy) as desk:
        run = await desk.start("Buy", tools=("buy",))
        live = [event async for page in desk.runs.follow(run) for event in page]
        again = [event async for page in desk.runs.follow(run) for event in page]
        rest = [event async for page in desk.runs.follow(run, after=3) for event in page]
        nothing = [event async for page in desk.runs.follow(run, after=999) for event in page]
    assert live == again == await desk.events(run)
    assert (rest, nothing) == (live[3:], [])
    assert live[-1].type == "run.finished"


async def test_history_has_no_pieces_of_answers() -> None:
    async with agent_desk() as desk:
        run = await desk.finish("Go")
        assert "step.delta" in {event.type for event in await desk.events(run)}
        assert "step.delta" not in {event.type for event in await desk.runs.history(run)}


def test_errors_of_runs_are_errors_of_the_platform() -> None:
    assert issubclass(Conflict, HeadgateError)
