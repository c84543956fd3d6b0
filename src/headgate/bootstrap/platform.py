"""The platform as an application, and what its commands do without a server."""

import asyncio
import contextlib
import gc
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from headgate.bootstrap import sample_data
from headgate.bootstrap.acts import AuditedKeys
from headgate.bootstrap.agent_relay import with_relay
from headgate.bootstrap.alerts import check_alerts
from headgate.bootstrap.cache import check_cache
from headgate.bootstrap.dashboard import sign_in_ticket
from headgate.bootstrap.key_ages import check_keys
from headgate.bootstrap.lifespan import running
from headgate.bootstrap.limits import check_limits
from headgate.bootstrap.parameters import read_parameters
from headgate.bootstrap.prompts import check_prompts, review_prompts
from headgate.bootstrap.routing import check_routing
from headgate.bootstrap.run_queue import check_run_queue
from headgate.bootstrap.services import open_services
from headgate.bootstrap.sign_on import check_sign_on
from headgate.bootstrap.stores import check_documents, check_store, make_tables, open_stores
from headgate.bootstrap.telemetry import Telemetry, start_logging, telemetry_of
from headgate.bootstrap.tools import check_tools
from headgate.bootstrap.vendors import check_vendors
from headgate.cli.findings import Backup, Check, PromptCheck
from headgate.core.keys import (
    VirtualKey,
    command_line_key,
    hash_api_key,
    new_api_key,
)
from headgate.garbage import leave_out
from headgate.http import openapi
from headgate.http.app import App, Application
from headgate.http.cors import with_cors
from headgate.http.routes import RouteTable
from headgate.http.table import routes
from headgate.identity.audit import Audit
from headgate.identity.keys import Keys
from headgate.settings import Settings

_LOG = logging.getLogger("headgate")


@dataclass(frozen=True, slots=True)
class Platform:
    """The platform in this process, without a socket.

    Attributes:
        app: the ASGI application; its lifespan has begun.
        local_api_key: an admin credential that only this process accepts.
    """

    app: App
    local_api_key: str


def create_app() -> App:
    """The ASGI application, for a server that runs it; settings come from the environment."""
    settings = Settings.load(parameters=read_parameters)
    telemetry = telemetry_of(settings)
    start_logging(settings, telemetry.tracer)
    gc.collect()
    leave_out()
    return _app(settings, {}, telemetry)


@contextlib.asynccontextmanager
async def open_platform(settings: Settings, /) -> AsyncIterator[Platform]:
    """Run the platform in this process, beside any server on the same data directory."""
    key = command_line_key()
    api_key = new_api_key(key.key_id)
    app = _app(settings, {hash_api_key(api_key): key}, telemetry_of(settings))
    async with running(app):
        yield Platform(app, api_key)


def prepare(settings: Settings, /) -> str | None:
    """Bring the stores up to date; gives the admin key where it made one."""

    async def run() -> str | None:
        await make_tables(settings)
        async with open_stores(settings) as stores:
            given = settings.admin_key
            keys = Keys(AuditedKeys(stores.keys, Audit(stores.audit)))
            return await keys.ensure_admin(None if given is None else given.reveal())

    return asyncio.run(run())


def sign_in(settings: Settings, /) -> str | None:
    """A ticket that opens the dashboard once, for whoever starts the platform."""
    return asyncio.run(sign_in_ticket(settings))


def simulator(
    *,
    vendor: str,
    latency_ms: int,
    tokens_per_second: float | None,
    faults: Sequence[tuple[str, float]],
    seed: int | None,
) -> Callable[..., Awaitable[None]]:
    """The vendors' simulator as an application."""
    # No part of the platform, so only this loads it.
    from headgate.simulate.app import create_app as create_simulator
    from headgate.simulate.options import SimulatorOptions, parse_fault

    return create_simulator(
        SimulatorOptions(
            vendor=vendor,
            latency_ms=latency_ms,
            tokens_per_second=tokens_per_second,
            faults=tuple(parse_fault(f"{kind}:{share}") for kind, share in faults),
            seed=seed,
        )
    )


def openapi_document() -> bytes:
    """The OpenAPI document."""
    return openapi.document_json(routes())


def seed(settings: Settings, /) -> Mapping[str, object]:
    """Load sample data; see `sample_data.load`."""
    return asyncio.run(sample_data.load(settings))


def remove_samples(settings: Settings, /) -> Mapping[str, object]:
    """Take sample data out again; see `sample_data.remove`."""
    return asyncio.run(sample_data.remove(settings))


def back_up(settings: Settings, target: Path, /) -> Backup:
    """Copy the data directory to a new place; see `backups`."""
    # With what archives and SQLite need, and for these two commands alone.
    from headgate.bootstrap import backups

    return backups.back_up(settings, target)


def restore(settings: Settings, source: Path, /) -> Path:
    """Put a backup into the data directory; see `backups`."""
    from headgate.bootstrap import backups

    return backups.restore(settings, source)


def checks(settings: Settings, /) -> Sequence[Check]:
    """What can be checked of stores and providers."""
    return (
        Check("store", lambda: check_store(settings)),
        Check("documents", lambda: check_documents(settings)),
        Check("keys", lambda: check_keys(settings)),
        Check("sign-on", lambda: check_sign_on(settings)),
        Check("limits", lambda: check_limits(settings)),
        Check("cache", lambda: check_cache(settings)),
        Check("providers", lambda: check_vendors(settings)),
        Check("routing", lambda: check_routing(settings)),
        Check("run queue", lambda: check_run_queue(settings)),
        Check("alerts", lambda: check_alerts(settings)),
        Check("prompts", lambda: check_prompts(settings)),
        Check("tools", lambda: check_tools(settings)),
    )


def prompt_checks(
    settings: Settings, directory: Path | None, /, *, write: bool
) -> Sequence[PromptCheck]:
    """Check prompt templates, and record new versions where that is wanted."""
    return review_prompts(settings, directory, write=write)


def _app(settings: Settings, local_keys: Mapping[str, VirtualKey], telemetry: Telemetry) -> App:
    table = RouteTable(routes())
    app: App = Application(table, lambda: open_services(settings, local_keys, telemetry))
    if settings.role == "gateway" and settings.agent_endpoint is not None:
        app = with_relay(app, settings.agent_endpoint, telemetry.tracer)
    app = telemetry.around(app, table)
    return with_cors(app, settings.configuration.http.cors_origins)
