"""The ports of the response cache: bytes under a name for a while, and nothing that must be there.

A cache may forget at any time and is never the reason why a call fails: an adapter whose store is
away finds nothing and keeps nothing.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol

LARGEST_VALUE = 4 * 1024 * 1024
"""A longer answer is not kept, in bytes: it would push out many others, and be slow to fetch."""
MOST_NEIGHBOURS = 128
"""So many questions of a group are remembered: each new one is compared with all of them."""


class ResponseCache(Protocol):
    """Where answers are kept to be given again. No method raises."""

    async def get(self, name: str) -> bytes | None:
        """What was put there, if it still is."""
        ...

    async def put(self, name: str, value: bytes) -> None:
        """Keep a value, instead of an earlier one, for the cache's own time and if it has room."""
        ...


class Neighbour(NamedTuple):
    """A question that was answered: its meaning, and the name under which the answer is kept.

    Attributes:
        vector: one signed byte for each dimension.
    """

    vector: bytes
    name: str


class NeighbourStore(Protocol):
    """Which questions were asked that differ in their last words alone. No method raises."""

    async def neighbours(self, group: str) -> Sequence[Neighbour]:
        """The questions of a group, the newest first, at most `MOST_NEIGHBOURS`.

        The answer to one of them may be gone.
        """
        ...

    async def add_neighbour(self, group: str, neighbour: Neighbour) -> None:
        """Remember a question; the oldest of its group goes where there are too many."""
        ...
