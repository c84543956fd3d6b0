"""Deleting a user's data: asked for once, gone on with until nothing is left.

The keys end first, so nothing new begins. What is there goes in small steps, and for an hour what
calls under way still add is looked for again and again. That is noted in the store, so a process
that dies in between takes nothing with it: the next one goes on.
"""

import asyncio
import contextlib
import logging
import secrets
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import NamedTuple

from headgate.core.erasures import Erasure, UserDataStore
from headgate.core.errors import HeadgateError
from headgate.identity.keys import Keys

STEP_ROWS = 500
SWEEP_SECONDS = 60.0
SETTLING_SECONDS = 3600.0
"""How long after its beginning a deletion looks for what calls under way still add."""
PATIENCE_SECONDS = 5.0
"""How long who asks for a deletion waits for it."""

KEY_NAME = "key of a user whose data were deleted"

_LOG = logging.getLogger(__name__)


class Progress(NamedTuple):
    """How far a deletion has got.

    Attributes:
        changed: rows that were deleted, or given to the pseudonym, just now.
        waiting: what cannot go yet.
        is_over: whether nothing will come any more; who had which pseudonym is forgotten then.
    """

    changed: int
    waiting: int
    is_over: bool


class Begun(NamedTuple):
    """A deletion that somebody asked for, and how many keys it ended."""

    erasure: Erasure
    keys_revoked: int
    progress: Progress


@dataclass(frozen=True, slots=True)
class Erasures:
    """Deletes what is kept of users."""

    store: UserDataStore
    keys: Keys
    clock: Callable[[], float] = time.time
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep

    async def begin(self, user_id: str) -> Begun:
        """Delete a user's data, or go on with it.

        Raises:
            Overloaded: the store is away; what was begun goes on later.
        """
        erasure = await self.store.begin(
            Erasure(
                user_id=user_id,
                pseudonym=f"deleted-{secrets.token_hex(12)}",
                begun_at=self.clock(),
            )
        )
        revoked = await self._revoke_keys(erasure)
        return Begun(erasure, revoked, await self.advance(erasure, seconds=PATIENCE_SECONDS))

    async def of(self, user_id: str) -> Erasure | None:
        """The deletion of a user's data that is under way."""
        return await self.store.of(user_id)

    async def advance(self, erasure: Erasure, *, seconds: float = float("inf")) -> Progress:
        """Take steps until nothing is found, for about so many seconds."""
        changed = 0
        give_up_at = time.monotonic() + seconds
        while True:
            step = await self.store.erase(erasure, limit=STEP_ROWS)
            changed += step.changed
            if not step.changed or time.monotonic() > give_up_at:
                break
        has_settled = self.clock() >= erasure.begun_at + SETTLING_SECONDS
        is_over = has_settled and not step.changed and not step.waiting
        if is_over:
            await self.store.end(erasure)
        return Progress(changed, step.waiting, is_over)

    @contextlib.asynccontextmanager
    async def going_on(self) -> AsyncIterator[None]:
        """Go on with all that is under way, for the length of the block."""
        task = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _sweep(self) -> None:
        while True:
            try:
                for erasure in await self.store.under_way():
                    await self.advance(erasure)
            except HeadgateError:
                pass  # the store is away; the next round finds the same
            except Exception:  # noqa: BLE001 - a task's rim: without it no deletion would end
                _LOG.exception("a user's data could not be deleted")
            await self.pause(SWEEP_SECONDS)

    async def _revoke_keys(self, erasure: Erasure) -> int:
        revoked = 0
        async for key in self.keys.every():
            if key.user_id == erasure.user_id:
                ended = self.clock() if key.revoked_at is None else key.revoked_at
                fields = {"revoked_at": ended, "user_id": erasure.pseudonym, "name": KEY_NAME}
                await self.keys.change(key.key_id, fields)
                revoked += 1
        return revoked
