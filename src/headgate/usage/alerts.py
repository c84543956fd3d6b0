"""Budget alerts: a background task of each process that tells people of thresholds reached.

Each process watches the limited accounts that it spends on, and looks at all there are when it
starts, every hour, and when a process has died. A threshold that is reached is raised in the store,
for each channel by itself; whoever takes it there tells it. So all processes together tell it once,
a channel that fails holds up no other, and what a dead process had taken is told by another.

A message may come twice where a process died, or was cut off from the store, after a channel took
it and before that was recorded. Nothing here is on the path of a request.
"""

import asyncio
import contextlib
import functools
import logging
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from fractions import Fraction

from headgate.core.alerts import (
    AlertId,
    AlertStore,
    Mark,
    Notifier,
    Spend,
    Spending,
    Taken,
    Undelivered,
)
from headgate.core.budgets import Account, LedgerStore, Limit, period_bounds, period_of
from headgate.core.errors import HeadgateError
from headgate.core.keys import KeyStore
from headgate.core.money import NanoUSD
from headgate.usage.notices import notice

LOOK_SECONDS = 1.0
# How soon what another process could not tell is found.
POLL_SECONDS = 5.0
SWEEP_SECONDS = 3600.0
ACCOUNTS_READ_TOGETHER = 100
SEND_SECONDS = 15.0
# Clocks differ: nobody takes an alert over while its claimant may still be sending.
CLAIM_SECONDS = 2 * SEND_SECONDS
FIRST_PAUSE_SECONDS = 2.0
LONGEST_PAUSE_SECONDS = 900.0
LONGEST_REST_SECONDS = 3600.0
# What could not be told so long after its month is not told any more.
LATEST_SECONDS = 86_400.0
CLOSE_SECONDS = 5.0
# After so long a process asks again whether what it raised is known, whatever became of it.
REMEMBERED_SECONDS = 60.0

_LOG = logging.getLogger(__name__)


def reached(limit: Limit, spent: NanoUSD) -> Mark | None:
    """The highest threshold that `spent` has reached; none where nothing is spent.

    The amount of a threshold is the first whole one that is its share.
    """
    highest: Mark | None = None
    for share in limit.alert_thresholds:
        part, whole = _ratio(share)
        amount = -(-limit.amount * part // whole)
        if 0 < spent >= amount and (highest is None or highest.share < share):
            highest = Mark(share, amount)
    return highest


@functools.lru_cache(maxsize=1024)
def _ratio(share: float) -> tuple[int, int]:
    # As it was written: in binary, 0.1 is a little more than a tenth.
    return Fraction(repr(share)).as_integer_ratio()


def pause_after(attempt: int) -> float:
    """How many seconds to wait after a number of attempts have failed."""
    return float(min(FIRST_PAUSE_SECONDS * 2.0 ** min(attempt - 1, 32), LONGEST_PAUSE_SECONDS))


class Alerts:
    """Watches the budgets that this process spends on, and tells what is to be told."""

    def __init__(
        self,
        *,
        ledger: LedgerStore,
        store: AlertStore,
        keys: KeyStore,
        channels: Mapping[str, Notifier],
        spending: Spending,
        clock: Callable[[], float] = time.time,
    ) -> None:
        """Begin without having told anything.

        Args:
            ledger: where the present spend of an account is read.
            store: where it is kept what was told.
            keys: where the name of a key is looked up.
            channels: where to tell it, by the name under which that is kept.
            spending: the limited accounts that this process uses.
            clock: Unix seconds.
        """
        self._ledger = ledger
        self._store = store
        self._keys = keys
        self._channels = channels
        self._spending = spending
        self._clock = clock
        self._raised: dict[tuple[Account, str], tuple[Mark, float]] = {}
        self._resting: dict[str, float] = {}
        # Told, and the store was away when that was to be recorded.
        self._unrecorded: dict[str, list[tuple[Taken, Mark]]] = {name: [] for name in channels}
        self._closing = asyncio.Event()
        self._wake = {channel: asyncio.Event() for channel in channels}
        self._tasks: list[asyncio.Task[None]] = []

    def start(self, *, sweeping: bool) -> None:
        """Begin to watch and to tell; `sweeping` looks at every limited account, too."""
        self._tasks.append(asyncio.create_task(self._watch(sweeping=sweeping)))
        for channel in self._channels:
            self._tasks.append(asyncio.create_task(self._keep_telling(channel)))

    async def aclose(self) -> None:
        """End, after a last look; what cannot be told in a moment is left to other processes."""
        self._closing.set()
        for wake in self._wake.values():
            wake.set()
        last = asyncio.create_task(self._end())
        await asyncio.wait([last], timeout=CLOSE_SECONDS)
        for task in (last, *self._tasks):
            task.cancel()
        await asyncio.gather(last, *self._tasks, return_exceptions=True)

    async def look(self, *, at_once: bool = False) -> None:
        """Raise what has been reached by the accounts that this process uses.

        Raises:
            Overloaded: the store is away.
        """
        await self._raise(await self._spending.spends(at_once=at_once))

    async def sweep(self) -> None:
        """Raise what has been reached by any account, whoever has used it.

        Raises:
            Overloaded: the store is away.
        """
        period = period_of(self._clock())
        accounts = await self._store.limited()
        for start in range(0, len(accounts), ACCOUNTS_READ_TOGETHER):
            some = accounts[start : start + ACCOUNTS_READ_TOGETHER]
            states = await self._ledger.states(some, period)
            await self._raise(
                Spend(state.account, period, state.limit, state.spent)
                for state in states
                if state.limit is not None
            )

    async def tell(self, channel: str) -> None:
        """Tell on `channel` all that can be told now, one after the other.

        Raises:
            Overloaded: the store is away.
        """
        await self._record(channel)
        while (now := self._clock()) >= self._resting.get(channel, 0):
            taken = await self._store.take(channel, now=now, until=now + CLAIM_SECONDS)
            if taken is None:
                return
            await self._tell(taken)

    async def _raise(self, spends: Iterable[Spend]) -> None:
        now = self._clock()
        self._raised = {key: known for key, known in self._raised.items() if now < known[1]}
        for spend in spends:
            mark = reached(spend.limit, spend.spent)
            if mark is None:
                continue
            key = (spend.account, spend.period)
            known = self._raised.get(key)
            if known is not None and known[0].covers(mark):
                continue
            for channel in self._channels:
                alert = AlertId(channel, spend.account, spend.period)
                await self._store.raise_alert(alert, mark)
                self._wake[channel].set()
            self._raised[key] = (mark, now + REMEMBERED_SECONDS)

    async def _tell(self, taken: Taken) -> None:
        alert = taken.alert
        now = self._clock()
        if now > period_bounds(alert.period)[1].timestamp() + LATEST_SECONDS:
            _LOG.error("%s: an alert for %s is given up, since its month is over", *_where(alert))
            await self._store.finish(taken, None)
            return
        # As it is now: since this was raised, more may be spent, or the limit be another.
        (state,) = await self._ledger.states([alert.account], alert.period)
        mark = None if state.limit is None else reached(state.limit, state.spent)
        if state.limit is None or mark is None or any(m.covers(mark) for m in taken.state.told):
            await self._store.finish(taken, None)
            return
        spend = Spend(alert.account, alert.period, state.limit, state.spent)
        message = notice(spend, mark, name=await self._name(alert), now=now)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await self._channels[alert.channel].send(message)
        except TimeoutError:
            reason = Undelivered(f"no answer within {SEND_SECONDS:g} s")
            await self._put_off(taken, reason)
        except Undelivered as reason:
            await self._put_off(taken, reason)
        else:
            _LOG.info("%s: told that %s", alert.channel, message.title)
            self._unrecorded[alert.channel].append((taken, Mark(mark.share, spend.spent)))
            await self._record(alert.channel)

    async def _record(self, channel: str) -> None:
        unrecorded = self._unrecorded[channel]
        while unrecorded:
            await self._store.finish(*unrecorded[0])
            del unrecorded[0]

    async def _put_off(self, taken: Taken, reason: Undelivered) -> None:
        now = self._clock()
        pause = pause_after(taken.state.attempts)
        if reason.retry_after_seconds is not None:
            rest = min(reason.retry_after_seconds, LONGEST_REST_SECONDS)
            self._resting[taken.alert.channel] = now + rest
            pause = max(pause, rest)
        channel, account = _where(taken.alert)
        _LOG.warning(
            "%s: an alert for %s was not taken: %s; next try in %g s",
            *(channel, account, reason, pause),
        )
        await self._store.put_off(taken, until=now + pause)

    async def _name(self, alert: AlertId) -> str | None:
        if alert.account.scope != "key":
            return None
        key = await self._keys.get(alert.account.id)
        return None if key is None else key.name

    async def _watch(self, *, sweeping: bool) -> None:
        expired = self._spending.expired
        sweep_at = self._clock() if sweeping else float("inf")
        while not self._closing.is_set():
            with _surviving("looking for budget alerts"):
                if sweeping and (self._clock() >= sweep_at or self._spending.expired != expired):
                    counted = self._spending.expired
                    await self.sweep()
                    # Not before: where the store was away it is tried again.
                    expired, sweep_at = counted, self._clock() + SWEEP_SECONDS
                    for wake in self._wake.values():
                        wake.set()
                await self.look()
            await _wait(self._closing, LOOK_SECONDS)

    async def _keep_telling(self, channel: str) -> None:
        wake = self._wake[channel]
        while not self._closing.is_set():
            await _wait(wake, POLL_SECONDS)
            if self._closing.is_set():
                return
            wake.clear()
            with _surviving("telling budget alerts"):
                await self.tell(channel)

    async def _end(self) -> None:
        await asyncio.gather(*self._tasks)
        for wake in self._wake.values():
            wake.clear()
        with _surviving("looking for budget alerts"):
            await self.look(at_once=True)
            await asyncio.gather(
                *(self.tell(channel) for channel, wake in self._wake.items() if wake.is_set())
            )


def _where(alert: AlertId) -> tuple[str, str]:
    return alert.channel, f"{alert.account.scope} {alert.account.id!r}"


async def _wait(event: asyncio.Event, seconds: float) -> None:
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(event.wait(), seconds)


@contextlib.contextmanager
def _surviving(doing: str) -> Iterator[None]:
    try:
        yield
    except HeadgateError:
        pass  # the store is away; the next turn tries again
    except Exception:  # noqa: BLE001 - a task's rim: without it nobody is told anything any more
        _LOG.exception("%s failed", doing)
