"""What agents remember: conversations as they were said, and facts that outlive them.

Both belong to one person of one workspace, and a conversation to one session of that person;
nothing ever goes across.
"""

from collections.abc import Sequence
from typing import Literal, NamedTuple, Protocol

import msgspec

from headgate.core.keys import VirtualKey


class Person(NamedTuple):
    """Whose memory it is: a user's or, where a key has no user, the key's own."""

    workspace_id: str
    id: str


def person_of(key: VirtualKey) -> Person:
    """Whose memory runs of `key` use."""
    return Person(key.workspace_id, key.key_id if key.user_id is None else key.user_id)


class Turn(msgspec.Struct, frozen=True):
    """What was said in a conversation; `at` is in Unix seconds."""

    speaker: Literal["user", "assistant"]
    text: str
    at: float


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """Something to know in later conversations; times are Unix seconds.

    Attributes:
        expires_at: from then on it is forgotten; None means never.
    """

    id: str
    text: str
    created_at: float
    expires_at: float | None = None


class MemoryStore(Protocol):
    """Where memories are kept. Every method may raise `Overloaded` when the store is away."""

    async def say(
        self, person: Person, session_id: str, turns: Sequence[Turn], *, once: str
    ) -> None:
        """Add turns to a conversation; a second time under the name `once` changes nothing."""
        ...

    async def conversation(self, person: Person, session_id: str, *, limit: int) -> list[Turn]:
        """The last `limit` turns of a conversation, in their order."""
        ...

    async def end(self, person: Person, session_id: str) -> None:
        """Forget a conversation."""
        ...

    async def keep(self, person: Person, facts: Sequence[Fact]) -> None:
        """Keep facts; one with an id that is there takes its place."""
        ...

    async def facts(self, person: Person, *, now: float, limit: int) -> list[Fact]:
        """The latest `limit` facts that have not expired, newest first."""
        ...

    async def forget(self, person: Person, fact_id: str) -> bool:
        """Forget a fact; says whether there was one."""
        ...
