"""Anthropic's own client library against the simulator on a real server."""

import asyncio
import json
import urllib.request
from collections.abc import AsyncIterator
from typing import Any, cast

import anthropic
import httpx2
import pytest
from anthropic import AsyncAnthropic
from anthropic.types import MessageParam, RawMessageStreamEvent, ToolParam

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

SEARCH: ToolParam = {"name": "search", "input_schema": {"type": "object"}}
THINKING: anthropic.types.ThinkingConfigParam = {"type": "enabled", "budget_tokens": 1024}


class Simulator:
    """A simulator that runs, and a client for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = self.client_with("any-key")

    def client_with(self, key: str, retries: int = 0) -> AsyncAnthropic:
        return AsyncAnthropic(
            base_url=f"{self.address}/anthropic", api_key=key, max_retries=retries
        )

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


@pytest.fixture
async def simulator() -> AsyncIterator[Simulator]:
    async with serve(create_app(SimulatorOptions(vendor="anthropic"))) as address:
        running = Simulator(address)
        async with running.client:
            yield running


def says(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def text_of(message: anthropic.types.Message) -> str:
    return "".join(block.text for block in message.content if block.type == "text")


async def test_a_message(simulator: Simulator) -> None:
    answer = await simulator.client.messages.create(
        model="whatever",
        max_tokens=99,
        system="be brief",
        messages=says("hello there [[usage cached=1 reasoning=5]]"),
    )
    assert text_of(answer) == "You said: hello there"
    assert (answer.stop_reason, answer.model) == ("end_turn", "whatever")
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (3, 1, 9)
    assert usage.output_tokens_details
    assert usage.output_tokens_details.thinking_tokens == 5
    assert answer._request_id


async def test_a_streamed_message_with_every_event(simulator: Simulator) -> None:
    stream = await simulator.client.messages.create(
        model="m", max_tokens=99, messages=says("[[say one  two\nthree ]]"), stream=True
    )
    events: list[RawMessageStreamEvent] = [event async for event in stream]
    assert [event.type for event in events] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 3,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    call = await simulator.call_that("finished")
    assert (call["vendor"], call["stream"], call["outputTokens"]) == ("anthropic", True, 3)


async def test_a_stream_adds_up_to_its_message(simulator: Simulator) -> None:
    async with simulator.client.messages.stream(
        model="m", max_tokens=99, messages=says("[[say one  two\nthree ]] [[usage cached=0]]")
    ) as stream:
        answer = await stream.get_final_message()
    assert text_of(answer) == "one  two\nthree "
    assert (answer.usage.output_tokens, answer.stop_reason) == (3, "end_turn")


async def test_the_client_is_sent_pings_that_it_does_not_mind(simulator: Simulator) -> None:
    body = {"model": "m", "max_tokens": 9, "stream": True, "messages": says("hi")}
    async with httpx2.AsyncClient(trust_env=False) as client:
        answer = await client.post(f"{simulator.address}/anthropic/v1/messages", json=body)
    assert b'event: ping\ndata: {"type":"ping"}\n\n' in answer.content


async def test_parallel_tools_streamed_and_their_results(simulator: Simulator) -> None:
    asked = '[[call search {"q": "a ]] b"}]] [[call search {"q": []}]] [[say look]]'
    async with simulator.client.messages.stream(
        model="m", max_tokens=99, messages=says(asked), tools=[SEARCH]
    ) as stream:
        answer = await stream.get_final_message()
    assert answer.stop_reason == "tool_use"
    text, *calls = answer.content
    assert text.type == "text"
    assert [call.input for call in calls if call.type == "tool_use"] == [
        {"q": "a ]] b"},
        {"q": []},
    ]
    ids = [call.id for call in calls if call.type == "tool_use"]
    assert len(set(ids)) == 2
    pixel = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}
    final = await simulator.client.messages.create(
        model="m",
        max_tokens=99,
        messages=[
            *says(asked.replace(" [[say look]]", "")),
            {"role": "assistant", "content": answer.content},
            {
                "role": "user",
                "content": [
                    {"type": "tool_result", "tool_use_id": ids[0], "content": "found 0"},
                    {
                        "type": "tool_result",
                        "tool_use_id": ids[1],
                        "is_error": True,
                        "content": [
                            {"type": "text", "text": "found 1"},
                            {"type": "image", "source": cast("Any", pixel)},
                        ],
                    },
                ],
            },
        ],
        tools=[SEARCH],
    )
    assert text_of(final) == "Results: found 0 found 1"


async def test_a_tool_that_must_be_called_and_one_at_a_time(simulator: Simulator) -> None:
    asked = says('[[call search {"q":1}]] [[call search {"q":2}]]')
    for choice, count in (
        ({"type": "auto", "disable_parallel_tool_use": True}, 1),
        ({"type": "any"}, 2),
        ({"type": "tool", "name": "search"}, 2),
        ({"type": "none"}, 0),
    ):
        answer = await simulator.client.messages.create(
            model="m",
            max_tokens=99,
            messages=asked,
            tools=[SEARCH],
            tool_choice=cast("Any", choice),
        )
        assert sum(block.type == "tool_use" for block in answer.content) == count


async def test_thoughts_are_signed_and_come_back_unchanged(simulator: Simulator) -> None:
    asked = says('[[call search {"q":1}]] [[usage reasoning=3]]')
    async with simulator.client.messages.stream(
        model="m", max_tokens=2048, messages=asked, tools=[SEARCH], thinking=THINKING
    ) as stream:
        answer = await stream.get_final_message()
    thought, call = answer.content
    assert thought.type == "thinking"
    assert call.type == "tool_use"
    assert thought.thinking == "thought thought thought"
    result: MessageParam = {
        "role": "user",
        "content": [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"}],
    }

    async def go_on() -> str:
        final = await simulator.client.messages.create(
            model="m",
            max_tokens=2048,
            messages=[*asked, {"role": "assistant", "content": answer.content}, result],
            tools=[SEARCH],
            thinking=THINKING,
        )
        return text_of(final)

    assert await go_on() == "Results: ok"
    thought.thinking = "another thought"
    with pytest.raises(anthropic.BadRequestError, match="signature"):
        await go_on()


async def test_an_answer_under_a_schema(simulator: Simulator) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
    }
    answer = await simulator.client.messages.create(
        model="m",
        max_tokens=99,
        messages=says("[[json]]"),
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert json.loads(text_of(answer)) == {"n": 0}


async def test_the_reasons_for_an_end(simulator: Simulator) -> None:
    cut = await simulator.client.messages.create(
        model="m", max_tokens=2, messages=says("[[tokens 9]]")
    )
    assert (cut.stop_reason, text_of(cut)) == ("max_tokens", "word word")
    stopped = await simulator.client.messages.create(
        model="m", max_tokens=99, messages=says("[[say a b c]]"), stop_sequences=["x", "b"]
    )
    assert (stopped.stop_reason, stopped.stop_sequence) == ("stop_sequence", "b")


async def test_tokens_are_counted_without_an_answer(simulator: Simulator) -> None:
    counted = await simulator.client.messages.count_tokens(
        model="m", system="be brief", messages=says("one two [[tokens 9]]")
    )
    assert counted.input_tokens == 4


async def test_models(simulator: Simulator) -> None:
    listed = [model.id async for model in simulator.client.models.list()]
    assert "claude-haiku-4-5" in listed
    assert (await simulator.client.models.retrieve("mine")).id == "mine"


@pytest.mark.parametrize(
    ("status", "error", "kind"),
    [
        (400, anthropic.BadRequestError, "invalid_request_error"),
        (401, anthropic.AuthenticationError, "authentication_error"),
        (403, anthropic.PermissionDeniedError, "permission_error"),
        (404, anthropic.NotFoundError, "not_found_error"),
        (429, anthropic.RateLimitError, "rate_limit_error"),
        (500, anthropic.InternalServerError, "api_error"),
        (529, anthropic.InternalServerError, "overloaded_error"),
    ],
)
async def test_errors_are_typed_and_the_call_is_seen_once(
    simulator: Simulator, status: int, error: type[anthropic.APIStatusError], kind: str
) -> None:
    with pytest.raises(error) as caught:
        await simulator.client.messages.create(
            model="m", max_tokens=9, messages=says(f"[[fail {status}]]")
        )
    assert caught.value.status_code == status
    assert caught.value.request_id
    assert cast("Any", caught.value.body)["error"]["type"] == kind
    assert caught.value.response.headers.get("retry-after") == (
        "1" if status in {429, 529} else None
    )
    (call,) = await simulator.calls()
    assert (call["status"], call["finished"], call["inputTokens"]) == (status, True, 0)


async def test_a_stream_that_fails_in_its_middle_says_so_in_an_event(simulator: Simulator) -> None:
    stream = await simulator.client.messages.create(
        model="m", max_tokens=9, messages=says("[[tokens 9]] [[cut 2]] [[fail 529]]"), stream=True
    )
    events = aiter(stream)
    begun = [(await anext(events)).type for _ in range(4)]
    assert begun[2:] == ["content_block_delta"] * 2
    with pytest.raises(anthropic.APIStatusError) as caught:
        await anext(events)
    assert cast("Any", caught.value.body)["error"]["type"] == "overloaded_error"


async def test_a_client_that_retries_is_seen_each_time(simulator: Simulator) -> None:
    async with simulator.client_with("any-key", retries=1) as client:
        with pytest.raises(anthropic.InternalServerError):
            await client.messages.create(model="m", max_tokens=9, messages=says("[[fail 500]]"))
    assert [call["status"] for call in await simulator.calls()] == [500, 500]


async def test_a_cut_stream_breaks_the_connection(simulator: Simulator) -> None:
    stream = await simulator.client.messages.create(
        model="m", max_tokens=9, messages=says("[[tokens 9]] [[cut 3]]"), stream=True
    )
    events = aiter(stream)
    for _ in range(5):
        await anext(events)
    with pytest.raises((anthropic.APIConnectionError, httpx2.RemoteProtocolError)):
        await anext(events)
    call = await simulator.call_that("endedAt")
    assert (call["finished"], call["cancelled"], call["outputTokens"]) == (False, False, 3)


async def test_a_cut_answer_that_is_not_streamed_is_a_connection_error(
    simulator: Simulator,
) -> None:
    with pytest.raises(anthropic.APIConnectionError):
        await simulator.client.messages.create(
            model="m", max_tokens=9, messages=says("[[tokens 9]] [[cut 3]]")
        )


@pytest.mark.parametrize("stream", [False, True])
async def test_the_simulator_sees_a_client_that_leaves(simulator: Simulator, stream: bool) -> None:
    asking = asyncio.create_task(
        simulator.client.messages.create(
            model="m",
            max_tokens=9,
            messages=says("one two [[delay 600000]]"),
            stream=stream,
            extra_headers={"Idempotency-Key": "once"},
        )
    )
    await simulator.call_that("model")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    call = await simulator.call_that("cancelled")
    assert (call["finished"], call["status"], call["idempotencyKey"]) == (False, None, "once")
