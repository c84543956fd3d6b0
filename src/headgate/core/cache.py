"""The port of the response cache: bytes under a name for a while, and nothing that must be there.

A cache may forget at any time and is never the reason why a call fails: an adapter whose store is
away finds nothing and keeps nothing.
"""

from typing import Protocol

LARGEST_VALUE = 4 * 1024 * 1024
"""A longer answer is not kept, in bytes: it would push out many others, and be slow to fetch."""


class ResponseCache(Protocol):
    """Where answers are kept to be given again. No method raises."""

    async def get(self, name: str) -> bytes | None:
        """What was put there, if it still is."""
        ...

    async def put(self, name: str, value: bytes) -> None:
        """Keep a value, instead of an earlier one, for the cache's own time and if it has room."""
        ...
