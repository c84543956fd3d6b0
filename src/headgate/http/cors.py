"""Calls from web pages of other origins."""

from collections.abc import Coroutine, Mapping
from functools import cache
from typing import Any

from headgate.core.errors import InsufficientScope
from headgate.core.ids import new_id
from headgate.http.app import App, Message, Receive, Scope, Send
from headgate.http.sockets.connection import deny

# What pages may read besides the headers that browsers always show.
EXPOSED_HEADERS = (
    "idempotency-replayed",
    "request-id",
    "retry-after",
    "x-budget-limit",
    "x-budget-remaining",
    "x-cache",
    "x-cost",
    "x-headgate-resumable",
    "x-model",
    "x-provider",
    "x-ratelimit-limit-requests",
    "x-ratelimit-remaining-requests",
    "x-ratelimit-reset-requests",
    "x-ratelimit-limit-tokens",
    "x-ratelimit-remaining-tokens",
    "x-ratelimit-reset-tokens",
    "x-request-id",
    "x-should-retry",
)


def with_cors(app: App, origins: tuple[str, ...]) -> App:
    """Let pages of `origins` call `app`; credentials are headers, never cookies."""

    @cache
    def guarded() -> App:
        # Loaded with the first request of a page, since it brings more than it is used for.
        from starlette.middleware.cors import CORSMiddleware

        return CORSMiddleware(
            app,
            allow_origins=origins,
            allow_methods=("GET", "POST", "PUT", "PATCH", "DELETE"),
            allow_headers=("*",),
            expose_headers=EXPOSED_HEADERS,
        )

    def serve(scope: Scope, receive: Receive, send: Send) -> Coroutine[Any, Any, None]:
        if scope["type"] == "websocket":
            return _connect(app, origins, scope, receive, send)
        if scope["type"] != "http" or b"origin" not in dict(scope["headers"]):
            return app(scope, receive, send)  # not from a page: there is nothing to guard
        return guard(scope, receive, send)

    async def guard(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "OPTIONS":
            await guarded()(scope, receive, send)
            return
        request_id = new_id("req").encode()

        async def send_identified(message: Message) -> None:
            if message["type"] == "http.response.start":
                names = {name for name, _ in message["headers"]}
                if b"x-request-id" not in names:
                    message["headers"] = [*message["headers"], (b"x-request-id", request_id)]
            await send(message)

        await guarded()(scope, receive, send_identified)

    return serve


async def _connect(
    app: App, origins: tuple[str, ...], scope: Scope, receive: Receive, send: Send
) -> None:
    """Let a socket in, unless a page wants it that may not."""
    if _may_connect(dict(scope["headers"]), origins):
        await app(scope, receive, send)
        return
    await receive()
    await deny(send, InsufficientScope("pages of this origin may not connect"))


def _may_connect(headers: Mapping[bytes, bytes], origins: tuple[str, ...]) -> bool:
    """Whether a page may open a socket; browsers leave that to the server."""
    origin = headers.get(b"origin")
    if origin is None or "*" in origins:
        return True
    name = origin.decode("latin-1")
    host = headers.get(b"host", b"").decode("latin-1")
    return name in origins or name.partition("://")[2].lower() == host.lower()
