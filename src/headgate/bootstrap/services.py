"""Everything that a request may use, put together and running."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Mapping

from headgate.agents.memory import Memories
from headgate.agents.run_counts import RunCounts
from headgate.bootstrap.agents import AgentParts, open_runs
from headgate.bootstrap.alerts import channels
from headgate.bootstrap.cache import open_cache, with_semantics
from headgate.bootstrap.dashboard import make_sessions
from headgate.bootstrap.documents import make_documents, reach
from headgate.bootstrap.embedded_metrics import telling
from headgate.bootstrap.guardrails import guards_of
from headgate.bootstrap.kept_streams import open_kept_streams
from headgate.bootstrap.key_ages import make_reminders
from headgate.bootstrap.limits import open_limiter
from headgate.bootstrap.mcp import open_mcp_server
from headgate.bootstrap.metrics import open_metrics
from headgate.bootstrap.prompts import open_prompts
from headgate.bootstrap.routing import providers_check, routing_of
from headgate.bootstrap.run_queue import open_run_queue
from headgate.bootstrap.service_levels import (
    open_error_alerts,
    open_tally,
    service_levels_of,
)
from headgate.bootstrap.sign_on import make_sign_on
from headgate.bootstrap.store_ports import Stores
from headgate.bootstrap.stores import open_stores
from headgate.bootstrap.telemetry import Telemetry
from headgate.bootstrap.tools import open_tools
from headgate.bootstrap.vendor_keys import make_sealer
from headgate.bootstrap.vendors import Vendors, default_embedding_model, vendors_of
from headgate.bootstrap.workspaces import make_workspaces
from headgate.configuration import Configuration
from headgate.core.keys import COMMAND_LINE, KeyStore, VirtualKey, command_line_key
from headgate.core.measurements import Measured
from headgate.gateway.cache import Cache
from headgate.gateway.catalog import AUTO, Catalog
from headgate.gateway.dispatch import Dispatcher
from headgate.gateway.escrow import Escrow
from headgate.gateway.flights import Flights
from headgate.gateway.gateway import Gateway
from headgate.gateway.metered import MeteredAccess
from headgate.gateway.names import Names
from headgate.gateway.replays import Replays
from headgate.gateway.tool_calls import ToolCalls
from headgate.gateway.vendor_keys import VendorKeys
from headgate.gateway.works import Works
from headgate.http.activity import Activity
from headgate.http.services import Services
from headgate.identity.audit import Audit
from headgate.identity.delegation import Delegation
from headgate.identity.erasures import Erasures
from headgate.identity.keys import Keys
from headgate.settings import Settings
from headgate.telemetry.process import watching
from headgate.transport.http import HttpClient
from headgate.usage.alerts import Alerts
from headgate.usage.retention import retaining
from headgate.usage.watch import UsageWatch

_LOG = logging.getLogger("headgate")


@contextlib.asynccontextmanager
async def open_services(
    settings: Settings, local_keys: Mapping[str, VirtualKey], telemetry: Telemetry | None = None
) -> AsyncIterator[Services]:
    """Open everything, with `local_keys` beside the stored ones; closed in the opposite order."""
    configuration, telemetry = settings.configuration, telemetry or Telemetry()
    tracer = telemetry.tracer
    client = HttpClient(idle_seconds=configuration.routing.timeout_seconds)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        stack.push_async_callback(tracer.aclose)
        stores = await stack.enter_async_context(open_stores(settings))
        await stack.enter_async_context(retaining(stores.usage, configuration.usage.kept_days))
        ledger = _escrow(settings, stores)
        await ledger.start()
        stack.push_async_callback(ledger.aclose)
        flights = Flights(stores.answers, ledger.is_pending)
        await flights.start()
        stack.push_async_callback(flights.aclose)
        await stack.enter_async_context(
            # A command is over in a moment: it tells of what it has spent itself.
            _alerting(settings, client, stores, ledger, sweeping=not local_keys)
        )
        vendors = vendors_of(settings, client)
        catalog = await stack.enter_async_context(_open_catalog(vendors, configuration))
        vendor_keys = VendorKeys(
            stores.vendor_keys,
            vendors.providers | vendors.keyless,
            lambda: make_sealer(settings, client),
        )
        workspaces = make_workspaces(configuration, stores.workspaces)
        limits = configuration.limits
        limiter = await stack.enter_async_context(open_limiter(settings))
        cache = await stack.enter_async_context(open_cache(settings))
        await stack.enter_async_context(open_tally(stores.service, telemetry))
        gateway = Gateway(
            catalog=catalog,
            limiter=limiter.limiter,
            dispatcher=Dispatcher(
                ledger,
                routing_of(configuration),
                configuration.budgets.min_output_tokens,
                telemetry.watch(),
            ),
            markup_for=workspaces.markup_for,
            vendor_keys=vendor_keys,
            cache=Cache(cache.answers),
            guards=guards_of(configuration),
        )
        if cache.questions is not None:
            gateway = with_semantics(gateway, settings, cache.questions)
        replays = Replays(gateway, flights)
        access = MeteredAccess(replays)
        works = Works(access, flights, stores.answers)
        keys = Keys(
            stores.keys, local=local_keys, rotate_after_days=configuration.keys.longest_days
        )
        erasures = Erasures(stores.user_data, keys)
        if not local_keys:  # a command is over in a moment
            await stack.enter_async_context(erasures.going_on())
            await stack.enter_async_context(make_reminders(settings, keys, client).running())
            await stack.enter_async_context(
                open_error_alerts(settings, client, stores.service, stores.episodes)
            )
        prompts = open_prompts(settings)
        documents = make_documents(settings, stores.documents, prompts)
        tools = await stack.enter_async_context(
            open_tools(settings, prompts, documents, workspaces.hosts_for, tracer)
        )
        counts = RunCounts(stores.runs)
        runs = await stack.enter_async_context(
            open_runs(
                settings,
                AgentParts(
                    store=stores.runs,
                    models=access,
                    toolbox=tools,
                    prompts=prompts,
                    library=documents,
                    memories=stores.memories,
                    queue=await stack.enter_async_context(open_run_queue(settings)),
                    key=lambda key_id: _key(stores.keys, key_id),
                    is_command=bool(local_keys),
                    tracer=tracer,
                    ended=counts.ended,
                ),
            )
        )
        await stack.enter_async_context(telling(settings, counts))
        activity = Activity()
        process = await stack.enter_async_context(watching())
        breakers = gateway.routing.breakers
        measured: list[Measured] = [
            *telemetry.parts,
            tools,
            counts,
            breakers,
            process,
            activity,
            *stores.measured,
        ]
        sessions = make_sessions(settings, keys)
        is_alone = bool(local_keys) or settings.lambda_part is not None
        kept_streams = await stack.enter_async_context(
            open_kept_streams(settings, is_alone=is_alone)
        )
        yield Services(
            kept_streams=kept_streams,
            runs=runs,
            memories=Memories(stores.memories),
            gateway=gateway,
            vendor_keys=vendor_keys,
            replays=replays,
            works=works,
            names=Names(flights, stores.answers),
            prompts=prompts,
            tool_calls=ToolCalls(tools, works),
            tool_server=await stack.enter_async_context(open_mcp_server(settings)),
            documents=documents,
            keys=keys,
            delegation=Delegation(keys),
            workspaces=workspaces,
            sessions=sessions,
            sign_on=make_sign_on(settings, sessions, client),
            audit=Audit(stores.audit),
            erasures=erasures,
            usage=stores.usage,
            watch=UsageWatch(stores.usage),
            service_levels=service_levels_of(configuration, stores.service),
            metrics=await stack.enter_async_context(
                open_metrics(settings, measured, counts.refresh)
            ),
            measured=[tools, *stores.measured],
            process=process,
            activity=activity,
            observer=telemetry.observer,
            limited=stores.alerts.limited,
            health={
                "store": stores.check,
                "documents": lambda: reach(stores.documents),
                **limiter.health,
                "providers": providers_check(breakers),
            },
            default_model=AUTO,
            default_embedding_model=default_embedding_model(settings),
            max_body_bytes=limits.max_body_bytes,
            heartbeat_seconds=configuration.http.heartbeat_seconds,
            body_timeout_seconds=configuration.http.body_timeout_seconds,
            dashboard_hosts=frozenset(configuration.http.dashboard_hosts),
        )


@contextlib.asynccontextmanager
async def _open_catalog(vendors: Vendors, configuration: Configuration) -> AsyncIterator[Catalog]:
    """The models of all vendors; those that only a vendor knows of are asked for meanwhile."""
    catalog = Catalog(
        vendors.providers,
        vendors.prices,
        configuration.alias_models,
        vendors.auto,
        vendors.profile,
        vendors.keyless,
    )
    discovery = asyncio.create_task(catalog.refresh())
    try:
        yield catalog
    finally:
        discovery.cancel()


def _escrow(settings: Settings, stores: Stores) -> Escrow:
    if settings.lambda_part is None:
        return Escrow(stores.ledger)
    # A function answers one caller at a time, and may stand still after each.
    return Escrow(stores.ledger, lead_ticks=0)


async def _key(store: KeyStore, key_id: str) -> VirtualKey | None:
    """A key as it is now; commands' own is known to every process."""
    return command_line_key() if key_id == COMMAND_LINE else await store.get(key_id)


@contextlib.asynccontextmanager
async def _alerting(
    settings: Settings, client: HttpClient, stores: Stores, escrow: Escrow, *, sweeping: bool
) -> AsyncIterator[None]:
    """Tell of budgets' thresholds in the background, unless that is switched off."""
    found = channels(settings, client)
    if found.problem is not None and sweeping:
        _LOG.warning("no alerts by e-mail: %s", found.problem)
    if not found.notifiers:
        yield
        return
    alerts = Alerts(
        ledger=stores.ledger,
        store=stores.alerts,
        keys=stores.keys,
        channels=found.notifiers,
        spending=escrow,
    )
    alerts.start(sweeping=sweeping)
    try:
        yield
    finally:
        await alerts.aclose()
