"""Deleting what is kept of a user: the values, and the port of the stores that keep it.

What a user said, and what was made of it, goes. What was spent stays, under a pseudonym: a random
name that the user had nowhere before. Which user had which is known while a deletion is under way,
and forgotten with its end; then nobody can lead the one back to the other.
"""

from typing import NamedTuple, Protocol

import msgspec


class Erasure(msgspec.Struct, frozen=True, kw_only=True):
    """A deletion that is under way; `begun_at` is in Unix seconds."""

    user_id: str
    pseudonym: str
    begun_at: float


class Erased(NamedTuple):
    """What one step did.

    Attributes:
        changed: how many rows it deleted or gave to the pseudonym.
        waiting: how many cannot go yet: runs that have not ended, or that the process which works
            on runs has not deleted, and money that is leased for calls under way.
    """

    changed: int
    waiting: int


class UserDataStore(Protocol):
    """Where users' data are. Every method may raise `Overloaded` when the store is away."""

    async def begin(self, erasure: Erasure) -> Erasure:
        """Note that a user's data are to go; gives the deletion that is under way already."""
        ...

    async def of(self, user_id: str) -> Erasure | None:
        """The deletion of a user's data that is under way."""
        ...

    async def under_way(self) -> list[Erasure]:
        """All deletions that are."""
        ...

    async def erase(self, erasure: Erasure, *, limit: int) -> Erased:
        """Take a step, of about `limit` rows of each kind; harmless when there is nothing left."""
        ...

    async def end(self, erasure: Erasure) -> None:
        """Forget which pseudonym the user got; harmless a second time."""
        ...
