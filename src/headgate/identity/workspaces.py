"""What holds for each workspace: the file's settings, and over them those made at run time."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from msgspec import UNSET

from headgate.core.prices import Markup
from headgate.core.readings import Readings
from headgate.core.workspaces import (
    StoredWorkspace,
    Workspace,
    WorkspaceSettings,
    WorkspaceStore,
)

# Older than this it is read again, so that a change reaches every process in time.
FRESH_SECONDS = 0.5
MOST_REMEMBERED = 50_000

_NOTHING = WorkspaceSettings()


class _Known(NamedTuple):
    read_at: float
    workspace: Workspace


@dataclass(slots=True)
class Workspaces:
    """The settings of workspaces, and their changes.

    Attributes:
        markup: what everybody is charged on top of vendors' prices.
        configured: what the file sets, by workspace.
    """

    store: WorkspaceStore
    markup: Markup
    configured: Mapping[str, WorkspaceSettings] = field(default_factory=dict)
    clock: Callable[[], float] = time.time
    _known: dict[str, _Known] = field(default_factory=dict)
    _readings: Readings[Workspace] = field(default_factory=lambda: Readings(FRESH_SECONDS))

    async def of(self, workspace_id: str) -> Workspace:
        """What holds for a workspace, as of half a second ago at most.

        Raises:
            Overloaded: the store did not say.
        """
        now = self.clock()
        known = self._known.get(workspace_id)
        if known is not None and now - FRESH_SECONDS < known.read_at <= now:
            return known.workspace
        return await self._readings.shared(
            workspace_id, lambda: self._read(workspace_id, now), now=now, known=self._known
        )

    async def markup_for(self, workspace_id: str) -> Markup:
        """What a workspace is charged on top of vendors' prices."""
        return (await self.of(workspace_id)).markup

    async def hosts_for(self, workspace_id: str) -> tuple[str, ...] | None:
        """The only hosts that a workspace may reach; None where it may reach all."""
        return (await self.of(workspace_id)).allowed_hosts

    async def get(self, workspace_id: str) -> Workspace:
        """What holds for a workspace by what the store says now."""
        return self._workspace(workspace_id, await self.store.get(workspace_id))

    async def list(self, *, limit: int, after: str | None) -> list[Workspace]:
        """Up to `limit` of those for which something is set, by their ids, from behind `after`."""
        stored = await self.store.list(limit=limit, after=after)
        own = {each.workspace_id: each for each in stored}
        ids = own.keys() | {name for name in self.configured if after is None or name > after}
        return [self._workspace(each, own.get(each)) for each in sorted(ids)[:limit]]

    async def put(self, workspace_id: str, settings: WorkspaceSettings) -> Workspace:
        """Set this for a workspace, instead of all that was set at run time before.

        It holds here at once, elsewhere within a second, for calls that begin then.
        """
        stored = StoredWorkspace(
            workspace_id=workspace_id, settings=settings, changed_at=self.clock()
        )
        await self.store.put(stored)
        self._known = {}
        return self._workspace(workspace_id, stored)

    async def drop(self, workspace_id: str) -> Workspace:
        """Go back to what the file says of a workspace."""
        await self.store.drop(workspace_id)
        self._known = {}
        return self._workspace(workspace_id, None)

    async def _read(self, workspace_id: str, now: float) -> Workspace:
        # Its own name for what is known: a change meanwhile makes a new dictionary, and what was
        # read before it is then not remembered.
        known_then = self._known
        workspace = await self.get(workspace_id)
        if len(known_then) >= MOST_REMEMBERED:
            known_then.clear()
        known_then[workspace_id] = _Known(now, workspace)
        return workspace

    def _workspace(self, workspace_id: str, stored: StoredWorkspace | None) -> Workspace:
        own = _NOTHING if stored is None else stored.settings
        file = self.configured.get(workspace_id, _NOTHING)
        markup = file.markup if own.markup is UNSET else own.markup
        hosts = file.allowed_hosts if own.allowed_hosts is UNSET else own.allowed_hosts
        return Workspace(
            workspace_id=workspace_id,
            markup=self.markup if markup is UNSET else markup,
            allowed_hosts=None if hosts is UNSET else hosts,
            own=own,
            changed_at=None if stored is None else stored.changed_at,
        )
