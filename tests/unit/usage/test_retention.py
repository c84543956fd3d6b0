"""Old events are deleted batch by batch, with a rest after each."""

import asyncio
import datetime as dt

import pytest

from headgate.core.budgets import Settlement
from headgate.core.errors import Overloaded
from headgate.core.usage import UsageFilter
from headgate.stores.memory import MemoryLedger
from headgate.usage import retention
from headgate.usage.retention import Retention, retaining
from usage_events import NOON, usage_event

DAY = 86_400_000
EVER = UsageFilter(dt.datetime(1970, 1, 1, tzinfo=dt.UTC), dt.datetime(2100, 1, 1, tzinfo=dt.UTC))


class Ended(Exception):
    """The clock of a test has run out."""


async def ledger_of(*timestamps: int) -> MemoryLedger:
    ledger = MemoryLedger()
    for timestamp in timestamps:
        await ledger.settle(Settlement("own_1", usage_event(timestamp=timestamp), ()))
    return ledger


async def test_what_is_older_than_the_days_goes_in_whole_hours() -> None:
    ledger = await ledger_of(NOON - 2 * DAY, NOON - DAY - 1, NOON - DAY, NOON)
    half_past = NOON / 1000 + 1800
    assert await Retention(ledger, 1, clock=lambda: half_past).forget_old() == 2
    events = await ledger.events(EVER, limit=9, before=None)
    assert [event.timestamp for event in events] == [NOON, NOON - DAY]
    assert (await ledger.totals(EVER)).requests == 4


async def test_it_rests_after_each_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    ledger = await ledger_of(*(NOON - n for n in range(1, 6)))
    rests: list[float] = []

    async def pause(seconds: float) -> None:
        rests.append(seconds)

    now = (NOON + DAY) / 1000
    assert await Retention(ledger, 1, clock=lambda: now, pause=pause).forget_old() == 5
    assert rests == [retention.REST_SECONDS] * 3


async def test_a_store_that_is_away_is_asked_again_later() -> None:
    class Away(MemoryLedger):
        asked = 0

        async def forget(self, *, before: dt.datetime, limit: int, worker: str, now: float) -> int:
            self.asked += 1
            raise Overloaded("The database is away.")

    ledger = Away()

    async def pause(seconds: float) -> None:
        assert seconds == retention.ROUND_SECONDS
        if ledger.asked == 2:
            raise Ended

    with pytest.raises(Ended):
        await Retention(ledger, 1, pause=pause).run()


async def test_nothing_is_deleted_unless_days_are_set() -> None:
    ledger = await ledger_of(NOON - 9000 * DAY)
    async with retaining(ledger, None):
        await asyncio.sleep(0)
    assert len(await ledger.events(EVER, limit=9, before=None)) == 1
    async with retaining(ledger, 1):
        await asyncio.sleep(0)
    assert await ledger.events(EVER, limit=9, before=None) == []
