"""Cohere's own client library against the simulator on a real server."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from cohere import AsyncClientV2
from cohere.core.api_error import ApiError
from cohere.core.request_options import RequestOptions

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOOLS: Any = [{"type": "function", "function": {"name": "search", "parameters": SCHEMA}}]
THINKING: Any = {"type": "enabled", "token_budget": 99}
ONCE = RequestOptions(max_retries=0)


class Simulator:
    """A simulator that runs, and a client for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = AsyncClientV2(api_key="any-key", base_url=f"{address}/cohere")

    async def ask(self, messages: Any, **options: Any) -> Any:
        return await self.client.chat(
            model="whatever", messages=_turns(messages), request_options=ONCE, **options
        )

    async def events(self, messages: Any, **options: Any) -> list[Any]:
        stream = self.client.chat_stream(
            model="whatever", messages=_turns(messages), request_options=ONCE, **options
        )
        return [event async for event in stream]

    async def calls(self) -> list[dict[str, Any]]:
        return cast("list[dict[str, Any]]", await asyncio.to_thread(self._read_calls))

    async def call_that(self, state: str) -> dict[str, Any]:
        """The only call, once it is in this state."""
        async with asyncio.timeout(60):
            while True:
                calls = await self.calls()
                if calls and calls[0][state]:
                    return calls[0]

    def _read_calls(self) -> Any:
        with urllib.request.urlopen(f"{self.address}/_simulate/calls") as answer:
            return json.load(answer)


def _turns(messages: Any) -> Any:
    return [{"role": "user", "content": messages}] if isinstance(messages, str) else messages


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with serve(create_app(SimulatorOptions(vendor="cohere"))) as address:
        running = Simulator(address)
        async with running.client:
            yield running


async def test_an_answer(simulator: Simulator) -> None:
    answer = await simulator.ask(
        [
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello there [[usage cached=1 reasoning=5]]"},
        ]
    )
    assert [block.text for block in answer.message.content] == ["You said: hello there"]
    assert (answer.finish_reason, bool(answer.id)) == ("COMPLETE", True)
    billed, tokens = answer.usage.billed_units, answer.usage.tokens
    assert (billed.input_tokens, billed.output_tokens) == (4, 9)
    assert tokens.input_tokens > billed.input_tokens
    assert answer.usage.cached_tokens == 1


async def test_a_stream_adds_up_to_its_answer(simulator: Simulator) -> None:
    events = await simulator.events("[[say one  two\nthree ]]")
    assert [event.type for event in events] == [
        "message-start",
        "content-start",
        *["content-delta"] * 3,
        "content-end",
        "message-end",
    ]
    texts = [event.delta.message.content.text for event in events[2:5]]
    assert "".join(texts) == "one  two\nthree "
    last = events[-1].delta
    assert (last.finish_reason, last.usage.billed_units.output_tokens) == ("COMPLETE", 3)
    call = await simulator.call_that("finished")
    assert (call["vendor"], call["model"], call["stream"], call["outputTokens"]) == (
        "cohere",
        "whatever",
        True,
        3,
    )


async def test_parallel_tools_and_their_results(simulator: Simulator) -> None:
    asked = '[[call search {"n": 1}]] [[call search {"n": []}]] [[say look]]'
    answer = await simulator.ask(asked, tools=TOOLS)
    calls = answer.message.tool_calls
    assert (answer.finish_reason, answer.message.tool_plan) == ("TOOL_CALL", "look")
    assert [json.loads(call.function.arguments) for call in calls] == [{"n": 1}, {"n": []}]
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"found {number}"}
        for number, call in enumerate(calls)
    ]
    history = [
        {"role": "user", "content": asked.replace(" [[say look]]", "")},
        {"role": "assistant", "tool_calls": [call.model_dump() for call in calls]},
    ]
    final = await simulator.ask([*history, *results], tools=TOOLS)
    assert final.message.content[0].text == "Results: found 0 found 1"
    with pytest.raises(ApiError, match="tool_call_id"):
        await simulator.ask([history[0], *results], tools=TOOLS)


async def test_tools_streamed(simulator: Simulator) -> None:
    asked = '[[call search {"n": 1}]] [[call search {"n": 2}]] [[say let us look]]'
    events = await simulator.events(asked, tools=TOOLS)
    plan = [e.delta.message.tool_plan for e in events if e.type == "tool-plan-delta"]
    assert "".join(plan) == "let us look"
    heads = [e for e in events if e.type == "tool-call-start"]
    assert len({e.delta.message.tool_calls.id for e in heads}) == 2
    for head in heads:
        pieces = [
            e.delta.message.tool_calls.function.arguments
            for e in events
            if e.type == "tool-call-delta" and e.index == head.index
        ]
        assert list(json.loads("".join(pieces))) == ["n"]
    assert sum(e.type == "tool-call-end" for e in events) == 2
    assert events[-1].delta.finish_reason == "TOOL_CALL"


async def test_a_tool_that_must_be_called(simulator: Simulator) -> None:
    for choice, count in ((None, 0), ("REQUIRED", 1), ("NONE", 0)):
        options = {} if choice is None else {"tool_choice": choice}
        answer = await simulator.ask("hi", tools=TOOLS, **options)
        calls = answer.message.tool_calls or []
        assert [json.loads(call.function.arguments) for call in calls] == [{"n": 0}] * count


async def test_thoughts(simulator: Simulator) -> None:
    asked = "hi [[usage reasoning=3]]"
    answer = await simulator.ask(asked, thinking=THINKING)
    thought, text = answer.message.content
    assert (thought.thinking, text.text) == ("thought thought thought", "You said: hi")
    events = await simulator.events(asked, thinking=THINKING)
    blocks = [e.delta.message.content.type for e in events if e.type == "content-start"]
    assert blocks == ["thinking", "text"]
    turn = {"role": "assistant", "content": [thought.model_dump(), text.model_dump()]}
    again = await simulator.ask([turn, {"role": "user", "content": "so"}])
    assert again.message.content[0].text == "You said: so"


async def test_json_pictures_limits_and_stops(simulator: Simulator) -> None:
    form: Any = {"type": "json_object", "json_schema": SCHEMA}
    answer = await simulator.ask("[[json]]", response_format=form)
    assert json.loads(answer.message.content[0].text) == {"n": 0}
    picture = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
    content = [{"type": "text", "text": "look"}, picture]
    seen = await simulator.ask([{"role": "user", "content": content}])
    assert seen.message.content[0].text == "You said: look"
    short = await simulator.ask("[[tokens 9]]", max_tokens=2)
    assert (short.message.content[0].text, short.finish_reason) == ("word word", "MAX_TOKENS")
    stopped = await simulator.ask("[[say one two three]]", stop_sequences=[" two"])
    assert (stopped.message.content[0].text, stopped.finish_reason) == ("one", "STOP_SEQUENCE")


async def test_texts_become_unit_vectors(simulator: Simulator) -> None:
    given = await simulator.client.embed(
        model="e",
        texts=["one two", "three"],
        input_type="search_document",
        embedding_types=["float"],
        output_dimension=8,
    )
    vectors = given.embeddings.float_ or []
    assert [round(sum(x * x for x in vector), 5) for vector in vectors] == [1, 1]
    assert given.meta
    assert given.meta.billed_units
    assert given.meta.billed_units.input_tokens == 3
    again = await simulator.client.embed(
        model="e", texts=["three"], input_type="search_query", output_dimension=8
    )
    assert again.embeddings.float_ == vectors[1:]


async def test_models_are_listed(simulator: Simulator) -> None:
    listing = await simulator.client.models.list()
    assert "command-a-03-2025" in [model.name for model in listing.models]
    assert (await simulator.client.models.get("anything")).name == "anything"


@pytest.mark.parametrize("status", [400, 401, 404, 422, 429, 498, 500, 503, 504])
async def test_failures(simulator: Simulator, status: int) -> None:
    for act in (simulator.ask, simulator.events):
        with pytest.raises(ApiError) as failure:
            await act(f"[[fail {status}]]")
        assert failure.value.status_code == status
        assert "told to fail" in failure.value.body["message"]
        waits = (failure.value.headers or {}).get("retry-after")
        assert waits == ("1" if status == 429 else None)


async def test_a_stream_that_is_cut_has_no_end(simulator: Simulator) -> None:
    seen: list[Any] = []
    stream = simulator.client.chat_stream(
        model="m", messages=_turns("[[tokens 9]] [[cut 2]]"), request_options=ONCE
    )
    with pytest.raises(Exception, match=r"(?i)incomplete|closed|peer"):  # noqa: PT012 - the events before it count
        async for event in stream:
            seen.append(event.type)  # noqa: PERF401 - what came before the failure stays
    assert seen == ["message-start", "content-start", "content-delta", "content-delta"]
    call = await simulator.call_that("endedAt")
    assert (call["finished"], call["cancelled"], call["outputTokens"]) == (False, False, 2)


async def test_a_client_that_leaves_is_noticed(simulator: Simulator) -> None:
    stream = simulator.client.chat_stream(
        model="m", messages=_turns("[[tokens 900]] [[rate 20]]"), request_options=ONCE
    )
    await anext(aiter(stream))
    await cast("Any", stream).aclose()
    call = await simulator.call_that("cancelled")
    assert not call["finished"]
