"""The platform's tools over MCP, for programs that speak it."""

from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.core.tool_serving import ToolDesk
from headgate.http.calls import Call, Headers, Reply
from headgate.http.receipts import outcome_headers
from headgate.http.tools import write_outcome


async def mcp(call: Call[Any]) -> Reply:
    """`POST /mcp`: one request of JSON-RPC, and its answer."""
    services = call.services
    metered: Headers = []

    async def run(name: str, arguments: Mapping[str, Any]) -> bytes:
        named = msgspec.structs.replace(call, route=f"POST /mcp {name}")
        caller = named.caller(use_case=name)
        written = await services.tool_calls.run(caller, name, arguments, write_outcome)
        metered[:] = outcome_headers(written.receipt)
        return written.body

    desk = ToolDesk(services.tool_calls.toolbox.specs(call.key), run)
    told = await services.tool_server.answer(desk, call.headers, call.raw)
    headers = dict(told.headers)
    content_type = headers.pop(b"content-type", b"application/json")
    headers.pop(b"content-length", None)
    return Reply(told.body, told.status, [*headers.items(), *metered], content_type)
