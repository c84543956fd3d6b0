"""`/ws`: messages in, messages out."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest

from headgate.http.sockets import Socket
from platform_in_memory import ADMIN, Platform, make_key, platform

HELLO = {"model": "sandbox", "messages": [{"role": "user", "content": "hello there"}]}


class Peer:
    """The other side of a connection."""

    def __init__(self) -> None:
        self.to_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.from_server: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.reads = asyncio.Event()
        self.reads.set()
        self.to_server.put_nowait({"type": "websocket.connect"})

    async def receive(self) -> Any:
        return await self.to_server.get()

    async def send(self, message: Any) -> None:
        if message["type"] == "websocket.send":
            await self.reads.wait()
        await self.from_server.put(message)

    def say(self, **message: Any) -> None:
        self.to_server.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})

    def leave(self) -> None:
        self.to_server.put_nowait({"type": "websocket.disconnect", "code": 1001})

    async def hear(self) -> dict[str, Any]:
        """The next message, or the closing."""
        async with asyncio.timeout(20):
            while (got := await self.from_server.get())["type"] == "websocket.accept":
                pass
        return got if got["type"] == "websocket.close" else json.loads(got["text"])

    async def hear_until(self, kind: str) -> list[dict[str, Any]]:
        heard = [await self.hear()]
        while heard[-1].get("type") != kind:
            heard.append(await self.hear())
        return heard


@contextlib.asynccontextmanager
async def connected(here: Platform, *, key: str | None = ADMIN) -> AsyncIterator[Peer]:
    """A connection that has been greeted; without a key, one that has only been opened."""
    peer = Peer()
    headers = [] if key is None else [(b"authorization", f"Bearer {key}".encode())]
    scope = {"type": "websocket", "path": "/ws", "headers": headers}
    serving = asyncio.create_task(here.app(scope, peer.receive, peer.send))
    if key is not None:
        assert await peer.hear() == {"type": "ready"}
    yield peer
    peer.leave()
    await serving


async def test_who_authenticates_first_is_ready() -> None:
    async with platform() as here, connected(here, key=None) as peer:
        peer.say(action="authenticate", apiKey=ADMIN)
        assert await peer.hear() == {"type": "ready"}
        peer.say(action="ping", requestId="p")
        assert await peer.hear() == {"type": "pong", "requestId": "p"}


@pytest.mark.parametrize(
    "first",
    [
        {"action": "ping"},
        {"action": "authenticate"},
        {"action": "authenticate", "apiKey": "sk-proj-wrong"},
        {},
    ],
)
async def test_who_does_not_authenticate_is_closed(first: dict[str, Any]) -> None:
    async with platform() as here, connected(here, key=None) as peer:
        peer.say(**first)
        closed = await peer.hear()
    assert (closed["type"], closed["code"]) == ("websocket.close", 4401)


async def test_a_wrong_key_in_the_header_is_closed() -> None:
    async with platform() as here:
        peer = Peer()
        headers = [(b"x-api-key", b"sk-proj-wrong")]
        scope = {"type": "websocket", "path": "/ws", "headers": headers}
        await here.app(scope, peer.receive, peer.send)
        assert (await peer.hear())["code"] == 4401


async def test_an_answer_comes_in_pieces_and_ends_once() -> None:
    async with platform() as here, connected(here) as peer:
        peer.say(action="complete", requestId="a", **HELLO)
        heard = await peer.hear_until("done")
    assert "".join(message["content"] for message in heard[:-1]) == "You said: hello there"
    assert {message["requestId"] for message in heard} == {"a"}
    assert heard[-1]["usage"]["outputTokens"] == 4


async def test_requests_share_a_connection() -> None:
    async with platform() as here, connected(here) as peer:
        for name in ("a", "b", "c"):
            peer.say(action="complete", requestId=name, **HELLO)
        ended: set[str] = set()
        while len(ended) < 3:
            message = await peer.hear()
            if message["type"] == "done":
                ended.add(message["requestId"])
    assert ended == {"a", "b", "c"}


@pytest.mark.parametrize(
    ("message", "code"),
    [
        ({"action": "complete", "requestId": "a"}, "invalid_request"),
        ({"action": "complete", "requestId": "a", **HELLO, "model": "no"}, "model_not_found"),
        ({"action": "complete", **HELLO}, "invalid_request"),
        ({"action": "fly", "requestId": "a"}, "invalid_request"),
        ({"action": "subscribe", "runId": "run_none"}, "not_found"),
        ({"action": "subscribe", "requestId": "a"}, "invalid_request"),
        ({"action": "agent", "requestId": "a", "type": "poet", "input": "x"}, "invalid_request"),
        ({}, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_told_and_the_connection_stays(
    message: dict[str, Any], code: str
) -> None:
    async with platform() as here, connected(here) as peer:
        peer.say(**message)
        error = await peer.hear()
        assert (error["type"], error["error"]["code"]) == ("error", code)
        peer.say(action="ping")
        assert await peer.hear() == {"type": "pong"}


async def test_a_key_needs_the_scope_of_what_it_asks_for() -> None:
    async with platform() as here:
        key = await make_key(here, scopes=["usage:read"])
        async with connected(here, key=key) as peer:
            peer.say(action="complete", requestId="a", **HELLO)
            assert (await peer.hear())["error"]["code"] == "insufficient_scope"


async def test_a_cancelled_request_is_done() -> None:
    slow = HELLO | {"messages": [{"role": "user", "content": "[[tokens 10000]] [[rate 5]]"}]}
    async with platform() as here, connected(here) as peer:
        peer.say(action="complete", requestId="a", **slow)
        await peer.hear()
        peer.say(action="complete", requestId="a", **HELLO)
        heard = await peer.hear_until("error")
        assert heard[-1]["error"]["code"] == "conflict"
        peer.say(action="cancel", requestId="a")
        peer.say(action="cancel", requestId="a")
        done = (await peer.hear_until("done"))[-1]
        assert done == {"type": "done", "requestId": "a", "cancelled": True}
        peer.say(action="ping")
        assert await peer.hear() == {"type": "pong"}


async def test_who_leaves_stops_what_they_asked_for() -> None:
    slow = HELLO | {"messages": [{"role": "user", "content": "[[tokens 10000]] [[rate 5]]"}]}
    async with platform() as here:
        async with connected(here) as peer:
            peer.say(action="complete", requestId="a", **slow)
            await peer.hear()
        usage = await here.call("GET", "/v1/usage/events")
    (event,) = usage.json["data"]
    assert event["status"] == "cancelled"


async def test_a_run_is_followed_and_can_be_followed_again() -> None:
    async with platform() as here, connected(here) as peer:
        peer.say(action="agent", requestId="a", type="react", model="sandbox", input="Hi")
        *events, done = await peer.hear_until("done")
        run_id = done["runId"]
        peer.say(action="subscribe", requestId="b", runId=run_id)
        *again, _ = await peer.hear_until("done")
        peer.say(action="subscribe", runId=run_id, after=len(events) - 1)
        *rest, last = await peer.hear_until("done")
    assert events[0]["event"]["type"] == "run.queued"
    assert [message["event"] for message in again] == [message["event"] for message in events]
    assert [message["event"]["type"] for message in rest] == ["run.finished"]
    assert last == {"type": "done", "requestId": run_id, "runId": run_id}


async def test_cancelling_a_run_s_request_cancels_the_run() -> None:
    async with platform() as here, connected(here) as peer:
        body = {"type": "react", "model": "sandbox", "input": "[[delay 60000]]"}
        peer.say(action="agent", requestId="a", **body)
        run_id = (await peer.hear())["event"]["runId"]
        peer.say(action="cancel", requestId="a")
        done = (await peer.hear_until("done"))[-1]
        assert done["cancelled"] is True
        peer.say(action="subscribe", requestId="b", runId=run_id)
        *_, last, _ = await peer.hear_until("done")
    assert last["event"]["type"] == "run.cancelled"


async def test_who_reads_nothing_is_closed() -> None:
    async with platform() as here:
        peer = Peer()
        table = here.app._table  # type: ignore[attr-defined]
        socket = Socket(table, here.services, peer.receive, peer.send, slow_seconds=0.05)
        serving = asyncio.create_task(socket.serve({b"authorization": f"Bearer {ADMIN}".encode()}))
        assert await peer.hear() == {"type": "ready"}
        peer.reads.clear()
        peer.say(action="complete", requestId="a", **HELLO)
        assert (await peer.hear())["code"] == 4429
        await serving
