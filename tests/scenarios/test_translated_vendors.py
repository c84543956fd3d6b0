"""Gemini and Cohere behind the platform: clients of other protocols ask for their models.

The vendors are the simulator, which their own client libraries are tested against.
"""

import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, cast

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI

from headgate_server import Caller, Headgate, Simulator, http_client

GEMINI = "gemini/gemini-3.1-flash-lite"
COHERE = "cohere/command-r7b-12-2024"
SCHEMA = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
TOOLS: Any = [{"type": "function", "function": {"name": "search", "parameters": SCHEMA}}]
PIXEL = "data:image/png;base64,iVBORw0KGgo="


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment_of("gemini") | vendors.environment_of("cohere")


@pytest.fixture(params=[GEMINI, COHERE])
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(headgate: Headgate, vendors: Simulator) -> AsyncIterator[AsyncOpenAI]:
    await vendors.forget()
    async with AsyncOpenAI(
        base_url=f"{headgate.url}/v1",
        api_key=headgate.admin_key,
        max_retries=0,
        http_client=http_client(),
    ) as client:
        yield client


def says(content: Any) -> Any:
    return [{"role": "system", "content": "be brief"}, {"role": "user", "content": content}]


@pytest.mark.parametrize(
    ("name", "reasoning", "cost"),
    [
        # 3 x $0.25, 1 x $0.025 and 9 x $1.50, each per million
        (GEMINI, 5, Decimal("0.000014275")),
        # 4 x $0.0375 and 9 x $0.15; what the vendor put around the texts costs nothing
        (COHERE, 0, Decimal("0.0000015")),
    ],
)
async def test_an_answer_is_billed_in_all_its_classes(
    *,
    client: AsyncOpenAI,
    admin: Caller,
    vendors: Simulator,
    name: str,
    reasoning: int,
    cost: Decimal,
) -> None:
    given = await client.chat.completions.with_raw_response.create(
        model=name, messages=says("hello there [[usage cached=1 reasoning=5]]")
    )
    answer = given.parse()
    assert answer.choices[0].message.content == "You said: hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 9)
    event = await admin.event_of(given.headers["x-request-id"])
    vendor, _, model = name.partition("/")
    assert (event["provider"], event["model"]) == (vendor, model)
    assert (event["reasoningTokens"], event["cachedInputTokens"]) == (reasoning, 1)
    assert Decimal(str(event["cost"])) == cost
    call = await vendors.only_call("finished")
    assert (call["vendor"], call["model"]) == (vendor, model)
    assert call["idempotencyKey"]


async def test_a_stream_with_its_usage(client: AsyncOpenAI, model: str) -> None:
    stream = await client.chat.completions.create(
        model=model,
        messages=says("[[say one  two\nthree]]"),
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    texts = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
    assert "".join(texts) == "one  two\nthree"
    assert chunks[-1].usage
    assert chunks[-1].usage.completion_tokens == 3


async def test_tools_in_parallel_streamed_and_their_results(
    client: AsyncOpenAI, model: str
) -> None:
    asked = '[[call search {"n": 1}]] [[call search {"n": 2}]]'
    async with client.chat.completions.stream(
        model=model, messages=says(asked), tools=TOOLS
    ) as stream:
        answer = await stream.get_final_completion()
    turn = answer.choices[0].message
    calls = turn.tool_calls or []
    assert [json.loads(call.function.arguments) for call in calls] == [{"n": 1}, {"n": 2}]
    assert answer.choices[0].finish_reason == "tool_calls"
    results = [
        {"role": "tool", "tool_call_id": call.id, "content": f"found {number}"}
        for number, call in enumerate(calls)
    ]
    final = await client.chat.completions.create(
        model=model,
        messages=[*says(asked), cast("Any", turn.to_dict()), *cast("Any", results)],
        tools=TOOLS,
    )
    assert final.choices[0].message.content == "Results: found 0 found 1"


@pytest.mark.parametrize(
    ("choice", "count"),
    [
        ("none", 0),
        ("auto", 0),
        ("required", 1),
        ({"type": "function", "function": {"name": "search"}}, 1),
    ],
)
async def test_a_tool_that_must_be_called(
    client: AsyncOpenAI, model: str, choice: Any, count: int
) -> None:
    answer = await client.chat.completions.create(
        model=model, messages=says("hi"), tools=TOOLS, tool_choice=choice
    )
    assert len(answer.choices[0].message.tool_calls or []) == count


async def test_json_stops_limits_and_pictures(client: AsyncOpenAI, model: str) -> None:
    form: Any = {"type": "json_schema", "json_schema": {"name": "n", "schema": SCHEMA}}
    answer = await client.chat.completions.create(
        model=model, messages=says("[[json]]"), response_format=form
    )
    assert json.loads(answer.choices[0].message.content or "") == {"n": 0}
    short = await client.chat.completions.create(
        model=model, messages=says("[[tokens 9]]"), max_tokens=2, stop=["x"]
    )
    assert short.choices[0].finish_reason == "length"
    pictures = [
        {"type": "text", "text": "look"},
        {"type": "image_url", "image_url": {"url": PIXEL}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png"}},
    ]
    seen = await client.chat.completions.create(model=model, messages=says(pictures))
    assert seen.choices[0].message.content == "You said: look"


@pytest.mark.parametrize("name", ["gemini/gemini-embedding-001", "cohere/embed-v4.0"])
async def test_vectors(client: AsyncOpenAI, name: str) -> None:
    given = await client.embeddings.create(model=name, input=["one two", "three"], dimensions=8)
    assert [round(sum(x * x for x in item.embedding), 5) for item in given.data] == [1, 1]
    assert given.usage.prompt_tokens == 3


@pytest.mark.parametrize("name", ["gemini/gemini-embedding-001", "cohere/embed-v4.0"])
async def test_more_texts_than_a_vendor_takes_at_a_time(client: AsyncOpenAI, name: str) -> None:
    texts = [f"text {number}" for number in range(205)]
    given = await client.embeddings.create(model=name, input=texts, dimensions=8)
    alone = await client.embeddings.create(model=name, input=[texts[-1]], dimensions=8)
    assert [item.index for item in given.data] == list(range(205))
    assert given.data[-1].embedding == alone.data[0].embedding
    assert given.usage.prompt_tokens == 410


@pytest.mark.parametrize(
    ("status", "kind", "said"),
    [
        (400, openai.BadRequestError, 400),
        (401, openai.InternalServerError, 502),
        (404, openai.NotFoundError, 404),
        (429, openai.RateLimitError, 429),
        (500, openai.InternalServerError, 502),
        (503, openai.InternalServerError, 503),
        (504, openai.InternalServerError, 504),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_failures(
    *,
    client: AsyncOpenAI,
    model: str,
    status: int,
    kind: type[openai.APIStatusError],
    said: int,
    stream: bool,
) -> None:
    with pytest.raises(kind) as failure:
        await client.chat.completions.create(
            model=model, messages=says(f"[[fail {status}]]"), stream=stream
        )
    assert failure.value.status_code == said
    if status == 429:
        assert failure.value.response.headers["retry-after"] == "1"


async def test_what_they_do_not_have_is_refused_by_name(client: AsyncOpenAI, model: str) -> None:
    with pytest.raises(openai.BadRequestError, match="parallel_tool_calls"):
        await client.chat.completions.create(
            model=model, messages=says("hi"), tools=TOOLS, parallel_tool_calls=False
        )
    with pytest.raises(openai.BadRequestError, match="logprobs"):
        await client.chat.completions.create(model=model, messages=says("hi"), logprobs=True)


async def test_a_stream_that_breaks_off_is_billed_for_what_came(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    given = await client.chat.completions.with_raw_response.create(
        model=model, messages=says("[[tokens 9]] [[cut 3]]"), stream=True
    )
    with pytest.raises(openai.APIError):
        _ = [chunk async for chunk in given.parse()]
    event = await admin.event_of(given.headers["x-request-id"])
    assert (event["status"], event["outputTokens"]) == ("incomplete", 3)


async def test_a_caller_who_leaves_stops_the_vendors_work(
    client: AsyncOpenAI, vendors: Simulator, model: str
) -> None:
    stream = await client.chat.completions.create(
        model=model, messages=says("[[tokens 900]] [[rate 20]]"), stream=True
    )
    await anext(aiter(stream))
    await stream.close()
    call = await vendors.only_call("cancelled")
    assert not call["finished"]


def test_no_key_of_a_vendor_is_printed(headgate: Headgate) -> None:
    assert "vendor-secret" not in headgate.command.output


@pytest.mark.parametrize("stream", [False, True])
async def test_thoughts_come_back_from_a_client_of_anthropics(
    headgate: Headgate, model: str, stream: bool
) -> None:
    """Gemini refuses a signature that is not the one it gave with that very call."""
    asked: Any = [{"role": "user", "content": '[[call search {"n": 1}]] [[usage reasoning=3]]'}]
    tools: Any = [{"name": "search", "input_schema": SCHEMA}]
    options: Any = {
        "model": model,
        "max_tokens": 2048,
        "tools": tools,
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    async with AsyncAnthropic(
        base_url=headgate.url, api_key=headgate.admin_key, max_retries=0, http_client=http_client()
    ) as client:
        if stream:
            async with client.messages.stream(messages=asked, **options) as events:
                answer = await events.get_final_message()
        else:
            answer = await client.messages.create(messages=asked, **options)
        thought, call = answer.content
        assert thought.type == "thinking"
        assert thought.thinking == "thought thought thought"
        assert thought.signature.startswith(model.partition("/")[0] + ":")
        assert call.type == "tool_use"

        async def go_on(content: Any) -> str:
            result: Any = {"type": "tool_result", "tool_use_id": call.id, "content": "ok"}
            final = await client.messages.create(
                messages=[
                    *asked,
                    {"role": "assistant", "content": content},
                    {"role": "user", "content": [result]},
                ],
                **options,
            )
            return "".join(block.text for block in final.content if block.type == "text")

        assert await go_on(answer.content) == "Results: ok"
        if model == GEMINI:
            forged = thought.model_copy(update={"signature": "gemini:0:forged"})
            with pytest.raises(anthropic.BadRequestError, match="signature"):
                await go_on([forged, call])
