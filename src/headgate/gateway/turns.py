"""Turns at the store: one caller asks, and those who wait behind it share its failure.

Without that, callers behind a store that does not answer would wait for its time-out one after
another, each a time-out longer than the one before.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator

from headgate.core.errors import Overloaded


class Turn:
    """One at a time; whoever waited while another failed is told so instead of trying."""

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._failures = 0
        self._said = ""

    @contextlib.asynccontextmanager
    async def taken(self) -> AsyncIterator[None]:
        """Wait for the turn and have it.

        Raises:
            Overloaded: the store failed meanwhile.
        """
        seen = self._failures
        async with self._lock:
            if self._failures != seen:
                raise Overloaded(self._said, retry_after_seconds=1)
            try:
                yield
            except Overloaded as error:
                self._failures += 1
                self._said = error.message
                raise
