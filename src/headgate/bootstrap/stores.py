"""The configured stores: SQLite in the data directory, or DynamoDB."""

from contextlib import AbstractAsyncContextManager

from headgate.bootstrap.store_ports import StoreKind, Stores
from headgate.cli.findings import Finding
from headgate.core.sockets import SocketStore
from headgate.settings import Settings


def open_stores(settings: Settings) -> AbstractAsyncContextManager[Stores]:
    """Open them; they are closed with what they still have to write."""
    return _kind(settings).opened(settings)


def open_socket_store(settings: Settings) -> AbstractAsyncContextManager[SocketStore]:
    """What is known of sockets that others keep open; only in DynamoDB do processes share it."""
    return _kind(settings).sockets(settings)


async def make_tables(settings: Settings) -> None:
    """Make DynamoDB's tables where they are missing; SQLite's are made whenever it is opened."""
    await _kind(settings).make(settings)


async def check_store(settings: Settings) -> Finding:
    """Whether the store can be reached and read."""
    return await _kind(settings).check(settings)


async def check_documents(settings: Settings) -> Finding:
    """Whether the documents' store can be reached and read."""
    return await _kind(settings).check_documents(settings)


def _kind(settings: Settings) -> StoreKind:
    # Each brings some twenty modules, and a process needs one of them.
    if settings.store == "dynamodb":
        from headgate.bootstrap import dynamodb_stores

        return dynamodb_stores
    from headgate.bootstrap import sqlite_stores

    return sqlite_stores
