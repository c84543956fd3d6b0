"""A socket as ASGI carries it, without a server."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import pytest

from fakes import FakeProvider
from headgate.bootstrap.telemetry import Telemetry
from headgate.core.chat import ChatDelta
from headgate.core.watching import RequestRecord
from headgate.http.app import CLOSING, App
from headgate.http.cors import with_cors
from headgate.http.routes import RouteTable
from headgate.http.sockets.connection import Sockets
from headgate.http.sockets.conversation import SLOW, UNAUTHENTICATED
from headgate.http.sockets.watch import Watch
from headgate.http.table import routes
from platform_in_memory import ADMIN, Platform, chat, make_key, platform


@dataclass
class Socket:
    """A caller's side; while `reads` is not set, nothing that is sent to it is taken."""

    path: str = "/ws"
    headers: dict[str, str] = field(default_factory=dict)
    reads: asyncio.Event = field(default_factory=asyncio.Event)
    to_app: asyncio.Queue[dict[str, Any]] = field(default_factory=asyncio.Queue)
    from_app: asyncio.Queue[Any] = field(default_factory=asyncio.Queue)

    def __post_init__(self) -> None:
        self.reads.set()
        self.scope: dict[str, Any] = {
            "type": "websocket",
            "path": self.path,
            "headers": [(name.encode(), value.encode()) for name, value in self.headers.items()],
        }
        self.to_app.put_nowait({"type": "websocket.connect"})

    async def send_to_caller(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.reads.wait()
        self.from_app.put_nowait(message)

    def say(self, action: str, **fields: Any) -> None:
        text = json.dumps({"action": action, **fields})
        self.to_app.put_nowait({"type": "websocket.receive", "text": text})

    async def heard(self) -> Any:
        message = await self.from_app.get()
        return json.loads(message["text"]) if message["type"] == "websocket.send" else message

    def leave(self) -> None:
        self.to_app.put_nowait({"type": "websocket.disconnect", "code": 1001})


@contextlib.asynccontextmanager
async def connected(app: App, socket: Socket) -> AsyncIterator[asyncio.Task[Any]]:
    serving = asyncio.create_task(app(socket.scope, socket.to_app.get, socket.send_to_caller))
    try:
        yield serving
    finally:
        socket.leave()
        await serving


def hasty(here: Platform) -> App:
    """The sockets of a platform that loses patience, and looks at keys, after a moment."""
    sockets = Sockets(RouteTable(routes()), slow_seconds=0.01, watch=Watch(0.001))

    async def app(scope: Any, receive: Any, send: Any) -> None:
        closing = lambda: bool(scope.get(CLOSING))  # noqa: E731 - as the application has it
        await sockets.serve(here.services, scope, receive, send, closing)

    return app


async def test_a_key_in_a_header_opens_it() -> None:
    for headers in ({"authorization": f"Bearer {ADMIN}"}, {"x-api-key": ADMIN}):
        socket = Socket(headers=headers)
        async with platform() as here, connected(here.app, socket):
            assert (await socket.heard())["type"] == "websocket.accept"
            assert (await socket.heard())["type"] == "ready"
            assert here.services.activity.sockets == 1
            socket.say("complete", requestId="a", **chat("[[say hi]]"))
            assert (await socket.heard())["content"] == "hi"
            assert (await socket.heard())["type"] == "done"
        assert here.services.activity.sockets == 0


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/ws", {"authorization": "Bearer nobody"}, 401),
        ("/ws", {"x-api-key": ""}, 401),
        ("/v1/models", {"authorization": f"Bearer {ADMIN}"}, 404),
        ("/ws/", {}, 404),
    ],
)
async def test_a_handshake_is_refused_as_any_request(
    path: str, headers: dict[str, str], status: int
) -> None:
    socket, records = Socket(path, headers), list[RequestRecord]()
    telemetry = Telemetry(told=(records.append,))
    async with platform(telemetry=telemetry) as here, connected(here.app, socket):
        start = await socket.heard()
        assert (start["type"], start["status"]) == ("websocket.http.response.start", status)
        assert {b"x-request-id", b"content-type"} <= dict(start["headers"]).keys()
        assert "error" in json.loads((await socket.heard())["body"])
    (record,) = records
    assert record.request_id.encode() == dict(start["headers"])[b"x-request-id"]
    assert record[1:4] == ("WS", path if path == "/ws" else "unmatched", status)


async def test_a_session_of_the_dashboard_opens_no_socket() -> None:
    """So a page of another site cannot speak for whoever is signed in."""
    async with platform() as here:
        signed_in = await here.call(
            "POST",
            "/v1/session",
            {"apiKey": ADMIN},
            key=None,
            headers={"host": "127.0.0.1", "origin": "http://127.0.0.1"},
        )
        cookie = signed_in.headers["set-cookie"].partition(";")[0]
        headers = {"cookie": cookie, "host": "127.0.0.1", "origin": "http://127.0.0.1"}
        socket = Socket(headers=headers)
        async with connected(here.app, socket):
            assert (await socket.heard())["type"] == "websocket.accept"
            socket.say("complete", requestId="a", **chat("hi"))
            assert (await socket.heard())["code"] == UNAUTHENTICATED


@pytest.mark.parametrize(
    ("origin", "origins", "may"),
    [
        ("https://page.example", ("*",), True),
        ("https://page.example", ("https://page.example",), True),
        ("https://own.example", ("https://page.example",), True),
        ("https://elsewhere.example", ("https://page.example",), False),
        ("null", ("https://page.example",), False),
        (None, ("https://page.example",), True),
    ],
)
async def test_pages_of_origins_that_are_not_listed_may_not_connect(
    origin: str | None, origins: tuple[str, ...], *, may: bool
) -> None:
    headers = {"host": "own.example"} | ({} if origin is None else {"origin": origin})
    socket = Socket(headers=headers)
    async with platform() as here, connected(with_cors(here.app, origins), socket):
        answer = await socket.heard()
        assert (answer["type"] == "websocket.accept") == may
        assert may or answer["status"] == 403


async def test_who_takes_nothing_is_closed_and_the_vendor_is_stopped() -> None:
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    socket = Socket(headers={"x-api-key": ADMIN})
    async with platform(vendor) as here, connected(hasty(here), socket) as serving:
        assert (await socket.heard())["type"] == "websocket.accept"
        assert (await socket.heard())["type"] == "ready"
        socket.reads.clear()
        socket.say("complete", requestId="a", **chat("hi", model="small"))
        assert (await socket.heard())["code"] == SLOW
        await serving
        assert vendor.streams[0].is_closed


async def test_a_key_that_is_revoked_closes_the_socket() -> None:
    async with platform() as here:
        key = await make_key(here)
        socket = Socket(headers={"x-api-key": key})
        async with connected(hasty(here), socket):
            assert (await socket.heard())["type"] == "websocket.accept"
            assert (await socket.heard())["type"] == "ready"
            await here.services.keys.revoke(key.rpartition("-")[0])
            assert (await socket.heard())["code"] == UNAUTHENTICATED


async def test_who_leaves_while_its_call_is_under_way_stops_the_vendor() -> None:
    vendor = FakeProvider("one", asyncio.Event())
    socket = Socket(headers={"x-api-key": ADMIN})
    async with platform(vendor) as here, connected(here.app, socket) as serving:
        socket.say("complete", requestId="a", **chat("hi", model="small"))
        await vendor.called.wait()
        socket.leave()
        await serving
        assert vendor.streams[0].is_closed


async def test_a_caller_who_is_gone_when_it_is_told_something_is_no_fault() -> None:
    socket = Socket(headers={"x-api-key": ADMIN})

    async def send(message: Any) -> None:
        if message["type"] == "websocket.send":
            raise OSError
        await socket.send_to_caller(message)

    async with platform() as here:
        await here.app(socket.scope, socket.to_app.get, send)
    assert (await socket.heard())["type"] == "websocket.accept"
