"""Which call is the newest, for those who want to hear of calls as they happen.

However many ask, in one process the ledger is asked once a second, and only while somebody asks.
Calls of all processes are seen, since it is the ledger that tells of them.
"""

import asyncio
import datetime as dt
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from headgate.core.usage import UsageFilter, UsageStore

FRESH_SECONDS = 0.9
# A call from longer ago is no news. Other machines' clocks may be ahead of ours.
LOOK_BACK = dt.timedelta(days=1)
LOOK_AHEAD = dt.timedelta(minutes=5)


@dataclass(slots=True)
class UsageWatch:
    """Tells of the newest call in the ledger."""

    store: UsageStore
    clock: Callable[[], float] = time.time
    _newest: str | None = None
    _asked_at: float = float("-inf")
    _asking: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def newest(self) -> str | None:
        """The id of the newest call of the last day, as it was within the last second.

        Raises:
            Overloaded: the store is away.
        """
        async with self._asking:
            now = self.clock()
            if not 0 <= now - self._asked_at < FRESH_SECONDS:
                moment = dt.datetime.fromtimestamp(now, dt.UTC)
                where = UsageFilter(moment - LOOK_BACK, moment + LOOK_AHEAD)
                events = await self.store.events(where, limit=1, before=None)
                self._newest = events[0].id if events else None
                self._asked_at = now
            return self._newest
