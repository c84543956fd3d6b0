"""What this process has asked DynamoDB, how long that took, and how often it was told to wait."""

import math
from collections import Counter, deque
from collections.abc import Iterable

from headgate.core.measurements import Measurement, Metric

KEPT = 512
"""How many of an operation's last requests its percentiles are of."""

CALLS = Metric(
    "headgate_table_calls",
    "counter",
    "Requests to DynamoDB, by what came of them: `ok`, `refused` where a condition did not hold,"
    " `throttled`, `failed`.",
    ("operation", "outcome"),
)
SECONDS = Metric(
    "headgate_table_seconds",
    "counter",
    "The time that requests to DynamoDB have taken together.",
    ("operation",),
)
P95 = Metric(
    "headgate_table_p95_seconds",
    "gauge",
    "What 95 % of the last requests to DynamoDB stayed within.",
    ("operation",),
    merge="max",
)


class TableCounts:
    """`Measured` that counts the requests of this process."""

    metrics = (CALLS, SECONDS, P95)

    def __init__(self) -> None:
        """Begin with no request."""
        self._outcomes: Counter[tuple[str, str]] = Counter()
        self._seconds: dict[str, float] = {}
        self._last: dict[str, deque[float]] = {}

    def count(self, operation: str, outcome: str, seconds: float) -> None:
        """Count a request that was answered, or that was not."""
        self._outcomes[operation, outcome] += 1
        self._last.setdefault(operation, deque(maxlen=KEPT)).append(seconds)
        self._seconds[operation] = self._seconds.get(operation, 0.0) + seconds

    def measurements(self) -> Iterable[Measurement]:
        """The numbers as they stand now."""
        for (operation, outcome), calls in self._outcomes.items():
            yield CALLS.at(calls, operation, outcome)
        for operation, seconds in self._last.items():
            yield SECONDS.at(self._seconds[operation], operation)
            place = math.ceil(0.95 * len(seconds)) - 1
            yield P95.at(sorted(seconds)[place], operation)
