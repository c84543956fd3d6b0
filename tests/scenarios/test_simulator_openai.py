"""OpenAI's own client library against the simulator on a real server."""

import asyncio
import json
import math
import urllib.request
from collections.abc import AsyncIterator
from typing import Any, cast

import openai
import pytest
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionFunctionToolParam

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

SEARCH: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {"name": "search", "parameters": {"type": "object"}},
}


class Simulator:
    """A simulator that runs, and a client for it."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.client = self.client_with("any-key")

    def client_with(self, key: str, retries: int = 0) -> AsyncOpenAI:
        return AsyncOpenAI(base_url=f"{self.address}/openai/v1", api_key=key, max_retries=retries)

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
    async with serve(create_app(SimulatorOptions())) as address:
        running = Simulator(address)
        async with running.client:
            yield running


async def test_a_chat(simulator: Simulator) -> None:
    answer = await simulator.client.chat.completions.create(
        model="whatever",
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello there [[usage cached=1 reasoning=5]]"},
        ],
    )
    assert answer.choices[0].message.content == "You said: hello there"
    assert (answer.choices[0].finish_reason, answer.model) == ("stop", "whatever")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 9)
    assert answer.usage.prompt_tokens_details
    assert answer.usage.prompt_tokens_details.cached_tokens == 1
    assert answer.usage.completion_tokens_details
    assert answer.usage.completion_tokens_details.reasoning_tokens == 5


async def test_a_streamed_chat_with_its_usage(simulator: Simulator) -> None:
    stream = await simulator.client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "[[say one  two\nthree ]]"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "one  two\nthree "
    assert chunks[0].choices[0].delta.role == "assistant"
    assert chunks[-2].choices[0].finish_reason == "stop"
    assert chunks[-1].choices == []
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 3
    assert len({(chunk.id, chunk.created) for chunk in chunks}) == 1
    call = await simulator.call_that("finished")
    assert (call["stream"], call["cancelled"], call["outputTokens"]) == (True, False, 3)


async def test_parallel_tools_streamed_and_their_results(simulator: Simulator) -> None:
    asked = '[[call search {"q": "a ]] b"}]] [[call search {"q": []}]]'
    async with simulator.client.chat.completions.stream(
        model="m", messages=[{"role": "user", "content": asked}], tools=[SEARCH]
    ) as stream:
        answer = await stream.get_final_completion()
    message = answer.choices[0].message
    assert answer.choices[0].finish_reason == "tool_calls"
    assert message.tool_calls
    arguments = [call.function.arguments for call in message.tool_calls]
    assert arguments == ['{"q": "a ]] b"}', '{"q": []}']
    assert len({call.id for call in message.tool_calls}) == 2
    final = await simulator.client.chat.completions.create(
        model="m",
        messages=[
            {"role": "user", "content": asked},
            cast("Any", message.to_dict()),
            {"role": "tool", "tool_call_id": message.tool_calls[0].id, "content": "found 0"},
            {"role": "tool", "tool_call_id": message.tool_calls[1].id, "content": "found 1"},
        ],
        tools=[SEARCH],
    )
    assert final.choices[0].message.content == "Results: found 0 found 1"


async def test_an_answer_under_a_schema(simulator: Simulator) -> None:
    answer = await simulator.client.chat.completions.create(
        model="m",
        messages=[{"role": "user", "content": "[[json]]"}],
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "person",
                "strict": True,
                "schema": {
                    "type": "object",
                    "properties": {"name": {"type": "string"}, "age": {"type": "integer"}},
                    "required": ["name", "age"],
                    "additionalProperties": False,
                },
            },
        },
    )
    assert json.loads(answer.choices[0].message.content or "") == {"name": "", "age": 0}


async def test_embeddings_as_the_client_asks_for_them_and_as_numbers(simulator: Simulator) -> None:
    texts = ["the cat", "the cat", "a dog"]
    packed = await simulator.client.embeddings.create(model="m", input=texts, dimensions=64)
    plain = await simulator.client.embeddings.create(
        model="m", input=texts, dimensions=64, encoding_format="float"
    )
    vectors = [item.embedding for item in packed.data]
    assert vectors == [item.embedding for item in plain.data]
    assert vectors[0] == vectors[1] != vectors[2]
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-6) for vector in vectors)
    assert packed.usage.prompt_tokens == 6


async def test_models(simulator: Simulator) -> None:
    assert "gpt-4o" in [model.id async for model in simulator.client.models.list()]
    assert (await simulator.client.models.retrieve("my/model")).id == "my/model"


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, openai.BadRequestError),
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
async def test_errors_are_typed_and_the_call_is_seen_once(
    simulator: Simulator, status: int, error: type[openai.APIStatusError]
) -> None:
    with pytest.raises(error) as caught:
        await simulator.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": f"[[fail {status}]]"}]
        )
    assert caught.value.status_code == status
    assert caught.value.request_id
    (call,) = await simulator.calls()
    assert (call["status"], call["finished"], call["inputTokens"]) == (status, True, 0)


async def test_a_client_that_retries_is_seen_each_time(simulator: Simulator) -> None:
    async with simulator.client_with("any-key", retries=1) as client:
        with pytest.raises(openai.InternalServerError):
            await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": "[[fail 500]]"}]
            )
    assert [call["status"] for call in await simulator.calls()] == [500, 500]


async def test_a_cut_stream_breaks_the_connection(simulator: Simulator) -> None:
    stream = await simulator.client.chat.completions.create(
        model="m", messages=[{"role": "user", "content": "[[tokens 9]] [[cut 3]]"}], stream=True
    )
    chunks = aiter(stream)
    texts = [(await anext(chunks)).choices[0].delta.content for _ in range(3)]
    with pytest.raises(openai.APIConnectionError):
        await anext(chunks)
    assert texts == ["word", " word", " word"]
    call = await simulator.call_that("endedAt")
    assert (call["finished"], call["cancelled"], call["outputTokens"]) == (False, False, 3)


async def test_a_cut_answer_that_is_not_streamed_is_a_connection_error(
    simulator: Simulator,
) -> None:
    with pytest.raises(openai.APIConnectionError):
        await simulator.client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "[[tokens 9]] [[cut 3]]"}]
        )


@pytest.mark.parametrize("stream", [False, True])
async def test_the_simulator_sees_a_client_that_leaves(simulator: Simulator, stream: bool) -> None:
    asking = asyncio.create_task(
        simulator.client.chat.completions.create(
            model="m",
            messages=[{"role": "user", "content": "one two [[delay 600000]]"}],
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
