"""Tools over MCP's streamable HTTP: one request, one JSON answer, and nothing kept in between.

The protocol is the official library's; here is only what it asks for, the list of a caller's tools
and their calls. Who the caller is was settled before: a request brings its `ToolDesk` along.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Mapping, MutableMapping
from typing import Any

import msgspec
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.streamable_http_manager import StreamableHTTPSessionManager
from mcp.shared.exceptions import MCPError
from mcp_types import (
    INVALID_PARAMS,
    CallToolRequestParams,
    CallToolResult,
    ListToolsResult,
    PaginatedRequestParams,
    TextContent,
    Tool,
    ToolAnnotations,
)

from headgate import __version__
from headgate.core.errors import HeadgateError
from headgate.core.tool_serving import ServedReply, ToolDesk
from headgate.core.tools import ToolSpec

_DESK = "headgate.desk"


class McpServer:
    """`ToolServer` for MCP; it answers while it is `running`."""

    def __init__(self, most_body_bytes: int) -> None:
        self._manager = StreamableHTTPSessionManager(
            Server(
                "headgate", version=__version__, on_list_tools=_list_tools, on_call_tool=_call_tool
            ),
            json_response=True,
            stateless=True,
            max_request_body_size=most_body_bytes,
        )

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold what the library works with; entered and left by one task."""
        async with self._manager.run():
            yield

    async def answer(
        self, desk: ToolDesk, headers: Mapping[bytes, bytes], body: bytes
    ) -> ServedReply:
        """See `ToolServer.answer`."""
        exchange = _Exchange(body)
        scope = {
            "type": "http",
            "http_version": "1.1",
            "scheme": "http",
            "method": "POST",
            "path": "/mcp",
            "raw_path": b"/mcp",
            "root_path": "",
            "query_string": b"",
            "headers": list(headers.items()),
            "client": None,
            "server": None,
            _DESK: desk,
        }
        await self._manager.handle_request(scope, exchange.receive, exchange.send)
        return ServedReply(exchange.status, exchange.headers, b"".join(exchange.pieces))


class _Exchange:
    """One request that is here already, and the answer as it is written."""

    def __init__(self, body: bytes) -> None:
        self._body: bytes | None = body
        self.status = 500
        self.headers: list[tuple[bytes, bytes]] = []
        self.pieces: list[bytes] = []

    async def receive(self) -> dict[str, Any]:
        """The body; a caller who leaves cancels all of this instead."""
        if self._body is None:
            await asyncio.Event().wait()
        body, self._body = self._body, None
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(self, message: MutableMapping[str, Any]) -> None:
        """Keep a part of the answer."""
        if message["type"] == "http.response.start":
            self.status, self.headers = message["status"], list(message["headers"])
        else:
            self.pieces.append(message.get("body", b""))


def _desk(context: ServerRequestContext[Any, Any]) -> ToolDesk:
    if context.request is None:
        raise RuntimeError("a request came without its caller")
    desk: ToolDesk = context.request.scope[_DESK]
    return desk


async def _list_tools(
    context: ServerRequestContext[Any, Any],
    params: PaginatedRequestParams | None,  # noqa: ARG001 - all of them stand on one page
) -> ListToolsResult:
    return ListToolsResult(tools=[_tool(spec) for spec in _desk(context).specs])


async def _call_tool(
    context: ServerRequestContext[Any, Any], params: CallToolRequestParams
) -> CallToolResult:
    desk = _desk(context)
    if all(spec.name != params.name for spec in desk.specs):
        raise MCPError(INVALID_PARAMS, f"there is no tool {params.name[:64]!r}")
    try:
        told = msgspec.json.decode(await desk.call(params.name, params.arguments or {}))
    except HeadgateError as error:
        # For the model to see, which may do better with it.
        text = TextContent(text=f"{error.code}: {error.message}")
        return CallToolResult(content=[text], is_error=True)
    result = told["result"]
    text = TextContent(
        text=result if isinstance(result, str) else msgspec.json.encode(result).decode()
    )
    return CallToolResult(content=[text], structured_content=told)


def _tool(spec: ToolSpec) -> Tool:
    return Tool(
        name=spec.name,
        description=spec.description,
        input_schema=dict(spec.parameters),
        annotations=ToolAnnotations(idempotent_hint=spec.is_idempotent),
    )
