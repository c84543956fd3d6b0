"""The platform's own routes to models."""

import json
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from fakes import FakeProvider
from platform_in_memory import chat, platform


def exact(data: bytes) -> dict[str, object]:
    """A JSON object whose decimals stay exact."""
    found: dict[str, object] = json.loads(data, parse_float=Decimal)
    return found


async def test_a_completion_tells_content_usage_and_cost() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", chat("Hello there"))
    body = answer.json
    assert (body["content"], body["finishReason"]) == ("You said: Hello there", "stop")
    assert (body["model"], body["provider"]) == ("sandbox", "sandbox")
    usage = exact(answer.data)["usage"]
    assert usage == {
        "inputTokens": 2,
        "outputTokens": 4,
        "totalTokens": 6,
        "cachedInputTokens": 0,
        "reasoningTokens": 0,
        "cost": Decimal("0.00001"),
        "billed": Decimal("0.0000102"),
    }
    assert answer.headers["x-cost"] == "0.0000102"


async def test_a_stream_tells_pieces_and_then_the_same_usage() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/stream", chat("Hello there"))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert "x-cost" not in answer.headers
    events = [
        msgspec.json.decode(frame.removeprefix(b"data: "))
        for frame in answer.data.split(b"\n\n")[:-1]
    ]
    assert "".join(e["content"] for e in events[:-1]) == "You said: Hello there"
    assert {e["type"] for e in events[:-1]} == {"delta"}
    assert events[-1]["type"] == "done"
    assert events[-1]["usage"]["outputTokens"] == 4


async def test_complete_with_stream_true_is_a_stream() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", chat("Hello", stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")


async def test_the_system_prompt_is_read_and_counted() -> None:
    async with platform() as running:
        body = chat("Hello", systemPrompt="Be very brief")
        answer = await running.call("POST", "/v1/complete", body)
    assert answer.json["usage"]["inputTokens"] == 4


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream"])
async def test_tools_are_offered_and_their_calls_told(path: str) -> None:
    tool = {"name": "weather", "parameters": {"type": "object"}}
    body = chat('[[call weather {"city":"Oslo"}]]', tools=[tool])
    async with platform() as running:
        answer = await running.call("POST", path, body)
    last = answer.data.removesuffix(b"\n\n").rpartition(b"data: ")[2]
    made = msgspec.json.decode(last)
    assert made["finishReason"] == "tool_calls"
    assert made["toolCalls"][0]["name"] == "weather"
    assert msgspec.json.decode(made["toolCalls"][0]["arguments"]) == {"city": "Oslo"}


async def test_a_tool_may_be_written_as_openai_writes_it() -> None:
    tool = {"type": "function", "function": {"name": "weather"}}
    body = chat("[[call weather {}]]", tools=[tool], toolChoice="weather")
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", body)
    assert answer.json["toolCalls"][0]["name"] == "weather"


async def test_results_of_tools_are_read() -> None:
    call = {"id": "c1", "name": "weather", "arguments": "{}"}
    messages = [
        {"role": "user", "content": "[[call weather {}]]"},
        {"role": "assistant", "content": None, "toolCalls": [call]},
        {"role": "tool", "toolCallId": "c1", "content": "sunny"},
    ]
    body = {"model": "sandbox", "messages": messages, "tools": [{"name": "weather"}]}
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", body)
    assert answer.json["content"] == "Results: sunny"


async def test_a_schema_shapes_the_answer() -> None:
    schema = {
        "type": "object",
        "properties": {"n": {"type": "integer", "minimum": 3}},
        "required": ["n"],
    }
    wanted = {"type": "json_schema", "schema": schema}
    async with platform() as running:
        body = chat("[[json]]", responseFormat=wanted)
        answer = await running.call("POST", "/v1/complete", body)
    assert msgspec.json.decode(answer.json["content"]) == {"n": 3}


@pytest.mark.parametrize(
    ("change", "param"),
    [
        ({"messages": [{"role": "user"}]}, "messages[0].content"),
        ({"messages": [{"role": "tool", "content": "x"}]}, "messages[0].toolCallId"),
        ({"tools": [{}]}, "tools[0].name"),
        ({"toolChoice": "nobody"}, "toolChoice"),
        ({"responseFormat": {"type": "json_schema"}}, "responseFormat.schema"),
        ({"tags": ["x"] * 11 + [str(i) for i in range(11)]}, "tags"),
        ({"tags": ["x" * 65]}, "tags[0]"),
    ],
)
async def test_parts_that_do_not_fit_are_400_and_named(
    change: dict[str, object], param: str
) -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", chat("x") | change)
    assert (answer.status, answer.json["error"]["param"]) == (400, param)


async def test_texts_become_vectors() -> None:
    async with platform() as running:
        one = await running.call("POST", "/v1/embed", {"input": "a b", "model": "sandbox"})
        two = await running.call("POST", "/v1/embed", {"input": ["a b", "c"], "model": "sandbox"})
    assert two.json["embeddings"][0] == one.json["embeddings"][0]
    assert len(two.json["embeddings"]) == 2
    assert two.json["usage"]["inputTokens"] == 3


async def test_nothing_to_embed_is_400() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/embed", {"input": []})
    assert (answer.status, answer.json["error"]["param"]) == (400, "input")


async def test_a_classification_is_always_one_of_the_labels() -> None:
    async with platform() as running:
        body = {"input": "this is spam", "labels": ["ham", "spam"], "model": "sandbox"}
        answer = await running.call("POST", "/v1/classify", body)
    assert answer.json["label"] == "spam"
    assert sum(answer.json["scores"].values()) == pytest.approx(1)
    assert answer.json["confidence"] == answer.json["scores"]["spam"]


async def test_labels_of_the_call_stand_in_the_ledger() -> None:
    async with platform() as running:
        await running.call("POST", "/v1/complete", chat("x", tags=["a", "b"], useCase="greeting"))
        events = await running.call("GET", "/v1/usage/events")
    event = events.json["data"][0]
    assert (event["tags"], event["useCase"]) == (["a", "b"], "greeting")


@pytest.mark.parametrize("path", ["/v1/complete", "/v1/stream"])
async def test_a_use_case_in_the_header_reaches_the_vendor_as_one_in_the_body_does(
    path: str,
) -> None:
    vendor = FakeProvider("one")
    body: dict[str, Any] = {"model": "one/small", "messages": [{"role": "user", "content": "x"}]}
    async with platform(vendor) as running:
        await running.call("POST", path, body | {"useCase": "coding"})
        await running.call("POST", path, body, headers={"x-headgate-use-case": "coding"})
    assert [request.use_case for request in vendor.chats] == ["coding", "coding"]
