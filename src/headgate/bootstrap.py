"""The one place that puts the platform together from its parts."""

import asyncio
import contextlib
import gc
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from headgate import data_directory
from headgate.aws_identity import aws_credentials
from headgate.bootstrap_alerts import channels, check_alerts
from headgate.bootstrap_cache import open_cache
from headgate.bootstrap_limits import check_limits, open_limiter
from headgate.bootstrap_routing import check_routing, routing_of
from headgate.bootstrap_vendor_keys import make_sealer
from headgate.cli.installation import Check, Finding
from headgate.core.alerts import AlertStore
from headgate.core.answers import AnswerStore
from headgate.core.budgets import LedgerStore
from headgate.core.errors import HeadgateError, Overloaded
from headgate.core.keys import (
    SCOPES,
    KeySecret,
    KeyStore,
    VirtualKey,
    hash_api_key,
    new_api_key,
    new_key_id,
)
from headgate.core.usage import UsageStore
from headgate.core.vendor_keys import VendorKeyStore
from headgate.gateway.calls import Billing
from headgate.gateway.catalog import AUTO, Catalog
from headgate.gateway.escrow import Escrow
from headgate.gateway.flights import Flights
from headgate.gateway.gateway import Gateway
from headgate.gateway.replays import Replays
from headgate.gateway.vendor_keys import VendorKeys
from headgate.http import openapi
from headgate.http.app import App, Application
from headgate.http.cors import with_cors
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.table import routes
from headgate.identity.keys import Keys
from headgate.settings import Settings
from headgate.simulate.app import create_app as create_simulator
from headgate.simulate.options import Fault, SimulatorOptions, parse_fault
from headgate.stores.dynamodb import tables
from headgate.stores.dynamodb.alerts import DynamoAlerts
from headgate.stores.dynamodb.answers import DynamoAnswers
from headgate.stores.dynamodb.client import DynamoClient, TableMissing
from headgate.stores.dynamodb.keys import DynamoKeys
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys
from headgate.stores.sqlite.alerts import SqliteAlerts
from headgate.stores.sqlite.answers import SqliteAnswers
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.keys import SqliteKeys
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.usage import SqliteUsage
from headgate.stores.sqlite.vendor_keys import SqliteVendorKeys
from headgate.transport.http import HttpClient
from headgate.usage import samples
from headgate.usage.alerts import Alerts
from headgate.usage.retention import retaining
from headgate.vendors import check_vendors, default_embedding_model, vendors_of

DATABASE = "headgate.db"
# DynamoDB answers within milliseconds; a request that takes longer is better sent again.
DYNAMODB_CONNECT_SECONDS = 2.0
DYNAMODB_IDLE_SECONDS = 5.0
DEFAULT_REGION = "us-east-1"

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


class _Stores(NamedTuple):
    """The configured stores, open; `check` asks them for something, as a health check does."""

    keys: KeyStore
    ledger: LedgerStore
    usage: UsageStore
    answers: AnswerStore
    alerts: AlertStore
    vendor_keys: VendorKeyStore
    check: Callable[[], Awaitable[None]]


def create_app() -> App:
    """The ASGI application, for a server that runs it; settings come from the environment."""
    settings = Settings.load()
    logging.basicConfig(level=settings.log_level.upper(), format="%(levelname)s %(message)s")
    _calm_garbage_collector()
    return _app(settings, {})


def _calm_garbage_collector() -> None:
    """Leave what lives as long as the process out of every collection, and collect less often.

    Nothing here makes cycles request by request; the default of one collection for each 700 new
    objects would look through all modules for nothing.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


@contextlib.asynccontextmanager
async def open_platform(settings: Settings, /) -> AsyncIterator[Platform]:
    """Run the platform in this process, beside any server on the same data directory."""
    key = VirtualKey(
        key_id=new_key_id(),
        name="command line",
        scopes=frozenset(SCOPES),
        created_at=time.time(),
    )
    api_key = new_api_key(key.key_id)
    app = _app(settings, {hash_api_key(api_key): key})
    async with _lifespan(app):
        yield Platform(app, api_key)


def prepare(settings: Settings, /) -> str | None:
    """Bring the stores up to date; gives the admin key where it made one."""

    async def run() -> str | None:
        await _make_tables(settings)
        async with _stores(settings) as stores:
            given = settings.admin_key
            keys = Keys(stores.keys)
            return await keys.ensure_admin(None if given is None else given.reveal())

    return asyncio.run(run())


def simulator(
    *,
    vendor: str,
    latency_ms: int,
    tokens_per_second: float | None,
    faults: Sequence[tuple[str, float]],
    seed: int | None,
) -> Callable[..., Awaitable[None]]:
    """The vendors' simulator as an application."""
    return create_simulator(
        SimulatorOptions(
            vendor=vendor,
            latency_ms=latency_ms,
            tokens_per_second=tokens_per_second,
            faults=tuple(_fault(kind, share) for kind, share in faults),
            seed=seed,
        )
    )


def openapi_document() -> bytes:
    """The OpenAPI document."""
    return openapi.document_json(routes())


def seed(settings: Settings, /) -> Mapping[str, object]:
    """Load sample data; a second time adds only what has passed since."""

    async def run() -> Mapping[str, object]:
        now = time.time()
        await _make_tables(settings)
        async with _stores(settings) as stores:
            keys, ledger = stores.keys, stores.ledger
            for key in samples.keys(now):
                if await keys.get(key.key_id) is None:
                    secret = KeySecret(hash_api_key(new_api_key(key.key_id)), key.key_id)
                    await keys.add(key, secret)
            for account, limit in samples.limits():
                await ledger.set_limit(account, limit)
            client = HttpClient()
            prices = vendors_of(settings, client).prices
            await client.aclose()
            billing = settings.configuration.billing.share
            records = [ledger.settle(call) for call in samples.settlements(now, prices, billing)]
            await asyncio.gather(*records)
        return {"keys": len(samples.keys(now)), "days": samples.DAYS, "calls": len(records)}

    return asyncio.run(run())


def checks(settings: Settings, /) -> Sequence[Check]:
    """What can be checked of stores and providers."""
    return (
        Check("store", lambda: _check_store(settings)),
        Check("limits", lambda: check_limits(settings)),
        Check("providers", lambda: check_vendors(settings)),
        Check("routing", lambda: check_routing(settings)),
        Check("alerts", lambda: check_alerts(settings)),
    )


def _app(settings: Settings, local_keys: Mapping[str, VirtualKey]) -> App:
    application = Application(RouteTable(routes()), lambda: _services(settings, local_keys))
    return with_cors(application, settings.configuration.http.cors_origins)


@contextlib.asynccontextmanager
async def _services(
    settings: Settings, local_keys: Mapping[str, VirtualKey]
) -> AsyncIterator[Services]:
    configuration = settings.configuration
    client = HttpClient(idle_seconds=configuration.routing.timeout_seconds)
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(client.aclose)
        stores = await stack.enter_async_context(_stores(settings))
        await stack.enter_async_context(retaining(stores.usage, configuration.usage.kept_days))
        ledger = Escrow(stores.ledger)
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
        catalog = Catalog(
            vendors.providers,
            vendors.prices,
            configuration.alias_models,
            vendors.auto,
            vendors.profile,
        )
        discovery = asyncio.create_task(catalog.refresh())
        stack.callback(discovery.cancel)
        vendor_keys = VendorKeys(
            stores.vendor_keys, vendors.providers, lambda: make_sealer(settings)
        )
        limits = configuration.limits
        limiter = await stack.enter_async_context(open_limiter(settings))
        gateway = Gateway(
            catalog=catalog,
            limiter=limiter.limiter,
            ledger=ledger,
            billing=_billing(settings),
            routing=routing_of(configuration),
            vendor_keys=vendor_keys,
            cache=await stack.enter_async_context(open_cache(settings)),
            min_output_tokens=configuration.budgets.min_output_tokens,
        )
        yield Services(
            gateway=gateway,
            vendor_keys=vendor_keys,
            replays=Replays(gateway, flights),
            keys=Keys(stores.keys, local=local_keys),
            usage=stores.usage,
            health={"store": stores.check, **limiter.health},
            default_model=AUTO,
            default_embedding_model=default_embedding_model(settings),
            max_body_bytes=limits.max_body_bytes,
            heartbeat_seconds=configuration.http.heartbeat_seconds,
        )


@contextlib.asynccontextmanager
async def _alerting(
    settings: Settings, client: HttpClient, stores: _Stores, escrow: Escrow, *, sweeping: bool
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


@contextlib.asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[_Stores]:
    if settings.store == "dynamodb":
        async with _dynamodb(settings) as client:
            days = settings.configuration.usage.kept_days
            dynamo = DynamoLedger(client, retention_days=days)
            try:
                yield _Stores(
                    DynamoKeys(client),
                    dynamo,
                    DynamoUsage(client),
                    DynamoAnswers(client),
                    DynamoAlerts(client),
                    DynamoVendorKeys(client),
                    lambda: tables.reach(client),
                )
            finally:
                await dynamo.close()
        return
    async with _database(settings) as database:
        yield _Stores(
            SqliteKeys(database),
            SqliteLedger(database),
            SqliteUsage(database),
            SqliteAnswers(database),
            SqliteAlerts(database),
            SqliteVendorKeys(database),
            database.check,
        )


async def _make_tables(settings: Settings) -> None:
    """Make DynamoDB's tables where they are missing; SQLite's are made whenever it is opened."""
    if settings.store == "dynamodb":
        async with _dynamodb(settings) as client:
            await tables.create(client)


@contextlib.asynccontextmanager
async def _dynamodb(settings: Settings) -> AsyncIterator[DynamoClient]:
    endpoint, region = settings.dynamodb_endpoint, settings.aws_region
    if endpoint is None and region is None:
        raise Overloaded("HEADGATE_STORE is `dynamodb`, so set AWS_REGION or DYNAMODB_ENDPOINT")
    region = region or DEFAULT_REGION
    http = HttpClient(connect_seconds=DYNAMODB_CONNECT_SECONDS, idle_seconds=DYNAMODB_IDLE_SECONDS)
    address = endpoint or f"https://dynamodb.{region}.amazonaws.com"
    try:
        yield DynamoClient(http, address, region, aws_credentials(settings, http))
    finally:
        await http.aclose()


@contextlib.asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    data_directory.make(settings.data)
    data_directory.keep_private(settings.data / DATABASE)
    database = Database(
        settings.data / DATABASE, power_safe=settings.configuration.storage.power_safe
    )
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _lifespan(app: App) -> AsyncIterator[None]:
    """Begin and end an application as a server would."""
    to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    from_app: asyncio.Queue[Any] = asyncio.Queue()
    task = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
    await to_app.put({"type": "lifespan.startup"})
    said = await from_app.get()
    if said["type"] != "lifespan.startup.complete":
        await task
        raise Overloaded(said.get("message", "the platform could not start"))
    try:
        yield
    finally:
        await to_app.put({"type": "lifespan.shutdown"})
        await task


def _billing(settings: Settings) -> Billing:
    configuration = settings.configuration
    own = {
        name: workspace.share
        for name, workspace in configuration.workspaces.items()
        if workspace.share is not None
    }
    return Billing(configuration.billing.share, own)


def _fault(kind: str, share: float) -> Fault:
    return parse_fault(f"{kind}:{share}")


async def _check_store(settings: Settings) -> Finding:
    if settings.store == "dynamodb":
        return await _check_dynamodb(settings)
    if not (settings.data / DATABASE).exists():
        return Finding("ok", "no database yet; `headgate serve` makes it")
    try:
        async with _database(settings) as database:
            await database.check()
    except HeadgateError as error:
        remedy = "Check HEADGATE_STORE, and the data directory's rights and its disk."
        return Finding("fail", error.message, remedy)
    return Finding("ok", str(settings.data / DATABASE))


async def _check_dynamodb(settings: Settings) -> Finding:
    try:
        async with _dynamodb(settings) as client:
            await tables.check(client)
    except TableMissing as error:
        return Finding("fail", error.message, "Run `headgate migrate`, or look at AWS_REGION.")
    except HeadgateError as error:
        remedy = "Check AWS_REGION, DYNAMODB_ENDPOINT, the AWS credentials and their rights."
        return Finding("fail", error.message, remedy)
    return Finding("ok", f"DynamoDB at {client.endpoint}")
