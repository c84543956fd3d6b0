"""DynamoDB as `stores` opens it; a `StoreKind`."""

import contextlib
from collections.abc import AsyncIterator

from headgate import data_directory
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.bootstrap.store_ports import Stores
from headgate.cli.findings import Finding
from headgate.core.errors import HeadgateError, Overloaded
from headgate.core.sockets import SocketStore
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
from headgate.transport.http import HttpClient

ENGINE_ID = "agents.id"
SHARED_ENGINE = "postgresql"
# DynamoDB answers within milliseconds; a request that takes longer is better sent again.
DYNAMODB_CONNECT_SECONDS = 2.0
DYNAMODB_IDLE_SECONDS = 5.0
DEFAULT_REGION = "us-east-1"


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    """See `StoreKind`."""
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
                DynamoUserData(client),
                lambda: tables.reach(client),
                [client.counts],
            )
        finally:
            await dynamo.close()


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
async def sockets(settings: Settings) -> AsyncIterator[SocketStore]:
    """See `StoreKind`; all processes share it."""
    async with _dynamodb(settings) as client:
        yield DynamoSockets(client)


async def make(settings: Settings) -> None:
    """Make the tables that are missing."""
    async with _dynamodb(settings) as client:
        await tables.create(client)


async def check(settings: Settings) -> Finding:
    """See `StoreKind`."""
    try:
        async with _dynamodb(settings) as client:
            await tables.check(client)
    except TableMissing as error:
        return Finding("fail", error.message, "Run `headgate migrate`, or look at AWS_REGION.")
    except HeadgateError as error:
        remedy = "Check AWS_REGION, DYNAMODB_ENDPOINT, the AWS credentials and their rights."
        return Finding("fail", error.message, remedy)
    return Finding("ok", f"DynamoDB at {client.endpoint}")


async def check_documents(settings: Settings) -> Finding:
    """See `StoreKind`; they lie in tables too."""
    return await check(settings)


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
