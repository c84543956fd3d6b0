"""The configured stores: SQLite in the data directory, or DynamoDB."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from typing import NamedTuple

from headgate import data_directory
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.cli.findings import Finding
from headgate.core.alerts import AlertStore
from headgate.core.answers import AnswerStore
from headgate.core.audit import AuditStore
from headgate.core.budgets import LedgerStore
from headgate.core.documents import DocumentStore
from headgate.core.episodes import EpisodeStore
from headgate.core.erasures import UserDataStore
from headgate.core.errors import HeadgateError, Overloaded
from headgate.core.keys import (
    KeyStore,
)
from headgate.core.measurements import Measured
from headgate.core.memory import MemoryStore
from headgate.core.runs import RunStore
from headgate.core.service_levels import ServiceStore
from headgate.core.sockets import SocketStore
from headgate.core.usage import UsageStore
from headgate.core.vendor_keys import VendorKeyStore
from headgate.core.workspaces import WorkspaceStore
from headgate.settings import Settings
from headgate.stores.dynamodb import tables
from headgate.stores.dynamodb.alerts import DynamoAlerts
from headgate.stores.dynamodb.answers import DynamoAnswers
from headgate.stores.dynamodb.audit import DynamoAudit
from headgate.stores.dynamodb.client import DynamoClient, TableMissing
from headgate.stores.dynamodb.documents import DynamoDocuments
from headgate.stores.dynamodb.episodes import DynamoEpisodes
from headgate.stores.dynamodb.keys import DynamoKeys
from headgate.stores.dynamodb.ledger import DynamoLedger
from headgate.stores.dynamodb.memories import DynamoMemories
from headgate.stores.dynamodb.runs import DynamoRuns
from headgate.stores.dynamodb.service_levels import DynamoServiceLevels
from headgate.stores.dynamodb.sockets import DynamoSockets
from headgate.stores.dynamodb.usage import DynamoUsage
from headgate.stores.dynamodb.user_data import DynamoUserData
from headgate.stores.dynamodb.vendor_keys import DynamoVendorKeys
from headgate.stores.dynamodb.workspaces import DynamoWorkspaces
from headgate.stores.memory_sockets import MemorySockets
from headgate.stores.sqlite import documents_schema
from headgate.stores.sqlite.alerts import SqliteAlerts
from headgate.stores.sqlite.answers import SqliteAnswers
from headgate.stores.sqlite.audit import SqliteAudit
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.documents import SqliteDocuments
from headgate.stores.sqlite.episodes import SqliteEpisodes
from headgate.stores.sqlite.keys import SqliteKeys
from headgate.stores.sqlite.ledger import SqliteLedger
from headgate.stores.sqlite.memories import SqliteMemories
from headgate.stores.sqlite.runs import SqliteRuns
from headgate.stores.sqlite.service_levels import SqliteServiceLevels
from headgate.stores.sqlite.usage import SqliteUsage
from headgate.stores.sqlite.user_data import SqliteUserData
from headgate.stores.sqlite.vendor_keys import SqliteVendorKeys
from headgate.stores.sqlite.workspaces import SqliteWorkspaces
from headgate.transport.http import HttpClient

DATABASE = "headgate.db"
DOCUMENTS = "documents.db"
ENGINE_ID = "agents.id"
SHARED_ENGINE = "postgresql"
# DynamoDB answers within milliseconds; a request that takes longer is better sent again.
DYNAMODB_CONNECT_SECONDS = 2.0
DYNAMODB_IDLE_SECONDS = 5.0
DEFAULT_REGION = "us-east-1"


class Stores(NamedTuple):
    """The configured stores, open; `check` asks them for something, as a health check does.

    Attributes:
        measured: what they tell of themselves in numbers.
    """

    keys: KeyStore
    ledger: LedgerStore
    usage: UsageStore
    answers: AnswerStore
    alerts: AlertStore
    vendor_keys: VendorKeyStore
    workspaces: WorkspaceStore
    documents: DocumentStore
    runs: RunStore
    memories: MemoryStore
    audit: AuditStore
    service: ServiceStore
    episodes: EpisodeStore
    user_data: UserDataStore
    check: Callable[[], Awaitable[None]]
    measured: Sequence[Measured] = ()


@contextlib.asynccontextmanager
async def open_stores(settings: Settings) -> AsyncIterator[Stores]:
    """Open them; they are closed with what they still have to write."""
    if settings.store == "dynamodb":
        async with _dynamodb(settings) as client:
            days = settings.configuration.usage.kept_days
            dynamo = DynamoLedger(client, retention_days=days)
            try:
                yield Stores(
                    DynamoKeys(client),
                    dynamo,
                    DynamoUsage(client),
                    DynamoAnswers(client),
                    DynamoAlerts(client),
                    DynamoVendorKeys(client),
                    DynamoWorkspaces(client),
                    DynamoDocuments(client),
                    DynamoRuns(client, engine_name(settings)),
                    DynamoMemories(client),
                    DynamoAudit(client),
                    DynamoServiceLevels(client),
                    DynamoEpisodes(client),
                    DynamoUserData(),
                    lambda: tables.reach(client),
                    [client.counts],
                )
            finally:
                await dynamo.close()
        return
    async with _database(settings) as database, _documents(settings) as documents:
        yield Stores(
            SqliteKeys(database),
            SqliteLedger(database),
            SqliteUsage(database),
            SqliteAnswers(database),
            SqliteAlerts(database),
            SqliteVendorKeys(database),
            SqliteWorkspaces(database),
            SqliteDocuments(documents),
            SqliteRuns(database),
            SqliteMemories(database),
            SqliteAudit(database),
            SqliteServiceLevels(database),
            SqliteEpisodes(database),
            SqliteUserData(database),
            database.check,
        )


def engine_name(settings: Settings) -> str:
    """Names the engine that this process's runs go to, among those of all machines.

    What works on runs from a data directory alone is that directory's, wherever it is mounted.

    Raises:
        Overloaded: the data directory cannot be used.
    """
    if settings.database_url is not None:
        return SHARED_ENGINE
    if settings.role in {"gateway", "tools"}:
        return settings.role  # it takes no runs
    data_directory.make(settings.data)
    return data_directory.identity(settings.data / ENGINE_ID)


@contextlib.asynccontextmanager
async def open_socket_store(settings: Settings) -> AsyncIterator[SocketStore]:
    """What is known of sockets that others keep open; only in DynamoDB do processes share it."""
    if settings.store == "dynamodb":
        async with _dynamodb(settings) as client:
            yield DynamoSockets(client)
    else:
        yield MemorySockets()


async def make_tables(settings: Settings) -> None:
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
    path = settings.data / DATABASE
    data_directory.make(settings.data)
    data_directory.keep_private(path)
    database = Database(path, power_safe=settings.configuration.storage.power_safe)
    try:
        yield database
    finally:
        await database.close()


@contextlib.asynccontextmanager
async def _documents(settings: Settings) -> AsyncIterator[Database]:
    """A file of its own: a document takes long to write, and calls must not wait for it."""
    path = settings.data / DOCUMENTS
    data_directory.keep_private(path)
    database = Database(
        path,
        power_safe=settings.configuration.storage.power_safe,
        migrations=documents_schema.MIGRATIONS,
    )
    try:
        yield database
    finally:
        await database.close()


async def check_store(settings: Settings) -> Finding:
    """Whether the store can be reached and read."""
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


async def check_documents(settings: Settings) -> Finding:
    """Whether the documents' store can be reached and read."""
    if settings.store == "dynamodb":
        return await _check_dynamodb(settings)
    if not (settings.data / DOCUMENTS).exists():
        return Finding("ok", "no documents yet; `headgate serve` makes their database")
    try:
        async with _documents(settings) as database:
            await database.check()
    except HeadgateError as error:
        remedy = f"Check {settings.data / DOCUMENTS}, its rights and its disk."
        return Finding("fail", error.message, remedy)
    return Finding("ok", str(settings.data / DOCUMENTS))


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
