"""The route to MCP hands a request over with its caller; `unit/mcp/test_server.py` speaks it."""

from headgate.tools.declaration import tool
from platform_in_memory import platform


@tool()
async def echo(*, some_text: str) -> str:
    """Give a text back."""
    return some_text


async def test_what_is_no_json_is_refused_by_the_platform_itself() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/mcp", b"{")
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


async def test_what_is_not_sent_as_json_is_refused_by_the_protocol() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/mcp", {"jsonrpc": "2.0"})
    assert answer.status in {400, 406}
    assert int(answer.headers["content-length"]) == len(answer.data)


async def test_a_call_of_a_tool_tells_limits_and_cost_and_is_made_once() -> None:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "tools/call",
        "params": {"name": "echo", "arguments": {"someText": "hi"}},
    }
    headers = {
        "content-type": "application/json",
        "accept": "application/json, text/event-stream",
        "idempotency-key": "once",
    }
    async with platform(tools=[echo]) as running:
        first, again = [await running.call("POST", "/mcp", body, headers=headers) for _ in range(2)]
    assert first.data == again.data
    assert (first.headers["x-cost"], again.headers["x-cost"]) == ("0", "0")
    assert "x-ratelimit-remaining-requests" in first.headers
    assert "idempotency-replayed" not in first.headers
    assert again.headers["idempotency-replayed"] == "true"
