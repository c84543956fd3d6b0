"""Questions that were answered, kept in this process: the group used longest ago goes first."""

import time
from collections import OrderedDict, deque
from collections.abc import Callable, Sequence
from typing import NamedTuple

from headgate.core.cache import MOST_NEIGHBOURS, Neighbour

# What a question itself takes beside its vector and name, about.
OVERHEAD_BYTES = 256


class _Dated(NamedTuple):
    neighbour: Neighbour
    expires_at: float

    @property
    def size(self) -> int:
        return OVERHEAD_BYTES + len(self.neighbour.vector) + len(self.neighbour.name)


class MemoryNeighbours:
    """A `NeighbourStore` of one process."""

    def __init__(
        self, ttl_seconds: float, max_bytes: int, *, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """Begin empty.

        Args:
            ttl_seconds: how long a question is remembered.
            max_bytes: the most that all questions together take.
            clock: seconds that only go forward.
        """
        self._ttl_seconds = ttl_seconds
        self._max_bytes = max_bytes
        self._clock = clock
        self._groups: OrderedDict[str, deque[_Dated]] = OrderedDict()
        self._bytes = 0

    async def neighbours(self, group: str) -> Sequence[Neighbour]:
        """See `NeighbourStore.neighbours`."""
        members = self._groups.get(group)
        if members is None:
            return ()
        self._groups.move_to_end(group)
        now = self._clock()
        while members and members[-1].expires_at <= now:
            self._bytes -= members.pop().size
        if not members:
            del self._groups[group]
        return [member.neighbour for member in members]

    async def add_neighbour(self, group: str, neighbour: Neighbour) -> None:
        """See `NeighbourStore.add_neighbour`."""
        member = _Dated(neighbour, self._clock() + self._ttl_seconds)
        if member.size > self._max_bytes:
            return
        members = self._groups.setdefault(group, deque())
        self._groups.move_to_end(group)
        members.appendleft(member)
        self._bytes += member.size
        if len(members) > MOST_NEIGHBOURS:
            self._bytes -= members.pop().size
        while self._bytes > self._max_bytes:
            self._shrink()

    def _shrink(self) -> None:
        """Forget the oldest question of the group that was used longest ago."""
        name, members = next(iter(self._groups.items()))
        self._bytes -= members.pop().size
        if not members:
            del self._groups[name]
