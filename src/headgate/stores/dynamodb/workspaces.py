"""What is set for workspaces in DynamoDB: items of the table of keys.

| `part`           | `place`    | holds                                         |
|------------------|------------|-----------------------------------------------|
| `workspace#<id>` | `settings` | what is set for it, and when that was changed |
| `workspaces`     | the id     | the same, for lists                           |

Both are written at once. Calls read the first, so that no partition serves all of them.
"""

from dataclasses import dataclass

import msgspec

from headgate.core.workspaces import StoredWorkspace, WorkspaceSettings
from headgate.stores.dynamodb.attributes import float_of, number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.schema import KEYS

_LIST = text("workspaces")
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WorkspaceSettings).decode


@dataclass(frozen=True, slots=True)
class DynamoWorkspaces:
    """`WorkspaceStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def put(self, workspace: StoredWorkspace) -> None:
        """See `WorkspaceStore.put`."""
        values = {
            "settings": text(_encode(workspace.settings).decode()),
            "changedAt": number(workspace.changed_at),
        }
        await self.client.transact(
            [
                {"Put": {"TableName": KEYS, "Item": {**each, **values}}}
                for each in _places(workspace.workspace_id)
            ]
        )

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        """See `WorkspaceStore.get`."""
        item = await self.client.get(KEYS, _places(workspace_id)[0])
        return None if item is None else _stored(workspace_id, item)

    async def list(self, *, limit: int, after: str | None) -> list[StoredWorkspace]:
        """See `WorkspaceStore.list`."""
        condition, values = "part = :part", {":part": _LIST}
        if after is not None:
            condition += " AND place > :last"
            values[":last"] = text(after)
        request = {
            "KeyConditionExpression": condition,
            "ExpressionAttributeValues": values,
            "ConsistentRead": True,
        }
        listed = await self.client.query(KEYS, request, limit=limit)
        return [_stored(text_of(item, "place"), item) for item in listed]

    async def drop(self, workspace_id: str) -> None:
        """See `WorkspaceStore.drop`."""
        await self.client.transact(
            [{"Delete": {"TableName": KEYS, "Key": each}} for each in _places(workspace_id)]
        )


def _places(workspace_id: str) -> tuple[Item, Item]:
    """Where it lies for calls, and where for lists."""
    return (
        {"part": text(f"workspace#{workspace_id}"), "place": text("settings")},
        {"part": _LIST, "place": text(workspace_id)},
    )


def _stored(workspace_id: str, item: Item) -> StoredWorkspace:
    return StoredWorkspace(
        workspace_id=workspace_id,
        settings=_decode(text_of(item, "settings")),
        changed_at=float_of(item, "changedAt"),
    )
