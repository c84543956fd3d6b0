"""What is set for single workspaces: values, and the port of where it is kept.

A workspace needs no creation. What is set for it at run time wins over what `headgate.toml` says of
it, and that over what holds for everybody; each setting by itself.
"""

from typing import Protocol

import msgspec
from msgspec import UNSET, UnsetType

from headgate.core.prices import Markup


class WorkspaceSettings(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What one place sets for a workspace; what is unset there, another place decides.

    Attributes:
        allowed_hosts: the only hosts that its `http_request` may reach; None lets it reach all.
    """

    markup: Markup | UnsetType = UNSET
    allowed_hosts: tuple[str, ...] | UnsetType | None = UNSET


class Workspace(msgspec.Struct, frozen=True, kw_only=True):
    """What holds for a workspace.

    Attributes:
        own: what of it was set at run time.
        changed_at: Unix seconds; None where nothing was.
    """

    workspace_id: str
    markup: Markup
    allowed_hosts: tuple[str, ...] | None
    own: WorkspaceSettings = WorkspaceSettings()
    changed_at: float | None = None


class StoredWorkspace(msgspec.Struct, frozen=True, kw_only=True):
    """What was set for a workspace at run time.

    Attributes:
        changed_at: Unix seconds.
    """

    workspace_id: str
    settings: WorkspaceSettings
    changed_at: float


class WorkspaceStore(Protocol):
    """Where that is kept. Every method may raise `Overloaded` when the store is away."""

    async def put(self, workspace: StoredWorkspace) -> None:
        """Keep this in the place of what was set before."""
        ...

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        """What was set for a workspace, if something was."""
        ...

    async def list(self, *, limit: int, after: str | None) -> list[StoredWorkspace]:
        """Up to `limit` of them by their ids, as code points sort, from behind `after`."""
        ...

    async def drop(self, workspace_id: str) -> None:
        """Forget what was set for a workspace, if something was."""
        ...
