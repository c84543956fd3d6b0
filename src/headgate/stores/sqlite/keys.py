"""Keys in SQLite."""

import math
import sqlite3
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.keys import KeySecret, VirtualKey
from headgate.stores.sqlite.database import Database

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(VirtualKey).decode


@dataclass(frozen=True, slots=True)
class SqliteKeys:
    """`KeyStore` in a database that other processes use too."""

    database: Database

    async def add(self, key: VirtualKey, secret: KeySecret) -> None:
        """See `KeyStore.add`."""
        await self.database.writer.run(lambda connection: _add(connection, key, secret))

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """See `KeyStore.find`."""
        return await self.database.readers.run(lambda connection: _find(connection, secret_hash))

    async def get(self, key_id: str) -> VirtualKey | None:
        """See `KeyStore.get`."""
        return await self.database.readers.run(lambda connection: _get(connection, key_id))

    async def list(self, *, limit: int, after: str | None) -> list[VirtualKey]:
        """See `KeyStore.list`."""
        return await self.database.readers.run(lambda connection: _list(connection, limit, after))

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        """See `KeyStore.put`."""
        return await self.database.writer.run(lambda connection: _put(connection, key, expected))

    async def rotate(self, new: KeySecret, *, old_valid_until: float) -> None:
        """See `KeyStore.rotate`."""
        await self.database.writer.run(lambda connection: _rotate(connection, new, old_valid_until))

    async def erase(self, key_id: str) -> bool:
        """See `KeyStore.erase`."""
        return await self.database.writer.run(lambda connection: _erase(connection, key_id))


def _add(connection: sqlite3.Connection, key: VirtualKey, secret: KeySecret) -> None:
    known = connection.execute("SELECT 1 FROM secrets WHERE hash = ?", (secret.hash,)).fetchone()
    if known:
        return
    if _get(connection, key.key_id):
        raise InvalidRequest(f"There is already a key {key.key_id}; choose another id.")
    connection.execute(
        "INSERT INTO keys (key_id, created_at, document) VALUES (?, ?, ?)",
        (key.key_id, key.created_at, _encode(key).decode()),
    )
    _insert_secret(connection, secret)


def _insert_secret(connection: sqlite3.Connection, secret: KeySecret) -> None:
    connection.execute(
        "INSERT INTO secrets (hash, key_id, valid_until) VALUES (?, ?, ?) "
        "ON CONFLICT (hash) DO UPDATE SET valid_until = excluded.valid_until",
        (secret.hash, secret.key_id, secret.valid_until),
    )


def _find(connection: sqlite3.Connection, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
    row = connection.execute(
        "SELECT document, hash, key_id, valid_until "
        "FROM secrets JOIN keys USING (key_id) WHERE hash = ?",
        (secret_hash,),
    ).fetchone()
    return row and (_decode(row[0]), KeySecret(*row[1:]))


def _get(connection: sqlite3.Connection, key_id: str) -> VirtualKey | None:
    row = connection.execute("SELECT document FROM keys WHERE key_id = ?", (key_id,)).fetchone()
    return row and _decode(row[0])


def _list(connection: sqlite3.Connection, limit: int, after: str | None) -> list[VirtualKey]:
    position: tuple[Any, ...] = (math.inf, "")
    if after is not None:
        position = connection.execute(
            "SELECT created_at, key_id FROM keys WHERE key_id = ?", (after,)
        ).fetchone() or (-math.inf, "")
    rows = connection.execute(
        "SELECT document FROM keys WHERE (created_at, key_id) < (?, ?) "
        "ORDER BY created_at DESC, key_id DESC LIMIT ?",
        (*position, limit),
    )
    return [_decode(document) for (document,) in rows]


def _put(connection: sqlite3.Connection, key: VirtualKey, expected: VirtualKey) -> bool:
    found = _get(connection, key.key_id)
    if found is None:
        raise NotFound(f"There is no key {key.key_id}.")
    # As values: the order of scopes in the text differs from process to process.
    if found != expected:
        return False
    connection.execute(
        "UPDATE keys SET created_at = ?, document = ? WHERE key_id = ?",
        (key.created_at, _encode(key).decode(), key.key_id),
    )
    return True


def _rotate(connection: sqlite3.Connection, new: KeySecret, old_valid_until: float) -> None:
    if _get(connection, new.key_id) is None:
        raise NotFound(f"There is no key {new.key_id}.")
    connection.execute(
        "UPDATE secrets SET valid_until = min(coalesce(valid_until, :end), :end) "
        "WHERE key_id = :key_id AND hash <> :hash",
        {"end": old_valid_until, "key_id": new.key_id, "hash": new.hash},
    )
    _insert_secret(connection, new)


def _erase(connection: sqlite3.Connection, key_id: str) -> bool:
    connection.execute("DELETE FROM secrets WHERE key_id = ?", (key_id,))
    return connection.execute("DELETE FROM keys WHERE key_id = ?", (key_id,)).rowcount > 0
