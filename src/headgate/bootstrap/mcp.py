"""The part of `bootstrap` that joins MCP: tools served to others, and others' servers as tools.

The library takes most of a second to load and some 30 MB, so it is loaded where it is used: when
the first request comes, or when the configuration names a server; and beside the event loop.
"""

import asyncio
import contextlib
import importlib
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from headgate.core.tool_serving import ServedReply, ToolDesk, ToolServer
from headgate.core.tools import Tool
from headgate.named_services import McpProgram
from headgate.settings import Settings


@dataclass(slots=True)
class LateServer:
    """`ToolServer` that is loaded with its first request."""

    most_body_bytes: int
    _starting: asyncio.Task[ToolServer] | None = None
    _task: asyncio.Task[None] | None = None

    async def answer(
        self, desk: ToolDesk, headers: Mapping[bytes, bytes], body: bytes
    ) -> ServedReply:
        """See `ToolServer.answer`."""
        if self._starting is None or self._starting.cancelled():
            self._starting = asyncio.create_task(self._start())
        # Not this caller's alone: who leaves must not stop what others wait for.
        server = await asyncio.shield(self._starting)
        return await server.answer(desk, headers, body)

    async def aclose(self) -> None:
        """End it, if it was begun."""
        tasks = [task for task in (self._starting, self._task) if task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _start(self) -> ToolServer:
        module = await asyncio.to_thread(importlib.import_module, "headgate.mcp.server")
        server = module.McpServer(self.most_body_bytes)
        is_up = asyncio.get_running_loop().create_future()

        async def run() -> None:
            async with server.running():
                is_up.set_result(None)
                await asyncio.Event().wait()

        self._task = asyncio.create_task(run())
        await asyncio.wait((self._task, is_up), return_when=asyncio.FIRST_COMPLETED)
        if self._task.done():
            self._task.result()
        started: ToolServer = server
        return started


@dataclass(slots=True)
class LateConnections:
    """The tools of the configured servers; connected to in the background."""

    servers: Sequence[McpProgram]
    _connections: list[Any] = field(default_factory=list)

    def tools(self) -> Iterable[Tool]:
        """The tools of all servers that are there now."""
        for connection in self._connections:
            yield from connection.tools()

    async def run(self) -> None:
        """Connect, and stay connected until this is cancelled."""
        module = await asyncio.to_thread(importlib.import_module, "headgate.mcp.client")
        for server in self.servers:
            address = module.McpAddress(
                name=server.name,
                url=server.url,
                command=server.command,
                token=None if server.token is None else server.token.reveal(),
                environment={name: text.reveal() for name, text in server.environment.items()},
            )
            connection = module.McpConnection(address)
            self._connections.append(connection)
            connection.start()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.gather(*(connection.aclose() for connection in self._connections))


@contextlib.asynccontextmanager
async def open_mcp_server(settings: Settings) -> AsyncIterator[ToolServer]:
    """What answers MCP's requests."""
    server = LateServer(settings.configuration.limits.max_body_bytes)
    try:
        yield server
    finally:
        await server.aclose()


@contextlib.asynccontextmanager
async def open_mcp_tools(settings: Settings) -> AsyncIterator[LateConnections]:
    """The tools of the MCP servers that the configuration names."""
    found = LateConnections(settings.mcp_servers)
    if not found.servers:
        yield found
        return
    task = asyncio.create_task(found.run())
    try:
        yield found
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
