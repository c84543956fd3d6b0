"""The part of `bootstrap` that joins documents with where they are kept."""

import contextlib
from collections.abc import AsyncIterator

from headgate import data_directory
from headgate.bootstrap.vendors import default_embedding_model
from headgate.core.documents import DocumentStore
from headgate.core.prompts import Prompts
from headgate.documents.library import Documents
from headgate.gateway.catalog import AUTO
from headgate.settings import Settings
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.documents import SqliteDocuments
from headgate.stores.sqlite.documents_schema import MIGRATIONS

DATABASE = "documents.db"


@contextlib.asynccontextmanager
async def open_documents(settings: Settings, prompts: Prompts) -> AsyncIterator[Documents]:
    """The documents of all workspaces, as the configured models embed and answer."""
    async with _open_store(settings) as store:
        yield Documents(
            store=store,
            prompts=prompts,
            embedding_model=default_embedding_model(settings),
            answering_model=AUTO,
        )


@contextlib.asynccontextmanager
async def _open_store(settings: Settings) -> AsyncIterator[DocumentStore]:
    data_directory.make(settings.data)
    path = settings.data / DATABASE
    data_directory.keep_private(path)
    database = Database(
        path,
        power_safe=settings.configuration.storage.power_safe,
        migrations=MIGRATIONS,
    )
    try:
        yield SqliteDocuments(database)
    finally:
        await database.close()
