"""OpenAI's own client library, unchanged but for its address and key, sync and async.

Each scenario runs with the built-in `sandbox` model, whose frames the platform writes, and at the
simulator with a model of OpenAI's, whose frames it forwards, and with one of Anthropic's, whose
events it translates.
"""

import json
import math
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, cast

import httpx2
import openai
import pydantic
import pytest
from openai import AsyncOpenAI, OpenAI
from openai.types.chat import ChatCompletionFunctionToolParam, ChatCompletionMessageParam

from headgate_server import (
    Caller,
    Headgate,
    Simulator,
    chat,
    events_of,
    eventually,
    exact,
    http_client,
)

SEARCH: ChatCompletionFunctionToolParam = {
    "type": "function",
    "function": {
        "name": "search",
        "description": "Looks things up.",
        "parameters": {
            "type": "object",
            "properties": {"q": {"type": "string"}},
            "required": ["q"],
        },
    },
}
PROVIDERS = {"sandbox": "sandbox", "gpt-4o-mini": "openai", "claude-haiku-4-5": "anthropic"}
EMBEDDING_MODELS = ["sandbox", "text-embedding-3-small"]


class Person(pydantic.BaseModel):
    """What a structured answer is parsed into."""

    name: str
    age: int


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(params=PROVIDERS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(headgate: Headgate) -> AsyncIterator[AsyncOpenAI]:
    async with client_of(headgate, headgate.admin_key) as client:
        yield client


def client_of(headgate: Headgate, key: str, **options: Any) -> AsyncOpenAI:
    settings: dict[str, Any] = {"max_retries": 0, "http_client": http_client()} | options
    return AsyncOpenAI(base_url=f"{headgate.url}/v1", api_key=key, **settings)


def says(text: str) -> list[ChatCompletionMessageParam]:
    return [{"role": "user", "content": text}]


async def test_a_chat(client: AsyncOpenAI, model: str) -> None:
    answer = await client.chat.completions.create(
        model=model,
        messages=[
            {"role": "developer", "content": "be brief"},
            {"role": "user", "content": [{"type": "text", "text": "hello [[usage cached=2]]"}]},
        ],
    )
    assert answer.object == "chat.completion"
    assert answer.model == model
    assert answer._request_id
    (choice,) = answer.choices
    assert (choice.index, choice.finish_reason) == (0, "stop")
    assert (choice.message.role, choice.message.content) == ("assistant", "You said: hello")
    assert answer.usage
    assert (answer.usage.prompt_tokens, answer.usage.completion_tokens) == (3, 3)
    assert answer.usage.total_tokens == 6
    assert answer.usage.prompt_tokens_details
    assert answer.usage.prompt_tokens_details.cached_tokens == 2


def test_the_synchronous_client_chats_and_streams(headgate: Headgate, model: str) -> None:
    with OpenAI(base_url=f"{headgate.url}/v1", api_key=headgate.admin_key) as client:
        answer = client.chat.completions.create(model=model, messages=says("hello"))
        assert answer.choices[0].message.content == "You said: hello"
        stream = client.chat.completions.create(model=model, messages=says("hello"), stream=True)
        assert "".join(c.choices[0].delta.content or "" for c in stream) == "You said: hello"
        assert any(listed.id == model for listed in client.models.list())


async def test_an_answer_cut_by_max_tokens_says_so(client: AsyncOpenAI, model: str) -> None:
    for limit in ("max_tokens", "max_completion_tokens"):
        answer = await client.chat.completions.create(
            model=model, messages=says("[[tokens 9]]"), **cast("Any", {limit: 4})
        )
        assert answer.choices[0].finish_reason == "length"
        assert answer.choices[0].message.content == "word word word word"


async def test_a_stream_without_usage_has_no_chunk_for_it(client: AsyncOpenAI, model: str) -> None:
    stream = await client.chat.completions.create(
        model=model, messages=says("[[say one  two\nthree]]"), stream=True
    )
    chunks = [chunk async for chunk in stream]
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)
    text = "".join(chunk.choices[0].delta.content or "" for chunk in chunks)
    assert text == "one  two\nthree"


async def test_a_stream_with_usage_ends_with_a_chunk_without_choices(
    client: AsyncOpenAI, model: str
) -> None:
    stream = await client.chat.completions.create(
        model=model,
        messages=says("hello there [[usage cached=1 reasoning=5]]"),
        stream=True,
        stream_options={"include_usage": True},
    )
    *chunks, last = [chunk async for chunk in stream]
    assert all(len(chunk.choices) == 1 and chunk.usage is None for chunk in chunks)
    assert last.choices == []
    assert last.usage
    assert (last.usage.prompt_tokens, last.usage.completion_tokens) == (2, 9)
    assert last.usage.completion_tokens_details
    assert last.usage.completion_tokens_details.reasoning_tokens == 5


@pytest.mark.parametrize("include_usage", [False, True])
async def test_every_frame_is_what_the_clients_expect(
    admin: Caller, model: str, include_usage: bool
) -> None:
    options = {"stream_options": {"include_usage": True}} if include_usage else {}
    body = chat("[[tokens 5]]", model=model, stream=True, **options)
    answer = await admin.post("/v1/chat/completions", body)
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert "content-encoding" not in answer.headers
    assert answer.body.endswith(b"data: [DONE]\n\n")
    *chunks, done = answer.events
    assert done == "[DONE]"
    usage = chunks.pop() if include_usage else None
    assert len({(c["id"], c["created"], c["model"], c["object"]) for c in chunks}) == 1
    assert chunks[0]["object"] == "chat.completion.chunk"
    assert chunks[0]["model"] == model
    assert [c["choices"][0]["delta"].get("role") for c in chunks] == [
        "assistant",
        *[None] * (len(chunks) - 1),
    ]
    assert [c["choices"][0]["finish_reason"] for c in chunks] == [
        *[None] * (len(chunks) - 1),
        "stop",
    ]
    if usage:
        assert usage["choices"] == []
        assert usage["id"] == chunks[0]["id"]
        assert usage["usage"]["total_tokens"] == 5
        assert all(c["usage"] is None for c in chunks)
    else:
        assert all(c.get("usage") is None for c in chunks)


async def test_a_tool_is_called_and_its_result_sent_back(client: AsyncOpenAI, model: str) -> None:
    asked = says('[[call search {"q": "a ]] b"}]]')
    answer = await client.chat.completions.create(model=model, messages=asked, tools=[SEARCH])
    (choice,) = answer.choices
    assert choice.finish_reason == "tool_calls"
    assert choice.message.content is None
    assert choice.message.tool_calls
    (call,) = choice.message.tool_calls
    assert call.type == "function"
    assert (call.function.name, call.function.arguments) == ("search", '{"q": "a ]] b"}')
    final = await client.chat.completions.create(
        model=model,
        messages=[
            *asked,
            cast("Any", choice.message.to_dict()),
            {"role": "tool", "tool_call_id": call.id, "content": "nothing found"},
        ],
        tools=[SEARCH],
    )
    assert final.choices[0].message.content == "Results: nothing found"


async def test_parallel_tools(client: AsyncOpenAI, model: str) -> None:
    asked = says('[[call search {"q": "one"}]] [[call search {"q": "two"}]]')
    both = await client.chat.completions.create(model=model, messages=asked, tools=[SEARCH])
    calls = both.choices[0].message.tool_calls
    assert calls
    assert [json.loads(cast("Any", call).function.arguments)["q"] for call in calls] == [
        "one",
        "two",
    ]
    assert len({call.id for call in calls}) == 2
    one = await client.chat.completions.create(
        model=model, messages=asked, tools=[SEARCH], parallel_tool_calls=False
    )
    assert len(one.choices[0].message.tool_calls or ()) == 1


async def test_streamed_tools_name_themselves_once(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    asked = '[[call search {"q": "one"}]] [[call search {"q": "two three"}]]'
    async with client.chat.completions.stream(
        model=model, messages=says(asked), tools=[SEARCH]
    ) as stream:
        answer = await stream.get_final_completion()
    assert answer.choices[0].finish_reason == "tool_calls"
    calls = answer.choices[0].message.tool_calls or ()
    assert [call.function.arguments for call in calls] == ['{"q": "one"}', '{"q": "two three"}']

    raw = await admin.post(
        "/v1/chat/completions", chat(asked, model=model, tools=[SEARCH], stream=True)
    )
    pieces = [
        piece
        for chunk in raw.events[:-1]
        for piece in chunk["choices"][0]["delta"].get("tool_calls", ())
    ]
    assert [piece["index"] for piece in pieces] == sorted(piece["index"] for piece in pieces)
    for index in (0, 1):
        first, *others = [piece for piece in pieces if piece["index"] == index]
        assert first["id"]
        assert (first["type"], first["function"]["name"]) == ("function", "search")
        assert first["function"]["arguments"] == ""
        assert others
        assert all(piece.keys() == {"index", "function"} for piece in others)
        assert all(piece["function"].keys() == {"arguments"} for piece in others)


async def test_an_answer_under_a_schema(client: AsyncOpenAI, model: str) -> None:
    answer = await client.chat.completions.create(
        model=model,
        messages=says("[[json]]"),
        response_format={
            "type": "json_schema",
            "json_schema": {
                "name": "person",
                "strict": True,
                "schema": Person.model_json_schema(),
            },
        },
    )
    assert json.loads(answer.choices[0].message.content or "") == {"name": "", "age": 0}


async def test_an_answer_parsed_into_the_callers_own_class(client: AsyncOpenAI, model: str) -> None:
    answer = await client.chat.completions.parse(
        model=model, messages=says("[[json]]"), response_format=Person
    )
    assert answer.choices[0].message.parsed == Person(name="", age=0)


@pytest.mark.parametrize("model", EMBEDDING_MODELS)
async def test_embeddings_are_the_same_packed_and_as_numbers(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    texts = ["the cat", "the cat", "a dog"]
    packed = await client.embeddings.create(model=model, input=texts)
    plain = await client.embeddings.create(model=model, input=texts, encoding_format="float")
    vectors = [item.embedding for item in packed.data]
    assert vectors == [item.embedding for item in plain.data]
    assert vectors[0] == vectors[1] != vectors[2]
    assert all(math.isclose(math.hypot(*vector), 1, abs_tol=1e-5) for vector in vectors)
    assert [item.index for item in packed.data] == [0, 1, 2]
    assert (packed.object, packed.model) == ("list", model)
    assert packed.usage.prompt_tokens == 6

    raw = await admin.post(
        "/v1/embeddings", {"model": model, "input": "one", "encoding_format": "base64"}
    )
    (item,) = raw.json["data"]
    assert isinstance(item["embedding"], str)


@pytest.mark.parametrize("model", EMBEDDING_MODELS)
async def test_embeddings_of_one_text_of_tokens_and_of_lists_of_tokens(
    client: AsyncOpenAI, model: str
) -> None:
    for given, count in (("one text", 1), ([17, 4, 2], 1), ([[17, 4, 2], [5]], 2)):
        answer = await client.embeddings.create(
            model=model, input=cast("Any", given), dimensions=32
        )
        assert [len(item.embedding) for item in answer.data] == [32] * count


async def test_models_are_listed_for_the_key(
    headgate: Headgate, client: AsyncOpenAI, admin: Caller
) -> None:
    listed = [model.id async for model in client.models.list()]
    assert {"sandbox", "gpt-4o-mini"} <= set(listed)
    assert len(listed) == len(set(listed))
    key = await admin.new_key("ai:complete", models=["sandbox"])
    async with client_of(headgate, key["apiKey"]) as client_of_one:
        assert [model.id async for model in client_of_one.models.list()] == ["sandbox"]
        with pytest.raises(openai.NotFoundError):
            await client_of_one.models.retrieve("gpt-4o-mini")


async def test_a_model_is_retrieved_by_each_of_its_names(
    client: AsyncOpenAI, admin: Caller
) -> None:
    model = await client.models.retrieve("gpt-4o-mini")
    assert (model.id, model.object, model.owned_by) == ("gpt-4o-mini", "model", "openai")
    assert (await client.models.retrieve("openai/gpt-4o-mini")).id == "openai/gpt-4o-mini"
    for name in ("openai/gpt-4o-mini", "openai%2Fgpt-4o-mini", "openai%2fgpt-4o-mini"):
        answer = await admin.get(f"/v1/models/{name}")
        assert answer["id"] == "openai/gpt-4o-mini"


async def test_a_model_is_called_by_its_vendors_name_too(
    client: AsyncOpenAI, vendors: Simulator
) -> None:
    await vendors.forget()
    answer = await client.chat.completions.create(
        model="openai/gpt-4o-mini", messages=says("hello")
    )
    assert answer.choices[0].message.content == "You said: hello"
    assert (await vendors.only_call("finished"))["model"] == "gpt-4o-mini"


async def test_a_wrong_key_is_an_authentication_error(headgate: Headgate) -> None:
    async with client_of(headgate, "sk-proj-nobody-nothing") as client:
        with pytest.raises(openai.AuthenticationError) as caught:
            await client.chat.completions.create(model="sandbox", messages=says("hello"))
    assert caught.value.code == "invalid_api_key"
    assert caught.value.request_id


async def test_a_missing_scope_is_a_permission_error(headgate: Headgate, admin: Caller) -> None:
    key = await admin.new_key("usage:read")
    async with client_of(headgate, key["apiKey"]) as client:
        with pytest.raises(openai.PermissionDeniedError) as caught:
            await client.chat.completions.create(model="sandbox", messages=says("hello"))
    assert caught.value.code == "insufficient_scope"


async def test_an_unknown_model_is_not_found(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as caught:
        await client.chat.completions.create(model="no-such-model", messages=says("hello"))
    assert (caught.value.code, caught.value.param) == ("model_not_found", "model")


@pytest.mark.parametrize(("option", "value"), [("n", 2), ("logprobs", True)])
async def test_what_a_model_cannot_do_is_a_bad_request_that_names_it(
    client: AsyncOpenAI, model: str, option: str, value: Any
) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        await client.chat.completions.create(
            model=model, messages=says("hello"), **cast("Any", {option: value})
        )
    assert (caught.value.code, caught.value.param) == ("invalid_request", option)


async def test_a_vendors_rate_limit_is_a_rate_limit_error(client: AsyncOpenAI, model: str) -> None:
    for stream in (False, True):
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(
                model=model, messages=says("[[fail 429]]"), stream=stream
            )
        assert caught.value.code == "rate_limit_exceeded"
        assert caught.value.response.headers["retry-after"] == "1"


@pytest.mark.parametrize(
    ("vendors_status", "error", "status", "code"),
    [
        (400, openai.BadRequestError, 400, "invalid_request"),
        (401, openai.InternalServerError, 502, "upstream_error"),
        (403, openai.InternalServerError, 502, "upstream_error"),
        (500, openai.InternalServerError, 502, "upstream_error"),
        (503, openai.InternalServerError, 503, "overloaded"),
        (504, openai.InternalServerError, 504, "upstream_timeout"),
        (529, openai.InternalServerError, 503, "overloaded"),
    ],
)
async def test_a_vendors_refusal_is_the_typed_error_that_says_what_to_do(
    client: AsyncOpenAI,
    model: str,
    *,
    vendors_status: int,
    error: type[openai.APIStatusError],
    status: int,
    code: str,
) -> None:
    for stream in (False, True):
        with pytest.raises(error) as caught:
            await client.chat.completions.create(
                model=model, messages=says(f"[[fail {vendors_status}]]"), stream=stream
            )
        assert (caught.value.status_code, caught.value.code) == (status, code)
        assert caught.value.request_id


async def test_a_keys_own_rate_limit_is_one_too_and_says_when_to_come_back(
    headgate: Headgate, admin: Caller
) -> None:
    key = await admin.new_key(rateLimit={"requestsPerMinute": 1})
    async with client_of(headgate, key["apiKey"]) as client:
        await client.chat.completions.create(model="sandbox", messages=says("hello"))
        with pytest.raises(openai.RateLimitError) as caught:
            await client.chat.completions.create(model="sandbox", messages=says("hello"))
    assert 1 <= int(caught.value.response.headers["retry-after"]) <= 60


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
            await client.chat.completions.create(model="sandbox", messages=says("hello"))
    assert caught.value.status_code == 402
    assert caught.value.code == "budget_exceeded"
    assert caught.value.response.headers["x-should-retry"] == "false"
    assert attempts == ["/v1/chat/completions"]


async def test_a_failing_vendor_is_asked_again_by_the_client(
    headgate: Headgate, vendors: Simulator
) -> None:
    """What the platform says of a failure is what makes clients retry where that can help."""
    await vendors.forget()
    async with client_of(headgate, headgate.admin_key, max_retries=1) as client:
        with pytest.raises(openai.InternalServerError) as caught:
            await client.chat.completions.create(model="gpt-4o-mini", messages=says("[[fail 500]]"))
    assert caught.value.status_code == 502
    assert {call["status"] for call in await vendors.calls()} == {500}
    assert len(await vendors.calls()) >= 2


async def test_a_whole_answer_says_in_its_head_what_it_cost_and_what_is_left(
    headgate: Headgate, admin: Caller
) -> None:
    key = await admin.new_key(monthlyBudget=1.5, rateLimit={"requestsPerMinute": 60})
    async with client_of(headgate, key["apiKey"]) as client:
        raw = await client.chat.completions.with_raw_response.create(
            model="sandbox", messages=says("hello there"), max_tokens=10
        )
    headers = raw.headers
    # 2 words at $1 and 4 at $2 per million, and 2 % on top.
    assert Decimal(headers["x-cost"]) == Decimal("0.0000102")
    assert Decimal(headers["x-budget-limit"]) == Decimal("1.5")
    assert Decimal(headers["x-budget-remaining"]) == Decimal("1.4999898")
    assert (headers["x-model"], headers["x-provider"]) == ("sandbox", "sandbox")
    assert headers["x-cache"] in {"hit", "miss", "bypass"}
    assert headers["content-type"] == "application/json"
    assert headers["x-request-id"]
    assert headers["x-ratelimit-limit-requests"] == "60"
    assert headers["x-ratelimit-remaining-requests"] == "59"
    assert headers["x-ratelimit-reset-requests"] in {"1s", "1000ms", "999ms"}
    for part in ("limit", "remaining", "reset"):
        assert headers[f"x-ratelimit-{part}-tokens"]
    assert raw.parse().choices[0].message.content == "You said: hello there"


async def test_a_stream_says_who_answers_and_its_cost_stands_in_its_event(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=model, messages=says("hello"), stream=True
    )
    headers = raw.headers
    assert (headers["x-model"], headers["x-request-id"]) == (model, headers["x-request-id"])
    assert headers["x-provider"] == PROVIDERS[model]
    assert "x-cost" not in headers
    assert [chunk async for chunk in raw.parse()]
    event = await admin.event_of(headers["x-request-id"])
    assert (event["status"], event["model"], event["estimated"]) == ("ok", model, False)
    assert event["billed"] > 0


async def test_labels_in_the_head_stand_in_the_event(client: AsyncOpenAI, admin: Caller) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model="sandbox",
        messages=says("hello"),
        extra_headers={"x-headgate-tags": "red, blue", "x-headgate-use-case": "greeting"},
    )
    event = await admin.event_of(raw.headers["x-request-id"])
    assert (event["tags"], event["useCase"]) == (["red", "blue"], "greeting")


async def test_a_client_that_leaves_at_the_end_mark_is_no_abandoned_call(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    """The Python client hangs up at `[DONE]`; by then the call has settled."""
    stream = await client.chat.completions.create(
        model=model, messages=says("[[tokens 300]]"), stream=True
    )
    request_id = stream.response.headers["x-request-id"]
    async for _ in stream:
        pass
    await stream.close()
    event = await admin.event_of(request_id)
    assert (event["status"], event["outputTokens"]) == ("ok", 300)


async def test_the_vendors_failure_in_the_middle_is_an_error_event(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    stream = await client.chat.completions.create(
        model=model, messages=says("[[tokens 9]] [[cut 3]]"), stream=True
    )
    chunks = aiter(stream)
    texts = [(await anext(chunks)).choices[0].delta.content for _ in range(3)]
    with pytest.raises(openai.APIError) as caught:
        await anext(chunks)
    assert texts == ["word", " word", " word"]
    assert caught.value.code == "upstream_error"

    body = chat("[[tokens 9]] [[cut 3]]", model=model, stream=True)
    raw = await admin.post("/v1/chat/completions", body)
    assert b"[DONE]" not in raw.body
    *_, last = events_of(raw.body)
    assert last.keys() == {"error"}
    assert (await admin.event_of(raw.headers["x-request-id"]))["status"] == "incomplete"


async def test_fields_that_the_platform_does_not_know_reach_the_vendor_and_hurt_nobody(
    client: AsyncOpenAI, model: str
) -> None:
    answer = await client.chat.completions.create(
        model=model,
        messages=says("hello"),
        seed=7,
        user="someone",
        metadata={"a": "b"},
        extra_body={"surprise": {"deep": [1, 2.5, None]}},
        extra_headers={"x-stainless-lang": "python"},
    )
    assert answer.choices[0].message.content == "You said: hello"


async def test_the_ledger_counts_what_the_client_was_told(
    client: AsyncOpenAI, admin: Caller, model: str
) -> None:
    raw = await client.chat.completions.with_raw_response.create(
        model=model, messages=says("a b c [[usage cached=2 reasoning=4]]")
    )
    usage = raw.parse().usage
    assert usage
    event = await admin.event_of(raw.headers["x-request-id"])
    assert (event["inputTokens"], event["outputTokens"]) == (
        usage.prompt_tokens,
        usage.completion_tokens,
    )
    assert (event["cachedInputTokens"], event["reasoningTokens"]) == (2, 4)
    assert exact(raw.headers["x-cost"]) == event["billed"]


async def test_the_vendor_is_given_an_idempotency_key_and_the_platforms_credential_alone(
    client: AsyncOpenAI, vendors: Simulator
) -> None:
    await vendors.forget()
    await client.chat.completions.create(
        model="gpt-4o-mini",
        messages=says("hello"),
        extra_headers={"Idempotency-Key": "the-callers-own"},
    )
    (call,) = await eventually(vendors.calls, bool)
    assert call["idempotencyKey"]
    assert call["idempotencyKey"] != "the-callers-own"
