"""Users' own vendor keys in SQLite, sealed."""

import sqlite3
from dataclasses import dataclass

from headgate.core.vendor_keys import VendorKey
from headgate.stores.sqlite.database import Database


@dataclass(frozen=True, slots=True)
class SqliteVendorKeys:
    """`VendorKeyStore` in a database that other processes use too."""

    database: Database

    async def put(self, key: VendorKey) -> None:
        """See `VendorKeyStore.put`."""
        await self.database.writer.run(lambda connection: _put(connection, key))

    async def of_user(self, user_id: str) -> list[VendorKey]:
        """See `VendorKeyStore.of_user`."""
        return await self.database.readers.run(lambda connection: _of_user(connection, user_id))

    async def drop(self, user_id: str, provider: str) -> None:
        """See `VendorKeyStore.drop`."""
        await self.database.writer.run(lambda connection: _drop(connection, user_id, provider))


def _put(connection: sqlite3.Connection, key: VendorKey) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO vendor_keys (user_id, provider, sealed, last_four, set_at) "
        "VALUES (?, ?, ?, ?, ?)",
        (key.user_id, key.provider, key.sealed, key.last_four, key.set_at),
    )


def _of_user(connection: sqlite3.Connection, user_id: str) -> list[VendorKey]:
    rows = connection.execute(
        "SELECT provider, sealed, last_four, set_at FROM vendor_keys "
        "WHERE user_id = ? ORDER BY provider",
        (user_id,),
    )
    return [
        VendorKey(user_id=user_id, provider=provider, sealed=sealed, last_four=end, set_at=set_at)
        for provider, sealed, end, set_at in rows
    ]


def _drop(connection: sqlite3.Connection, user_id: str, provider: str) -> None:
    connection.execute(
        "DELETE FROM vendor_keys WHERE user_id = ? AND provider = ?", (user_id, provider)
    )
