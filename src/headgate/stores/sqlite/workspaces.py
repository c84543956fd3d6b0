"""What is set for workspaces in SQLite."""

import sqlite3
from dataclasses import dataclass

import msgspec

from headgate.core.workspaces import StoredWorkspace, WorkspaceSettings
from headgate.stores.sqlite.database import Database

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WorkspaceSettings).decode


@dataclass(frozen=True, slots=True)
class SqliteWorkspaces:
    """`WorkspaceStore` in a database that other processes use too."""

    database: Database

    async def put(self, workspace: StoredWorkspace) -> None:
        """See `WorkspaceStore.put`."""
        await self.database.writer.run(lambda connection: _put(connection, workspace))

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        """See `WorkspaceStore.get`."""
        return await self.database.readers.run(lambda connection: _get(connection, workspace_id))

    async def list(self, *, limit: int, after: str | None) -> list[StoredWorkspace]:
        """See `WorkspaceStore.list`."""
        return await self.database.readers.run(lambda connection: _list(connection, limit, after))

    async def drop(self, workspace_id: str) -> None:
        """See `WorkspaceStore.drop`."""
        await self.database.writer.run(lambda connection: _drop(connection, workspace_id))


def _put(connection: sqlite3.Connection, workspace: StoredWorkspace) -> None:
    connection.execute(
        "INSERT OR REPLACE INTO workspaces (workspace_id, settings, changed_at) VALUES (?, ?, ?)",
        (workspace.workspace_id, _encode(workspace.settings).decode(), workspace.changed_at),
    )


def _get(connection: sqlite3.Connection, workspace_id: str) -> StoredWorkspace | None:
    row = connection.execute(
        "SELECT workspace_id, settings, changed_at FROM workspaces WHERE workspace_id = ?",
        (workspace_id,),
    ).fetchone()
    return None if row is None else _stored(*row)


def _list(connection: sqlite3.Connection, limit: int, after: str | None) -> list[StoredWorkspace]:
    # No id is empty.
    rows = connection.execute(
        "SELECT workspace_id, settings, changed_at FROM workspaces WHERE workspace_id > ? "
        "ORDER BY workspace_id LIMIT ?",
        (after or "", limit),
    )
    return [_stored(*row) for row in rows]


def _drop(connection: sqlite3.Connection, workspace_id: str) -> None:
    connection.execute("DELETE FROM workspaces WHERE workspace_id = ?", (workspace_id,))


def _stored(workspace_id: str, settings: str, changed_at: float) -> StoredWorkspace:
    return StoredWorkspace(
        workspace_id=workspace_id, settings=_decode(settings), changed_at=changed_at
    )
