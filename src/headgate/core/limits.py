"""Rate limits: requests and tokens per minute, and calls at once."""

from typing import Protocol

import msgspec

from headgate.core.keys import VirtualKey


class Window(msgspec.Struct, frozen=True):
    """One limit's state, as the `x-ratelimit-*` headers say it.

    `reset_seconds` is how long until the limit is whole again.
    """

    limit: int
    remaining: int
    reset_seconds: float


class Ticket(Protocol):
    """One admitted call."""

    requests: Window
    tokens: Window

    def finish(self, tokens: int) -> None:
        """Give the place back and replace the estimate by the tokens that were used."""
        ...


class RateLimiter(Protocol):
    """Admits calls within each key's limits, over all processes that share it."""

    async def admit(self, key: VirtualKey, tokens: int) -> Ticket:
        """Admit a call that needs about `tokens`.

        Raises:
            RateLimited: a limit is reached; says when to come back.
        """
        ...

    async def look(self, key: VirtualKey) -> tuple[Window, Window]:
        """The state of the key's limits on requests and on tokens, without taking anything.

        Raises:
            Overloaded: it cannot be known now.
        """
        ...
