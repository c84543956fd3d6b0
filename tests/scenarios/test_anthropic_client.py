"""Anthropic's own client library, unchanged but for its address and key, sync and async.

Each scenario runs with the built-in `sandbox` model, whose events the platform writes, and at the
simulator with a model of OpenAI's, whose chunks it translates, and with one of Anthropic's, whose
events it forwards.
"""

import json
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from typing import Any, cast

import anthropic
import httpx2
import pytest
from anthropic import Anthropic, AsyncAnthropic
from anthropic.types import Message, MessageParam, ToolParam

from headgate_server import Caller, Headgate, Simulator, eventually, http_client

PROVIDERS = {"sandbox": "sandbox", "gpt-4o-mini": "openai", "claude-haiku-4-5": "anthropic"}
SEARCH: ToolParam = {
    "name": "search",
    "description": "Looks things up.",
    "input_schema": {
        "type": "object",
        "properties": {"q": {"type": "string"}},
        "required": ["q"],
    },
}
PIXEL = {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(params=PROVIDERS)
def model(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
async def client(headgate: Headgate) -> AsyncIterator[AsyncAnthropic]:
    async with client_of(headgate, headgate.admin_key) as client:
        yield client


def client_of(headgate: Headgate, key: str, **options: Any) -> AsyncAnthropic:
    settings: dict[str, Any] = {"max_retries": 0, "http_client": http_client()} | options
    return AsyncAnthropic(base_url=headgate.url, api_key=key, **settings)


def says(text: str) -> list[MessageParam]:
    return [{"role": "user", "content": text}]


def message(text: str, model: str, **fields: Any) -> dict[str, Any]:
    return {"model": model, "max_tokens": 99, "messages": says(text), **fields}


def text_of(answer: Message) -> str:
    return "".join(block.text for block in answer.content if block.type == "text")


def events_of(body: bytes) -> list[tuple[str, Any]]:
    """The events of a stream with their names; comments are left out."""
    *frames, rest = body.split(b"\n\n")
    assert rest == b"", f"the last frame has no blank line: {rest!r}"
    events = []
    for frame in frames:
        if frame.startswith(b":"):
            continue
        name, data = frame.split(b"\n")
        assert name.startswith(b"event: ")
        events.append((name[7:].decode(), json.loads(data.removeprefix(b"data: "))))
    return events


async def test_a_message(client: AsyncAnthropic, model: str) -> None:
    answer = await client.messages.create(
        model=model,
        max_tokens=99,
        system=[{"type": "text", "text": "be brief", "cache_control": {"type": "ephemeral"}}],
        messages=[
            {"role": "user", "content": [{"type": "text", "text": "hello [[usage cached=2]]"}]}
        ],
        metadata={"user_id": "u1"},
    )
    assert (answer.type, answer.role, answer.model) == ("message", "assistant", model)
    assert answer._request_id
    assert text_of(answer) == "You said: hello"
    assert (answer.stop_reason, answer.stop_sequence) == ("end_turn", None)
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (1, 2, 3)


def test_the_synchronous_client_sends_and_streams(headgate: Headgate, model: str) -> None:
    with Anthropic(base_url=headgate.url, api_key=headgate.admin_key) as client:
        answer = client.messages.create(model=model, max_tokens=99, messages=says("hello"))
        assert text_of(answer) == "You said: hello"
        with client.messages.stream(model=model, max_tokens=99, messages=says("hello")) as stream:
            assert "".join(stream.text_stream) == "You said: hello"


async def test_both_forms_of_credential_and_any_version_are_taken(
    headgate: Headgate, model: str
) -> None:
    key = headgate.admin_key
    async with http_client(headgate.url) as http:
        for headers in (
            {"x-api-key": key, "anthropic-version": "2023-06-01"},
            {"authorization": f"Bearer {key}", "anthropic-version": "2099-01-01"},
            {"x-api-key": key, "anthropic-version": "whatever"},
            {"x-api-key": key},
        ):
            answer = await http.post("/v1/messages", json=message("hi", model), headers=headers)
            assert answer.status_code == 200
            assert answer.headers["request-id"] == answer.headers["x-request-id"]


async def test_an_answer_that_is_cut_or_stopped_says_so(client: AsyncAnthropic, model: str) -> None:
    cut = await client.messages.create(model=model, max_tokens=4, messages=says("[[tokens 9]]"))
    assert (cut.stop_reason, text_of(cut)) == ("max_tokens", "word word word word")
    stopped = await client.messages.create(
        model=model, max_tokens=99, messages=says("[[say a b c]]"), stop_sequences=["b"]
    )
    assert text_of(stopped) == "a "
    # OpenAI's protocol does not tell that it was a stop text, nor which.
    told = ("end_turn", None) if model == "gpt-4o-mini" else ("stop_sequence", "b")
    assert (stopped.stop_reason, stopped.stop_sequence) == told


async def test_a_stream_adds_up_to_its_message(client: AsyncAnthropic, model: str) -> None:
    async with client.messages.stream(
        model=model,
        max_tokens=99,
        messages=says("hello there [[usage cached=1 reasoning=5]]"),
    ) as stream:
        answer = await stream.get_final_message()
    assert text_of(answer) == "You said: hello there"
    usage = answer.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (1, 1, 9)


async def test_every_event_is_what_the_clients_expect(admin: Caller, model: str) -> None:
    answer = await admin.post("/v1/messages", message("[[tokens 5]]", model, stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.headers["cache-control"] == "no-cache"
    assert answer.headers["x-accel-buffering"] == "no"
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert b"[DONE]" not in answer.body
    events = [(name, data) for name, data in events_of(answer.body) if name != "ping"]
    assert all(name == data["type"] for name, data in events)
    assert [name for name, _ in events] == [
        "message_start",
        "content_block_start",
        *["content_block_delta"] * 5,
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert events[0][1]["message"]["content"] == []
    assert events[-2][1]["delta"]["stop_reason"] == "end_turn"
    assert events[-2][1]["usage"]["output_tokens"] == 5


async def test_parallel_tools_and_their_results(client: AsyncAnthropic, model: str) -> None:
    asked = says('[[call search {"q": "a ]] b"}]] [[call search {"q": "two"}]]')
    whole = await client.messages.create(model=model, max_tokens=99, messages=asked, tools=[SEARCH])
    async with client.messages.stream(
        model=model, max_tokens=99, messages=asked, tools=[SEARCH]
    ) as stream:
        streamed = await stream.get_final_message()
    for answer in (whole, streamed):
        assert answer.stop_reason == "tool_use"
        calls = [block for block in answer.content if block.type == "tool_use"]
        assert [call.input for call in calls] == [{"q": "a ]] b"}, {"q": "two"}]
        assert len({call.id for call in calls}) == 2
        final = await client.messages.create(
            model=model,
            max_tokens=99,
            tools=[SEARCH],
            messages=[
                *asked,
                {"role": "assistant", "content": answer.content},
                {
                    "role": "user",
                    "content": [
                        {"type": "tool_result", "tool_use_id": calls[0].id, "content": "found 0"},
                        {
                            "type": "tool_result",
                            "tool_use_id": calls[1].id,
                            "content": [{"type": "text", "text": "found 1"}],
                        },
                    ],
                },
            ],
        )
        assert text_of(final) == "Results: found 0 found 1"


async def test_choices_of_tools(client: AsyncAnthropic, model: str) -> None:
    asked = says('[[call search {"q":"1"}]] [[call search {"q":"2"}]]')
    for choice, count in (
        ({"type": "auto", "disable_parallel_tool_use": True}, 1),
        ({"type": "any"}, 2),
        ({"type": "tool", "name": "search"}, 2),
        ({"type": "none"}, 0),
    ):
        answer = await client.messages.create(
            model=model,
            max_tokens=99,
            messages=asked,
            tools=[SEARCH],
            tool_choice=cast("Any", choice),
        )
        assert sum(block.type == "tool_use" for block in answer.content) == count


async def test_a_tool_that_failed_says_so(client: AsyncAnthropic, model: str) -> None:
    asked = says('[[call search {"q":"1"}]]')
    answer = await client.messages.create(
        model=model, max_tokens=99, messages=asked, tools=[SEARCH]
    )
    (call,) = [block for block in answer.content if block.type == "tool_use"]
    result: Any = {"type": "tool_result", "tool_use_id": call.id, "is_error": True}
    final = await client.messages.create(
        model=model,
        max_tokens=99,
        tools=[SEARCH],
        messages=[
            *asked,
            {"role": "assistant", "content": answer.content},
            {"role": "user", "content": [result | {"content": "no disk"}]},
        ],
    )
    said = "Error: no disk" if model == "gpt-4o-mini" else "no disk"
    assert text_of(final) == f"Results: {said}"


async def test_images_are_taken(client: AsyncAnthropic, model: str) -> None:
    content: Any = [
        {"type": "image", "source": PIXEL},
        {"type": "image", "source": {"type": "url", "url": "https://a.example/b.png"}},
        {"type": "text", "text": "what is it?"},
    ]
    answer = await client.messages.create(
        model=model, max_tokens=99, messages=[{"role": "user", "content": content}]
    )
    assert text_of(answer) == "You said: what is it?"


async def test_an_answer_under_a_schema(client: AsyncAnthropic, model: str) -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"n": {"type": "integer"}},
        "required": ["n"],
    }
    answer = await client.messages.create(
        model=model,
        max_tokens=99,
        messages=says("[[json]]"),
        output_config={"format": {"type": "json_schema", "schema": schema}},
    )
    assert json.loads(text_of(answer)) == {"n": 0}


async def test_thoughts_come_back_as_they_were_given(client: AsyncAnthropic) -> None:
    """The vendor refuses a thought that was changed on its way."""
    asked = says('[[call search {"q":"1"}]] [[usage reasoning=3]]')
    options: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "max_tokens": 2048,
        "tools": [SEARCH],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
    }
    async with client.messages.stream(messages=asked, **options) as stream:
        answer = await stream.get_final_message()
    thought, call = answer.content
    assert thought.type == "thinking"
    assert call.type == "tool_use"
    result: Any = [{"type": "tool_result", "tool_use_id": call.id, "content": "ok"}]
    turns: Any = [
        *asked,
        {"role": "assistant", "content": answer.content},
        {"role": "user", "content": result},
    ]
    final = await client.messages.create(messages=turns, **options)
    assert text_of(final) == "Results: ok"
    elsewhere = await client.messages.create(messages=turns, **options | {"model": "gpt-4o-mini"})
    assert text_of(elsewhere) == "Results: ok"


async def test_thoughts_reach_clients_of_openai_and_come_back(admin: Caller) -> None:
    asked = {"role": "user", "content": '[[call search {"q":"1"}]] [[usage reasoning=3]]'}
    tool = {
        "type": "function",
        "function": {"name": "search", "parameters": SEARCH["input_schema"]},
    }
    body: dict[str, Any] = {
        "model": "claude-haiku-4-5",
        "messages": [asked],
        "tools": [tool],
        "max_tokens": 4096,
        "reasoning_effort": "low",
    }
    answer = await admin.post("/v1/chat/completions", body)
    message_ = answer.json["choices"][0]["message"]
    assert message_["reasoning_content"] == "thought thought thought"
    result = {"role": "tool", "tool_call_id": message_["tool_calls"][0]["id"], "content": "ok"}
    final = await admin.post("/v1/chat/completions", body | {"messages": [asked, message_, result]})
    assert final.json["choices"][0]["message"]["content"] == "Results: ok"
    forged = json.loads(answer.body)["choices"][0]["message"]
    forged["thinking_blocks"][0]["thinking"] = "another thought"
    refused = await admin.post("/v1/chat/completions", body | {"messages": [asked, forged, result]})
    assert (refused.status, "signature" in refused.error["message"]) == (400, True)


async def test_tokens_are_counted_and_nothing_is_billed(
    client: AsyncAnthropic, admin: Caller, vendors: Simulator, model: str
) -> None:
    before = len(await admin.events())
    await vendors.forget()
    counted = await client.messages.count_tokens(
        model=model, system="be brief", messages=says("one two three"), tools=[SEARCH]
    )
    if model == "gpt-4o-mini":
        assert counted.input_tokens > 5  # an estimate from the size of the whole body
    else:
        assert counted.input_tokens == 5
    paths = [call["path"] for call in await vendors.calls()]
    assert paths == (["/anthropic/v1/messages/count_tokens"] if "claude" in model else [])
    assert len(await admin.events()) == before


async def test_the_other_routes_reach_anthropics_models_too(admin: Caller) -> None:
    model = "anthropic/claude-haiku-4-5"
    classified = await admin.post(
        "/v1/classify", {"model": model, "input": "[[say red]]", "labels": ["blue", "red"]}
    )
    assert (classified.status, classified.json["label"]) == (200, "red")
    assert classified.json["provider"] == "anthropic"
    streamed = await admin.stream("hello", model=model)
    assert streamed.events[-1]["provider"] == "anthropic"
    embedded = await admin.post("/v1/embed", {"model": model, "input": "hello"})
    assert (embedded.status, embedded.error["param"]) == (400, "model")


# What cannot be done.


@pytest.mark.parametrize(
    ("fields", "option"),
    [
        ({"top_k": 5}, "top_k"),
        ({"tools": [{"type": "bash_20250124", "name": "bash"}]}, "tools[0].type"),
    ],
)
async def test_what_another_vendor_does_not_have_is_refused_by_name(
    client: AsyncAnthropic, vendors: Simulator, fields: dict[str, Any], option: str
) -> None:
    await vendors.forget()
    for stream in (False, True):
        with pytest.raises(anthropic.BadRequestError, match="invalid_request_error") as refused:
            await client.messages.create(
                model="gpt-4o-mini",
                max_tokens=9,
                messages=says("hi"),
                stream=stream,
                extra_body=fields,
            )
        assert option in str(refused.value)
    assert await vendors.calls() == []
    own = await client.messages.create(
        model="claude-haiku-4-5", max_tokens=9, messages=says("hi"), extra_body=fields
    )
    assert text_of(own) == "You said: hi"


async def test_what_anthropic_does_not_have_is_refused_by_name(
    admin: Caller, vendors: Simulator
) -> None:
    await vendors.forget()
    for fields in (
        {"n": 2},
        {"logit_bias": {"1": 2}},
        {"frequency_penalty": 0.5},
        {"response_format": {"type": "json_object"}},
        {"temperature": 1.5},
    ):
        (option,) = fields
        for stream in (False, True):
            body = {"model": "claude-haiku-4-5", "messages": says("hi"), "stream": stream, **fields}
            refused = await admin.post("/v1/chat/completions", body)
            assert (refused.status, refused.error["param"]) == (400, option)
    assert await vendors.calls() == []


@pytest.mark.parametrize(
    "fields",
    [
        {"speed": "fast"},
        {"inference_geo": "us"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"container": "container_1"},
    ],
)
async def test_what_costs_more_than_its_tokens_is_refused(
    client: AsyncAnthropic, vendors: Simulator, fields: dict[str, Any]
) -> None:
    await vendors.forget()
    with pytest.raises(anthropic.BadRequestError):
        await client.messages.create(
            model="claude-haiku-4-5", max_tokens=9, messages=says("hi"), extra_body=fields
        )
    assert await vendors.calls() == []


@pytest.mark.parametrize(
    ("status", "told", "error", "kind"),
    [
        (400, 400, anthropic.BadRequestError, "invalid_request_error"),
        (401, 502, anthropic.InternalServerError, "api_error"),
        (429, 429, anthropic.RateLimitError, "rate_limit_error"),
        (500, 502, anthropic.InternalServerError, "api_error"),
        (529, 529, anthropic.InternalServerError, "overloaded_error"),
        (504, 504, anthropic.InternalServerError, "timeout_error"),
    ],
)
@pytest.mark.parametrize("stream", [False, True])
async def test_a_vendors_refusal_is_the_typed_error_that_says_what_to_do(
    client: AsyncAnthropic,
    model: str,
    *,
    stream: bool,
    status: int,
    told: int,
    error: type[anthropic.APIStatusError],
    kind: str,
) -> None:
    with pytest.raises(error) as caught:
        await client.messages.create(
            model=model, max_tokens=9, messages=says(f"[[fail {status}]]"), stream=stream
        )
    assert caught.value.status_code == told
    assert caught.value.request_id == caught.value.response.headers["x-request-id"]
    body = cast("Any", caught.value.body)
    assert (body["type"], body["error"]["type"]) == ("error", kind)
    assert body["request_id"] == caught.value.request_id
    assert caught.value.response.headers.get("retry-after") == (
        "1" if status in {429, 529} else None
    )


async def test_every_refusal_of_ours_has_anthropics_shape(
    headgate: Headgate, admin: Caller
) -> None:
    weak = (await admin.new_key("usage:read"))["apiKey"]
    plain = message("hi", "sandbox")
    for key, method, body, status, kind in (
        ("sk-wrong", "POST", plain, 401, "authentication_error"),
        (weak, "POST", plain, 403, "permission_error"),
        (headgate.admin_key, "POST", {"model": "sandbox"}, 400, "invalid_request_error"),
        (headgate.admin_key, "POST", message("hi", "nothing"), 404, "not_found_error"),
        (headgate.admin_key, "GET", None, 405, "invalid_request_error"),
    ):
        for path in ("/v1/messages", "/v1/messages/count_tokens"):
            async with headgate.caller(key) as caller:
                answer = await caller.send(method, path, body)
            assert answer.status == status
            assert answer.json.keys() == {"type", "error", "request_id"}
            assert answer.json["error"]["type"] == kind
            assert answer.headers["request-id"] == answer.json["request_id"]


class Counting(httpx2.AsyncHTTPTransport):
    """Counts the requests that a client really sends."""

    def __init__(self) -> None:
        super().__init__(verify=False)
        self.count = 0

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        self.count += 1
        return await super().handle_async_request(request)


async def test_an_exhausted_budget_is_asked_once_and_says_whose_it_is(
    headgate: Headgate, admin: Caller, model: str
) -> None:
    key = await admin.new_key("ai:complete", monthlyBudget=0)
    transport = Counting()
    http = httpx2.AsyncClient(transport=transport, trust_env=False)
    async with client_of(headgate, key["apiKey"], http_client=http, max_retries=2) as client:
        with pytest.raises(anthropic.APIStatusError) as caught:
            await client.messages.create(model=model, max_tokens=9, messages=says("hi"))
    assert (caught.value.status_code, transport.count) == (402, 1)
    assert caught.value.response.headers["x-should-retry"] == "false"
    error = cast("Any", caught.value.body)["error"]
    assert error["type"] == "billing_error"
    assert error["budget"]["id"] == key["keyId"]


async def test_a_client_retries_what_may_pass_the_next_time(
    headgate: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    async with client_of(headgate, headgate.admin_key, max_retries=1) as client:
        with pytest.raises(anthropic.InternalServerError):
            await client.messages.create(
                model="claude-haiku-4-5", max_tokens=9, messages=says("[[fail 529]]")
            )
    statuses = [call["status"] for call in await vendors.calls()]
    assert statuses == [529] * 4, "the platform tries each call of the client twice"


async def test_a_failure_in_the_middle_is_an_error_event(
    client: AsyncAnthropic, admin: Caller, model: str
) -> None:
    stream = await client.messages.create(
        model=model, max_tokens=99, messages=says("[[tokens 9]] [[cut 3]]"), stream=True
    )
    events = aiter(stream)
    begun = [(await anext(events)).type for _ in range(5)]
    assert begun[2:] == ["content_block_delta"] * 3
    with pytest.raises(anthropic.APIStatusError) as caught:
        await anext(events)
    assert cast("Any", caught.value.body)["error"]["type"] == "api_error"
    row = await admin.event_of(stream.response.headers["x-request-id"])
    assert (row["status"], row["estimated"]) == ("incomplete", True)


@pytest.mark.parametrize("stream", [False, True])
async def test_a_call_that_is_sent_again_gets_the_same_bytes(
    admin: Caller, vendors: Simulator, model: str, stream: bool
) -> None:
    await vendors.forget()
    async with admin.newcomer() as caller:
        body = message("hello", model, stream=stream)
        answers = [
            await caller.send("POST", "/v1/messages", body, headers={"idempotency-key": "once"})
            for _ in range(2)
        ]
        first, again = answers
        assert again.body == first.body
        assert again.headers["idempotency-replayed"] == "true"
        assert again.headers["request-id"] == again.headers["x-request-id"]
        assert len(await vendors.calls()) == (model != "sandbox")
        other = message("something else", model, stream=stream)
        refused = await caller.send(
            "POST", "/v1/messages", other, headers={"idempotency-key": "once"}
        )
    assert (refused.status, refused.json["error"]["type"]) == (409, "conflict_error")
    assert refused.headers["x-should-retry"] == "false"


# What it costs.


async def test_each_call_reaches_the_vendor_once_with_an_idempotency_key(
    client: AsyncAnthropic, vendors: Simulator
) -> None:
    await vendors.forget()
    await client.messages.create(
        model="claude-haiku-4-5", max_tokens=9, messages=says("hi"), system="be brief"
    )
    (call,) = await vendors.calls()
    assert (call["vendor"], call["model"]) == ("anthropic", "claude-haiku-4-5")
    assert call["idempotencyKey"]


@pytest.mark.parametrize("stream", [False, True])
async def test_cached_tokens_cost_their_own_price_and_only_once(
    admin: Caller, stream: bool
) -> None:
    """4 tokens of input, 3 of them cached, at $1 and $0.10 a million; 3 of output at $5."""
    body = message("a b c d [[usage cached=3]] [[say x y z]]", "claude-haiku-4-5", stream=stream)
    answer = await admin.post("/v1/messages", body)
    row = await admin.event_of(answer.headers["x-request-id"])
    assert (row["inputTokens"], row["outputTokens"]) == (4, 3)
    assert row["cost"] == Decimal("0.0000163")
    if not stream:
        assert Decimal(answer.headers["x-cost"]) == row["billed"]


async def test_the_same_call_costs_the_same_in_every_protocol(admin: Caller) -> None:
    text = "a b c d [[usage cached=1 reasoning=2]]"
    model = "claude-haiku-4-5"
    costs = set()
    for path, body in (
        ("/v1/messages", message(text, model)),
        ("/v1/messages", message(text, model, stream=True)),
        ("/v1/chat/completions", {"model": model, "messages": says(text)}),
        ("/v1/chat/completions", {"model": model, "messages": says(text), "stream": True}),
        ("/v1/complete", {"model": model, "messages": says(text)}),
    ):
        answer = await admin.post(path, body)
        assert answer.status == 200
        row = await admin.event_of(answer.headers["x-request-id"])
        costs.add((row["cost"], row["inputTokens"], row["outputTokens"], row["provider"]))
    assert len(costs) == 1


async def test_a_caller_who_leaves_stops_the_vendor(
    headgate: Headgate, admin: Caller, vendors: Simulator
) -> None:
    await vendors.forget()
    asked = "a b c d [[usage cached=3]] [[tokens 999]] [[rate 5]]"
    body = message(asked, "claude-haiku-4-5", stream=True)
    async with admin.opened("/v1/messages", body) as answer:
        async for _ in answer.aiter_bytes():
            break
        request_id = answer.headers["x-request-id"]
    call = await vendors.only_call("endedAt")
    assert call["cancelled"]
    row = await eventually(lambda: admin.event_of(request_id), bool)
    assert (row["status"], row["inputTokens"]) == ("cancelled", 4)
    assert row["cost"] == Decimal("0.0000013") + row["outputTokens"] * Decimal("0.000005")
    assert 0 < row["outputTokens"] < 99
