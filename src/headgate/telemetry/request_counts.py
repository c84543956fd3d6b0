"""Requests, counted as they are answered: by the rows of the route table."""

from collections import Counter
from collections.abc import Iterable, Mapping

from headgate.core.measurements import Measurement, Metric
from headgate.core.service_levels import ALL, Counts
from headgate.core.watching import LEFT, SOCKET, RequestRecord
from headgate.telemetry.histogram import Histogram

REQUESTS = Metric(
    "headgate_http_requests",
    "counter",
    "Requests that were answered, by the path of their row in the route table (`unmatched` where"
    " there is none) and status; 499 where the caller left before. Those over a WebSocket have the"
    " method `WS`.",
    ("method", "route", "status"),
)
SECONDS = Metric(
    "headgate_http_request_seconds",
    "histogram",
    "How long requests took to the last byte of their answers, streams and waiting runs included.",
    ("route",),
)
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", SOCKET})


class RequestCounts:
    """`Measured` that counts the requests of this process."""

    metrics = (REQUESTS, SECONDS)

    def __init__(self) -> None:
        """Begin with no request."""
        self._counts: dict[tuple[str, str, int], int] = {}
        self._seconds: dict[str, Histogram] = {}
        self._told: Counter[str] = Counter()

    def count(self, record: RequestRecord) -> None:
        """Count a request that was answered."""
        method = record.method if record.method in METHODS else "other"
        key = (method, record.route, record.status)
        self._counts[key] = self._counts.get(key, 0) + 1
        seconds = self._seconds.get(record.route)
        if seconds is None:
            seconds = self._seconds[record.route] = Histogram()
        seconds.add(record.seconds)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        for (method, route, status), count in sorted(self._counts.items()):
            yield REQUESTS.at(count, method, route, str(status))
        for route, seconds in sorted(self._seconds.items()):
            yield seconds.measured(SECONDS, route)

    def untold(self, metered: frozenset[str]) -> Mapping[str, Counts]:
        """See `Untold`: the requests for models, whose rows have these paths.

        What callers did wrong or did not wait for is no failure.
        """
        now: Counter[str] = Counter()
        for (_, route, status), count in self._counts.items():
            if route in metered and status != LEFT:
                now["requests"] += count
                now["failed"] += count if status >= 500 else 0
        untold, self._told = now - self._told, now
        return {ALL: untold} if untold else {}
