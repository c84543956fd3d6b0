"""The part of `bootstrap` that joins the tools, each with what it works through."""

import contextlib
from collections.abc import AsyncIterator

from headgate.settings import Settings
from headgate.tools.calculator import calculator
from headgate.tools.declaration import declared
from headgate.tools.http_request import HttpRequests
from headgate.tools.toolbox import ProcessTools
from headgate.transport.fetcher import HttpFetcher
from headgate.transport.http import HttpClient
from headgate.transport.public_addresses import public_addresses


@contextlib.asynccontextmanager
async def open_tools(settings: Settings) -> AsyncIterator[ProcessTools]:
    """The tools of this process."""
    workspaces = settings.configuration.workspaces
    client = HttpClient(idle_seconds=20, addresses=public_addresses)

    def allowed_hosts(workspace_id: str) -> tuple[str, ...] | None:
        workspace = workspaces.get(workspace_id)
        return None if workspace is None else workspace.allowed_hosts

    requests = HttpRequests(HttpFetcher(client), allowed_hosts)
    try:
        yield ProcessTools([declared(calculator), declared(requests.http_request)])
    finally:
        await client.aclose()
