"""The tools of an MCP server, as tools of this platform.

A task holds the connection, since the library wants it entered and left by the same one. While a
server is away its tools are not there; it is tried again, the longer the rarer.
"""

import asyncio
import contextlib
import logging
import re
from collections.abc import AsyncIterator, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx2
from mcp import Client, MCPError, StdioServerParameters
from mcp.client.streamable_http import streamable_http_client
from mcp_types import INVALID_PARAMS, CallToolResult, TextContent
from mcp_types import Tool as McpTool

from headgate.core.errors import InvalidRequest, UpstreamFailed
from headgate.core.tools import Tool, ToolContext, ToolSpec

AGAIN_SECONDS = (1.0, 2.0, 5.0, 15.0, 60.0)
"""The pauses between tries to reach a server; the last one repeats."""
LIST_AGAIN_SECONDS = 300.0
CONNECT_SECONDS = 30.0
CALL_SECONDS = 60.0

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class McpAddress:
    """Where a server is: behind a URL, or a program that is started here.

    Attributes:
        token: sent to the URL as a bearer token.
        environment: what the program is given besides a few variables that any program has.
    """

    name: str
    url: str | None = None
    command: tuple[str, ...] = ()
    token: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)


class McpConnection:
    """One server; `tools` are those that it has now, named after it."""

    def __init__(self, address: McpAddress) -> None:
        self.address = address
        self._tools: tuple[Tool, ...] = ()
        self._client: Client | None = None
        self._broken = asyncio.Event()
        self._listed = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def tools(self) -> Iterable[Tool]:
        """The tools that can be called now."""
        return self._tools

    async def listed(self) -> None:
        """Wait until the server's tools are there."""
        await self._listed.wait()

    def start(self) -> None:
        """Begin to connect."""
        self._task = asyncio.create_task(self._keep())

    async def aclose(self) -> None:
        """Leave the server."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _keep(self) -> None:
        failures = 0
        while True:
            try:
                async with _connected(self.address) as client:
                    failures = 0
                    await self._serve(client)
            except Exception as error:  # noqa: BLE001 - a task's rim: it is told, and tried again
                _LOG.warning(
                    "the MCP server %s cannot be reached: %s", self.address.name, _reason(error)
                )
            finally:
                self._client, self._tools = None, ()
                self._listed.clear()
            await asyncio.sleep(AGAIN_SECONDS[min(failures, len(AGAIN_SECONDS) - 1)])
            failures += 1

    async def _serve(self, client: Client) -> None:
        """Keep the list of tools until the connection breaks."""
        self._client = client
        self._broken.clear()
        while not self._broken.is_set():
            async with asyncio.timeout(CONNECT_SECONDS):
                self._tools = tuple([tool async for tool in self._list(client)])
            self._listed.set()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(LIST_AGAIN_SECONDS):
                    await self._broken.wait()

    async def _list(self, client: Client) -> AsyncIterator[Tool]:
        cursor: str | None = None
        while True:
            page = await client.list_tools(cursor=cursor, cache_mode="bypass")
            for found in page.tools:
                name = f"{self.address.name}_{found.name}"
                if _NAME.fullmatch(name):
                    yield self._tool(name, found)
                else:
                    _LOG.warning("the MCP server's tool %r has no name that models can use", name)
            cursor = page.next_cursor
            if cursor is None:
                return

    def _tool(self, name: str, found: McpTool) -> Tool:
        async def run(_context: ToolContext, arguments: Mapping[str, Any]) -> Any:
            return await self._call(found.name, arguments)

        hints = found.annotations
        spec = ToolSpec(
            name=name,
            description=found.description or f"{found.name}, of {self.address.name}.",
            parameters=found.input_schema,
            timeout_seconds=CALL_SECONDS,
            is_idempotent=hints is not None and bool(hints.read_only_hint or hints.idempotent_hint),
            needs_approval=hints is not None and hints.destructive_hint is True,
        )
        return Tool(spec=spec, run=run)

    async def _call(self, name: str, arguments: Mapping[str, Any]) -> Any:
        client = self._client
        if client is None:
            raise UpstreamFailed(f"the MCP server {self.address.name} is away")
        try:
            answer = await client.call_tool(name, dict(arguments))
        except MCPError as error:
            if error.code == INVALID_PARAMS:
                raise InvalidRequest(f"{self.address.name} refuses: {error.message}") from None
            self._broken.set()
            raise UpstreamFailed(f"the MCP server {self.address.name} failed") from None
        except (httpx2.HTTPError, OSError):
            self._broken.set()
            raise UpstreamFailed(f"the MCP server {self.address.name} is away") from None
        return _result(self.address.name, answer)


@contextlib.asynccontextmanager
async def _connected(address: McpAddress) -> AsyncIterator[Client]:
    async with contextlib.AsyncExitStack() as stack:
        if address.url is None:
            program, *arguments = address.command
            where: Any = StdioServerParameters(
                command=program, args=arguments, env=dict(address.environment)
            )
        else:
            headers = {"authorization": f"Bearer {address.token}"} if address.token else {}
            http = await stack.enter_async_context(
                httpx2.AsyncClient(headers=headers, timeout=CALL_SECONDS)
            )
            where = streamable_http_client(address.url, http_client=http)
        async with asyncio.timeout(CONNECT_SECONDS):
            client = await stack.enter_async_context(
                Client(where, read_timeout_seconds=CALL_SECONDS)
            )
        yield client


def _result(server: str, answer: CallToolResult) -> Any:
    """What the tool gave: its structure where it has one, else its texts or all its parts."""
    texts = [part.text for part in answer.content if isinstance(part, TextContent)]
    if answer.is_error:
        raise InvalidRequest(f"{server}: {' '.join(texts)[:2_000] or 'the tool failed'}")
    if answer.structured_content is not None:
        return answer.structured_content
    if len(texts) == len(answer.content):
        return "\n".join(texts)
    return [
        part.model_dump(mode="json", by_alias=True, exclude_none=True) for part in answer.content
    ]


def _reason(error: BaseException) -> str:
    """The innermost reason, which groups of tasks wrap."""
    while isinstance(error, BaseExceptionGroup):
        error = error.exceptions[0]
    return f"{type(error).__name__}: {error}"
