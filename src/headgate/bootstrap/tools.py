"""The part of `bootstrap` that joins the tools, each with what it works through."""

import contextlib
import importlib.metadata
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from pathlib import Path

from headgate.bootstrap.mcp import open_mcp_tools
from headgate.cli.findings import Finding
from headgate.configuration import Workspace
from headgate.core.documents import Library
from headgate.core.prompts import Prompts
from headgate.core.tools import Tool
from headgate.core.tracing import UNTRACED, Tracer
from headgate.settings import Settings
from headgate.tools.calculator import calculator
from headgate.tools.classify import Classifier
from headgate.tools.database_query import WorkspaceDatabase
from headgate.tools.declaration import declared
from headgate.tools.extract import Extraction
from headgate.tools.files import WorkspaceFiles
from headgate.tools.http_request import HttpRequests
from headgate.tools.run_code import CodeRunner
from headgate.tools.search import DocumentSearch
from headgate.tools.summarize import Summaries
from headgate.tools.toolbox import ProcessTools
from headgate.transport.fetcher import HttpFetcher
from headgate.transport.http import HttpClient
from headgate.transport.public_addresses import public_addresses

ENTRY_POINTS = "headgate.tools"
"""The group under which installed packages name tools of their own."""

IDLE_SECONDS = 20.0
MOST_THREADS = 8

_LOG = logging.getLogger("headgate")


@contextlib.asynccontextmanager
async def open_tools(
    settings: Settings,
    prompts: Prompts,
    library: Library,
    hosts_for: Callable[[str], Awaitable[Sequence[str] | None]],
    tracer: Tracer = UNTRACED,
) -> AsyncIterator[ProcessTools]:
    """The tools of this process.

    `library` has the documents that are searched; `hosts_for` gives the only hosts that a
    workspace may reach, None where it may reach all.
    """
    async with contextlib.AsyncExitStack() as stack:
        # Each has its own threads: what a caller makes slow keeps nobody else waiting.
        lookups, disks, databases = (
            stack.enter_context(_threads(name)) for name in ("lookup", "files", "database")
        )
        client = HttpClient(
            idle_seconds=IDLE_SECONDS,
            addresses=lambda host, port: public_addresses(host, port, lookups),
        )
        stack.push_async_callback(client.aclose)
        mcp = await stack.enter_async_context(open_mcp_tools(settings))
        own = [
            *_asking(settings, prompts, library),
            declared(calculator),
            declared(HttpRequests(HttpFetcher(client), hosts_for).http_request),
            *_configured(settings, disks, databases),
        ]
        names = {tool.spec.name for tool in own}
        yield ProcessTools([*own, *_installed(names)], [mcp.tools], tracer)


@contextlib.contextmanager
def _threads(name: str) -> Iterator[Executor]:
    """Threads for one kind of waiting; at the end nobody waits for those that are still busy."""
    threads = ThreadPoolExecutor(MOST_THREADS, thread_name_prefix=f"headgate-{name}")
    try:
        yield threads
    finally:
        threads.shutdown(wait=False, cancel_futures=True)


def _asking(settings: Settings, prompts: Prompts, library: Library) -> Iterator[Tool]:
    """The tools that ask models."""
    model = settings.configuration.tools.model
    yield declared(Summaries(prompts, model).summarize)
    yield declared(Extraction(prompts, model).extract)
    yield declared(Classifier(prompts, model).classify)
    yield declared(DocumentSearch(library).search)


def _configured(settings: Settings, disks: Executor, databases: Executor) -> Iterator[Tool]:
    """The tools that are there where the configuration says so."""
    files = WorkspaceFiles(_path_of(settings, lambda workspace: workspace.files), disks)
    database = WorkspaceDatabase(
        _path_of(settings, lambda workspace: workspace.database), databases
    )
    yield declared(files.files_read, is_for=files.is_for)
    yield declared(files.files_write, is_for=files.is_for)
    yield declared(database.database_query, is_for=database.is_for)
    if settings.configuration.tools.run_code:
        yield declared(CodeRunner().run_code)


def _points() -> Iterable[importlib.metadata.EntryPoint]:
    return importlib.metadata.entry_points(group=ENTRY_POINTS)


def _loaded(point: importlib.metadata.EntryPoint) -> Tool | None:
    """The tool of an installed package, if it can be used."""
    try:
        return declared(point.load())
    except Exception:  # noqa: BLE001 - the rim to other people's code, logged
        _LOG.exception("the tool %s of %s cannot be used", point.name, point.value)
        return None


def _installed(taken: set[str]) -> Iterator[Tool]:
    """The tools of installed packages; one that cannot be used is told of and left out."""
    for point in _points():
        found = _loaded(point)
        if found is None:
            continue
        if found.spec.name in taken:
            _LOG.error("%s: there is a tool %s already", point.value, found.spec.name)
            continue
        taken.add(found.spec.name)
        yield found


async def check_tools(settings: Settings) -> Finding:
    """Whether the tools that are configured or installed can be used."""
    unusable = [point.value for point in _points() if _loaded(point) is None]
    if unusable:
        return Finding(
            "fail",
            f"not usable: {', '.join(unusable)}",
            "Start the server to see why, in its log; or uninstall the package.",
        )
    if settings.configuration.tools.run_code and not await CodeRunner().is_held():
        return Finding(
            "warn",
            "run_code is off: this machine's kernel does not confine code",
            "Use Linux with seccomp on x86-64 or ARM64, or set run_code = false under [tools].",
        )
    servers = ", ".join(server.name for server in settings.mcp_servers)
    own = sum(1 for _ in _points())
    return Finding("ok", f"{own} of installed packages; MCP servers: {servers or 'none'}")


def _path_of(
    settings: Settings, named: Callable[[Workspace], str | None]
) -> Callable[[str], Path | None]:
    """The place that the configuration gives a workspace, seen from the data directory."""
    workspaces = settings.configuration.workspaces

    def path(workspace_id: str) -> Path | None:
        workspace = workspaces.get(workspace_id)
        place = None if workspace is None else named(workspace)
        return None if place is None else settings.data / place

    return path
