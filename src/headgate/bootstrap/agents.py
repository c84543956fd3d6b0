"""The part of `bootstrap` that puts agent runs together, and works on them where that is wanted."""

import asyncio
import contextlib
import dataclasses
import importlib
import socket
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

from headgate import data_directory
from headgate.agents.control import Controls
from headgate.agents.definitions import AgentType, declared_in
from headgate.agents.executor import Executor
from headgate.agents.journal import Journal
from headgate.agents.performer import Performer, unseen
from headgate.agents.runs import RunLimits, Runs
from headgate.agents.steps import Desk
from headgate.agents.type_files import read_types
from headgate.agents.types import BUILT_IN
from headgate.core.documents import Library
from headgate.core.durable import Engine
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.core.memory import MemoryStore
from headgate.core.metered import ModelAccess
from headgate.core.prompts import Prompts
from headgate.core.run_queue import RunQueue
from headgate.core.runs import Run, RunStore
from headgate.core.tools import Toolbox
from headgate.core.tracing import UNTRACED, Tracer
from headgate.engine.office import file_office
from headgate.settings import Settings

DATABASE = "agents.db"
LOCK = "agents.lock"
TYPES = "agents"
DAY_SECONDS = 86_400
# How often events and commands that other processes wrote are looked for. Each look at DynamoDB is
# paid for; a command is heard within its two seconds all the same.
POLL_SECONDS = 0.2
ROUND_SECONDS = 0.25
DYNAMODB_POLL_SECONDS = 0.5
DYNAMODB_ROUND_SECONDS = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentParts:
    """What agents work through.

    Attributes:
        key: finds a key by its id, as it is now.
        is_command: whether this process is a command, which works on what it starts itself.
        ended: is told of every run that ends here.
    """

    store: RunStore
    models: ModelAccess
    toolbox: Toolbox
    prompts: Prompts
    library: Library
    memories: MemoryStore
    queue: RunQueue | None
    key: Callable[[str], Awaitable[VirtualKey | None]]
    is_command: bool
    tracer: Tracer = UNTRACED
    ended: Callable[[Run], None] = unseen


@contextlib.asynccontextmanager
async def open_runs(settings: Settings, parts: AgentParts) -> AsyncIterator[Runs]:
    """The runs, which are worked on here unless this process has another role."""
    limits = settings.configuration.agents
    is_shared = settings.store == "dynamodb"
    journal = Journal(parts.store, DYNAMODB_POLL_SECONDS if is_shared else POLL_SECONDS)
    types = {kind.name: kind for kind in (*BUILT_IN, *_own_types(settings))}
    controls = Controls(parts.store)
    desk = Desk(
        journal=dataclasses.replace(journal, is_at_work=True),
        models=parts.models,
        toolbox=parts.toolbox,
        prompts=parts.prompts,
        library=parts.library,
        memories=parts.memories,
        key=parts.key,
        at_once=asyncio.Semaphore(limits.steps_at_once),
        tracer=parts.tracer,
    )
    executor = Executor(
        store=parts.store,
        controls=controls,
        performer=Performer(desk, controls, types, parts.ended),
        office=lambda: _office(settings),
        load=lambda: asyncio.to_thread(_engine, settings),
        is_eager=not parts.is_command,
        is_warm=settings.role == "agents",
        kept_seconds=None if not limits.retention_days else limits.retention_days * DAY_SECONDS,
        clock=time.time,
        round_seconds=DYNAMODB_ROUND_SECONDS if is_shared else ROUND_SECONDS,
        queue=parts.queue,
        most_at_once=limits.runs_in_memory,
    )
    runs = Runs(
        journal=journal,
        types=types,
        toolbox=parts.toolbox,
        limits=RunLimits(
            max_steps=limits.max_steps,
            seconds=limits.timeout_seconds,
            approval_seconds=limits.approval_seconds,
        ),
        nudge=executor.nudge,
        tracer=parts.tracer,
        queue=parts.queue,
    )
    if settings.role in {"gateway", "tools"}:
        yield runs
        return
    async with executor.running():
        yield runs


def _own_types(settings: Settings) -> list[AgentType]:
    """The company's own types; one of a built-in's name takes its place.

    Raises:
        InvalidRequest: one of them cannot be used; says which, and why.
    """
    configuration = settings.configuration.agents
    beside = settings.data if settings.config is None else settings.config.parent
    named = configuration.directory
    types = read_types(settings.data / TYPES if named is None else beside / named)
    for name in configuration.modules:
        try:
            module = importlib.import_module(name)
        except ImportError as error:
            raise InvalidRequest(f"[agents] modules: {name} cannot be imported: {error}") from None
        types += declared_in(vars(module))
    return types


@contextlib.asynccontextmanager
async def _office(settings: Settings) -> AsyncIterator[None]:
    """Nothing where many processes may work; else this data directory's only place."""
    if settings.database_url is not None:
        yield
        return
    data_directory.make(settings.data)
    async with file_office(settings.data / LOCK):
        yield


def _engine(settings: Settings) -> Engine:
    """The engine of the configured database; takes a second, for it is heavy."""
    # Heavy, and needed only where there are runs: neither start-up nor the gateway pays for it.
    from headgate.engine.databases import (
        check_sqlite,
        postgres_database,
        sqlite_database,
    )
    from headgate.engine.dbos import DbosEngine
    from headgate.engine.executors import Executors

    most = settings.configuration.agents.runs_in_memory
    if settings.database_url is None:
        check_sqlite()
        path = settings.data / DATABASE
        data_directory.keep_private(path)
        return DbosEngine(sqlite_database(path), "local", most)
    database = postgres_database(settings.database_url.reveal())
    executor_id = new_id(socket.gethostname())
    fellows = Executors(database, executor_id).watching
    return DbosEngine(database, executor_id, most, fellows)
