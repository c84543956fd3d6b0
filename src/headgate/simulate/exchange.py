"""One HTTP request and its answer, as plain ASGI."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from typing import Any, TypeAlias

Message: TypeAlias = MutableMapping[str, Any]
Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
Headers: TypeAlias = dict[str, str]

MAX_BODY = 64 * 1024 * 1024


class ClientLeft(Exception):
    """The client closed the connection before its request was read."""


class BodyTooLarge(Exception):
    """The request's body is larger than the simulator reads."""


class Exchange:
    """A request that is answered once."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self._receive = receive
        self._send = send
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in scope["headers"]
        }

    def header(self, name: str) -> str | None:
        """A request header, by its name in lower case."""
        return self._headers.get(name)

    async def body(self) -> bytes:
        """The whole body.

        Raises:
            ClientLeft: it never came.
            BodyTooLarge: it is over 64 MB.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                raise ClientLeft
            parts.append(message.get("body", b""))
            size += len(parts[-1])
            if size > MAX_BODY:
                raise BodyTooLarge
            if not message.get("more_body", False):
                return b"".join(parts)

    async def left(self) -> None:
        """Return when the client has gone; only to be asked when the body has been read."""
        while (await self._receive())["type"] != "http.disconnect":
            pass

    async def unless_left(self, work: Coroutine[Any, Any, None]) -> bool:
        """Do `work`, stopped as soon as the client goes; whether it was done."""
        working = asyncio.ensure_future(work)
        leaving = asyncio.ensure_future(self.left())
        try:
            await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
            if not working.done():
                return False
            await working  # Its failure is ours.
            return True
        finally:
            # Also when the server stops this very task.
            for task in (working, leaving):
                task.cancel()
            await asyncio.gather(working, leaving, return_exceptions=True)

    async def start(self, status: int, headers: Headers) -> None:
        """Send the head."""
        raw = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes) -> None:
        """Send a part of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def finish(self, data: bytes = b"") -> None:
        """Send the last part of the body. An answer without it breaks off: the server closes."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    async def json(self, status: int, data: bytes, headers: Headers | None = None) -> None:
        """Send a whole JSON answer."""
        await self.start(status, json_headers(data) | (headers or {}))
        await self.finish(data)


def json_headers(data: bytes) -> Headers:
    """The head of a JSON body."""
    return {"content-type": "application/json", "content-length": str(len(data))}
