"""Old events are deleted in the background; what they add up to stays.

One small batch at a time, with a rest after each, so that calls hardly notice: a batch of events
goes through the same writer as what the calls record.
"""

import asyncio
import contextlib
import datetime as dt
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field

from headgate.core.errors import HeadgateError
from headgate.core.ids import new_id
from headgate.core.usage import UsageStore

BATCH = 200
REST_SECONDS = 0.05
ROUND_SECONDS = 600.0

_LOG = logging.getLogger(__name__)


@contextlib.asynccontextmanager
async def retaining(store: UsageStore, days: int | None) -> AsyncIterator[None]:
    """Delete events older than `days` for the length of the block; none where that is None."""
    if days is None:
        yield
        return
    task = asyncio.create_task(Retention(store, days).run())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@dataclass(frozen=True, slots=True)
class Retention:
    """Keeps events for `days` days; `pause` waits so many seconds."""

    store: UsageStore
    days: int
    clock: Callable[[], float] = time.time
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep
    _worker: str = field(default_factory=lambda: new_id("ret"))

    async def run(self) -> None:
        """Delete what is too old, again and again, until it is cancelled."""
        while True:
            try:
                await self.forget_old()
            except HeadgateError:
                pass  # the store is away; the next round finds the same events
            except Exception:  # noqa: BLE001 - a task's rim: without it nothing would be deleted
                _LOG.exception("old usage events could not be deleted")
            await self.pause(ROUND_SECONDS)

    async def forget_old(self) -> int:
        """Delete what is too old now; how many events that were."""
        now = self.clock()
        oldest = dt.datetime.fromtimestamp(now, dt.UTC) - dt.timedelta(days=self.days)
        before = oldest.replace(minute=0, second=0, microsecond=0)
        forgotten = 0
        while count := await self.store.forget(
            before=before, limit=BATCH, worker=self._worker, now=self.clock()
        ):
            forgotten += count
            await self.pause(REST_SECONDS)
        return forgotten
