"""WebSockets of a real server, spoken by the websockets library."""

import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from headgate_server import Headgate, chat

# A busy machine may be late to open a socket, and to give a sign of life.
PATIENTLY: dict[str, Any] = {"compression": None, "open_timeout": 120, "ping_interval": None}


@dataclass
class Line:
    """A socket, spoken to in sentences."""

    socket: ClientConnection

    async def say(self, action: str, **fields: Any) -> None:
        await self.socket.send(json.dumps({"action": action, **fields}))

    async def complete(self, request_id: str, text: str, **fields: Any) -> None:
        asked = {"model": "openai/gpt-4o", **fields}
        await self.say("complete", requestId=request_id, **chat(text, **asked))

    async def heard(self) -> dict[str, Any]:
        message: dict[str, Any] = json.loads(await self.socket.recv())
        return message

    async def until_end(self) -> list[dict[str, Any]]:
        told = [await self.heard()]
        while told[-1]["type"] not in {"done", "error"}:
            told.append(await self.heard())
        return told

    async def closed(self) -> int:
        """The code with which it is closed, once all before that is read."""
        with contextlib.suppress(ConnectionClosed):
            while True:
                await self.socket.recv()
        return self.socket.close_code or 0


def address(headgate: Headgate) -> str:
    return headgate.url.replace("http", "ws", 1) + "/ws"


@contextlib.asynccontextmanager
async def line(headgate: Headgate, key: str | None = None, **options: Any) -> AsyncIterator[Line]:
    async with connect(address(headgate), **PATIENTLY | options) as socket:
        opened = Line(socket)
        await opened.say("authenticate", apiKey=key or headgate.admin_key)
        assert (await opened.heard())["type"] == "ready"
        yield opened


async def over_socket(
    headgate: Headgate, text: str, *, key: str | None = None, **fields: Any
) -> dict[str, Any]:
    """The end of one completion, over a socket of its own."""
    async with line(headgate, key) as opened:
        await opened.complete("1", text, **fields)
        return (await opened.until_end())[-1]
