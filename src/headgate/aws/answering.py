"""One event of a function, answered by an ASGI application.

A caller who leaves is noticed when the Runtime API takes no more; the application is told then. It
knows from the beginning when its answer has to be over, a while before Lambda would end the
process: so it can say that its time was too short, and settle what it has spent.
"""

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from headgate.aws.proxy import Request, from_wire, head_to_wire, is_request, tool_call
from headgate.aws.runtime import AnswerStream, Invocation, RuntimeApi, RuntimeBroke

Message: TypeAlias = MutableMapping[str, Any]
App: TypeAlias = Callable[
    [
        MutableMapping[str, Any],
        Callable[[], Awaitable[Message]],
        Callable[[Message], Awaitable[None]],
    ],
    Awaitable[None],
]

WARM = {"statusCode": 200, "body": "warm"}
# So long before the end of its time an answer has to be over; what still runs a while later is told
# that its caller has left.
CLOSE_SECONDS = 15.0
LEAVE_SECONDS = 5.0

_LOG = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Answering:
    """Answers events by `app`.

    Attributes:
        closing: the name under which a scope says that its server is about to stop.
        ends_at: the name under which it says when an answer has to be over, on the clock of the
            event loop.
        tool: what this function calls where it is a tool's; else it answers requests.
    """

    runtime: RuntimeApi
    app: App
    closing: str
    ends_at: str
    tool: str | None = None
    clock: Callable[[], float] = time.time

    async def answer(self, invocation: Invocation) -> None:
        """Answer one event, whatever becomes of it.

        Raises:
            RuntimeBroke: the Runtime API went away, other than during the answer.
        """
        event = invocation.event
        if isinstance(event, dict) and event.get("warmup") is True:
            await self.runtime.answer(invocation, WARM)
        elif isinstance(event, dict) and self.tool is not None:
            request = tool_call(self.tool, event)
            self._note_end(request, invocation)
            await self.runtime.answer(invocation, await self._call(request))
        elif isinstance(event, dict) and is_request(event):
            request = from_wire(event)
            self._note_end(request, invocation)
            await self._stream(invocation, request)
        else:
            await self.runtime.fail(
                invocation, "UnknownEvent", "this is neither a request nor a warm-up"
            )

    def _note_end(self, request: Request, invocation: Invocation) -> None:
        """Note when the answer has to be over."""
        left = invocation.ends_at - self.clock() - CLOSE_SECONDS
        request.scope[self.ends_at] = asyncio.get_running_loop().time() + left

    async def _call(self, request: Request) -> dict[str, Any]:
        """The whole answer to a request."""
        to_app: asyncio.Queue[Message] = asyncio.Queue()
        said: list[Message] = []

        async def send(message: Message) -> None:
            said.append(message)

        await to_app.put({"type": "http.request", "body": request.body, "more_body": False})
        await self.app(request.scope, to_app.get, send)
        body = b"".join(message.get("body", b"") for message in said)
        return {"statusCode": said[0]["status"], "body": json.loads(body)}

    async def _stream(self, invocation: Invocation, request: Request) -> None:
        try:
            async with self.runtime.stream(invocation) as stream:
                await _Exchange(self, invocation, request, stream).run()
        except RuntimeBroke as error:
            # Its caller is gone, or API Gateway gave it up; the next event may come all the same.
            _LOG.info("an answer was not taken to its end: %s", error)


class _Exchange:
    """A request on its way through the application."""

    def __init__(
        self, answering: Answering, invocation: Invocation, request: Request, stream: AnswerStream
    ) -> None:
        self._answering = answering
        self._ends_at = invocation.ends_at
        self._request = request
        self._stream = stream
        self._body: bytes | None = request.body
        self._left = asyncio.Event()
        self._is_whole = False

    async def run(self) -> None:
        """Have the application answer; what it leaves open is told as an error."""
        watchers = [asyncio.create_task(self._watch()), asyncio.create_task(self._limit())]
        try:
            await self._answering.app(self._request.scope, self._receive, self._send)
        except RuntimeBroke:
            raise
        except Exception:  # noqa: BLE001 - the rim: other events are to be answered
            _LOG.exception("an event was not answered")
        finally:
            for watcher in watchers:
                watcher.cancel()
            await asyncio.gather(*watchers, return_exceptions=True)
        if not self._is_whole:
            self._stream.fail("Incomplete", "the answer ended before it was whole")

    async def _receive(self) -> Message:
        if self._body is not None:
            body, self._body = self._body, None
            return {"type": "http.request", "body": body, "more_body": False}
        await self._left.wait()
        return {"type": "http.disconnect"}

    async def _send(self, message: Message) -> None:
        if self._left.is_set():
            return
        try:
            if message["type"] == "http.response.start":
                head = head_to_wire(message["status"], message.get("headers", ()))
                await self._stream.send(head)
            else:
                await self._stream.send(message.get("body", b""))
                self._is_whole = not message.get("more_body", False)
        except RuntimeBroke:
            # As with a socket: who writes to a caller who has left hears of it by `receive`.
            self._left.set()

    async def _watch(self) -> None:
        await self._stream.broken()
        self._left.set()

    async def _limit(self) -> None:
        left = self._ends_at - self._answering.clock()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.sleep(max(0.0, left - CLOSE_SECONDS))
            self._request.scope[self._answering.closing] = True
            await asyncio.sleep(max(0.0, min(left, CLOSE_SECONDS) - LEAVE_SECONDS))
            self._left.set()
