"""The newest call, for whoever waits for one."""

import asyncio

from fakes import FakeClock
from headgate.core.budgets import Settlement
from headgate.core.usage import UsageEvent, UsageFilter
from headgate.stores.memory import MemoryLedger
from headgate.usage.watch import FRESH_SECONDS, UsageWatch
from usage_events import NOON, usage_event


class CountedLedger(MemoryLedger):
    """A ledger that counts how often it is asked."""

    asked = 0

    async def events(
        self, where: UsageFilter, *, limit: int, before: str | None
    ) -> list[UsageEvent]:
        self.asked += 1
        await asyncio.sleep(0)
        return await super().events(where, limit=limit, before=before)


async def test_it_tells_of_the_newest_call_whoever_made_it() -> None:
    clock, ledger = FakeClock(NOON / 1000), CountedLedger()
    watch = UsageWatch(ledger, clock)
    assert await watch.newest() is None
    for milliseconds in (NOON + 500, NOON):
        await ledger.settle(Settlement("another", usage_event(timestamp=milliseconds), ()))
    clock.advance(FRESH_SECONDS)
    newest = await watch.newest()
    (latest,) = [e for e in ledger._events.values() if e.timestamp == NOON + 500]
    assert newest == latest.id
    await ledger.settle(Settlement("one", usage_event(workspace_id="acme", timestamp=NOON - 1), ()))
    assert await watch.newest("acme") != newest
    assert await watch.newest("beta") is None


async def test_many_who_ask_at_once_are_one_question() -> None:
    clock, ledger = FakeClock(NOON / 1000), CountedLedger()
    watch = UsageWatch(ledger, clock)
    await asyncio.gather(*(watch.newest() for _ in range(20)))
    assert ledger.asked == 1
    clock.advance(FRESH_SECONDS)
    await asyncio.gather(*(watch.newest() for _ in range(20)))
    assert ledger.asked == 2
