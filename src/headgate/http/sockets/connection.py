"""One WebSocket as ASGI carries it: `GET /ws`, from the handshake to the close.

A credential is a header or the first message. Cookies are never one, so that no page of another
site can speak for whoever has opened it.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from headgate.core.errors import HeadgateError, NotFound
from headgate.core.ids import new_id
from headgate.core.watching import UNMATCHED
from headgate.http import errors
from headgate.http.credentials import presented_key
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.sockets.conversation import SLOW, Conversation
from headgate.http.sockets.outbox import Close
from headgate.http.sockets.watch import Watch

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

PATH = "/ws"
SLOW_SECONDS = 10.0
"""Who takes no message for so long is too slow."""
MOST_REASON_BYTES = 120


@dataclass(frozen=True, slots=True)
class Sockets:
    """Serves the sockets of this process."""

    table: RouteTable
    slow_seconds: float = SLOW_SECONDS
    watch: Watch = field(default_factory=Watch)

    async def serve(
        self,
        services: Services,
        scope: Scope,
        receive: Receive,
        send: Send,
        is_closing: Callable[[], bool],
    ) -> None:
        """Serve one socket from its handshake to its end."""
        await receive()
        began = time.perf_counter()
        conversation = Conversation(self.table, services, is_closing, time.monotonic)
        try:
            if scope["path"] != PATH:
                raise NotFound(f"there is no socket at {scope['path'][:256]!r}; there is {PATH}")
            presented = presented_key(dict(scope["headers"]))
            if presented is not None:
                await conversation.authenticate(presented)
        except HeadgateError as error:
            request_id, status = await deny(send, error)
            route = PATH if scope["path"] == PATH else UNMATCHED
            seconds = time.perf_counter() - began
            services.observer.refused(request_id, route, status, seconds)
            return
        try:
            await send({"type": "websocket.accept"})
            with self.watch.over(conversation), services.activity.socket():
                await self._carry(conversation, receive, send)
        except OSError:
            pass  # the caller is gone
        finally:
            await conversation.aclose()

    async def _carry(self, conversation: Conversation, receive: Receive, send: Send) -> None:
        reading = asyncio.ensure_future(_read(conversation, receive))
        writing = asyncio.ensure_future(self._write(conversation, send))
        try:
            await asyncio.wait((reading, writing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            reading.cancel()
            writing.cancel()
            outcomes = await asyncio.gather(reading, writing, return_exceptions=True)
        for outcome in outcomes:
            if isinstance(outcome, Exception):
                raise outcome

    async def _write(self, conversation: Conversation, send: Send) -> None:
        while not isinstance(said := await conversation.say(), Close):
            try:
                async with asyncio.timeout(self.slow_seconds):
                    await send({"type": "websocket.send", "text": said.decode()})
            except TimeoutError:
                conversation.end(Close(SLOW, "messages wait and are not taken: read faster"))
        reason = said.reason.encode()[:MOST_REASON_BYTES].decode(errors="ignore")
        await send({"type": "websocket.close", "code": said.code, "reason": reason})


async def _read(conversation: Conversation, receive: Receive) -> None:
    while (message := await receive())["type"] != "websocket.disconnect":
        text = message.get("text")
        await conversation.hear(text if text is not None else message["bytes"])


async def deny(send: Send, error: HeadgateError) -> tuple[str, int]:
    """Answer a handshake with an error, as any request; the request's id, and the status."""
    request_id = new_id("req")
    reply = errors.reply_for(error, "platform", request_id)
    body = msgspec.json.encode(reply.body)
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request_id.encode()),
        *reply.headers,
    ]
    # Who leaves meanwhile needs no answer.
    with contextlib.suppress(OSError):
        await send(
            {
                "type": "websocket.http.response.start",
                "status": reply.status,
                "headers": headers,
            }
        )
        await send({"type": "websocket.http.response.body", "body": body})
    return request_id, reply.status
