import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

import pytest

from headgate.cli.asgi_connection import AsgiConnection
from headgate.cli.connection import CommandFailed

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


async def echo(scope: Message, receive: Receive, send: Send) -> None:
    message = await receive()
    headers = [
        (b"X-Path", scope["path"].encode()),
        (b"X-Raw", scope["raw_path"]),
        (b"X-Query", scope["query_string"]),
    ]
    await send({"type": "http.response.start", "status": 201, "headers": headers})
    await send({"type": "http.response.body", "body": message["body"], "more_body": True})
    await send({"type": "http.response.body", "body": dict(scope["headers"])[b"authorization"]})


async def test_a_request_reaches_the_application_and_its_whole_answer_comes_back() -> None:
    reply = await AsgiConnection(echo, "sk").request("POST", "/a", {"b": 1}, [("c", "d e")])
    assert reply.status == 201
    assert reply.body == b'{"b":1}Bearer sk'
    assert (reply.headers["x-path"], reply.headers["x-query"]) == ("/a", "c=d+e")


async def test_a_path_is_decoded_as_a_server_does_it() -> None:
    reply = await AsgiConnection(echo, "sk").request("GET", "/users/a%2Fb%20c")
    assert (reply.headers["x-path"], reply.headers["x-raw"]) == ("/users/a/b c", "/users/a%2Fb%20c")


class Endless:
    """Streams until its caller leaves."""

    def __init__(self) -> None:
        self.sent = 0
        self.saw_departure = asyncio.Event()

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        await receive()
        await send({"type": "http.response.start", "status": 200})
        watcher = asyncio.ensure_future(receive())
        while not watcher.done():
            self.sent += 1
            await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
            await asyncio.sleep(0)
        assert watcher.result()["type"] == "http.disconnect"
        self.saw_departure.set()


async def test_the_application_waits_for_its_reader_and_notices_that_it_left() -> None:
    app = Endless()
    stream = AsgiConnection(app, "sk").stream("POST", "/v1/stream", {})
    assert [await anext(stream), await anext(stream)] == [b"1", b"1"]
    assert app.sent <= 4
    await stream.aclose()
    assert app.saw_departure.is_set()


async def cancels_itself(scope: Message, receive: Receive, send: Send) -> None:
    await receive()
    await send({"type": "http.response.start", "status": 200})
    await send({"type": "http.response.body", "body": b"data: 1\n\n", "more_body": True})
    await receive()
    raise asyncio.CancelledError


async def test_an_application_that_cancels_its_work_when_its_caller_leaves_is_fine() -> None:
    stream = AsgiConnection(cancels_itself, "sk").stream("POST", "/v1/stream", {})
    assert await anext(stream) == b"1"
    await stream.aclose()


async def refuses(scope: Message, receive: Receive, send: Send) -> None:
    body = b'{"error":{"message":"No.","code":"budget_exceeded"}}'
    await send({"type": "http.response.start", "status": 402})
    await send({"type": "http.response.body", "body": body})


async def test_a_refused_stream_fails_with_the_platform_s_message() -> None:
    with pytest.raises(CommandFailed, match="No"):
        await anext(AsgiConnection(refuses, "sk").stream("POST", "/v1/stream", {}))


async def breaks(scope: Message, receive: Receive, send: Send) -> None:
    raise OSError("disk gone")


async def test_a_failure_of_the_application_is_not_swallowed() -> None:
    with pytest.raises(OSError, match="disk gone"):
        await AsgiConnection(breaks, "sk").request("GET", "/")
