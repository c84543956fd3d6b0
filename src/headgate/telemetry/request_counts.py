"""Requests, counted as they are answered: by the rows of the route table."""

from collections.abc import Iterable

from headgate.core.measurements import Measurement, Metric
from headgate.core.watching import SOCKET, RequestRecord
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
