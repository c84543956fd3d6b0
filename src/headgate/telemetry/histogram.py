"""Values counted by size: quick to add to, and to be added to others."""

from bisect import bisect_left

from headgate.core.measurements import Measurement, Metric
from headgate.core.service_levels import BOUNDS, ROUND_MS

SECONDS = tuple(bound / 1000 for bound in ROUND_MS)
"""Bounds for what takes milliseconds to minutes."""
_LAST_CLASSES = tuple(BOUNDS.index(bound) for bound in ROUND_MS)


class Histogram:
    """How many values lie within each of `bounds`, and their sum."""

    __slots__ = ("bounds", "counts", "total")

    def __init__(self, bounds: tuple[float, ...] = SECONDS) -> None:
        """Begin with no value."""
        self.bounds = bounds
        self.counts = [0] * (len(bounds) + 1)
        self.total = 0.0

    def add(self, value: float) -> None:
        """Count a value; one that is a bound lies within it."""
        self.counts[bisect_left(self.bounds, value)] += 1
        self.total += value

    def measured(self, metric: Metric, *labels: str) -> Measurement:
        """The values as they stand now."""
        told = metric.at(self.total, *labels)
        return told._replace(bounds=self.bounds, counts=tuple(self.counts))


class Latencies:
    """Times in whole milliseconds, counted by the classes of service levels."""

    __slots__ = ("classes", "total")

    def __init__(self) -> None:
        """Begin with no time."""
        self.classes = [0] * (len(BOUNDS) + 1)
        self.total = 0

    def add(self, milliseconds: int) -> None:
        """Count a time; one that is a bound lies within it."""
        self.classes[bisect_left(BOUNDS, milliseconds)] += 1
        self.total += milliseconds

    def measured(self, metric: Metric, *labels: str) -> Measurement:
        """The times as they stand now, in seconds, within the bounds of `SECONDS`."""
        ends = [place + 1 for place in _LAST_CLASSES]
        parts = zip([0, *ends], [*ends, len(self.classes)], strict=True)
        counts = tuple(sum(self.classes[begin:end]) for begin, end in parts)
        told = metric.at(self.total / 1000, *labels)
        return told._replace(bounds=SECONDS, counts=counts)
