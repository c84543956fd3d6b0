"""The HTTP layer over features that are real and stores that are in memory, without a server."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from agent_desk import office
from asgi import Client
from engines import MemoryEngine
from headgate.agents.journal import Journal
from headgate.agents.memory import Memories
from headgate.agents.steps import Desk
from headgate.agents.types import BUILT_IN
from headgate.bootstrap.mcp import LateServer
from headgate.bootstrap.metrics import metrics_of
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.erasures import Erased, Erasure
from headgate.core.errors import HeadgateError
from headgate.core.keys import SCOPES, VirtualKey, hash_api_key
from headgate.core.models import Provider
from headgate.core.prices import Markup, Price
from headgate.core.tracing import UNTRACED
from headgate.documents.library import Documents
from headgate.gateway.catalog import Catalog
from headgate.gateway.dispatch import Dispatcher
from headgate.gateway.escrow import Escrow
from headgate.gateway.flights import Flights
from headgate.gateway.gateway import Gateway
from headgate.gateway.kept_streams import KeptStreams
from headgate.gateway.metered import MeteredAccess
from headgate.gateway.names import Names
from headgate.gateway.replays import Replays
from headgate.gateway.tool_calls import ToolCalls
from headgate.gateway.vendor_keys import VendorKeys
from headgate.gateway.works import Works
from headgate.http.app import App, Application
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.sockets.observer import Observer
from headgate.http.table import routes
from headgate.identity.audit import Audit
from headgate.identity.delegation import Delegation
from headgate.identity.erasures import Erasures
from headgate.identity.keys import Keys
from headgate.identity.sessions import Sessions
from headgate.identity.workspaces import Workspaces
from headgate.prompts.library import open_library
from headgate.providers.sandbox import SANDBOX_PRICE, Sandbox
from headgate.stores.buckets import DefaultLimits
from headgate.stores.memory import MemoryKeys, MemoryLedger
from headgate.stores.memory_audit import MemoryAudit
from headgate.stores.memory_documents import MemoryDocuments
from headgate.stores.memory_memories import MemoryMemories
from headgate.stores.memory_runs import MemoryRuns
from headgate.stores.memory_service_levels import MemoryServiceLevels
from headgate.stores.memory_vendor_keys import MemoryVendorKeys
from headgate.stores.memory_workspaces import MemoryWorkspaces
from headgate.stores.process_limits import ProcessRateLimiter
from headgate.stores.sealing import AesSealer
from headgate.telemetry.process import ProcessWatch
from headgate.tools.declaration import declared
from headgate.tools.toolbox import ProcessTools
from headgate.usage.service_levels import ServiceLevels, Targets
from headgate.usage.watch import UsageWatch

ADMIN = "sk-proj-admin-secret"
ADMIN_KEY = VirtualKey(
    key_id="sk-proj-admin", name="admin", scopes=frozenset(SCOPES), created_at=0.0
)


class MemoryTickets:
    """Tickets that are kept in memory."""

    def __init__(self) -> None:
        self._keys: dict[str, str] = {}

    def issue(self, key_id: str) -> str:
        self._keys[ticket := f"ticket-{len(self._keys)}"] = key_id
        return ticket

    def take(self, ticket: str) -> str | None:
        return self._keys.pop(ticket, None)


class FakeUserData:
    """Takes one step for each user, in which nothing is found; `begun` are the deletions."""

    def __init__(self) -> None:
        self.begun: dict[str, Erasure] = {}
        self.steps: list[Erased] = []

    async def begin(self, erasure: Erasure) -> Erasure:
        return self.begun.setdefault(erasure.user_id, erasure)

    async def of(self, user_id: str) -> Erasure | None:
        return self.begun.get(user_id)

    async def under_way(self) -> list[Erasure]:
        return list(self.begun.values())

    async def erase(self, _erasure: Erasure, *, limit: int) -> Erased:
        assert limit
        return self.steps.pop(0) if self.steps else Erased(0, 0)

    async def end(self, erasure: Erasure) -> None:
        self.begun.pop(erasure.user_id, None)


class SandboxPrices:
    """The price book of a platform that has the sandbox only, and models of tests at its price."""

    def price(self, provider: str, model: str) -> Price | None:
        return SANDBOX_PRICE


@dataclass
class Platform:
    """A running application and its parts."""

    app: App
    services: Services
    ledger: MemoryLedger
    failing: dict[str, HeadgateError] = field(default_factory=dict)
    worked_around: list[str] = field(default_factory=list)

    async def call(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] = b"",
        *,
        key: str | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Client:
        """One request and its whole answer."""
        client = self.client(method, path, body, key=key, headers=headers, query=query)
        await self.app(client.scope, client.receive, client.send)
        return client

    def client(
        self,
        method: str,
        path: str,
        body: bytes | dict[str, Any] = b"",
        *,
        key: str | None = ADMIN,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Client:
        """A request that the test sends by itself."""
        given = dict(headers or {})
        if key is not None:
            given["authorization"] = f"Bearer {key}"
        client = Client(method, path, body, given)
        client.scope["query_string"] = query.encode()
        return client


@contextlib.asynccontextmanager
async def platform(
    *providers: Provider,
    heartbeat_seconds: float = 10.0,
    max_body_bytes: int = 1_000_000,
    tools: Sequence[Callable[..., Awaitable[Any]]] = (),
    prompts: Path | None = None,
    telemetry: Telemetry | None = None,
) -> AsyncIterator[Platform]:
    """A platform with the sandbox, `providers` and `tools`, and one admin key, `ADMIN`.

    `prompts` is a directory of templates of its own, `telemetry` watches it.
    """
    ledger = MemoryLedger()
    escrow = Escrow(ledger)
    failing: dict[str, HeadgateError] = {}
    worked_around: list[str] = []

    async def check() -> str | None:
        for error in failing.values():
            raise error
        return ", ".join(worked_around) or None

    catalog = Catalog(
        {"sandbox": Sandbox()} | {item.provider: item for item in providers},
        SandboxPrices(),
        auto=lambda _: ["sandbox"],
    )
    vendor_keys = VendorKeys(
        MemoryVendorKeys(), catalog.providers, lambda: AesSealer(b"a secret of the tests")
    )
    workspaces = Workspaces(MemoryWorkspaces(), Markup(20_000))
    gateway = Gateway(
        catalog,
        ProcessRateLimiter(DefaultLimits(1000, 1000)),
        Dispatcher(escrow, watch=None if telemetry is None else telemetry.watch()),
        workspaces.markup_for,
        vendor_keys,
    )
    flights = Flights(ledger.answers, escrow.is_pending)
    replays = Replays(gateway, flights)
    access = MeteredAccess(replays)
    works = Works(access, flights, ledger.answers)
    tool_server = LateServer(max_body_bytes)
    toolbox = ProcessTools([declared(one) for one in tools])
    keys = Keys(MemoryKeys(), local={hash_api_key(ADMIN): ADMIN_KEY})

    async def key(key_id: str) -> VirtualKey | None:
        return ADMIN_KEY if key_id == ADMIN_KEY.key_id else await keys.store.get(key_id)

    documents = Documents(
        store=MemoryDocuments(),
        prompts=open_library(prompts),
        embedding_model="sandbox",
        vector_weight=0.2,
        answering_model="sandbox",
    )
    memories = MemoryMemories()
    tracer = UNTRACED if telemetry is None else telemetry.tracer
    agents = office(
        Desk(
            journal=Journal(MemoryRuns()),
            models=access,
            toolbox=toolbox,
            prompts=open_library(prompts),
            library=documents,
            memories=memories,
            key=key,
            at_once=asyncio.Semaphore(100),
            tracer=tracer,
        ),
        MemoryEngine(),
        BUILT_IN,
        tracer=tracer,
    )
    kept_streams = KeptStreams()
    service = MemoryServiceLevels()
    services = Services(
        gateway=gateway,
        vendor_keys=vendor_keys,
        replays=replays,
        works=works,
        names=Names(flights, ledger.answers),
        kept_streams=kept_streams,
        prompts=open_library(prompts),
        tool_calls=ToolCalls(toolbox, works),
        documents=documents,
        runs=agents.runs,
        memories=Memories(memories),
        keys=keys,
        delegation=Delegation(keys),
        workspaces=workspaces,
        sessions=Sessions(keys, MemoryTickets(), lambda: b"a secret of the tests"),
        audit=Audit(MemoryAudit()),
        erasures=Erasures(FakeUserData(), keys),
        usage=ledger,
        tool_server=tool_server,
        watch=UsageWatch(ledger),
        service_levels=ServiceLevels(service, Targets(1000, 2000, 500, 0.01, 0.999, 0.9999)),
        metrics=metrics_of([toolbox]),
        measured=[toolbox],
        process=ProcessWatch(),
        limited=ledger.limited,
        health={"store": check},
        default_model="auto",
        default_embedding_model="sandbox",
        max_body_bytes=max_body_bytes,
        heartbeat_seconds=heartbeat_seconds,
        observer=Observer() if telemetry is None else telemetry.observer,
    )

    @contextlib.asynccontextmanager
    async def resources() -> AsyncIterator[Services]:
        await escrow.start()
        await flights.start()
        async with agents.executor.running():
            yield services
        await tool_server.aclose()
        await kept_streams.aclose()
        await flights.aclose()
        await escrow.aclose()

    table = RouteTable(routes())
    app: App = Application(table, resources)
    if telemetry is not None:
        app = telemetry.around(app, table)
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    life = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    await from_app.get()
    try:
        yield Platform(app, services, ledger, failing, worked_around)
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await life


async def make_key(platform: Platform, **fields: Any) -> str:
    """A new key's secret; `fields` are those of `POST /v1/auth/keys`."""
    body = {"name": "test", "scopes": ["ai:complete", "ai:embed", "usage:read"], **fields}
    answer = await platform.call("POST", "/v1/auth/keys", body)
    assert answer.status == 201, answer.json
    return str(answer.json["apiKey"])


def chat(text: str, **fields: Any) -> dict[str, Any]:
    """The body of a chat with the sandbox."""
    return {"model": "sandbox", "messages": [{"role": "user", "content": text}], **fields}
