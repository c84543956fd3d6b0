"""OpenAI's own client library at `/v1/responses`, unchanged but for its address and key.

Each scenario runs with the built-in `sandbox` model, and at the simulator with a model of OpenAI's
and one of Anthropic's, which are asked in their vendors' other protocols.
"""

import base64
import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from itertools import pairwise
from typing import Any, cast

import httpx2
import openai
import pydantic
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.responses import FunctionToolParam, ResponseFunctionToolCall

from headgate_server import Caller, Headgate, Simulator, exact, http_client

SEARCH: FunctionToolParam = {
    "type": "function",
    "name": "search",
    "description": "Looks things up.",
    "parameters": {
        "type": "object",
        "properties": {"q": {"type": "string"}},
        "required": ["q"],
        "additionalProperties": False,
    },
    "strict": True,
}
MODELS = ["sandbox", "gpt-4o-mini", "claude-haiku-4-5"]
MESSAGE_EVENTS = [
    "response.output_item.added",
    "response.content_part.added",
    "response.output_text.delta",
    "response.output_text.done",
    "response.content_part.done",
    "response.output_item.done",
]
CALL_EVENTS = [
    "response.output_item.added",
    "response.function_call_arguments.delta",
    "response.function_call_arguments.done",
    "response.output_item.done",
]


class Person(pydantic.BaseModel):
    """What a structured answer is parsed into."""

    name: str
    age: int


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    others = vendors.environment_of("gemini") | vendors.environment_of("cohere")
    return vendors.environment | others


@pytest.fixture(params=MODELS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(headgate: Headgate) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(headgate, headgate.admin_key) as client:
        yield client


def client_of(headgate: Headgate, key: str, **options: Any) -> AsyncOpenAI:
    settings: dict[str, Any] = {"max_retries": 0, "http_client": http_client()} | options
    return AsyncOpenAI(base_url=f"{headgate.url}/v1", api_key=key, **settings)


def told(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream, of which each says its type twice."""
    events = []
    for frame in body.removesuffix(b"\n\n").split(b"\n\n"):
        if frame == b": ping":
            continue
        name, data = frame.split(b"\n")
        events.append(exact(data.removeprefix(b"data: ")))
        assert name.removeprefix(b"event: ").decode() == events[-1]["type"]
    assert [event["sequence_number"] for event in events] == list(range(len(events)))
    return events


def kinds(events: list[dict[str, Any]]) -> list[str]:
    """The events' types, each once where it follows itself."""
    names = [event["type"] for event in events]
    return [names[0], *(name for before, name in pairwise(names) if name != before)]


async def test_a_whole_answer(client: AsyncOpenAI, model: str) -> None:
    answer = await client.responses.create(
        model=model,
        instructions="be brief",
        input="hello [[usage cached=2 reasoning=4]]",
        metadata={"a": "b"},
        store=True,
        max_output_tokens=50,
        user="someone",
    )
    assert (answer.object, answer.model, answer.status) == ("response", model, "completed")
    assert answer.output_text == "You said: hello"
    assert (answer.instructions, answer.metadata) == ("be brief", {"a": "b"})
    assert (answer.to_dict()["store"], answer.max_output_tokens) == (False, 50)
    assert answer.error is None
    assert answer.incomplete_details is None
    assert answer._request_id
    assert answer.usage
    assert (answer.usage.input_tokens, answer.usage.input_tokens_details.cached_tokens) == (3, 2)
    assert answer.usage.output_tokens == 7
    assert answer.usage.output_tokens_details.reasoning_tokens == 4
    assert answer.usage.total_tokens == 10


def test_the_synchronous_client_asks_and_streams(headgate: Headgate, model: str) -> None:
    with OpenAI(base_url=f"{headgate.url}/v1", api_key=headgate.admin_key) as client:
        answer = client.responses.create(model=model, input="hello")
        assert answer.output_text == "You said: hello"
        with client.responses.stream(model=model, input="hello") as stream:
            assert stream.get_final_response().output_text == "You said: hello"


async def test_the_whole_conversation_is_read(client: AsyncOpenAI, model: str) -> None:
    answer = await client.responses.create(
        model=model,
        input=[
            {"role": "developer", "content": "one"},
            {"role": "user", "content": "two"},
            {"role": "assistant", "content": "three"},
            {
                "type": "message",
                "id": "msg_1",
                "role": "assistant",
                "status": "completed",
                "content": [{"type": "output_text", "text": "four", "annotations": []}],
            },
            {
                "role": "user",
                "content": [
                    {"type": "input_text", "text": "five"},
                    {
                        "type": "input_image",
                        "detail": "auto",
                        "image_url": "data:image/png;base64,iVBORw0KGgo=",
                    },
                ],
            },
        ],
    )
    assert answer.output_text == "You said: five"
    assert answer.usage
    assert answer.usage.input_tokens >= 5


async def test_an_answer_cut_by_its_limit_is_incomplete(client: AsyncOpenAI, model: str) -> None:
    answer = await client.responses.create(model=model, input="[[tokens 9]]", max_output_tokens=4)
    assert (answer.status, answer.output_text) == ("incomplete", "word word word word")
    assert answer.incomplete_details
    assert answer.incomplete_details.reason == "max_output_tokens"
    stream = await client.responses.create(
        model=model, input="[[tokens 9]]", max_output_tokens=4, stream=True
    )
    *_, last = [event async for event in stream]
    assert last.type == "response.incomplete"
    assert last.response.output_text == "word word word word"


async def test_a_stream_has_all_its_events_in_order(admin: Caller, model: str) -> None:
    body = {"model": model, "input": "[[tokens 5]] [[usage cached=1 reasoning=2]]", "stream": True}
    answer = await admin.post("/v1/responses", body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    events = told(answer.body)
    first, *_, last = events
    assert kinds(events) == [
        "response.created",
        "response.in_progress",
        *MESSAGE_EVENTS,
        "response.completed",
    ]
    assert (first["response"]["status"], first["response"]["output"]) == ("in_progress", [])
    deltas = [event["delta"] for event in events if event["type"] == "response.output_text.delta"]
    assert "".join(deltas) == "word word word word word"
    (item,) = last["response"]["output"]
    assert item["content"][0]["text"] == "word word word word word"
    assert {event["item_id"] for event in events if "item_id" in event} == {item["id"]}
    assert last["response"]["id"] == first["response"]["id"]
    assert last["response"]["usage"]["output_tokens"] == 7
    assert last["response"]["usage"]["output_tokens_details"] == {"reasoning_tokens": 2}


async def test_a_stream_gathers_into_the_whole_answer(client: AsyncOpenAI, model: str) -> None:
    async with client.responses.stream(model=model, input="[[say one  two\nthree]]") as stream:
        text = "".join(
            [event.delta async for event in stream if event.type == "response.output_text.delta"]
        )
        final = await stream.get_final_response()
    assert text == final.output_text == "one  two\nthree"
    assert final.usage


@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_are_called_and_their_results_sent_back(
    client: AsyncOpenAI, model: str, *, streamed: bool
) -> None:
    asked = '[[call search {"q": "one"}]] [[call search {"q": "two"}]]'
    options: Any = {"model": model, "input": asked, "tools": [SEARCH]}
    if streamed:
        async with client.responses.stream(**options) as stream:
            seen = [event.type async for event in stream]
            answer: Any = await stream.get_final_response()
        assert [name for name in seen if name == "response.output_item.done"] == [seen[-2]] * 2
    else:
        answer = await client.responses.create(**options)
    calls = [cast("ResponseFunctionToolCall", item) for item in answer.output]
    assert {(call.type, call.name, call.status) for call in calls} == {
        ("function_call", "search", "completed")
    }
    assert [json.loads(call.arguments) for call in calls] == [{"q": "one"}, {"q": "two"}]
    final = await client.responses.create(
        model=model,
        input=[
            {"role": "user", "content": asked},
            *(cast("Any", call.to_dict()) for call in calls),
            *(
                cast(
                    "Any",
                    {
                        "type": "function_call_output",
                        "call_id": call.call_id,
                        "output": f"found {index}",
                    },
                )
                for index, call in enumerate(calls)
            ),
        ],
        tools=[SEARCH],
    )
    assert final.output_text == "Results: found 0 found 1"


@pytest.mark.parametrize("name", ["gemini-3.1-flash-lite", "command-r7b-12-2024"])
async def test_what_other_vendors_answered_is_handed_back_as_it_came(
    client: AsyncOpenAI, name: str
) -> None:
    """Gemini's models sign a thought before each call, and want it back with the result."""
    asked: Any = {"role": "user", "content": '[[call search {"q": "one"}]]'}
    async with client.responses.stream(model=name, input=[asked], tools=[SEARCH]) as stream:
        seen = [event.type async for event in stream]
        answer = await stream.get_final_response()
    assert seen[-1] == "response.completed"
    items: list[Any] = [item.to_dict() for item in answer.output]
    results = [
        {"type": "function_call_output", "call_id": item["call_id"], "output": "found"}
        for item in items
        if item["type"] == "function_call"
    ]
    assert len(results) == 1
    final = await client.responses.create(
        model=name, input=[asked, *items, *cast("Any", results)], tools=[SEARCH]
    )
    assert final.output_text == "Results: found"


async def test_a_streamed_call_has_all_its_events_in_order(admin: Caller, model: str) -> None:
    asked = '[[call search {"q": "one"}]] [[call search {"q": "two three"}]]'
    body = {"model": model, "input": asked, "tools": [SEARCH], "stream": True}
    events = told((await admin.post("/v1/responses", body)).body)
    assert kinds(events) == [
        "response.created",
        "response.in_progress",
        *CALL_EVENTS,
        *CALL_EVENTS,
        "response.completed",
    ]
    added = [event for event in events if event["type"] == "response.output_item.added"]
    assert [event["output_index"] for event in added] == [0, 1]
    assert all(event["item"]["call_id"] and not event["item"]["arguments"] for event in added)


async def test_one_call_only_and_a_tool_that_must_be_called(
    client: AsyncOpenAI, model: str
) -> None:
    asked = '[[call search {"q": "one"}]] [[call search {"q": "two"}]]'
    one = await client.responses.create(
        model=model, input=asked, tools=[SEARCH], parallel_tool_calls=False
    )
    assert len(one.output) == 1
    none = await client.responses.create(
        model=model, input="hello", tools=[SEARCH], tool_choice="none"
    )
    assert none.output_text == "You said: hello"
    must = await client.responses.create(
        model=model,
        input="hello",
        tools=[SEARCH],
        tool_choice={"type": "function", "name": "search"},
    )
    assert [item.type for item in must.output] == ["function_call"]


@pytest.mark.parametrize("streamed", [False, True])
async def test_what_a_model_thought_goes_back_to_its_vendor(
    client: AsyncOpenAI, *, streamed: bool
) -> None:
    """The vendor checks what it signed: it refuses a thought that was changed on its way."""
    asked: Any = {"role": "user", "content": '[[call search {"q":"1"}]] [[usage reasoning=3]]'}
    options: Any = {
        "model": "claude-haiku-4-5",
        "tools": [SEARCH],
        "reasoning": {"effort": "low", "summary": "auto"},
        "include": ["reasoning.encrypted_content"],
        "max_output_tokens": 5000,
    }
    if streamed:
        async with client.responses.stream(input=[asked], **options) as stream:
            seen = [event.type async for event in stream]
            first: Any = await stream.get_final_response()
        assert "response.reasoning_summary_text.done" in seen
    else:
        first = await client.responses.create(input=[asked], **options)
    thought, call = [item.to_dict() for item in first.output]
    assert (thought["type"], call["type"]) == ("reasoning", "function_call")
    assert thought["summary"] == [{"type": "summary_text", "text": "thought thought thought"}]
    assert first.usage.output_tokens_details.reasoning_tokens == 3
    result: Any = {"type": "function_call_output", "call_id": call["call_id"], "output": "found"}
    final = await client.responses.create(input=[asked, thought, call, result], **options)
    assert final.output_text == "Results: found"
    given = base64.b64decode(thought["encrypted_content"])
    changed = base64.b64encode(given.replace(b"thought", b"forged!")).decode()
    forged = thought | {"encrypted_content": changed}
    with pytest.raises(openai.BadRequestError, match="signature"):
        await client.responses.create(input=[asked, forged, call, result], **options)


async def test_an_answer_parsed_into_the_callers_own_class(client: AsyncOpenAI, model: str) -> None:
    answer = await client.responses.parse(model=model, input="[[json]]", text_format=Person)
    assert answer.output_parsed == Person(name="", age=0)
    async with client.responses.stream(model=model, input="[[json]]", text_format=Person) as stream:
        assert (await stream.get_final_response()).output_parsed == Person(name="", age=0)


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", "conv_1"),
        ("background", True),
        ("prompt", {"id": "pmpt_1"}),
        ("truncation", "auto"),
        ("top_logprobs", 3),
        ("include", ["message.output_text.logprobs"]),
        ("service_tier", "priority"),
    ],
)
async def test_what_is_not_kept_or_not_known_is_refused_by_name(
    client: AsyncOpenAI, option: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.responses.create(
            model="sandbox", input="hello", **cast("Any", {option: value})
        )
    assert (caught.value.code, caught.value.param) == ("invalid_request", option)


async def test_a_tool_that_the_vendor_runs_is_refused_by_name(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.BadRequestError, match="web_search") as caught:
        await client.responses.create(
            model="sandbox", input="hello", tools=[{"type": "web_search"}]
        )
    assert caught.value.param == "tools[0].type"


async def test_errors_are_typed(headgate: Headgate, client: AsyncOpenAI, model: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError) as limited:
            await client.responses.create(model=model, input="[[fail 429]]", stream=stream)
        assert limited.value.response.headers["retry-after"] == "1"
        with pytest.raises(openai.InternalServerError) as failed:
            await client.responses.create(model=model, input="[[fail 500]]", stream=stream)
        assert (failed.value.status_code, failed.value.code) == (502, "upstream_error")
        with pytest.raises(openai.NotFoundError) as unknown:
            await client.responses.create(model="no-such-model", input="hello", stream=stream)
        assert unknown.value.code == "model_not_found"
    async with client_of(headgate, "sk-proj-nobody-nothing") as nobody:
        with pytest.raises(openai.AuthenticationError):
            await nobody.responses.create(model=model, input="hello")


async def test_a_client_that_retries_asks_an_exhausted_budget_once(
    headgate: Headgate, admin: Caller
) -> None:
    attempts: list[str] = []

    async def note(request: httpx2.Request) -> None:
        attempts.append(request.url.path)

    key = await admin.new_key(monthlyBudget=0)
    http = http_client(event_hooks={"request": [note]})
    async with client_of(headgate, key["apiKey"], max_retries=3, http_client=http) as client:
        with pytest.raises(openai.APIStatusError) as caught:
            await client.responses.create(model="sandbox", input="hello")
    assert (caught.value.status_code, caught.value.code) == (402, "budget_exceeded")
    assert attempts == ["/v1/responses"]


async def test_a_failure_in_the_middle_ends_the_stream_in_both_ways(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    stream = await client.responses.create(model=model, input="[[tokens 9]] [[cut 3]]", stream=True)
    with pytest.raises(openai.APIError) as caught:
        async for _ in stream:
            pass
    assert caught.value.code == "upstream_error"

    body = {"model": model, "input": "[[tokens 9]] [[cut 3]]", "stream": True}
    answer = await admin.post("/v1/responses", body)
    *_, failed, error = told(answer.body)
    assert (failed["type"], error["type"]) == ("response.failed", "error")
    assert failed["response"]["status"] == "failed"
    assert failed["response"]["error"]["code"] == error["code"] == error["error"]["code"]
    assert failed["response"]["output"][0]["content"][0]["text"] == "word word word"
    assert (await admin.event_of(answer.headers["x-request-id"]))["status"] == "incomplete"


@pytest.mark.parametrize("stream", [False, True])
async def test_an_answer_is_given_again_under_its_idempotency_key(
    admin: Caller, vendors: Simulator, model: str, *, stream: bool
) -> None:
    await vendors.forget()
    body = {"model": model, "input": "hello there", "stream": stream}
    headers = {"idempotency-key": f"again-{model}-{stream}"}
    first = await admin.post("/v1/responses", body, **headers)
    second = await admin.post("/v1/responses", body, **headers)
    assert (first.status, second.status) == (200, 200)
    assert first.body == second.body
    assert second.headers["idempotency-replayed"] == "true"
    assert second.headers["x-cost"] == "0"
    assert len(await vendors.calls()) == (0 if model == "sandbox" else 1)
    other = await admin.post("/v1/responses", body | {"input": "hello"}, **headers)
    assert other.error["code"] == "idempotency_conflict"


async def test_a_whole_answer_costs_what_a_chat_completion_costs(
    client: AsyncOpenAI, admin: Caller
) -> None:
    raw = await client.responses.with_raw_response.create(
        model="sandbox",
        input="hello there",
        extra_headers={"x-headgate-tags": "red", "x-headgate-use-case": "greeting"},
    )
    # 2 words at $1 and 4 at $2 per million, and 2 % on top.
    assert Decimal(raw.headers["x-cost"]) == Decimal("0.0000102")
    event = await admin.event_of(raw.headers["x-request-id"])
    assert (event["tags"], event["useCase"]) == (["red"], "greeting")
    assert (event["inputTokens"], event["outputTokens"]) == (2, 4)
