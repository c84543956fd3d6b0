"""Recalls: before a call is refused, other processes are asked for what they lease and do not use.

The budget is marked in the store. Owners of leases on it look for such marks while they hold any,
and give their free parts back; the call that lacks them waits for that, a moment at most. While a
mark stands they go on giving back, so it is not made again; and after a recall in vain nobody waits
again before a second has passed.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable

from headgate.core.budgets import LedgerStore
from headgate.core.money import NanoUSD
from headgate.gateway.books import Book

# A refusal waits no longer than this for other processes.
PATIENCE_SECONDS = 0.25
LOOKS = 10
# A mark is made again, and a recall that was in vain tried again, after this time.
AGAIN_SECONDS = 1.0


class Recalls:
    """The recalls of this process, one per budget at a time, shared by all who wait for it."""

    def __init__(
        self,
        store: LedgerStore,
        read: Callable[[Book], Awaitable[None]],
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
    ) -> None:
        """Recall through `store`; `read` brings a book up to date with it."""
        self._store = store
        self._read = read
        self._clock = clock
        self._pause = pause
        self._running: set[asyncio.Task[bool]] = set()

    def deadline(self, book: Book) -> float:
        """Until when, on the event loop's clock, a call may wait for what `book` lacks.

        No time at all where that was in vain a moment ago.
        """
        is_vain = book.recall is None and self._is_recent(book.recalled_in_vain_at)
        return asyncio.get_running_loop().time() + (0 if is_vain else PATIENCE_SECONDS)

    async def wait(self, book: Book, amount: NanoUSD, deadline: float) -> bool:
        """Wait until a call can hold `amount`; False where that is refused.

        Raises:
            Overloaded: the store did not say what came back.
        """
        now = asyncio.get_running_loop().time
        try:
            async with asyncio.timeout_at(deadline):
                while book.lacks(amount) and book.reachable >= amount and now() < deadline:
                    # Not this caller's alone: who leaves must not end it for the others.
                    if not await asyncio.shield(self._shared(book)):
                        break
        except TimeoutError:
            pass  # what has come until now decides
        return not book.lacks(amount)

    async def aclose(self) -> None:
        """Wait for the recalls under way."""
        await asyncio.gather(*self._running, return_exceptions=True)

    def _shared(self, book: Book) -> asyncio.Task[bool]:
        if book.recall is None:
            book.recall = asyncio.create_task(self._recall(book))
            self._running.add(book.recall)
            book.recall.add_done_callback(self._end)
        return book.recall

    def _end(self, task: asyncio.Task[bool]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # all who waited for it may have left

    async def _recall(self, book: Book) -> bool:
        """Look until something came back; False where nothing did, or nothing more can."""
        try:
            if not self._is_recent(book.recalled_at):
                now = self._clock()
                until = now + AGAIN_SECONDS + PATIENCE_SECONDS
                await self._store.recall(book.account, book.period, until=until)
                book.recalled_at = now
            least = book.unleased
            for _ in range(LOOKS):
                await self._pause(PATIENCE_SECONDS / LOOKS)
                await self._read(book)
                if book.unleased > least:
                    return True
                if not book.others:
                    return False
                least = min(least, book.unleased)
            book.recalled_in_vain_at = self._clock()
            return False
        finally:
            book.recall = None

    def _is_recent(self, moment: float) -> bool:
        return 0 <= self._clock() - moment < AGAIN_SECONDS
