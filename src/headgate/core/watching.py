"""The port through which calls to models are watched: counted, traced and logged.

A gateway that nobody watches pays for one comparison a call.
"""

from collections.abc import Callable
from typing import Literal, Protocol, TypeAlias

from headgate.core.usage import UsageEvent

CallKind: TypeAlias = Literal["whole", "stream", "vectors"]
"""What a caller waits for: a whole answer, its pieces, or vectors."""

CallEnded: TypeAlias = Callable[[UsageEvent, str | None], None]
"""Is told the row that a call was settled with, and in one word what the vendor failed by."""


class CallWatch(Protocol):
    """Sees every call to a vendor, and every answer from the cache."""

    def began(self, provider: str, model: str, kind: CallKind) -> CallEnded:
        """A call begins; what this gives is called once, when it is settled. Must not fail."""
        ...
