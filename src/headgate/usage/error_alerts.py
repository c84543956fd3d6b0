"""Error alerts: people are told when too many requests fail, and when they are answered again.

Each process looks at the counts of all of them now and then. An episode begins with more failures
than the rule has, and ends with less than half of that, so that a rate at the edge is no stream of
messages. Whoever finds first that one has begun or ended tells it, on each channel by itself.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from headgate.core.alerts import Notice, Notifier, Undelivered
from headgate.core.episodes import EpisodeStore
from headgate.core.errors import HeadgateError
from headgate.core.service_levels import ALL, Counts, ServiceStore

EPISODE = "error rate"
SLOT_SECONDS = 300
LOOK_SECONDS = 10.0
CLAIM_SECONDS = 60.0
"""After so long a channel that did not take a message is tried again."""
END_SHARE = 0.5
MOST_NAMED = 5

_LOG = logging.getLogger(__name__)


class ErrorRule(NamedTuple):
    """When people are told.

    Attributes:
        rate: the share of requests for models that fail.
        seconds: over how long a time; whole slots of five minutes, the present one as far as it is.
        least: with fewer requests than these nothing is judged.
    """

    rate: float
    seconds: int
    least: int


class _Found(NamedTuple):
    """What the last while was like."""

    requests: int
    failed: int
    worst: tuple[tuple[str, int, int], ...]

    @property
    def rate(self) -> float:
        return self.failed / self.requests if self.requests else 0.0


@dataclass(frozen=True, slots=True)
class ErrorAlerts:
    """Tells of failures on the channels that there are."""

    service: ServiceStore
    episodes: EpisodeStore
    channels: Mapping[str, Notifier]
    rule: ErrorRule
    clock: Callable[[], float] = time.time

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look again and again for the length of the block."""
        task = asyncio.create_task(self._run())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def look(self) -> None:
        """Tell what has begun or ended since it was told last.

        Raises:
            Overloaded: the store is away.
        """
        found = await self._found()
        if found.rate >= self.rule.rate and found.requests >= self.rule.least:
            is_open = True
        elif found.rate < self.rule.rate * END_SHARE:
            is_open = False
        else:
            return  # it stays what it was
        for channel, notifier in self.channels.items():
            await self._tell(channel, notifier, found, is_open=is_open)

    async def _tell(
        self, channel: str, notifier: Notifier, found: _Found, *, is_open: bool
    ) -> None:
        now = self.clock()
        since = await self.episodes.claim(
            EPISODE, channel, is_open=is_open, now=now, until=now + CLAIM_SECONDS
        )
        if since is None:
            return
        notice = self._begun(found) if is_open else _ended(found, now - since)
        try:
            await notifier.send(notice)
        except Undelivered as error:
            _LOG.warning("%s: an alert about errors was not taken: %s", channel, error)
            return  # tried again when the claim has ended
        await self.episodes.told(EPISODE, channel, is_open=is_open, now=now)

    async def _found(self) -> _Found:
        now = self.clock()
        start = int((now - self.rule.seconds) // SLOT_SECONDS + 1) * SLOT_SECONDS
        sums = dict(await self.service.sums(SLOT_SECONDS, start, int(now) + 1))
        requests = sums.pop(ALL, {})
        return _Found(requests.get("requests", 0), requests.get("failed", 0), _worst(sums))

    def _begun(self, found: _Found) -> Notice:
        models = "; ".join(f"{name}: {bad} of {calls}" for name, calls, bad in found.worst)
        return Notice(
            f"{found.rate:.0%} of requests fail",
            (
                ("Failed", f"{found.failed} of {found.requests} requests for models"),
                ("In the last", f"{self.rule.seconds // 60} minutes"),
                ("Calls to vendors that failed", models or "none: the platform itself failed"),
                ("What to do", "docs/runbooks/headgate-error-rate.md"),
            ),
        )

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                await self.look()
            except HeadgateError:
                pass  # the store is away; the next turn tries again
            except Exception:  # noqa: BLE001 - a task's rim: without it nobody is told any more
                _LOG.exception("looking for errors failed")


def _ended(found: _Found, seconds: float) -> Notice:
    return Notice(
        "Requests are answered again",
        (
            ("Failed", f"{found.failed} of the last {found.requests} requests for models"),
            ("It lasted", f"about {max(1, round(seconds / 60))} minutes"),
        ),
    )


def _worst(models: Mapping[str, Counts]) -> tuple[tuple[str, int, int], ...]:
    """The models with the most failed calls: all calls, and those that failed."""
    failing = [
        (series, counts.get("calls", 0), counts["errors"])
        for series, counts in models.items()
        if counts.get("errors")
    ]
    return tuple(sorted(failing, key=lambda each: -each[2])[:MOST_NAMED])
