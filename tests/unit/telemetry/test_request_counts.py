from headgate.core.watching import RequestRecord
from headgate.telemetry.request_counts import RequestCounts


def test_requests_count_by_row_and_status_and_how_long_they_took() -> None:
    counts = RequestCounts()
    for status in (200, 200, 429):
        counts.count(RequestRecord("req_1", "POST", "/v1/complete", status, 0.2, None))
    counts.count(RequestRecord("req_2", "BREW", "unmatched", 404, 0.1, None))
    told = [(one.name, dict(one.labels), one.value) for one in counts.measurements()]
    requests = [(labels, value) for name, labels, value in told if name.endswith("_requests")]
    row = {"method": "POST", "route": "/v1/complete"}
    assert ({**row, "status": "200"}, 2) in requests
    assert ({**row, "status": "429"}, 1) in requests
    assert ({"method": "other", "route": "unmatched", "status": "404"}, 1) in requests
    (seconds,) = [one for one in counts.measurements() if one.labels == {"route": "/v1/complete"}]
    assert sum(seconds.counts) == 3


def test_requests_over_sockets_count_apart() -> None:
    counts = RequestCounts()
    counts.count(RequestRecord("req_1", "WS", "/v1/stream", 200, 0.2, None))
    (told,) = [one for one in counts.measurements() if one.name == "headgate_http_requests"]
    assert told.labels == {"method": "WS", "route": "/v1/stream", "status": "200"}
