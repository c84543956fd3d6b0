"""WebSocket on the real server, by a real client."""

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from headgate_server import Headgate, eventually

CONNECTIONS = 200


def address(headgate: Headgate) -> str:
    return headgate.url.replace("http://", "ws://") + "/ws"


@contextlib.asynccontextmanager
async def connected(headgate: Headgate, **options: Any) -> AsyncIterator[ClientConnection]:
    """A connection that is ready."""
    headers = {"Authorization": f"Bearer {headgate.admin_key}"}
    async with connect(address(headgate), additional_headers=headers, **options) as connection:
        assert json.loads(await connection.recv()) == {"type": "ready"}
        yield connection


def ask(text: str, request_id: str = "a") -> str:
    messages = [{"role": "user", "content": text}]
    return json.dumps(
        {"action": "complete", "requestId": request_id, "model": "sandbox", "messages": messages}
    )


async def hear_done(connection: ClientConnection) -> dict[str, Any]:
    while True:
        message: dict[str, Any] = json.loads(await connection.recv())
        if message["type"] in {"done", "error"}:
            return message


async def test_two_hundred_connections_are_answered_at_once(headgate: Headgate) -> None:
    async with contextlib.AsyncExitStack() as stack:
        connections = [
            await stack.enter_async_context(connected(headgate)) for _ in range(CONNECTIONS)
        ]
        for connection in connections:
            await connection.send(ask("[[say hello]]"))
        ended = await asyncio.gather(*map(hear_done, connections))
    assert {message["type"] for message in ended} == {"done"}


async def test_a_message_that_is_too_large_is_refused(headgate: Headgate) -> None:
    async with connected(headgate) as connection:
        await connection.send(ask("x" * 1_000_001))
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


async def test_a_wrong_key_is_closed(headgate: Headgate) -> None:
    headers = {"Authorization": "Bearer sk-proj-wrong"}
    async with connect(address(headgate), additional_headers=headers) as connection:
        with pytest.raises(ConnectionClosed) as closed:
            await connection.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4401


async def test_who_reads_nothing_is_closed(headgate: Headgate) -> None:
    raw = socket.socket()
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    host, _, port = address(headgate).split("/")[2].partition(":")
    raw.connect((host, int(port)))
    raw.setblocking(False)
    headers = {"Authorization": f"Bearer {headgate.admin_key}"}
    async with connect(
        address(headgate), sock=raw, additional_headers=headers, max_queue=1, ping_interval=None
    ) as connection:
        await connection.send(ask("[[tokens 1000000]]"))
        async with headgate.caller() as caller:
            query = {"limit": 200}
            await eventually(
                lambda: caller.get("/v1/usage/events", **query),
                lambda page: any(event["status"] == "cancelled" for event in page["data"]),
            )
        with pytest.raises(ConnectionClosed) as closed:
            await hear_done(connection)
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 4429
