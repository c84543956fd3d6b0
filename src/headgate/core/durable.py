"""The port of durable execution: work that goes on, on whatever process lives, until it is done.

A *thread* is one line of work. When its process dies, another one begins the same function again,
and what the thread's steps returned before comes back without their work being done anew. So the
function must take the same steps in the same order whenever it sees the same results: it looks at
clocks, stores and vendors inside of steps only.

Waiting (for a moment, for a person) is a step too, whose work asks a store: so that whatever else
happens to a run, a cancellation above all, reaches it while it waits.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol, TypeAlias


class Displaced(BaseException):
    """This process works on the thread no longer: another one does, or will.

    Whoever catches everything lets it pass, as a cancellation.
    """


class Diverged(Exception):
    """Another function is performed than the one that began the thread: its steps are others."""


class Thread(Protocol):
    """One line of a run's work."""

    @property
    def run_id(self) -> str:
        """The run it works for."""
        ...

    @property
    def path(self) -> str:
        """Its place among the run's threads: that of its parent, a dot and its number.

        Empty for the run's own.
        """
        ...

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> str:
        """What `work` returns, or returned before; it is done at least once, and kept.

        Steps may overlap where they are begun in the same order each time. An error of `work` is
        kept as well; what must be told apart later belongs into the result.

        Raises:
            Displaced: this process has lost the thread.
            Diverged: at this place there was another step when the thread was performed before.
        """
        ...

    async def branch(self, number: int, body: str) -> str:
        """What the thread `number` returns that works on `body` beside this one.

        Raises:
            Displaced, Diverged: see `step`.
        """
        ...


Perform: TypeAlias = Callable[[Thread, str], Awaitable[str]]
"""What a thread does with its body; the result is kept."""


class Engine(Protocol):
    """Performs threads, at least once each, over the death of processes."""

    async def start(self, perform: Perform) -> None:
        """Begin to work, first on what a dead process left.

        Raises:
            Overloaded: the engine's database cannot be used.
        """
        ...

    async def submit(self, run_id: str, body: str) -> None:
        """Have a run's own thread performed; once this returns it will be, whatever dies.

        A run that was submitted before is not begun again.

        Raises:
            Overloaded: the engine's database cannot be used.
        """
        ...

    async def forget(self, run_ids: list[str]) -> None:
        """Drop what is kept of ended runs."""
        ...

    async def aclose(self) -> None:
        """Stop working, in the middle of steps too; what is unfinished is found at the start."""
        ...
