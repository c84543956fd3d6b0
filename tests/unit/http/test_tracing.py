"""A span around each request, seen by a tracer of the test's."""

import contextlib
from collections.abc import Iterator, Mapping
from typing import Any

from asgi import Client
from headgate.core.tracing import Untraced
from headgate.http.routes import RouteTable
from headgate.http.table import routes
from headgate.http.tracing import with_tracing


class Noting(Untraced):
    """Notes requests and what was answered."""

    def __init__(self) -> None:
        self.noted: list[tuple[Any, ...]] = []

    @contextlib.contextmanager
    def request(self, method: str, route: str, headers: Mapping[bytes, bytes]) -> Iterator[Any]:  # type: ignore[override]
        self.noted.append((method, route, headers.get(b"traceparent")))
        yield self
        self.noted.append(("end",))

    def answered(self, status: int, request_id: str) -> None:
        self.noted.append((status, request_id))


async def answer(scope: Any, receive: Any, send: Any) -> None:
    headers = [(b"x-request-id", b"req_1")]
    await send({"type": "http.response.start", "status": 202, "headers": headers})
    await send({"type": "http.response.body", "body": b"{}"})


async def test_a_request_is_named_by_its_row_and_says_how_it_was_answered() -> None:
    tracer = Noting()
    app = with_tracing(answer, RouteTable(routes()), tracer)
    for path in ("/v1/agents/runs/run_7", "/nowhere/secret"):
        client = Client("GET", path, headers={"traceparent": "00-1"})
        await app(client.scope, client.receive, client.send)
        assert client.status == 202
    answered = [(202, "req_1"), ("end",)]
    assert tracer.noted == [
        *[("GET", "/v1/agents/runs/{runId}", b"00-1"), *answered],
        *[("GET", "unmatched", b"00-1"), *answered],
    ]


async def test_what_is_no_request_passes() -> None:
    passed = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        passed.append(scope["type"])

    client = Client("GET", "/")
    traced = with_tracing(app, RouteTable([]), Noting())
    await traced({"type": "lifespan"}, client.receive, client.send)
    assert passed == ["lifespan"]
