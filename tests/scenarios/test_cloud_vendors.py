"""Models that clouds serve, called by OpenAI's and Anthropic's own client libraries.

The platform runs as a process and calls the simulator in the clouds' place; only their endpoints
and credentials are set, so that no other vendor can answer.
"""

import json
import math
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any

import anthropic
import openai
import pytest
from anthropic import AsyncAnthropic
from openai import AsyncOpenAI
from openai.types.chat import ChatCompletionFunctionToolParam

from headgate_server import Caller, Headgate, Simulator, chat, http_client

SEARCH: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Looks things up.",
        "parameters": {"type": "object", "properties": {"q": {"type": "string"}}},
    },
}
PIXEL = "data:image/png;base64,iVBORw0KGgo="
CLAUDE = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
MODELS = {"azure/gpt-4o-mini": "azure", f"bedrock/{CLAUDE}": "bedrock"}
EMBEDDINGS = {
    "azure/text-embedding-3-small": 1536,
    "bedrock/amazon.titan-embed-text-v2:0": 1024,
}


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.clouds


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(headgate: Headgate) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(
        base_url=f"{headgate.url}/v1",
        api_key=headgate.admin_key,
        max_retries=0,
        http_client=http_client(),
    ) as client:
        yield client


@pytest.fixture
async def claude(headgate: Headgate) -> AsyncIterator[AsyncAnthropic]:
    async with AsyncAnthropic(
        base_url=headgate.url,
        api_key=headgate.admin_key,
        max_retries=0,
        http_client=http_client(),
    ) as client:
        yield client


async def test_a_chat_is_answered_and_billed(
    client: AsyncOpenAI, admin: Caller, vendors: Simulator, model: str
) -> None:
    await vendors.forget()
    raw = await client.chat.completions.with_raw_response.create(
        model=model,
        messages=[
            {"role": "system", "content": "be brief"},
            {"role": "user", "content": "hello there [[usage cached=3]]"},
        ],
        max_completion_tokens=50,
        stop=["END"],
    )
    answer = raw.parse()
    assert answer.choices[0].message.content == "You said: hello there"
    assert answer.choices[0].finish_reason == "stop"
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (4, 4)
    assert answer.usage.prompt_tokens_details
    assert answer.usage.prompt_tokens_details.cached_tokens == 3
    assert raw.headers["x-provider"] == MODELS[model]
    event = await admin.event_of(raw.headers["x-request-id"])
    assert (event["provider"], event["cachedInputTokens"]) == (MODELS[model], 3)
    assert event["cost"] > 0
    assert Decimal(raw.headers["x-cost"]) == event["billed"]
    call = await vendors.only_call("finished")
    assert (call["vendor"], call["status"]) == (MODELS[model], 200)
    assert call["idempotencyKey"]


async def test_a_streamed_chat(client: AsyncOpenAI, model: str) -> None:
    stream = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "[[say one  two\nthree]]"}],
        stream=True,
        stream_options={"include_usage": True},
    )
    chunks = [chunk async for chunk in stream]
    *content, last = chunks
    assert "".join(chunk.choices[0].delta.content or "" for chunk in content) == "one  two\nthree"
    assert content[-1].choices[0].finish_reason == "stop"
    assert (last.choices, last.usage and last.usage.completion_tokens) == ([], 3)


async def test_parallel_tools_streamed_and_their_results(client: AsyncOpenAI, model: str) -> None:
    asked = '[[call search {"q": "a b"}]] [[call search {"q": "c"}]]'
    stream = await client.chat.completions.create(
        model=model, messages=[{"role": "user", "content": asked}], tools=[SEARCH], stream=True
    )
    calls: dict[int, dict[str, str]] = {}
    async for chunk in stream:
        for piece in chunk.choices[0].delta.tool_calls or ():
            call = calls.setdefault(piece.index, {"id": piece.id or "", "arguments": ""})
            call["arguments"] += (piece.function and piece.function.arguments) or ""
    assert [json.loads(calls[i]["arguments"]) for i in (0, 1)] == [{"q": "a b"}, {"q": "c"}]
    results: list[Any] = [
        {"role": "tool", "tool_call_id": call["id"], "content": f"found {index}"}
        for index, call in calls.items()
    ]
    again = {
        "role": "assistant",
        "content": None,
        "tool_calls": [
            {
                "id": call["id"],
                "type": "function",
                "function": {"name": "search", "arguments": call["arguments"]},
            }
            for call in calls.values()
        ],
    }
    messages: list[Any] = [{"role": "user", "content": asked}, again, *results]
    final = await client.chat.completions.create(model=model, messages=messages, tools=[SEARCH])
    assert final.choices[0].message.content == "Results: found 0 found 1"


async def test_a_tool_that_must_be_called_is(client: AsyncOpenAI, model: str) -> None:
    answer = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "hi"}],
        tools=[SEARCH],
        tool_choice={"type": "function", "function": {"name": "search"}},
    )
    assert answer.choices[0].finish_reason in {"stop", "tool_calls"}
    (call,) = answer.choices[0].message.tool_calls or []
    assert call.type == "function"
    assert call.function.name == "search"


async def test_an_answer_under_a_schema(client: AsyncOpenAI, model: str) -> None:
    schema = {
        "type": "object",
        "properties": {"age": {"type": "integer"}},
        "required": ["age"],
        "additionalProperties": False,
    }
    answer = await client.chat.completions.create(
        model=model,
        messages=[{"role": "user", "content": "[[json]]"}],
        response_format={
            "type": "json_schema",
            "json_schema": {"name": "person", "schema": schema, "strict": True},
        },
    )
    assert isinstance(json.loads(answer.choices[0].message.content or "")["age"], int)


async def test_an_image_is_taken(client: AsyncOpenAI, model: str) -> None:
    answer = await client.chat.completions.create(
        model=model,
        messages=[
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": PIXEL}},
                ],
            }
        ],
    )
    assert answer.choices[0].message.content == "You said: look"


async def test_an_answer_that_is_cut_or_stopped_says_so(client: AsyncOpenAI, model: str) -> None:
    for text, options, reason in (
        ("[[tokens 9]]", {"max_completion_tokens": 3}, "length"),
        ("[[say one END two]]", {"stop": ["END"]}, "stop"),
    ):
        answer = await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": text}], **options
        )
        assert answer.choices[0].finish_reason == reason


async def test_anthropics_client_is_answered(claude: AsyncAnthropic, model: str) -> None:
    answer = await claude.messages.create(
        model=model,
        max_tokens=99,
        system="be brief",
        messages=[{"role": "user", "content": "hello [[usage cached=1]]"}],
    )
    assert [block.text for block in answer.content if block.type == "text"] == ["You said: hello"]
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (2, 1, 3)


async def test_anthropics_client_streams_tools(claude: AsyncAnthropic, model: str) -> None:
    async with claude.messages.stream(
        model=model,
        max_tokens=99,
        messages=[{"role": "user", "content": '[[call search {"q": 1}]] [[call search {}]]'}],
        tools=[{"name": "search", "input_schema": {"type": "object"}}],
    ) as stream:
        answer = await stream.get_final_message()
    assert answer.stop_reason == "tool_use"
    assert [b.input for b in answer.content if b.type == "tool_use"] == [{"q": 1}, {}]


@pytest.mark.parametrize(
    ("status", "ours", "kind"),
    [
        (400, 400, openai.BadRequestError),
        (401, 502, openai.InternalServerError),
        (403, 502, openai.InternalServerError),
        (429, 429, openai.RateLimitError),
        (500, 502, openai.InternalServerError),
        (503, 503, openai.InternalServerError),
    ],
)
async def test_a_vendors_failure_is_told_in_the_platforms_words(
    client: AsyncOpenAI,
    model: str,
    status: int,
    ours: int,
    kind: type[openai.APIStatusError],
) -> None:
    for stream in (False, True):
        with pytest.raises(kind) as failure:
            await client.chat.completions.create(
                model=model,
                messages=[{"role": "user", "content": f"[[fail {status}]]"}],
                stream=stream,
            )
        assert failure.value.status_code == ours


async def test_an_answer_that_breaks_off_is_incomplete(admin: Caller, model: str) -> None:
    answer = await admin.stream("[[tokens 9]] [[cut 3]]", model=model)
    assert [event["type"] for event in answer.events][-1] == "error"
    event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["status"], event["outputTokens"], event["estimated"]) == ("incomplete", 3, True)
    whole = await admin.ask("[[tokens 9]] [[cut 3]]", model=model)
    assert whole.status == 502


async def test_a_caller_who_leaves_stops_the_vendor(
    admin: Caller, vendors: Simulator, model: str
) -> None:
    await vendors.forget()
    body = chat("[[tokens 500]] [[rate 20]]", model=model)
    async with admin.opened("/v1/stream", body) as answer:
        async for _ in answer.aiter_raw():
            break
    call = await vendors.only_call("cancelled")
    assert call["outputTokens"] < 500


@pytest.mark.parametrize("embedder", EMBEDDINGS)
async def test_vectors_are_of_length_one_and_in_order(
    client: AsyncOpenAI, admin: Caller, embedder: str
) -> None:
    texts = ["one two", "three", "one two"]
    raw = await client.embeddings.with_raw_response.create(model=embedder, input=texts)
    answer = raw.parse()
    first, second, third = (item.embedding for item in answer.data)
    assert first == third != second
    assert len(first) == EMBEDDINGS[embedder]
    assert math.isclose(math.fsum(x * x for x in first), 1, abs_tol=1e-5)
    assert answer.usage.prompt_tokens == 5
    event = await admin.event_of(raw.headers["x-request-id"])
    assert (event["inputTokens"], event["estimated"]) == (5, False)
    assert event["cost"] > 0


async def test_auto_finds_a_model_and_texts_are_embedded_without_a_name(admin: Caller) -> None:
    answer = await admin.ask("hello", model="auto")
    assert answer.headers["x-provider"] in set(MODELS.values())
    vectors = await admin.post("/v1/embed", {"input": "hello"})
    assert vectors.headers["x-provider"] in set(MODELS.values())


async def test_thoughts_of_bedrocks_models_go_back_unchanged(claude: AsyncAnthropic) -> None:
    """The vendor refuses those that were changed, and its sentence is told."""
    options: Any = {
        "model": f"bedrock/{CLAUDE}",
        "max_tokens": 2_000,
        "thinking": {"type": "enabled", "budget_tokens": 1_024},
    }
    asked: Any = {"role": "user", "content": "hi [[usage reasoning=2]]"}
    for stream in (False, True):
        if stream:
            async with claude.messages.stream(messages=[asked], **options) as events:
                first = await events.get_final_message()
        else:
            first = await claude.messages.create(messages=[asked], **options)
        thought = first.content[0]
        assert thought.type == "thinking"
        assert (thought.thinking, bool(thought.signature)) == ("thought thought", True)
        said: Any = [block.model_dump(exclude_none=True) for block in first.content]
        turns: list[Any] = [asked, {"role": "assistant", "content": said}]
        more: Any = {"role": "user", "content": "go on"}
        again = await claude.messages.create(messages=[*turns, more], **options)
        assert again.stop_reason == "end_turn"
        said[0]["thinking"] = "something else"
        with pytest.raises(anthropic.BadRequestError, match="signature"):
            await claude.messages.create(messages=[*turns, more], **options)


async def test_an_exception_among_bedrocks_events_breaks_the_answer_off(admin: Caller) -> None:
    text = "[[tokens 9]] [[cut 3]] [[fail 429]]"
    answer = await admin.stream(text, model=f"bedrock/{CLAUDE}")
    assert answer.events[-1]["type"] == "error"
    event = await admin.event_of(answer.headers["x-request-id"])
    assert (event["status"], event["outputTokens"]) == ("incomplete", 3)


async def test_what_bedrock_does_not_have_is_a_bad_request_that_names_it(
    client: AsyncOpenAI,
) -> None:
    asked: Any = {"role": "user", "content": "hi"}
    model = f"bedrock/{CLAUDE}"
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(model=model, messages=[asked], n=2)
    assert refused.value.param == "n"
    image: Any = {"type": "image_url", "image_url": {"url": "https://a.example/b.png"}}
    with pytest.raises(openai.BadRequestError) as refused:
        await client.chat.completions.create(
            model=model, messages=[{"role": "user", "content": [image]}]
        )
    assert refused.value.param == "messages[0].content"
