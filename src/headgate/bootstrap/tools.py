"""The part of `bootstrap` that joins the tools, each with what it works through."""

import contextlib
from collections.abc import AsyncIterator

from headgate.bootstrap.mcp import open_mcp_tools
from headgate.core.documents import Library
from headgate.settings import Settings
from headgate.tools.calculator import calculator
from headgate.tools.declaration import declared
from headgate.tools.http_request import HttpRequests
from headgate.tools.search import DocumentSearch
from headgate.tools.toolbox import ProcessTools
from headgate.transport.fetcher import HttpFetcher
from headgate.transport.http import HttpClient
from headgate.transport.public_addresses import public_addresses


@contextlib.asynccontextmanager
async def open_tools(
    settings: Settings, library: Library | None = None
) -> AsyncIterator[ProcessTools]:
    """The tools of this process; `library` has the documents that are searched."""
    workspaces = settings.configuration.workspaces
    client = HttpClient(idle_seconds=20, addresses=public_addresses)

    def allowed_hosts(workspace_id: str) -> tuple[str, ...] | None:
        workspace = workspaces.get(workspace_id)
        return None if workspace is None else workspace.allowed_hosts

    requests = HttpRequests(HttpFetcher(client), allowed_hosts)
    tools = [declared(calculator), declared(requests.http_request)]
    if library is not None:
        tools.append(declared(DocumentSearch(library).search))
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        mcp = await stack.enter_async_context(open_mcp_tools(settings))
        yield ProcessTools(tools, [mcp.tools])
