"""Reminders of keys whose secrets are older than they should be.

One message names all that are due. Who wants to send it first notes so on each key, for some
minutes; a process that dies before it was sent leaves them to be told by another. Once it was sent
the note says when, and nothing is told of these keys for a month.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass

from headgate.core.alerts import Notice, Notifier, Undelivered
from headgate.core.errors import HeadgateError
from headgate.core.keys import VirtualKey
from headgate.identity.keys import DAY_SECONDS, Keys

ROUND_SECONDS = 3600.0
AGAIN_SECONDS = 30 * 24 * 3600.0
CLAIM_SECONDS = 600.0
MOST_NAMED = 20

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class KeyReminders:
    """Tells people, on every channel, of keys that are due for rotation."""

    keys: Keys
    channels: Mapping[str, Notifier]
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Look every hour, for the length of the block."""
        if self.keys.rotate_after_days is None or not self.channels:
            yield
            return
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def remind(self) -> int:
        """Tell of the keys that are due and were not told of lately; how many these were."""
        claimed = [key async for key in self.keys.every() if await self._claim(key)]
        if not claimed or not await self._send(_notice(claimed, self.keys.clock())):
            return 0
        for key in claimed:
            await self.keys.change(key.key_id, {"reminded_at": self.keys.clock()})
        return len(claimed)

    async def _watch(self) -> None:
        while True:
            try:
                await self.remind()
            except HeadgateError:
                pass  # the store is away; the next round finds the same keys
            except Exception:  # noqa: BLE001 - a task's rim: without it nobody would be reminded
                _LOG.exception("nobody could be reminded of old keys")
            await self.pause(ROUND_SECONDS)

    async def _claim(self, key: VirtualKey) -> bool:
        now = self.keys.clock()
        was_told = key.reminded_at is not None and now < key.reminded_at + AGAIN_SECONDS
        if was_told or not self.keys.is_due(key):
            return False
        return await self.keys.note(key, reminded_at=now - AGAIN_SECONDS + CLAIM_SECONDS)

    async def _send(self, notice: Notice) -> bool:
        """Whether a channel took it."""
        was_sent = False
        for name, channel in self.channels.items():
            try:
                await channel.send(notice)
            except Undelivered as error:
                _LOG.warning("no reminder of old keys by %s: %s", name, error)
            else:
                was_sent = True
        return was_sent


def _notice(keys: Sequence[VirtualKey], now: float) -> Notice:
    count = len(keys)
    what = "1 key is" if count == 1 else f"{count} keys are"
    oldest = sorted(keys, key=lambda key: key.secret_since)
    facts = [(key.key_id, _told(key, now)) for key in oldest[:MOST_NAMED]]
    if count > MOST_NAMED:
        facts.append(("And", f"{count - MOST_NAMED} more; see `headgate keys list`"))
    return Notice(
        f"{what} due for rotation", (*facts, ("Rotate one with", "headgate keys rotate KEY"))
    )


def _told(key: VirtualKey, now: float) -> str:
    days = int((now - key.secret_since) / DAY_SECONDS)
    name = "".join(letter if letter.isprintable() else " " for letter in key.name)
    return f"{name}, {days} days old"
