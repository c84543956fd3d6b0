"""What a process of the platform says of itself: values, and the port of who watches it."""

from collections.abc import Sequence
from typing import NamedTuple, Protocol


class ProcessSample(NamedTuple):
    """A process at one moment.

    Attributes:
        at: Unix seconds.
        cpu: the share of one core that it used since the sample before.
        memory_bytes: what it holds of the machine's memory.
        lag_seconds: how much later than it was due the event loop came to this sample.
    """

    at: float
    cpu: float
    memory_bytes: int
    lag_seconds: float


class ProcessHistory(Protocol):
    """The last minutes of this process."""

    @property
    def started_at(self) -> float:
        """When it began to watch itself, in Unix seconds."""
        ...

    def samples(self) -> Sequence[ProcessSample]:
        """What was seen, the oldest first, up to now."""
        ...
