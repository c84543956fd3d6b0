"""The free loop over tools."""

import asyncio
import itertools

from agent_desk import BILLED, COST, Said, Script, agent_desk, in_json, told
from headgate.core.chat import ChatRequest
from headgate.core.errors import InvalidRequest
from headgate.tools.declaration import tool


@tool()
async def add(a: int, b: int) -> int:
    """Add two numbers."""
    return a + b


@tool()
async def refuse(what: str) -> str:
    """Refuse what is asked."""
    raise InvalidRequest(f"{what} cannot be done")


def first_calls(*calls: tuple[str, str]) -> Script:
    """A model that makes these calls, and then repeats what it has learnt."""

    def script(request: ChatRequest) -> Said:
        results = [message.text for message in request.messages if message.role == "tool"]
        return list(calls) if not results else "I learnt " + " and ".join(results)

    return script


async def test_a_model_that_calls_nothing_answers() -> None:
    async with agent_desk(lambda request: f"You asked: {told(request)}") as desk:
        run = await desk.finish("What now?")
    assert (run.status, run.output) == ("succeeded", {"text": "You asked: What now? "})
    assert (run.tally.steps, run.tally.cost, run.tally.billed) == (1, COST, BILLED)


async def test_a_model_reads_what_its_tools_gave() -> None:
    calls = [("add", '{"a": 1, "b": 2}'), ("add", '{"a": 10, "b": 20}')]
    async with agent_desk(first_calls(*calls), add) as desk:
        run = await desk.finish("Add!", tools=("add",))
        events = await desk.events(run)
    assert run.output == {"text": "I learnt 3 and 30 "}
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
    called = [event.data["arguments"] for event in events if event.type == "tool.called"]
    assert called == [{"a": 1, "b": 2}, {"a": 10, "b": 20}]
    offered = desk.models.requests[0].tools
    assert [(tool.name, tool.description) for tool in offered] == [("add", "Add two numbers.")]


async def test_what_is_no_tool_of_the_run_is_refused_and_said_so() -> None:
    async with agent_desk(first_calls(("refuse", "{}")), add, refuse) as desk:
        run = await desk.finish("Go", tools=("add",))
    assert run.status == "succeeded"
    assert "has no tool 'refuse'" in run.output["text"]


async def test_wrong_arguments_and_refusals_are_for_the_model_to_read() -> None:
    calls = [("refuse", '{"what": "this"}'), ("add", "[1]"), ("add", "{a}"), ("add", '{"a": 1}')]
    async with agent_desk(first_calls(*calls), add, refuse) as desk:
        run = await desk.finish("Go", tools=("add", "refuse"))
    first, second, third, fourth = run.output["text"].removeprefix("I learnt ").split(" and ")
    assert first == "Error: this cannot be done"
    assert second == "Error: the arguments are no JSON object"
    assert third == "Error: the arguments are no JSON: write an object"
    assert fourth.startswith("Error: ")


async def test_the_same_call_with_the_same_result_three_times_in_a_row_ends_the_run() -> None:
    async with agent_desk(lambda _: [("add", '{"a":1,"b":2}')], add) as desk:
        run = await desk.finish("Go", tools=("add",))
    assert run.status == "failed"
    assert run.error is not None
    assert run.error.code == "repeated_call"
    assert len(desk.models.calls) == 3


async def test_calls_that_come_to_something_else_go_on() -> None:
    numbers = itertools.count()

    @tool()
    async def tick() -> int:
        """Count."""
        return next(numbers)

    def script(request: ChatRequest) -> Said:
        return [("tick", "{}")] if told(request) != "5" else "enough"

    async with agent_desk(script, tick) as desk:
        run = await desk.finish("Go", tools=("tick",))
    assert run.output == {"text": "enough "}


async def test_a_hundred_calls_are_made_at_once() -> None:
    """None of them returns before all have begun."""
    all_begun = asyncio.Barrier(100)

    @tool()
    async def meet(number: int) -> int:
        """Wait for all others."""
        await all_begun.wait()
        return number

    calls = [("meet", in_json({"number": number})) for number in range(100)]
    async with agent_desk(first_calls(*calls), meet) as desk:
        run = await desk.finish("Go", tools=("meet",))
    learnt = " and ".join(str(number) for number in range(100))
    assert run.output == {"text": f"I learnt {learnt} "}
    assert run.tally.steps == 102


async def test_an_object_is_an_input_too() -> None:
    async with agent_desk(told) as desk:
        assert (await desk.finish({"task": "Do it"})).output == {"text": "Do it "}
        assert (await desk.finish({"x": 1})).output == {"text": '{"x":1} '}
