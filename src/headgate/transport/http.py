"""The HTTP client: a pool of connections, whole answers or streams, three ways to fail.

Whoever leaves takes the request along: cancelling a call, or leaving a stream before its end,
closes the connection at once, and so stops the vendor's work. That is why this stands here: the
client libraries that are fast enough let an abandoned request run on.

Redirects are not followed: a vendor that redirects would take the credential along. Answers are
asked for without compression, since a compressed stream comes in its compressor's blocks.
"""

import asyncio
import contextlib
import functools
import os
import socket
import ssl
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from types import TracebackType
from typing import NamedTuple, Self
from urllib.parse import urlsplit

import msgspec

from headgate.transport.connection import (
    Connection,
    Head,
    HttpBroke,
    HttpError,
    HttpForbidden,
    HttpTimedOut,
    HttpUnreachable,
    Origin,
)

__all__ = [
    "HttpBroke",
    "HttpClient",
    "HttpError",
    "HttpForbidden",
    "HttpResponse",
    "HttpStream",
    "HttpTimedOut",
    "HttpUnreachable",
]

# Most servers keep an idle connection for a minute or more.
KEEP_SECONDS = 30.0
MOST_IDLE_PER_ORIGIN = 256
# How long the rest of an answer that has told its own end is waited for.
DRAIN_SECONDS = 0.05

_OWN_HEADERS = "user-agent: headgate\r\naccept-encoding: identity"


class HttpResponse(msgspec.Struct, frozen=True):
    """A whole answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class _Target(NamedTuple):
    """A parsed address: where to connect, and what to ask for there."""

    origin: Origin
    host: str
    path: str


class HttpClient:
    """Sends requests over pooled connections.

    `idle_seconds` bounds the wait for the answer's head and for each piece of its body. `tls` says
    whom to trust; the certificates of the system where it is None. `addresses` looks a host up, and
    the connection is made to what it gives and to nothing else; it may forbid (`HttpForbidden`).
    """

    def __init__(
        self,
        *,
        connect_seconds: float = 10,
        idle_seconds: float = 60,
        tls: ssl.SSLContext | None = None,
        addresses: Callable[[str, int], Awaitable[Sequence[str]]] | None = None,
    ) -> None:
        self._tls = tls
        self._addresses = addresses
        self._connect_seconds = connect_seconds
        self._idle_seconds = idle_seconds
        self._idle: dict[Origin, list[tuple[float, Connection]]] = {}
        self._busy: set[Connection] = set()
        self._draining: set[asyncio.Task[None]] = set()
        self._is_closed = False

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        """The whole answer to a request, whatever its status.

        Raises:
            HttpError: there is no whole answer.
        """
        connection, head = await self.begin(method, url, headers, body)
        try:
            answer = await connection.body()
        finally:
            self.end(connection)
        return HttpResponse(head.status, head.headers, answer)

    def stream(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes
    ) -> "HttpStream":
        """An answer that is read as it arrives; enter it to send the request."""
        return HttpStream(self, method, url, headers, body)

    async def aclose(self) -> None:
        """Close all connections."""
        self._is_closed = True
        for connections in self._idle.values():
            for _, connection in connections:
                connection.abort()
        self._idle.clear()
        for connection in list(self._busy):
            connection.abort()
        await asyncio.gather(*self._draining)

    async def begin(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> tuple[Connection, Head]:
        """Send a request and wait for the answer's head; `end` gives the connection back.

        Raises:
            HttpError: there is no head.
        """
        target, request = _request(method, url, headers, body)
        while True:
            connection = self._pooled(target.origin) or await self._connect(target.origin)
            was_used = connection.has_served
            self._busy.add(connection)
            try:
                connection.start(request)
                return connection, await connection.head()
            except HttpBroke:
                self.end(connection)
                # The server closed the idle connection as the request was on its way: without a
                # byte of an answer it has not taken it, and a new connection tells for sure.
                if connection.is_touched or not was_used:
                    raise
            except BaseException:
                self.end(connection)
                raise

    def end(self, connection: Connection) -> None:
        """Give a connection back, or close it where its answer was not read to the end."""
        self._busy.discard(connection)
        if not connection.can_serve or self._is_closed:
            connection.abort()
            return
        idle = self._idle.setdefault(connection.origin, [])
        idle.append((time.monotonic(), connection))
        if len(idle) > MOST_IDLE_PER_ORIGIN:
            idle.pop(0)[1].abort()

    def end_soon(self, connection: Connection) -> None:
        """`end`, once what follows the answer has come; nobody waits for that."""
        task = asyncio.create_task(self._drain(connection))
        self._draining.add(task)
        task.add_done_callback(self._draining.discard)

    async def _drain(self, connection: Connection) -> None:
        try:
            with contextlib.suppress(TimeoutError, HttpError):
                async with asyncio.timeout(DRAIN_SECONDS):
                    await connection.body()
        finally:
            self.end(connection)

    def _pooled(self, origin: Origin) -> Connection | None:
        idle = self._idle.get(origin)
        while idle:
            kept_since, connection = idle.pop()
            if connection.can_serve and time.monotonic() - kept_since < KEEP_SECONDS:
                return connection
            connection.abort()
        return None

    async def _connect(self, origin: Origin) -> Connection:
        if self._is_closed:
            raise HttpUnreachable("no connection could be made: the client is closed")
        try:
            async with asyncio.timeout(self._connect_seconds):
                if self._addresses is None:
                    return await self._connect_to(origin.host, origin)
                addresses = await self._addresses(origin.host, origin.port)
                for address in addresses[:-1]:
                    with contextlib.suppress(OSError):
                        return await self._connect_to(address, origin)
                return await self._connect_to(addresses[-1], origin)
        except TimeoutError:
            raise HttpUnreachable("no connection could be made in time") from None
        except (OSError, UnicodeError) as error:
            raise HttpUnreachable(f"no connection could be made: {_reason(error)}") from None

    async def _connect_to(self, address: str, origin: Origin) -> Connection:
        """A connection to an address at which `origin` answers, and proves that it is that."""
        context = (self._tls or _tls_context()) if origin.is_tls else None
        _, connection = await asyncio.get_running_loop().create_connection(
            lambda: Connection(origin, self._idle_seconds),
            address,
            origin.port,
            ssl=context,
            server_hostname=origin.host if context else None,
        )
        return connection


class HttpStream:
    """An answer on its way; leaving the context before its end closes the connection."""

    def __init__(
        self, client: HttpClient, method: str, url: str, headers: Mapping[str, str], body: bytes
    ) -> None:
        self._client = client
        self._request = (method, url, headers, body)
        self._connection: Connection | None = None
        self._is_drained = False
        self.status = 0
        self.headers: Mapping[str, str] = {}

    async def __aenter__(self) -> Self:
        self._connection, head = await self._client.begin(*self._request)
        self.status, self.headers = head.status, head.headers
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection = self._connection
        if connection is None:
            return
        if self._is_drained and not connection.can_serve:
            self._client.end_soon(connection)
        else:
            self._client.end(connection)

    async def chunks(self) -> AsyncGenerator[bytes, None]:
        """The body's pieces as they arrive.

        Raises:
            HttpError: the body ended too early.
        """
        connection = self._open()
        while (piece := await connection.piece()) is not None:
            yield piece

    async def read(self) -> bytes:
        """The whole body.

        Raises:
            HttpError: the body ended too early.
        """
        return await self._open().body()

    def drain(self) -> None:
        """Say that the body itself has told its end.

        What follows is read after its reader has left, so that the connection serves again.
        """
        self._is_drained = True

    def _open(self) -> Connection:
        if self._connection is None:
            raise RuntimeError("a stream is read inside its context")
        return self._connection


def _reason(error: OSError | UnicodeError) -> str:
    """Why no connection was made; the system's own word, which names no address."""
    if isinstance(error, ssl.SSLError):
        return error.reason or "TLS failed"
    if isinstance(error, socket.gaierror):
        return error.strerror or "the name is unknown"
    if isinstance(error, OSError) and error.errno is not None:
        return os.strerror(error.errno)
    return "the name or the address is wrong"


def _request(
    method: str, url: str, headers: Mapping[str, str], body: bytes
) -> tuple[_Target, bytes]:
    """Where to connect, and the bytes to send."""
    target = _target(url)
    lines = [f"{method} {target.path} HTTP/1.1", f"host: {target.host}", _OWN_HEADERS]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    if body or method not in {"GET", "HEAD", "DELETE"}:
        lines.append(f"content-length: {len(body)}")
    # None of the names and values may hold the end of a line. The error repeats none of them, since
    # one may be a credential.
    head = "\r\n".join(lines)
    # `_OWN_HEADERS` are two lines.
    if head.count("\n") != len(lines) or head.count("\r") != len(lines):
        raise HttpUnreachable("the address or a header is not fit to be sent")
    try:
        return target, head.encode("latin-1") + b"\r\n\r\n" + body
    except UnicodeEncodeError:
        raise HttpUnreachable("the address or a header is not fit to be sent") from None


@functools.lru_cache(maxsize=1024)
def _target(url: str) -> _Target:
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise HttpUnreachable("the address is not one") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or parts.username is not None:
        raise HttpUnreachable("the address is not one of http or https")
    is_tls = parts.scheme == "https"
    origin = Origin(is_tls, parts.hostname, port or (443 if is_tls else 80))
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if " " in path:
        raise HttpUnreachable("the address is not one")
    return _Target(origin, parts.netloc, path)


@functools.lru_cache(maxsize=1)
def _tls_context() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    return context
