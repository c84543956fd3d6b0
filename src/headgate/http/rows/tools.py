"""Routes to the platform's tools."""

from typing import Any

import msgspec

from headgate.http import mcp, tools
from headgate.http.routes import Route


def tool_routes() -> list[Route]:
    """Which tools there are, and how they are called."""
    return [
        Route(
            method="GET",
            path="/v1/tools",
            access="tools:run",
            handler=tools.list_tools,
            summary="The tools that the key may call",
            description=(
                "With the JSON Schemas of their arguments, as models want them. In an agent's run"
                " a tool that `needsApproval` waits until somebody has said yes."
            ),
            answer=tools.ToolList,
        ),
        Route(
            method="POST",
            path="/v1/tools/{name}",
            access="tools:run",
            handler=tools.run_tool,
            summary="Call a tool",
            description=(
                "The body is the tool's arguments, as an object. `usage` tells of the calls to"
                " models that the tool made: they are the key's, with the tool's name as their"
                " use case. A wrong argument and what a tool refuses are 400, a host that cannot"
                " be reached is 502, and a call that takes too long 504."
            ),
            body=dict[str, Any],
            answer=tools.ToolAnswer,
            metered=True,
        ),
        Route(
            method="POST",
            path="/mcp",
            access="tools:run",
            handler=mcp.mcp,
            summary="The tools over MCP",
            description=(
                "MCP's streamable HTTP, without sessions: each request is answered by itself, in"
                " JSON. `tools/list` and `tools/call` are those of `/v1/tools`, with the same key,"
                " limits and rows in the ledger; what a tool refuses comes as its result, with"
                " `isError`."
            ),
            body=msgspec.Raw,
            answer=dict[str, Any],
            metered=True,
        ),
    ]
