"""SQLite in the data directory as `stores` opens it; a `StoreKind`."""

import contextlib
from collections.abc import AsyncIterator

from headgate import data_directory
from headgate.bootstrap.store_ports import DATABASE, DOCUMENTS, Stores
from headgate.cli.findings import Finding
from headgate.core.errors import HeadgateError
from headgate.core.sockets import SocketStore
from headgate.settings import Settings
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


@contextlib.asynccontextmanager
async def opened(settings: Settings) -> AsyncIterator[Stores]:
    """See `StoreKind`."""
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


@contextlib.asynccontextmanager
async def sockets(settings: Settings) -> AsyncIterator[SocketStore]:  # noqa: ARG001 - `StoreKind`'s
    """See `StoreKind`; each process has its own."""
    yield MemorySockets()


async def make(settings: Settings) -> None:
    """Nothing: the tables are made whenever the file is opened."""


async def check(settings: Settings) -> Finding:
    """See `StoreKind`."""
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
    """See `StoreKind`."""
    if not (settings.data / DOCUMENTS).exists():
        return Finding("ok", "no documents yet; `headgate serve` makes their database")
    try:
        async with _documents(settings) as database:
            await database.check()
    except HeadgateError as error:
        remedy = f"Check {settings.data / DOCUMENTS}, its rights and its disk."
        return Finding("fail", error.message, remedy)
    return Finding("ok", str(settings.data / DOCUMENTS))


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
