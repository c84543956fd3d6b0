"""A connection to the platform in this process: the same application, without a socket."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import aclosing, suppress
from typing import Any, Self, TypeAlias
from urllib.parse import unquote, urlencode

from headgate.cli.connection import Query, Reply, content_type_of, encode, payloads, refuse_errors

AsgiMessage: TypeAlias = MutableMapping[str, Any]
AsgiApp: TypeAlias = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[AsgiMessage]],
        Callable[[AsgiMessage], Awaitable[None]],
    ],
    Awaitable[None],
]


class AsgiConnection:
    """Calls `app`, whose lifespan has begun, with a credential that is valid in this process."""

    def __init__(self, app: AsgiApp, api_key: str) -> None:
        self._app = app
        self._api_key = api_key

    async def request(
        self, method: str, path: str, body: object = None, query: Query = ()
    ) -> Reply:
        """The answer, whatever its status."""
        async with _Exchange(
            self._app, self._scope(method, path, query, body), encode(body)
        ) as call:
            return Reply(call.status, call.headers, b"".join([part async for part in call.body()]))

    async def stream(self, method: str, path: str, body: object) -> AsyncGenerator[bytes, None]:
        """The payloads of a stream of server-sent events."""
        async with _Exchange(self._app, self._scope(method, path, (), body), encode(body)) as call:
            if call.status >= 400:
                whole = b"".join([part async for part in call.body()])
                refuse_errors(Reply(call.status, call.headers, whole))
            async with aclosing(payloads(call.body())) as data:
                async for payload in data:
                    yield payload

    def _scope(self, method: str, path: str, query: Query, body: object) -> dict[str, Any]:
        return {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": urlencode(query).encode(),
            "root_path": "",
            "headers": [
                (b"host", b"localhost"),
                (b"authorization", f"Bearer {self._api_key}".encode()),
                (b"content-type", content_type_of(body).encode()),
            ],
            "client": ("127.0.0.1", 0),
            "server": ("127.0.0.1", 0),
            "state": {},
        }


class _Exchange:
    """One request; leaving its context tells the application that the caller has gone."""

    def __init__(self, app: AsgiApp, scope: dict[str, Any], body: bytes) -> None:
        self.status = 0
        self.headers: dict[str, str] = {}
        self._scope = scope
        self._app = app
        self._request: AsgiMessage | None = {
            "type": "http.request",
            "body": body,
            "more_body": False,
        }
        self._gone = asyncio.Event()
        # One message at a time: the application waits for its reader, as on a full socket.
        self._messages: asyncio.Queue[AsgiMessage] = asyncio.Queue(maxsize=1)

    async def __aenter__(self) -> Self:
        self._task = asyncio.ensure_future(self._app(self._scope, self._receive, self._send))
        start = await self._next()
        self.status = start["status"]
        self.headers = {
            name.decode("latin-1").lower(): value.decode("latin-1")
            for name, value in start.get("headers", ())
        }
        return self

    async def __aexit__(self, *_: object) -> None:
        self._gone.set()
        with suppress(asyncio.QueueEmpty):
            self._messages.get_nowait()
        await asyncio.wait({self._task})
        # An application that stops its work because the caller left ends as cancelled.
        if not self._task.cancelled():
            self._task.result()

    async def body(self) -> AsyncIterator[bytes]:
        """The body's pieces as they come."""
        more = True
        while more:
            message = await self._next()
            more = message.get("more_body", False)
            yield message.get("body", b"")

    async def _next(self) -> AsgiMessage:
        """The application's next message, or its failure where it ends without one."""
        waiting = asyncio.ensure_future(self._messages.get())
        try:
            await asyncio.wait({waiting, self._task}, return_when=asyncio.FIRST_COMPLETED)
            if waiting.done() or not self._messages.empty():
                return await waiting
        finally:
            waiting.cancel()
        await self._task
        raise RuntimeError("the application ended without a whole answer")

    async def _receive(self) -> AsgiMessage:
        if self._request is not None:
            message, self._request = self._request, None
            return message
        await self._gone.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: AsgiMessage) -> None:
        if not self._gone.is_set():
            await self._messages.put(message)
