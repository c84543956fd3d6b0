"""Agent routes handed on to the process that AGENT_ENDPOINT names, as they come.

That process shares this one's stores, so it checks the key and the body itself; nothing is decided
here, and nothing is kept.
"""

import asyncio
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.core.tracing import UNTRACED, Tracer
from headgate.http.app import App, Receive, Scope, Send
from headgate.http.errors import body_of
from headgate.http.records import noting_answer
from headgate.transport.http import HttpClient, HttpError

PREFIX = "/v1/agents/"
# A run may be waited for so long without a word, and a little longer.
IDLE_SECONDS = 75.0
MAX_BODY_BYTES = 20_000_000

_PASSED = frozenset(
    (
        *(b"authorization", b"x-api-key", b"content-type", b"last-event-id", b"idempotency-key"),
        *(b"traceparent", b"tracestate"),
    )
)
_SHOWN = frozenset(
    (
        *("content-type", "content-length", "cache-control", "retry-after", "x-request-id"),
        *("x-headgate-run-id", "idempotency-replayed", "x-cost", "x-should-retry"),
    )
)
_GONE = Overloaded("the service that works on agent runs does not answer: try again")
_NO_BODY = Overloaded("the body is too large to be handed on, or did not come whole")


@dataclass(frozen=True, slots=True)
class Relay:
    """Hands requests on."""

    endpoint: str
    client: HttpClient
    tracer: Tracer = UNTRACED

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request as the other process does."""
        body = await _body(receive)
        if body is None:
            await _refuse(send, _NO_BODY)
            return
        headers = {
            name.decode("latin-1"): value.decode("latin-1")
            for name, value in scope["headers"]
            if name in _PASSED
        }
        if (parent := self.tracer.parent()) is not None:
            headers["traceparent"] = parent
        query = scope["query_string"].decode("latin-1")
        path = scope.get("raw_path", scope["path"].encode()).decode("latin-1")
        url = self.endpoint.rstrip("/") + path + (f"?{query}" if query else "")
        answering = asyncio.create_task(self._answer(scope["method"], url, headers, body, send))
        leaving = asyncio.create_task(_left(receive))
        either: set[asyncio.Task[Any]] = {answering, leaving}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if answering.done():
                answering.result()
        finally:
            for task in either:
                task.cancel()
            await asyncio.gather(*either, return_exceptions=True)

    async def _answer(
        self, method: str, url: str, headers: dict[str, str], body: bytes, send: Send
    ) -> None:
        has_begun = False
        try:
            async with self.client.stream(method, url, headers=headers, body=body) as answer:
                shown = [
                    (name.encode("latin-1"), value.encode("latin-1"))
                    for name, value in answer.headers.items()
                    if name in _SHOWN
                ]
                has_begun = True
                await send(
                    {"type": "http.response.start", "status": answer.status, "headers": shown}
                )
                async for piece in answer.chunks():
                    await send({"type": "http.response.body", "body": piece, "more_body": True})
        except HttpError:
            if not has_begun:
                await _refuse(send, _GONE)
                return
        # An end that is early loses nothing: whoever follows a run goes on from its last event.
        await send({"type": "http.response.body", "body": b"", "more_body": False})


def with_relay(app: App, endpoint: str, tracer: Tracer = UNTRACED) -> App:
    """`app`, but for agent routes, which `endpoint` answers."""
    client = HttpClient(idle_seconds=IDLE_SECONDS)
    relay = Relay(endpoint, client, tracer)

    async def serve(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"].startswith(PREFIX):
            await relay(scope, receive, noting_answer(scope, send))
            return
        await app(scope, receive, send)
        if scope["type"] == "lifespan":
            await client.aclose()

    return serve


async def _body(receive: Receive) -> bytes | None:
    """The request's body; None where it is larger than any may be, or its sender has left."""
    chunks: list[bytes] = []
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        chunks.append(message.get("body", b""))
        if sum(map(len, chunks)) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return b"".join(chunks)


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _refuse(send: Send, error: Overloaded) -> None:
    body = msgspec.json.encode(body_of(error))
    headers = [
        (b"content-type", b"application/json"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", new_id("req").encode()),
    ]
    await send({"type": "http.response.start", "status": 503, "headers": headers})
    await send({"type": "http.response.body", "body": body})
