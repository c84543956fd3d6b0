"""The one straight path from a request to its answer."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import pytest

from asgi import Client
from headgate.core.errors import Overloaded
from headgate.http import app as app_module
from headgate.http.app import Application
from headgate.http.calls import Call, Reply
from headgate.http.routes import Route, RouteTable
from headgate.http.services import Services
from platform_in_memory import chat, make_key, platform

NOWHERE = "/v1/nowhere"


async def test_an_unknown_path_is_404_before_anything_else() -> None:
    async with platform() as running:
        answer = await running.call("POST", NOWHERE, b"x" * 2_000_000, key=None)
    assert (answer.status, answer.json["error"]["code"]) == (404, "not_found")


async def test_a_wrong_method_is_405_and_says_which_are_right() -> None:
    async with platform() as running:
        answer = await running.call("PATCH", "/v1/complete", key=None)
    assert (answer.status, answer.json["error"]["code"]) == (405, "method_not_allowed")
    assert answer.headers["allow"] == "POST"


async def test_a_declared_body_that_is_too_large_is_413() -> None:
    async with platform(max_body_bytes=100) as running:
        headers = {"content-length": "101"}
        answer = await running.call("POST", "/v1/complete", b"", key=None, headers=headers)
    assert (answer.status, answer.json["error"]["code"]) == (413, "request_too_large")


async def test_who_sends_a_body_that_is_too_large_is_read_to_its_end() -> None:
    """A connection that is closed on somebody who still sends takes the answer with it."""
    async with platform(max_body_bytes=10) as running:
        for headers in ({"content-length": "11"}, {}):
            client = running.client("POST", "/v1/complete", b"x" * 11, headers=headers)
            await running.app(client.scope, client.receive, client.send)
            assert client.status == 413
            assert client.unread == b""
        waiting = {"content-length": "11", "expect": "100-continue"}
        client = running.client("POST", "/v1/complete", b"x" * 11, headers=waiting)
        await running.app(client.scope, client.receive, client.send)
        assert (client.status, client.unread) == (413, b"x" * 11)


async def test_an_undeclared_body_that_is_too_large_is_413() -> None:
    async with platform(max_body_bytes=100) as running:
        answer = await running.call("POST", "/v1/complete", b"x" * 101, key=None)
    assert answer.status == 413


async def test_without_a_key_it_is_401_even_when_the_body_is_wrong() -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", b"{", key=None)
    assert (answer.status, answer.json["error"]["code"]) == (401, "invalid_api_key")


async def test_a_missing_scope_is_403_even_when_the_body_is_wrong() -> None:
    async with platform() as running:
        key = await make_key(running, scopes=["usage:read"])
        answer = await running.call("POST", "/v1/complete", b"{", key=key)
    assert (answer.status, answer.json["error"]["code"]) == (403, "insufficient_scope")


@pytest.mark.parametrize(
    ("body", "where"),
    [
        (b'{"messages":[{"role":"user","content":"x"}],"temperature":"0.5"}', "temperature"),
        (b'{"messages":[{"role":"user","content":7}]}', "messages[0].content"),
        (b'{"messages":[]}', "messages"),
    ],
)
async def test_a_body_of_another_shape_is_400_and_says_where(body: bytes, where: str) -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/complete", body)
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")
    assert answer.json["error"]["param"] == where


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"nonsense",
        b"\xff\xfe",
        b'{"unknown":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"x":' + b"[" * 100_000,
    ],
)
async def test_a_body_that_is_no_json_text_is_400(body: bytes) -> None:
    async with platform() as running:
        answer = await running.call("POST", "/v1/chat/completions", body)
    assert (answer.status, answer.json["error"]["code"]) == (400, "invalid_request")


async def test_a_key_can_come_in_either_header() -> None:
    async with platform() as running:
        key = await make_key(running)
        own = await running.call("GET", "/v1/models", key=None, headers={"x-api-key": key})
        bearer = await running.call("GET", "/v1/models", key=key)
    assert own.status == bearer.status == 200


async def test_every_answer_has_a_request_id_of_its_own() -> None:
    async with platform() as running:
        answers = [
            await running.call("GET", "/health"),
            await running.call("GET", NOWHERE),
            await running.call("POST", "/v1/stream", chat("Hello")),
        ]
    assert len({answer.headers["x-request-id"] for answer in answers}) == 3


async def test_head_gets_the_headers_of_get_alone() -> None:
    async with platform() as running:
        head = await running.call("HEAD", "/health")
        get = await running.call("GET", "/health")
    assert (head.status, head.data) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"]


async def test_a_fault_of_ours_is_logged_and_answered_without_a_trace(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def broken(_call: Call[Any]) -> Reply:
        raise ZeroDivisionError("the secret of the division")

    row = Route(
        method="GET", path="/broken", access="open", handler=broken, summary="-", answer=None
    )
    async with _started(row) as app:
        client = Client("GET", "/broken", headers={})
        client.scope["query_string"] = b""
        with caplog.at_level(logging.ERROR):
            await app(client.scope, client.receive, client.send)
    assert (client.status, client.json["error"]["code"]) == (500, "internal_error")
    assert b"division" not in client.data
    assert client.headers["x-request-id"] in caplog.text


async def test_a_caller_who_leaves_takes_the_work_along(monkeypatch: pytest.MonkeyPatch) -> None:
    """The handler is cancelled, and nothing is sent to nobody."""
    monkeypatch.setattr(app_module, "WATCH_AFTER_SECONDS", 0)
    started, ended = asyncio.Event(), asyncio.Event()

    async def endless(_call: Call[Any]) -> Reply:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError("nobody sets the event")

    row = Route(
        method="GET", path="/endless", access="open", handler=endless, summary="-", answer=None
    )
    async with _started(row) as app:
        client = Client("GET", "/endless", headers={})
        client.scope["query_string"] = b""
        serving = asyncio.create_task(app(client.scope, client.receive, client.send))
        await started.wait()
        client.left.set()
        await serving
    assert ended.is_set()
    assert client.messages == []


async def test_a_server_that_stops_says_so_and_cancels_as_asyncio_does() -> None:
    """It has waited for the answer as long as it would."""
    started = asyncio.Event()

    async def endless(_call: Call[Any]) -> Reply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError("nobody sets the event")

    row = Route(
        method="GET", path="/endless", access="open", handler=endless, summary="-", answer=None
    )
    async with _started(row) as app:
        client = Client("GET", "/endless", headers={})
        client.scope["query_string"] = b""
        serving = asyncio.create_task(app(client.scope, client.receive, client.send))
        await started.wait()
        serving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await serving
    assert (client.status, client.json["error"]["code"]) == (503, "overloaded")
    assert client.headers["retry-after"] == "1"
    assert client.headers["x-request-id"]


async def test_a_platform_that_cannot_start_says_why() -> None:
    async with platform() as running:
        pass

    @asynccontextmanager
    async def broken() -> AsyncIterator[Services]:
        await _fail()
        yield running.services

    async def _fail() -> None:
        raise Overloaded("the disk is full")

    said: list[Any] = []
    app = Application(RouteTable([]), broken)

    async def receive() -> dict[str, Any]:
        return {"type": "lifespan.startup"}

    async def send(message: Any) -> None:
        said.append(message)

    await app({"type": "lifespan"}, receive, send)
    assert said == [{"type": "lifespan.startup.failed", "message": "the disk is full"}]


@asynccontextmanager
async def _started(*rows: Route) -> AsyncIterator[Application]:
    async with platform() as running:
        services = running.services

        @asynccontextmanager
        async def resources() -> AsyncIterator[Services]:
            yield services

        factory: Callable[[], AbstractAsyncContextManager[Services]] = resources
        app = Application(RouteTable(list(rows)), factory)
        to_app: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        from_app: asyncio.Queue[Any] = asyncio.Queue()
        life = asyncio.create_task(app({"type": "lifespan"}, to_app.get, from_app.put))
        await to_app.put({"type": "lifespan.startup"})
        await from_app.get()
        yield app
        await to_app.put({"type": "lifespan.shutdown"})
        await life
