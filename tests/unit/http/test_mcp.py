"""The route to MCP hands a request over with its caller; `unit/mcp/test_server.py` speaks it."""

from platform_in_memory import platform


async def test_what_is_no_json_is_refused_by_the_platform_itself() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/mcp", b"{")
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


async def test_what_is_not_sent_as_json_is_refused_by_the_protocol() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/mcp", {"jsonrpc": "2.0"})
    assert answer.status in {400, 406}
    assert int(answer.headers["content-length"]) == len(answer.data)
