"""Troubles that begin and end, of which everybody is told once: the port of what was told.

An episode is known by its name, and on each channel it is *open* or not. Whoever finds that this is
no longer so claims to tell it; when the telling is done, that is what was told. A claim whose
process dies in between ends, and another may tell it, a second time perhaps.
"""

from typing import Protocol


class EpisodeStore(Protocol):
    """Where it is kept what was told. Every method may raise `Overloaded`: the store is away."""

    async def claim(
        self, name: str, channel: str, *, is_open: bool, now: float, until: float
    ) -> float | None:
        """Claim to tell that an episode is open, or no longer, until some moment.

        Gives when the last change was told, in Unix seconds, 0 where none ever was; None where this
        was told already, or another process has claimed it.
        """
        ...

    async def told(self, name: str, channel: str, *, is_open: bool, now: float) -> None:
        """Keep that it was told; the claim ends."""
        ...
