"""The ASGI application: one straight path from a request to its answer.

path and method (404, 405) → size (413) → key (401) → scope (403) → decode (400) → handler.
What comes over a socket (`http/sockets`) takes the same path from the scope on.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Coroutine, MutableMapping
from contextlib import AbstractAsyncContextManager
from typing import Any, NoReturn, TypeAlias
from urllib.parse import parse_qsl

import msgspec

from headgate.core.errors import HeadgateError, InvalidRequest, Overloaded, RequestTooLarge
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.http import errors
from headgate.http.auditing import audited
from headgate.http.calls import Call, Headers, Reply, StreamReply
from headgate.http.credentials import check_page, presented_key, session_token
from headgate.http.lists import last_seen
from headgate.http.routes import Match, RouteTable, path_of
from headgate.http.services import Services
from headgate.http.sockets.connection import Sockets
from headgate.http.uploads import is_multipart
from headgate.identity.keys import require

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]
App: TypeAlias = Callable[[Scope, Receive, Send], Coroutine[Any, Any, None]]

# Under this name a server notes in the scope of a request that it is about to stop.
CLOSING = "headgate.closing"
# Under this name a server whose time is limited notes when an answer has to be over, on the clock
# of the event loop.
ENDS_AT = "headgate.ends_at"
# Under this name the application tells its server how many seconds nothing may come of a body.
BODY_SECONDS = "headgate.body_seconds"
# Under these it notes which row answers, by its path, whose key a request came with, under which id
# its caller knows the answer, and once that begins, its status.
ROUTE = "headgate.route"
KEY_ID = "headgate.key_id"
REQUEST_ID = "headgate.request_id"
STATUS = "headgate.status"
# Headers of requests that somebody on this machine made for somebody else: a proxy, or a browser
# for a page that it shows.
_FOR_OTHERS = frozenset(
    (
        *(b"forwarded", b"via", b"x-real-ip", b"origin"),
        *(b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto"),
    )
)

# Calls that end sooner cannot be worth abandoning, so only longer ones are watched.
WATCH_AFTER_SECONDS = 0.25

MOST_DRAINED_BYTES = 256 * 1024 * 1024
"""How much of a body that is too large is read, so that its sender gets to read the answer."""

MOST_DRAINED_SECONDS = 60.0
DRAINED_SILENCE_SECONDS = 0.25
"""After such a pause nobody is sending any more, or never was."""

_LOG = logging.getLogger(__name__)
_JSON = msgspec.json.Encoder()
_STOPPING = Overloaded("the server is stopping: try again", retry_after_seconds=1)
_STREAM_HEADERS: Headers = [
    (b"cache-control", b"no-cache"),
    (b"x-accel-buffering", b"no"),
]


class Application:
    """Answers HTTP requests from the route table.

    `resources` is entered at start-up and left at shut-down; it gives the services.
    """

    def __init__(
        self, table: RouteTable, resources: Callable[[], AbstractAsyncContextManager[Services]]
    ) -> None:
        self._table = table
        self._resources = resources
        self._sockets = Sockets(table)
        self._services: Services | None = None

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        """Serve one connection's scope, as ASGI defines it."""
        if scope["type"] == "http":
            return self._serve(scope, receive, send)
        if scope["type"] == "websocket":
            return self._converse(scope, receive, send)
        return self._live(scope, receive, send)

    async def _converse(self, scope: Scope, receive: Receive, send: Send) -> None:
        services = self._services
        if services is None:
            raise RuntimeError("the application was not started")
        await self._sockets.serve(services, scope, receive, send, lambda: bool(scope.get(CLOSING)))

    async def _live(self, scope: Scope, receive: Receive, send: Send) -> None:
        await receive()
        async with contextlib.AsyncExitStack() as stack:
            try:
                services = await stack.enter_async_context(self._resources())
            except HeadgateError as error:
                await send({"type": "lifespan.startup.failed", "message": error.message})
                return
            self._services = services
            if "state" in scope:  # a server that shares it with its connections
                scope["state"][BODY_SECONDS] = services.body_timeout_seconds
            await send({"type": "lifespan.startup.complete"})
            await receive()
        self._services = None
        await send({"type": "lifespan.shutdown.complete"})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        request_id = scope[REQUEST_ID] = new_id("req")
        task = asyncio.current_task()
        departure = _Departure(receive, task)
        reply: Reply | StreamReply | None = None
        try:
            reply = await self._answer(scope, receive, request_id, departure)
            if isinstance(reply, StreamReply):
                scope[STATUS] = 200
                await _send_stream(send, reply, request_id)
            else:
                scope[STATUS] = reply.status
                await _send(send, reply, request_id, with_body=scope["method"] != "HEAD")
        except asyncio.CancelledError:
            if not departure.has_left or task is None:
                if reply is None:  # the server stops, and could wait no longer
                    told = self._error_reply(_STOPPING, scope, request_id)
                    scope[STATUS] = told.status
                    await _send(send, told, request_id, with_body=True)
                raise
            task.uncancel()  # the caller left, the server did not stop
        finally:
            departure.stop()
            if self._services is not None:
                self._services.activity.end(request_id)

    async def _answer(
        self, scope: Scope, receive: Receive, request_id: str, departure: "_Departure"
    ) -> Reply | StreamReply:
        try:
            match = self._table.match(scope["method"], path_of(scope))
            scope[ROUTE] = match.route.path
            call = await self._call(match, scope, receive, request_id)
            try:
                departure.watch()
                if match.route.metered:
                    call.services.activity.begin(request_id, call.key.workspace_id)
                return await audited(call, match.route)
            finally:
                if call.upload_bytes:
                    call.services.upload_room.give_back(call.upload_bytes)
        except HeadgateError as error:
            return self._error_reply(error, scope, request_id)
        except Exception:  # noqa: BLE001 - the rim: logged, and answered without a trace
            # Whatever went wrong, the caller gets the error's shape and no trace of it.
            _LOG.exception("request %s failed", request_id)
            return self._error_reply(None, scope, request_id)

    def _error_reply(self, error: HeadgateError | None, scope: Scope, request_id: str) -> Reply:
        return errors.reply_for(error, self._table.error_style(scope["path"]), request_id)

    async def _call(
        self, match: Match, scope: Scope, receive: Receive, request_id: str
    ) -> Call[Any]:
        """The call that a request makes; who answers it gives its `upload_bytes` back."""
        services = self._services
        if services is None:
            raise RuntimeError("the application was not started")
        headers: dict[bytes, bytes] = dict(scope["headers"])
        raw, room = b"", 0
        most = _upload_bytes(match, headers)
        if most is None:
            raw = await _body(receive, headers, services.max_body_bytes)
            key = await _admitted(match, services, scope, headers)
        else:
            key, room = await _with_room(match, services, scope, receive, most)
        try:
            if most is not None:
                raw = await _body(receive, headers, most)
            scope[KEY_ID] = None if key is None else key.key_id
            return Call(
                services=services,
                route=match.name,
                request_id=request_id,
                headers=headers,
                params=match.params,
                query=_query(match, scope["query_string"]),
                body=_decoded(match, raw) if most is None else None,
                raw=raw,
                key_or_none=key,
                local_address=_local_address(scope),
                client_address=_client_address(scope),
                is_closing=lambda: bool(scope.get(CLOSING)),
                ends_at=scope.get(ENDS_AT),
                upload_bytes=room,
            )
        except BaseException:
            services.upload_room.give_back(room)
            raise


async def _with_room(
    match: Match, services: Services, scope: Scope, receive: Receive, most: int
) -> tuple[VirtualKey | None, int]:
    """Whose key an upload comes with, and the room that is held for it.

    Raises:
        RequestTooLarge: it says that it is larger than `most` bytes.
        HeadgateError: it is not admitted, or there is no room.
    """
    headers: dict[bytes, bytes] = dict(scope["headers"])
    # A stranger's files are not kept, not even for a moment.
    if _declares_more(headers, most):
        await _refuse_declared(receive, headers, most)
    try:
        key = await _admitted(match, services, scope, headers)
        size = _declared(headers) or most
        services.upload_room.take(size)
    except HeadgateError:
        await _drain(receive)
        raise
    return key, size


async def _admitted(
    match: Match, services: Services, scope: Scope, headers: dict[bytes, bytes]
) -> VirtualKey | None:
    """Whose key a request comes with, or on whose behalf its session is.

    None where the route needs none.

    Raises:
        InvalidKey: it needs one, and there is neither, or it is not good.
        InsufficientScope: the key may not do this, or another site's page may have sent the session
            along.
    """
    access = match.route.access
    if access == "local":
        access = "open" if _is_local(scope, headers) else "admin"
    if access == "open":
        return None
    presented = presented_key(headers)
    token = None if presented is not None else session_token(headers)
    if token is None:
        key = await services.keys.authenticate(presented)
    else:
        check_page(headers, scope["method"], _local_address(scope), services.dashboard_hosts)
        key = (await services.sessions.authenticate(token)).key
    may_look = match.route.method == "GET" and key.may("admin:read")
    if access != "any" and not may_look:
        require(key, access)
    return key


def _local_address(scope: Scope) -> str:
    """The address of ours at which a request came in."""
    server = scope.get("server")
    return str(server[0]) if server else ""


def _client_address(scope: Scope) -> str:
    """The address of whoever connected to us."""
    client = scope.get("client")
    return str(client[0]) if client else ""


class _Departure:
    """Notices that the caller has left, and cancels the task that works for it."""

    def __init__(self, receive: Receive, task: asyncio.Task[Any] | None) -> None:
        self._receive = receive
        self._task = task
        self._timer: asyncio.TimerHandle | None = None
        self._watcher: asyncio.Task[None] | None = None
        self.has_left = False

    def watch(self) -> None:
        """Begin, once the body has been read; before that `receive` is not ours."""
        if self._task is not None:
            loop = self._task.get_loop()
            self._timer = loop.call_later(WATCH_AFTER_SECONDS, self._begin)

    def stop(self) -> None:
        """End; harmless when nothing was begun."""
        if self._timer is not None:
            self._timer.cancel()
        if self._watcher is not None:
            self._watcher.cancel()

    def _begin(self) -> None:
        self._watcher = asyncio.get_running_loop().create_task(self._wait())

    async def _wait(self) -> None:
        while (await self._receive())["type"] != "http.disconnect":
            pass
        self.has_left = True
        if self._task is not None:
            self._task.cancel()


async def _body(receive: Receive, headers: dict[bytes, bytes], limit: int) -> bytes:
    """The request's body.

    Raises:
        RequestTooLarge: it is, or says it is, larger than `limit` bytes.
    """
    if _declares_more(headers, limit):
        await _refuse_declared(receive, headers, limit)
    message = await receive()
    if message["type"] == "http.disconnect":
        raise _left()
    body: bytes = message.get("body", b"")
    if not message.get("more_body"):
        return body
    chunks = [body]
    size = len(body)
    while message.get("more_body"):
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _left()
        chunks.append(message.get("body", b""))
        size += len(chunks[-1])
        if size > limit:
            chunks.clear()
            if message.get("more_body"):
                await _drain(receive)
            raise _too_large(limit)
    return b"".join(chunks)


def _declared(headers: dict[bytes, bytes]) -> int:
    """How long the body says it is; 0 where it does not say."""
    declared = headers.get(b"content-length", b"0")
    return int(declared) if declared.isdigit() else 0


def _declares_more(headers: dict[bytes, bytes], limit: int) -> bool:
    """Whether the body says that it is larger than `limit` bytes, or says nonsense."""
    declared = headers.get(b"content-length", b"0")
    return not declared.isdigit() or int(declared) > limit


async def _refuse_declared(receive: Receive, headers: dict[bytes, bytes], limit: int) -> NoReturn:
    """Refuse a body that says that it is too large.

    Raises:
        RequestTooLarge: always.
    """
    if b"expect" not in headers:  # else it waits for leave to send the body
        await _drain(receive)
    raise _too_large(limit)


async def _drain(receive: Receive) -> None:
    """Read on while something comes, keeping nothing.

    Who is still sending when the connection is closed gets a reset, and never sees the answer.
    """
    size = 0
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(MOST_DRAINED_SECONDS):
            while size < MOST_DRAINED_BYTES:
                async with asyncio.timeout(DRAINED_SILENCE_SECONDS):
                    message = await receive()
                size += len(message.get("body", b""))
                if not message.get("more_body"):
                    return


def _upload_bytes(match: Match, headers: dict[bytes, bytes]) -> int | None:
    """The most that may come where a request brings files; None where it brings none."""
    most = match.route.upload_bytes
    if most is None or not is_multipart(headers.get(b"content-type", b"").decode("latin-1")):
        return None
    return most


def _left() -> InvalidRequest:
    """Where what was to be done stands in the body, half of it is nothing to go by."""
    return InvalidRequest("the caller left before the body was whole")


def _too_large(limit: int) -> RequestTooLarge:
    return RequestTooLarge(f"the body is larger than {limit} bytes, the limit of this platform")


def _is_local(scope: Scope, headers: dict[bytes, bytes]) -> bool:
    """Whether the caller is on this machine, and speaks for nobody else."""
    client = scope.get("client")
    if client is None or not _FOR_OTHERS.isdisjoint(headers):
        return False
    host = str(client[0]).removeprefix("::ffff:")
    return host == "::1" or host.startswith("127.")


def _query(match: Match, query_string: bytes) -> Any:
    """The decoded query.

    Raises:
        InvalidRequest: a value is wrong; it says which.
    """
    if match.route.query is None:
        return None
    given = dict(parse_qsl(query_string.decode("latin-1"), keep_blank_values=True))
    if "cursor" in given:
        given["cursor"] = last_seen(given["cursor"])
    try:
        return msgspec.convert(given, match.route.query, strict=False)
    except msgspec.ValidationError as error:
        raise errors.decoding_error(error) from error


def _decoded(match: Match, raw: bytes) -> Any:
    """The decoded body.

    Raises:
        InvalidRequest: it is no JSON, or not of this route's shape, or has a field that is named
            nearly as one of the route's; it says where.
    """
    if match.decoder is None:
        return None
    if not raw:
        # Where every field may be left out, so may the body.
        if match.is_body_optional:
            return match.decoder.decode(b"{}")
        raise InvalidRequest("the body is empty: send JSON")
    try:
        if not raw.isascii():
            raw.decode()  # parts that are passed on unread must be text too
        body = match.decoder.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise errors.decoding_error(error) from error
    if match.twins is not None:
        match.twins.refuse(raw)
    return body


async def _send(send: Send, reply: Reply, request_id: str, *, with_body: bool) -> None:
    body = reply.body if isinstance(reply.body, bytes) else _JSON.encode(reply.body)
    await send(
        {
            "type": "http.response.start",
            "status": reply.status,
            "headers": [
                (b"content-type", reply.content_type),
                (b"content-length", str(len(body)).encode()),
                (b"x-request-id", request_id.encode()),
                *reply.headers,
            ],
        }
    )
    await send({"type": "http.response.body", "body": body if with_body else b""})


async def _send_stream(send: Send, reply: StreamReply, request_id: str) -> None:
    async with contextlib.aclosing(reply.frames) as frames:
        await send(
            {
                "type": "http.response.start",
                "status": 200,
                "headers": [
                    (b"content-type", reply.content_type),
                    *_STREAM_HEADERS,
                    (b"x-request-id", request_id.encode()),
                    *reply.headers,
                ],
            }
        )
        async for frame in frames:
            await send({"type": "http.response.body", "body": frame, "more_body": True})
        await send({"type": "http.response.body", "body": b"", "more_body": False})
