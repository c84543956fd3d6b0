"""What is set for workspaces in DynamoDB: items of the table of keys.

| `part`           | `place`     | holds                                         |
|------------------|-------------|-----------------------------------------------|
| `workspace#<id>` | `settings`  | what is set for it, and when that was changed |
| `workspaces`     | the id      | nothing: for which there is something         |
"""

from dataclasses import dataclass

import msgspec

from headgate.core.workspaces import StoredWorkspace, WorkspaceSettings
from headgate.stores.dynamodb.attributes import float_of, number, text, text_of
from headgate.stores.dynamodb.client import DynamoClient, Item
from headgate.stores.dynamodb.schema import KEYS

_LIST = text("workspaces")
_PART = "workspace#"
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(WorkspaceSettings).decode


@dataclass(frozen=True, slots=True)
class DynamoWorkspaces:
    """`WorkspaceStore` in a table that other processes and machines use too."""

    client: DynamoClient

    async def put(self, workspace: StoredWorkspace) -> None:
        """See `WorkspaceStore.put`."""
        item = {
            **_item_key(workspace.workspace_id),
            "settings": text(_encode(workspace.settings).decode()),
            "changedAt": number(workspace.changed_at),
        }
        items = (item, _listing(workspace.workspace_id))
        await self.client.transact([{"Put": {"TableName": KEYS, "Item": each}} for each in items])

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        """See `WorkspaceStore.get`."""
        item = await self.client.get(KEYS, _item_key(workspace_id))
        return None if item is None else _stored(item)

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
        items = await self.client.get_all(
            KEYS, [_item_key(text_of(each, "place")) for each in listed]
        )
        return [_stored(item) for item in items if item is not None]

    async def drop(self, workspace_id: str) -> None:
        """See `WorkspaceStore.drop`."""
        keys = (_item_key(workspace_id), _listing(workspace_id))
        await self.client.transact([{"Delete": {"TableName": KEYS, "Key": each}} for each in keys])


def _item_key(workspace_id: str) -> Item:
    return {"part": text(f"{_PART}{workspace_id}"), "place": text("settings")}


def _listing(workspace_id: str) -> Item:
    return {"part": _LIST, "place": text(workspace_id)}


def _stored(item: Item) -> StoredWorkspace:
    return StoredWorkspace(
        workspace_id=text_of(item, "part").removeprefix(_PART),
        settings=_decode(text_of(item, "settings")),
        changed_at=float_of(item, "changedAt"),
    )
