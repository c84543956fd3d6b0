"""The routes to tools: listed, called, metered, and made once under an idempotency key."""

import json
from collections.abc import Sequence
from decimal import Decimal
from typing import Annotated, Any

import pytest
from msgspec import Meta

from headgate.core.chat import ChatRequest, Message
from headgate.core.errors import UpstreamFailed
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool
from platform_in_memory import ADMIN, make_key, platform

CALLS: list[str] = []


@tool(timeout_seconds=5, idempotent=False, needs_approval=True)
async def echo(*, some_text: Annotated[str, Meta(description="Any.")], fail: bool = False) -> Any:
    """Give a text back."""
    CALLS.append(some_text)
    if fail:
        raise UpstreamFailed("the host is away")
    return {"said": some_text}


@tool()
async def ask(context: ToolContext, *, text: str) -> str:
    """Ask the sandbox twice."""
    request = ChatRequest(model="sandbox", messages=(Message("user", text),))
    await context.models.complete(request, call_key=context.part("1"))
    answer = await context.models.complete(request, call_key=context.part("2"))
    return answer.response.content


TOOLS: Sequence[Any] = [echo, ask]


async def test_the_tools_are_listed_with_all_that_a_caller_needs() -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("GET", "/v1/tools")
    assert answer.status == 200
    assert answer.json["nextCursor"] is None
    listed = {item["name"]: item for item in answer.json["data"]}
    assert set(listed) == {"echo", "ask"}
    assert listed["echo"] == {
        "name": "echo",
        "description": "Give a text back.",
        "parameters": {
            "type": "object",
            "properties": {
                "someText": {"type": "string", "description": "Any."},
                "fail": {"type": "boolean", "default": False},
            },
            "required": ["someText"],
            "additionalProperties": False,
        },
        "timeoutSeconds": 5,
        "idempotent": False,
        "needsApproval": True,
    }


async def test_a_call_gives_the_result_and_no_usage_where_no_model_was_asked() -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("POST", "/v1/tools/echo", {"someText": "hi"})
    assert answer.json == {"result": {"said": "hi"}}
    assert answer.headers["x-cost"] == "0"
    assert answer.headers["x-cache"] == "bypass"
    assert "x-ratelimit-remaining-requests" in answer.headers
    assert "x-model" not in answer.headers


async def test_usage_is_what_all_calls_to_models_used_together() -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call(
            "POST", "/v1/tools/ask", {"text": "a b"}, headers={"x-headgate-tags": "blue,red"}
        )
        events = await running.call("GET", "/v1/usage/events")
    assert json.loads(answer.data, parse_float=Decimal) == {
        "result": "You said: a b",
        "usage": {
            "inputTokens": 4,
            "outputTokens": 8,
            "totalTokens": 12,
            "cachedInputTokens": 0,
            "reasoningTokens": 0,
            "cost": Decimal("0.00002"),
            "billed": Decimal("0.0000204"),
        },
    }
    assert answer.headers["x-cost"] == "0.0000204"
    assert (answer.headers["x-model"], answer.headers["x-provider"]) == ("sandbox", "sandbox")
    assert len(events.json["data"]) == 2
    for event in events.json["data"]:
        assert (event["requestType"], event["useCase"]) == ("tool", "ask")
        assert event["tags"] == ["blue", "red"]
        assert event["requestId"] == answer.headers["x-request-id"]


@pytest.mark.parametrize(
    ("body", "param"),
    [({}, "someText"), ({"someText": 1}, "someText"), ({"someText": "a", "more": 1}, None)],
)
async def test_a_wrong_argument_is_refused(body: dict[str, Any], param: str | None) -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("POST", "/v1/tools/echo", body)
    assert answer.status == 400
    assert answer.json["error"]["code"] == "invalid_request"
    assert param is None or answer.json["error"]["param"] == param


@pytest.mark.parametrize("body", [b"", b"[]", b"{", b"null"])
async def test_a_body_that_is_no_object_is_refused(body: bytes) -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("POST", "/v1/tools/echo", body)
    assert answer.status == 400


async def test_a_failure_of_a_tool_is_told_in_the_envelope() -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("POST", "/v1/tools/echo", {"someText": "x", "fail": True})
    assert (answer.status, answer.json["error"]["code"]) == (502, "upstream_error")


async def test_a_tool_that_there_is_not_is_not_found() -> None:
    async with platform(tools=TOOLS) as running:
        answer = await running.call("POST", "/v1/tools/nothing", {})
    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


@pytest.mark.parametrize(("method", "path"), [("GET", "/v1/tools"), ("POST", "/v1/tools/echo")])
async def test_tools_need_their_scope(method: str, path: str) -> None:
    async with platform(tools=TOOLS) as running:
        without = await make_key(running)
        with_it = await make_key(running, scopes=["tools:run"])
        body = b'{"someText":"x"}' if method == "POST" else b""
        assert (await running.call(method, path, body, key=without)).status == 403
        assert (await running.call(method, path, body, key=None)).status == 401
        assert (await running.call(method, path, body, key=with_it)).status == 200


async def test_a_call_under_an_idempotency_key_does_nothing_again() -> None:
    once = {"idempotency-key": "order-1"}
    CALLS.clear()
    async with platform(tools=TOOLS) as running:
        body = {"someText": "hi"}
        first = await running.call("POST", "/v1/tools/echo", body, headers=once)
        again = await running.call("POST", "/v1/tools/echo", body, headers=once)
        other = await running.call("POST", "/v1/tools/echo", {"someText": "ho"}, headers=once)
        another_tool = await running.call("POST", "/v1/tools/ask", {"text": "hi"}, headers=once)
    assert first.data == again.data
    assert (again.headers["idempotency-replayed"], again.headers["x-cost"]) == ("true", "0")
    assert "idempotency-replayed" not in first.headers
    assert "x-model" not in again.headers
    assert (other.status, other.headers["x-should-retry"]) == (409, "false")
    assert another_tool.status == 200
    assert CALLS == ["hi"]


async def test_a_failed_call_under_an_idempotency_key_may_be_made_again() -> None:
    once = {"idempotency-key": "order-1"}
    CALLS.clear()
    body = {"someText": "hi", "fail": True}
    async with platform(tools=TOOLS) as running:
        for _ in range(2):
            answer = await running.call("POST", "/v1/tools/echo", body, headers=once)
            assert answer.status == 502
    assert CALLS == ["hi", "hi"]


async def test_an_empty_budget_refuses_models_and_not_arithmetic() -> None:
    async with platform(tools=TOOLS) as running:
        key = await make_key(running, scopes=["tools:run"], monthlyBudget=0)
        free = await running.call("POST", "/v1/tools/echo", {"someText": "x"}, key=key)
        paid = await running.call("POST", "/v1/tools/ask", {"text": "x"}, key=key)
    assert free.status == 200
    assert free.headers["x-budget-remaining"] == "0"
    assert (paid.status, paid.json["error"]["code"]) == (402, "budget_exceeded")


@pytest.mark.parametrize(
    ("client", "headers", "key", "status"),
    [
        (("127.0.0.1", 5), {}, None, 200),
        (("127.8.0.1", 5), {}, None, 200),
        (("::1", 5), {}, None, 200),
        (("::ffff:127.0.0.1", 5), {}, None, 200),
        (None, {}, None, 401),
        (("10.0.0.1", 5), {}, None, 401),
        (("1270.example", 5), {}, None, 401),
        (("127.0.0.1", 5), {"x-forwarded-for": "127.0.0.1"}, None, 401),
        (("127.0.0.1", 5), {"forwarded": "for=10.0.0.1"}, None, 401),
        (("127.0.0.1", 5), {"x-forwarded-proto": "https"}, None, 401),
        (("127.0.0.1", 5), {"origin": "https://page.example"}, None, 401),
        (("10.0.0.1", 5), {"x-forwarded-for": "127.0.0.1"}, None, 401),
        (("10.0.0.1", 5), {}, ADMIN, 200),
    ],
)
async def test_metrics_are_for_this_machine_and_for_administrators(
    client: tuple[str, int] | None, headers: dict[str, str], key: str | None, status: int
) -> None:
    async with platform(tools=TOOLS) as running:
        await running.call("POST", "/v1/tools/echo", {"someText": "hi"})
        request = running.client("GET", "/metrics", key=key, headers=headers)
        request.scope["client"] = client
        await running.app(request.scope, request.receive, request.send)
        less = await make_key(running, scopes=["tools:run", "usage:read"])
        assert (await running.call("GET", "/metrics", key=less)).status == 403
    assert request.status == status
    if status == 200:
        assert request.headers["content-type"].startswith("text/plain")
        assert b'headgate_tool_queue_depth{tool="echo"} 0.0' in request.data
        assert b'headgate_tool_calls_total{outcome="ok",tool="echo"} 1.0' in request.data
