"""One call of a tool: admitted, made once, and its calls to models paid for once."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider
from gateway_desk import CALLER, KEY, Desk, asks
from headgate.core.answers import AnswerKey
from headgate.core.errors import IdempotencyConflict, InvalidRequest, NotFound, RateLimited
from headgate.core.keys import RateLimit, VirtualKey
from headgate.core.metered import CallLabels
from headgate.core.tools import ToolContext, ToolOutcome, ToolSpec
from headgate.gateway.calls import Caller, Replayed
from headgate.gateway.metered import MeteredAccess
from headgate.gateway.tool_calls import ToolCalls
from headgate.gateway.works import WorkReceipt, Works, WrittenOutcome

ONCE = msgspec.structs.replace(CALLER, answer_key=AnswerKey("call-1", "body-1"))

Work = Callable[[ToolContext], Awaitable[ToolOutcome]]


@dataclass
class OneTool:
    """A toolbox with the tool `work`."""

    work: Work
    given: list[Mapping[str, Any]] = field(default_factory=list)

    def specs(self, key: VirtualKey) -> Sequence[ToolSpec]:
        return [ToolSpec(name="work", description="Works.", parameters={"type": "object"})]

    def spec(self, name: str, key: VirtualKey) -> ToolSpec:
        if name != "work":
            raise NotFound("no such tool")
        return self.specs(key)[0]

    def check(self, name: str, arguments: Mapping[str, Any], key: VirtualKey) -> None:
        self.spec(name, key)
        if arguments.get("n") == "many":
            raise InvalidRequest("n is a number", param="n")

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutcome:
        self.given.append(arguments)
        return await self.work(context)


async def nothing(context: ToolContext) -> ToolOutcome:
    return ToolOutcome("done")


async def asks_twice(context: ToolContext) -> ToolOutcome:
    answers = [
        await context.models.complete(asks(), call_key=context.part(part)) for part in ("a", "b")
    ]
    return ToolOutcome("done", tuple(answer.event for answer in answers))


def calls(desk: Desk, work: Work) -> tuple[ToolCalls, OneTool]:
    toolbox = OneTool(work)
    return (
        ToolCalls(
            toolbox, Works(MeteredAccess(desk.replays), desk.flights, desk.store.memory.answers)
        ),
        toolbox,
    )


async def run(
    tools: ToolCalls, caller: Caller = CALLER, name: str = "work", n: Any = 1
) -> WrittenOutcome:
    return await tools.run(
        caller, name, {"n": n}, lambda outcome: msgspec.json.encode(outcome.result)
    )


async def test_a_tool_that_asks_no_model_costs_nothing_and_counts_as_a_request() -> None:
    desk = Desk(FakeProvider("one"))
    tools, toolbox = calls(desk, nothing)
    answer = await run(tools)
    assert answer.body == b'"done"'
    assert isinstance(answer.receipt, WorkReceipt)
    assert (answer.receipt.billed, answer.receipt.answerer) == (0, ("", ""))
    assert answer.receipt.requests.remaining == answer.receipt.requests.limit - 1
    assert toolbox.given == [{"n": 1}]
    assert not desk.events
    await desk.rest()


async def test_calls_to_models_are_the_keys_and_carry_the_tools_name() -> None:
    desk = Desk(FakeProvider("one"))
    await desk.limit(1000)
    tools, _ = calls(desk, asks_twice)
    answer = await run(tools)
    assert isinstance(answer.receipt, WorkReceipt)
    assert answer.receipt.billed == 40
    assert answer.receipt.answerer == ("small", "one")
    assert answer.receipt.budget is not None
    assert answer.receipt.budget.remaining == 960
    for event in desk.events:
        assert (event.request_type, event.use_case, event.tags) == ("tool", "work", ("blue",))
        assert event.request_id == CALLER.request_id
    await desk.rest()


async def test_a_tool_that_fails_says_what_its_calls_to_models_were_billed() -> None:
    async def asks_in_vain(context: ToolContext) -> ToolOutcome:
        await asks_twice(context)
        raise InvalidRequest("of no use")

    desk = Desk(FakeProvider("one"))
    await desk.limit(1000)
    tools, _ = calls(desk, asks_in_vain)
    with pytest.raises(InvalidRequest) as failed:
        await run(tools)
    told = failed.value.standing
    assert told is not None
    assert (told.billed, told.requests.remaining) == (40, told.requests.limit - 1)
    assert told.budget is not None
    assert told.budget.remaining == 960
    await desk.rest()


async def test_a_tool_with_two_calls_is_one_request_and_one_call_at_once() -> None:
    key = msgspec.structs.replace(KEY, rate_limit=RateLimit(1, None, 1))
    desk = Desk(FakeProvider("one"))
    tools, _ = calls(desk, asks_twice)
    caller = msgspec.structs.replace(CALLER, key=key)
    await run(tools, caller)
    with pytest.raises(RateLimited):
        await run(tools, caller)
    await desk.rest()


async def test_a_wrong_argument_takes_no_place_in_the_limits() -> None:
    key = msgspec.structs.replace(KEY, rate_limit=RateLimit(1, None, 1))
    desk = Desk(FakeProvider("one"))
    tools, toolbox = calls(desk, nothing)
    caller = msgspec.structs.replace(CALLER, key=key)
    for _ in range(3):
        with pytest.raises(InvalidRequest):
            await run(tools, caller, n="many")
    assert not toolbox.given
    await run(tools, caller)
    await desk.rest()


async def test_a_tool_that_there_is_not_takes_nothing() -> None:
    desk = Desk(FakeProvider("one"))
    tools, toolbox = calls(desk, nothing)
    with pytest.raises(NotFound):
        await run(tools, name="other")
    assert not toolbox.given
    assert not desk.limiter._keys


async def test_a_failure_gives_the_place_back() -> None:
    async def fails(context: ToolContext) -> ToolOutcome:
        raise InvalidRequest("no")

    desk = Desk(FakeProvider("one"))
    tools, _ = calls(desk, fails)
    for caller in (CALLER, ONCE):
        with pytest.raises(InvalidRequest):
            await run(tools, caller)
    await desk.rest()


async def test_a_call_with_an_idempotency_key_is_made_once_by_whatever_process() -> None:
    desk = Desk(FakeProvider("one"))
    tools, toolbox = calls(desk, asks_twice)
    first = await run(tools, ONCE)
    again = await run(tools, ONCE)
    elsewhere, other = calls(Desk(FakeProvider("one"), beside=desk), asks_twice)
    third = await run(elsewhere, ONCE)
    assert first.body == again.body == third.body
    assert isinstance(again.receipt, Replayed)
    assert (again.receipt.model, again.receipt.provider) == ("small", "one")
    assert isinstance(third.receipt, Replayed)
    assert (len(toolbox.given), len(other.given), len(desk.events)) == (1, 0, 2)
    with pytest.raises(IdempotencyConflict):
        await run(tools, msgspec.structs.replace(ONCE, answer_key=AnswerKey("call-1", "other")))
    await desk.rest()


async def test_duplicates_in_flight_wait_for_the_one_call() -> None:
    may_end = asyncio.Event()

    async def waits(context: ToolContext) -> ToolOutcome:
        await may_end.wait()
        return ToolOutcome("done")

    desk = Desk(FakeProvider("one"))
    tools, toolbox = calls(desk, waits)
    asked = [asyncio.create_task(run(tools, ONCE)) for _ in range(5)]
    for _ in range(10):
        await asyncio.sleep(0)
    may_end.set()
    answers = await asyncio.gather(*asked)
    assert {answer.body for answer in answers} == {b'"done"'}
    assert len(toolbox.given) == 1
    assert sum(isinstance(answer.receipt, WorkReceipt) for answer in answers) == 1
    await desk.rest()


async def test_what_a_dead_process_had_asked_of_models_is_not_asked_again() -> None:
    """It died between its second call to a model and its answer."""
    desk = Desk(FakeProvider("one"))

    async def dies(context: ToolContext) -> ToolOutcome:
        await asks_twice(context)
        raise KeyboardInterrupt

    async def run_to_death() -> None:
        context = ToolContext(
            key=KEY, models=MeteredAccess(desk.replays).models(KEY, labels), call_key="call-1"
        )
        with pytest.raises(KeyboardInterrupt):
            await dies(context)

    labels = CallLabels(request_id="req_0", request_type="tool", use_case="work")
    await run_to_death()
    vendor = FakeProvider("one")
    tools, _ = calls(Desk(vendor, beside=desk), asks_twice)
    answer = await run(tools, ONCE)
    assert isinstance(answer.receipt, WorkReceipt)
    assert not vendor.chats
    assert len(desk.events) == 2


async def test_who_leaves_stops_the_tool() -> None:
    stopped = asyncio.Event()

    async def waits(context: ToolContext) -> ToolOutcome:
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()
        raise AssertionError

    desk = Desk(FakeProvider("one"))
    tools, _ = calls(desk, waits)
    asked = asyncio.create_task(run(tools, ONCE))
    for _ in range(10):
        await asyncio.sleep(0)
    asked.cancel()
    await stopped.wait()
    await desk.rest()
