"""The tools of a process: found by name, bounded in number and time, and measured."""

import asyncio
import logging
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider, words
from gateway_desk import KEY, Desk, asks
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import (
    InvalidRequest,
    NotFound,
    Overloaded,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.keys import VirtualKey
from headgate.core.metered import CallLabels
from headgate.core.tools import Tool, ToolContext
from headgate.gateway.metered import MeteredAccess
from headgate.tools import toolbox as toolbox_module
from headgate.tools.declaration import declared, tool
from headgate.tools.toolbox import ProcessTools
from no_models import NO_MODELS

CONTEXT = ToolContext(key=KEY, models=NO_MODELS)


class Answer(msgspec.Struct, rename="camel"):
    two_words: int


@tool()
async def echo(*, text: str = "") -> str:
    """Give a text back."""
    return text


def waiting(*, at_once: int = 100, timeout_seconds: float = 60) -> tuple[Tool, asyncio.Event]:
    """A tool whose calls wait for the test."""
    may_end = asyncio.Event()

    @tool(most_at_once=at_once, timeout_seconds=timeout_seconds)
    async def wait() -> str:
        """Wait for the test."""
        await may_end.wait()
        return "waited"

    return declared(wait), may_end


async def test_wrong_arguments_are_known_before_a_call() -> None:
    tools = ProcessTools([declared(echo)])
    tools.check("echo", {"text": "hi"}, KEY)
    with pytest.raises(InvalidRequest):
        tools.check("echo", {"text": 3}, KEY)
    with pytest.raises(NotFound):
        tools.check("other", {}, KEY)
    assert not measured(tools)


def measured(tools: ProcessTools) -> dict[tuple[str, str], float]:
    return {
        (one.name, one.labels.get("outcome", one.labels["tool"])): one.value
        for one in tools.measurements()
    }


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_tool_is_called_by_its_name() -> None:
    tools = ProcessTools([declared(echo)])
    assert [spec.name for spec in tools.specs(KEY)] == ["echo"]
    assert tools.spec("echo", KEY).description == "Give a text back."
    outcome = await tools.call("echo", {"text": "hi"}, CONTEXT)
    assert (outcome.result, outcome.events) == ("hi", ())


async def test_a_tool_that_there_is_not_or_not_for_this_key_is_not_found() -> None:
    def is_for(key: VirtualKey) -> bool:
        return key.workspace_id == "other"

    tools = ProcessTools([declared(echo, is_for=is_for)])
    assert not tools.specs(KEY)
    for name in ("echo", "nothing", "x" * 1000):
        with pytest.raises(NotFound) as caught:
            await tools.call(name, {}, CONTEXT)
        assert len(caught.value.message) < 200
        with pytest.raises(NotFound):
            tools.spec(name, KEY)


def test_two_tools_of_one_name_are_refused() -> None:
    with pytest.raises(ValueError, match="echo"):
        ProcessTools([declared(echo), declared(echo)])


async def test_tools_that_come_and_go_hide_none_that_stay() -> None:
    @tool()
    async def guest() -> str:
        """Come and go."""
        return "here"

    others: list[Tool] = []
    tools = ProcessTools([declared(echo)], [lambda: others])
    with pytest.raises(NotFound):
        await tools.call("guest", {}, CONTEXT)
    others += [declared(guest), Tool(spec=declared(echo).spec, run=declared(guest).run)]
    assert (await tools.call("guest", {}, CONTEXT)).result == "here"
    assert (await tools.call("echo", {"text": "own"}, CONTEXT)).result == "own"


async def test_what_a_tool_gives_is_made_of_what_json_has() -> None:
    @tool()
    async def shapes() -> Any:
        """Give what is no JSON by itself."""
        return {1: Answer(2), "tuple": (b"ab",)}

    outcome = await ProcessTools([declared(shapes)]).call("shapes", {}, CONTEXT)
    assert outcome.result == {"1": {"twoWords": 2}, "tuple": ("YWI=",)}


async def test_a_call_that_takes_too_long_is_stopped() -> None:
    never, _ = waiting(timeout_seconds=0.01)
    tools = ProcessTools([never])
    with pytest.raises(UpstreamTimedOut, match="wait took longer than"):
        await tools.call("wait", {}, CONTEXT)
    await settle()
    assert measured(tools)["headgate_tool_calls", "error"] == 1


async def test_a_fault_in_a_tool_is_told_without_its_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @tool()
    async def faulty(*, error: str) -> object:
        """Fail."""
        if error == "result":
            return object()
        if error == "timeout":
            raise TimeoutError
        raise RuntimeError("secret detail")

    tools = ProcessTools([declared(faulty)])
    for error in ("raise", "result", "timeout"):
        with caplog.at_level(logging.CRITICAL), pytest.raises(UpstreamFailed) as caught:
            await tools.call("faulty", {"error": error}, CONTEXT)
        assert "secret" not in caught.value.message


async def test_a_refusal_of_a_tool_is_passed_on() -> None:
    tools = ProcessTools([declared(echo)])
    with pytest.raises(InvalidRequest):
        await tools.call("echo", {"text": 1}, CONTEXT)


async def test_calls_beyond_the_bound_wait_and_are_counted() -> None:
    one, may_end = waiting(at_once=2)
    tools = ProcessTools([one])
    calls = [asyncio.create_task(tools.call("wait", {}, CONTEXT)) for _ in range(5)]
    await settle()
    assert measured(tools)["headgate_tool_queue_depth", "wait"] == 3
    assert measured(tools)["headgate_tool_calls_running", "wait"] == 2
    may_end.set()
    assert {outcome.result for outcome in await asyncio.gather(*calls)} == {"waited"}
    found = measured(tools)
    assert found["headgate_tool_queue_depth", "wait"] == 0
    assert found["headgate_tool_calls_running", "wait"] == 0
    assert found["headgate_tool_calls", "ok"] == 5
    assert found["headgate_tool_seconds", "wait"] > 0


async def test_a_hundred_calls_run_at_the_same_time() -> None:
    arrived = 0
    all_there = asyncio.Event()

    @tool()
    async def meet() -> int:
        """Wait until a hundred are there."""
        nonlocal arrived
        arrived += 1
        if arrived == 100:
            all_there.set()
        await all_there.wait()
        return arrived

    tools = ProcessTools([declared(meet)])
    outcomes = await asyncio.gather(*(tools.call("meet", {}, CONTEXT) for _ in range(100)))
    assert {outcome.result for outcome in outcomes} == {100}


async def test_who_waits_longer_than_a_call_may_take_is_sent_away() -> None:
    one, may_end = waiting(at_once=1)
    tools = ProcessTools([one])
    running = asyncio.create_task(tools.call("wait", {}, CONTEXT))
    await settle()
    quick = Tool(
        spec=msgspec.structs.replace(one.spec, timeout_seconds=0.01),
        run=one.run,
        most_at_once=1,
    )
    tools.tools = [quick]
    with pytest.raises(Overloaded):
        await tools.call("wait", {}, CONTEXT)
    may_end.set()
    await running
    assert (await tools.call("wait", {}, CONTEXT)).result == "waited"


async def test_the_queue_has_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(toolbox_module, "MOST_WAITING", 1)
    one, may_end = waiting(at_once=1)
    tools = ProcessTools([one])
    calls = [asyncio.create_task(tools.call("wait", {}, CONTEXT)) for _ in range(2)]
    await settle()
    with pytest.raises(Overloaded):
        await tools.call("wait", {}, CONTEXT)
    may_end.set()
    await asyncio.gather(*calls)


async def test_who_leaves_gives_the_place_back() -> None:
    one, may_end = waiting(at_once=1)
    tools = ProcessTools([one])
    for _ in range(2):
        call = asyncio.create_task(tools.call("wait", {}, CONTEXT))
        await settle()
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    may_end.set()
    assert (await tools.call("wait", {}, CONTEXT)).result == "waited"


async def test_the_rows_of_a_tools_calls_to_models_come_with_its_result() -> None:
    @tool()
    async def asking(context: ToolContext) -> str:
        """Ask in every way there is."""
        assert context.models.style("small") == "headings"
        await context.models.complete(asks())
        await context.models.embed(EmbeddingRequest(model="small", input=("a",)))
        async with context.models.stream(asks()) as answer:
            texts = [piece.text async for piece in answer]
            assert answer.event.billed
        return "".join(texts)

    desk = Desk(FakeProvider("one", "hi", "hi", words("a b")))
    labels = CallLabels(request_id="req_1", request_type="tool")
    context = ToolContext(key=KEY, models=MeteredAccess(desk.replays).models(KEY, labels))
    outcome = await ProcessTools([declared(asking)]).call("asking", {}, context)
    assert outcome.result == "ab"
    assert list(outcome.events) == desk.events
    assert len(desk.events) == 3
    await desk.rest()
