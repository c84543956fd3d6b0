"""Values counted by size: quick to add to, and to be added to others."""

from bisect import bisect_left

from headgate.core.measurements import Measurement, Metric

SECONDS = (
    *(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0),
    *(10.0, 25.0, 60.0, 120.0, 300.0),
)
"""Bounds for what takes milliseconds to minutes."""


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
