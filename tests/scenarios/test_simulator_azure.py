"""Azure's client, which is a part of OpenAI's library, against the simulator on a real server."""

import math
from collections.abc import AsyncIterator

import httpx2
import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from headgate.simulate import SimulatorOptions, create_app
from servers import serve

VERSION = "2024-10-21"


@pytest.fixture
async def address() -> AsyncIterator[str]:
    async with serve(create_app(SimulatorOptions(vendor="azure"))) as address:
        yield address


@pytest.fixture
async def client(address: str) -> AsyncIterator[AsyncAzureOpenAI]:
    async with AsyncAzureOpenAI(
        azure_endpoint=f"{address}/azure", api_key="any", api_version=VERSION, max_retries=0
    ) as client:
        yield client


async def test_a_chat(client: AsyncAzureOpenAI, address: str) -> None:
    answer = await client.chat.completions.create(
        model="our-chat", messages=[{"role": "user", "content": "hello [[usage cached=1]]"}]
    )
    assert (answer.model, answer.choices[0].message.content) == ("our-chat", "You said: hello")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (1, 3)
    async with httpx2.AsyncClient(trust_env=False) as http:
        (call,) = (await http.get(f"{address}/_simulate/calls")).json()
    assert (call["vendor"], call["model"]) == ("azure", "our-chat")
    assert call["path"] == "/azure/openai/deployments/our-chat/chat/completions"


async def test_a_streamed_chat_begins_with_the_filters_results(client: AsyncAzureOpenAI) -> None:
    stream = await client.chat.completions.create(
        model="our-chat",
        messages=[{"role": "user", "content": "[[say one two three]]"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    assert chunks[0].choices == []
    assert chunks[0].model_extra
    assert "prompt_filter_results" in chunks[0].model_extra
    text = "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)
    assert text == "one two three"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 3


async def test_tools_are_called_in_parallel(client: AsyncAzureOpenAI) -> None:
    answer = await client.chat.completions.create(
        model="our-chat",
        messages=[{"role": "user", "content": '[[call a {"q": 1}]] [[call a {"q": 2}]]'}],
        tools=[{"type": "function", "function": {"name": "a", "parameters": {"type": "object"}}}],
    )
    calls = answer.choices[0].message.tool_calls or []
    assert [c.function.arguments for c in calls if c.type == "function"] == ['{"q": 1}', '{"q": 2}']


async def test_vectors(client: AsyncAzureOpenAI) -> None:
    answer = await client.embeddings.create(model="our-vectors", input=["a", "b"])
    for item in answer.data:
        assert math.isclose(math.fsum(x * x for x in item.embedding), 1, abs_tol=1e-5)


async def test_failures_are_the_clients_own(client: AsyncAzureOpenAI) -> None:
    for status, kind in (
        (401, openai.AuthenticationError),
        (404, openai.NotFoundError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
    ):
        with pytest.raises(kind) as failure:
            await client.chat.completions.create(
                model="m", messages=[{"role": "user", "content": f"[[fail {status}]]"}]
            )
        assert failure.value.status_code == status


async def test_the_current_edition_is_served_to_openais_client(address: str) -> None:
    async with AsyncOpenAI(
        base_url=f"{address}/azure/openai/v1/", api_key="any", max_retries=0
    ) as client:
        answer = await client.chat.completions.create(
            model="m", messages=[{"role": "user", "content": "hi"}]
        )
    assert answer.choices[0].message.content == "You said: hi"
