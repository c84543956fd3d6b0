"""Tools over MCP, asked with the official client library."""

import contextlib
from collections.abc import AsyncIterator, Sequence
from typing import Any

import httpx2
import msgspec
import pytest
from mcp import Client, MCPError
from mcp.client.streamable_http import streamable_http_client
from mcp_types import TextContent

from headgate.core.chat import ChatRequest, Message
from headgate.core.errors import InvalidRequest
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool
from platform_in_memory import ADMIN, Platform, make_key, platform
from servers import serve

CALLS: list[str] = []
HEADERS = {"content-type": "application/json", "accept": "application/json, text/event-stream"}


@tool(idempotent=False)
async def shout(*, text: str) -> dict[str, str]:
    """Say a text louder."""
    CALLS.append(text)
    if text == "no":
        raise InvalidRequest("not that")
    return {"said": text.upper()}


@tool()
async def ask(context: ToolContext, *, text: str) -> str:
    """Ask the sandbox."""
    request = ChatRequest(model="sandbox", messages=(Message("user", text),))
    return (await context.models.complete(request)).response.content


TOOLS: Sequence[Any] = [shout, ask]


@contextlib.asynccontextmanager
async def connected(
    running: Platform, key: str = ADMIN, mode: str = "auto"
) -> AsyncIterator[Client]:
    """An MCP client of a platform on a real socket; the application itself is running already."""

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            for event in ("startup", "shutdown"):
                await receive()
                await send({"type": f"lifespan.{event}.complete"})
        else:
            await running.app(scope, receive, send)

    headers = {"authorization": f"Bearer {key}"}
    async with (
        serve(app) as url,
        httpx2.AsyncClient(headers=headers) as http,
        Client(streamable_http_client(f"{url}/mcp", http_client=http), mode=mode) as client,
    ):
        yield client


@pytest.mark.parametrize("mode", ["auto", "legacy"])
async def test_the_official_client_lists_and_calls_the_tools(mode: str) -> None:
    async with platform(tools=TOOLS) as running, connected(running, mode=mode) as client:
        listed = {found.name: found for found in (await client.list_tools()).tools}
        answer = await client.call_tool("shout", {"text": "hello"})
    assert set(listed) == {"shout", "ask"}
    assert listed["shout"].description == "Say a text louder."
    assert listed["shout"].input_schema["required"] == ["text"]
    assert answer.structured_content == {"result": {"said": "HELLO"}}
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert msgspec.json.decode(content.text) == {"said": "HELLO"}


async def test_calls_to_models_are_the_keys() -> None:
    async with platform(tools=TOOLS) as running:
        async with connected(running) as client:
            answer = await client.call_tool("ask", {"text": "hi"})
        events = (await running.call("GET", "/v1/usage/events")).json["data"]
    assert answer.structured_content["result"] == "You said: hi"
    assert answer.structured_content["usage"]["outputTokens"] == 3
    (event,) = events
    assert (event["requestType"], event["useCase"]) == ("tool", "ask")


@pytest.mark.parametrize("arguments", [{"text": "no"}, {}, {"text": 1}, {"text": "a", "b": 1}])
async def test_a_refusal_is_told_to_the_model(arguments: dict[str, Any]) -> None:
    async with platform(tools=TOOLS) as running, connected(running) as client:
        answer = await client.call_tool("shout", arguments)
    assert answer.is_error
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert content.text.startswith("invalid_request: ")


async def test_a_tool_that_there_is_not_is_an_error_of_the_protocol() -> None:
    async with platform(tools=TOOLS) as running, connected(running) as client:
        with pytest.raises(MCPError, match="there is no tool"):
            await client.call_tool("nothing", {})


async def test_the_key_needs_the_scope() -> None:
    async with platform(tools=TOOLS) as running:
        without = await make_key(running)
        for key, status in ((without, 403), ("sk-proj-wrong", 401), (None, 401)):
            answer = await running.call("POST", "/mcp", {"jsonrpc": "2.0"}, key=key)
            assert answer.status == status


async def test_a_budget_holds_over_mcp() -> None:
    async with platform(tools=TOOLS) as running:
        poor = await make_key(running, scopes=["tools:run"], monthlyBudget=0)
        async with connected(running, poor) as client:
            answer = await client.call_tool("ask", {"text": "hi"})
    assert answer.is_error
    (content,) = answer.content
    assert isinstance(content, TextContent)
    assert content.text.startswith("budget_exceeded")


async def test_requests_that_are_none_are_answered_and_harm_nothing() -> None:
    good = {"jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {}}
    async with platform(tools=TOOLS) as running:
        for body in (b"[]", b"{}", b"1", b'{"jsonrpc":"2.0","id":1,"method":"nothing"}'):
            answer = await running.call("POST", "/mcp", body, headers=HEADERS)
            assert answer.status < 500
            assert "x-request-id" in answer.headers
        answer = await running.call("POST", "/mcp", good, headers=HEADERS)
        assert answer.status == 200
        assert len(answer.json["result"]["tools"]) == 2
        for method in ("GET", "DELETE"):
            assert (await running.call(method, "/mcp")).status == 405


async def test_a_call_under_an_idempotency_key_is_made_once() -> None:
    CALLS.clear()
    call = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "shout", "arguments": {"text": "once"}},
    }
    async with platform(tools=TOOLS) as running:
        for _ in range(2):
            headers = {**HEADERS, "idempotency-key": "order-1"}
            answer = await running.call("POST", "/mcp", call, headers=headers)
            assert answer.json["result"]["structuredContent"] == {"result": {"said": "ONCE"}}
    assert CALLS == ["once"]
