"""Sessions of people at the dashboard: the value, and the port of the links that open one."""

from typing import NamedTuple, Protocol

from headgate.core.keys import VirtualKey


class Session(NamedTuple):
    """A person who has signed in.

    Attributes:
        key: on whose behalf they act, as it is now.
        expires_at: Unix seconds.
    """

    key: VirtualKey
    expires_at: float


class Tickets(Protocol):
    """One-time tickets, each of which opens a session on behalf of one key."""

    def issue(self, key_id: str) -> str:
        """A new ticket, which nobody can guess.

        Raises:
            Overloaded: it cannot be kept.
        """
        ...

    def take(self, ticket: str) -> str | None:
        """The key that a ticket stands for; None when it was taken before, is old or unknown.

        Of several that take it at once, in whatever process, one gets it.
        """
        ...
