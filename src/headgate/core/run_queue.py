"""The port of the queue between those who take orders for runs and those who work on them.

It says that there is something to take, and keeps nothing: a run lies in the store before it is
announced, and whoever takes it claims it there. So what comes twice does no harm, and what is lost
is found in the store.
"""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class Ticket(NamedTuple):
    """The news of a run, as one process was given it; `receipt` is the queue's own."""

    run_id: str
    receipt: str


class RunQueue(Protocol):
    """Where runs are announced. Every method may raise `Overloaded` when the queue is away."""

    async def put(self, run_id: str) -> None:
        """Announce a run."""
        ...

    async def take(self, limit: int) -> Sequence[Ticket]:
        """Up to `limit` of what was announced, which others are not given for now.

        Waits for some seconds where there is nothing. What is not `done` is given again later.
        """
        ...

    async def done(self, ticket: Ticket) -> None:
        """Have this given to nobody again."""
        ...
