"""What uvicorn's WebSocket does not do by itself; scenarios/test_sockets.py has the rest."""

import asyncio
import contextlib
import logging
import socket
from typing import Any

import pytest
import uvicorn

from headgate.http.sockets.protocol import SocketProtocol
from servers import Server

HANDSHAKE = (
    b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n"
    b"sec-websocket-version: 13\r\nsec-websocket-key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)


async def test_who_gives_no_sign_is_gone_for_whoever_sends(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """It is no fault of the application, which cannot know that its socket has been given up."""
    ended: asyncio.Future[BaseException] = asyncio.get_running_loop().create_future()

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "websocket.accept"})
        try:
            while True:
                await send({"type": "websocket.send", "text": "x"})
                await asyncio.sleep(0.001)
        except BaseException as error:
            ended.set_result(error)
            raise

    async with serving(app) as port:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(HANDSHAKE)
        assert isinstance(await ended, OSError)
        writer.close()
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


@contextlib.asynccontextmanager
async def serving(app: Any) -> Any:
    """The application on a port, with little patience for those who give no sign."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(
            app,
            ws=SocketProtocol,
            ws_ping_interval=0.01,
            ws_ping_timeout=0.01,
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = Server(config)
        task = asyncio.create_task(server.serve(sockets=[listener]))
        await server.is_up.wait()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            await task
