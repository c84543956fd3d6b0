"""The queue of runs in this process, for tests."""

import asyncio
import contextlib
import itertools
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from headgate.core.run_queue import Ticket


@dataclass(slots=True)
class MemoryRunQueue:
    """`RunQueue` without a network; what was taken is given again when `time_out` says so."""

    wait_seconds: float = 0.0
    _waiting: deque[str] = field(default_factory=deque)
    _taken: dict[str, str] = field(default_factory=dict)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)
    _arrived: asyncio.Event = field(default_factory=asyncio.Event)

    async def put(self, run_id: str) -> None:
        """See `RunQueue.put`."""
        self._waiting.append(run_id)
        self._arrived.set()

    async def take(self, limit: int) -> Sequence[Ticket]:
        """See `RunQueue.take`."""
        tickets: list[Ticket] = []
        self._arrived.clear()
        if not self._waiting:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self.wait_seconds):
                    await self._arrived.wait()
        while self._waiting and len(tickets) < limit:
            ticket = Ticket(self._waiting.popleft(), str(next(self._numbers)))
            self._taken[ticket.receipt] = ticket.run_id
            tickets.append(ticket)
        return tickets

    async def done(self, ticket: Ticket) -> None:
        """See `RunQueue.done`."""
        self._taken.pop(ticket.receipt, None)

    def time_out(self) -> None:
        """Give again what was taken and is not done."""
        self._waiting.extend(self._taken.values())
        self._taken.clear()
        self._arrived.set()
