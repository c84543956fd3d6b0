"""What is set for workspaces in a dictionary: gone with the process."""

from dataclasses import dataclass, field

from headgate.core.workspaces import StoredWorkspace


@dataclass(slots=True)
class MemoryWorkspaces:
    """`WorkspaceStore` for one process."""

    _workspaces: dict[str, StoredWorkspace] = field(default_factory=dict)

    async def put(self, workspace: StoredWorkspace) -> None:
        """See `WorkspaceStore.put`."""
        self._workspaces[workspace.workspace_id] = workspace

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        """See `WorkspaceStore.get`."""
        return self._workspaces.get(workspace_id)

    async def list(self, *, limit: int, after: str | None) -> list[StoredWorkspace]:
        """See `WorkspaceStore.list`."""
        ids = sorted(each for each in self._workspaces if after is None or each > after)
        return [self._workspaces[each] for each in ids[:limit]]

    async def drop(self, workspace_id: str) -> None:
        """See `WorkspaceStore.drop`."""
        self._workspaces.pop(workspace_id, None)
