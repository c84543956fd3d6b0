"""Which call is the newest, for those who want to hear of calls as they happen.

However many ask, in one process the ledger is asked once a second, of everybody or of one
workspace, and only while somebody asks. Calls of all processes are seen, since it is the ledger
that tells of them.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

from headgate.core.usage import UsageFilter, UsageStore

FRESH_SECONDS = 0.9
# A call from longer ago is no news. Other machines' clocks may be ahead of ours.
LOOK_BACK = dt.timedelta(days=1)
LOOK_AHEAD = dt.timedelta(minutes=5)


class _Known(NamedTuple):
    newest: str | None
    asked_at: float


@dataclass(slots=True)
class UsageWatch:
    """Tells of the newest call in the ledger."""

    store: UsageStore
    clock: Callable[[], float] = time.time
    _known: dict[str | None, _Known] = field(default_factory=dict)
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def newest(self, workspace_id: str | None = None) -> str | None:
        """The id of the newest call of the last day, as it was within the last second.

        With a `workspace_id` that of this workspace.

        Raises:
            Overloaded: the store is away.
        """
        async with self._asking:
            now = self.clock()
            known = self._known.get(workspace_id)
            if known is None or not 0 <= now - known.asked_at < FRESH_SECONDS:
                moment = dt.datetime.fromtimestamp(now, dt.UTC)
                where = UsageFilter(
                    moment - LOOK_BACK, moment + LOOK_AHEAD, workspace_id=workspace_id
                )
                events = await self.store.events(where, limit=1, before=None)
                known = _Known(events[0].id if events else None, now)
                self._known[workspace_id] = known
            return known.newest
