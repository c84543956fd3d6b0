"""`/ws`: many streamed answers and runs over one connection.

Every request of a socket is one of a route of the table: it is decoded, authorised and answered by
the same row, and the row's stream becomes messages. So the two cannot differ.

A reader who takes nothing for a while is closed rather than buffered for: pieces wait at their
source, and a few of them in the system's buffers.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headgate.core.errors import Conflict, HeadgateError, InvalidKey, InvalidRequest
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.http import errors
from headgate.http.calls import Call, StreamReply
from headgate.http.credentials import presented_key
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.identity.keys import require

PATH = "/ws"
MAX_MESSAGE_BYTES = 1_000_000
MOST_REQUESTS = 100
MOST_ID_LENGTH = 128
SLOW_SECONDS = 5.0
GREETING_SECONDS = 30.0
UNAUTHENTICATED = 4401
TOO_SLOW = 4429

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]

_LOG = logging.getLogger(__name__)
_encode = msgspec.json.Encoder().encode
_EVENTS = "/v1/agents/runs/{run_id}/events"


class _Closed(Exception):
    """The connection is to be closed with this code."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


@dataclass(slots=True)
class Socket:
    """One connection."""

    table: RouteTable
    services: Services
    receive: Receive
    send: Send
    slow_seconds: float = SLOW_SECONDS
    _api_key: str | None = None
    _requests: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    _runs: dict[str, str] = field(default_factory=dict)
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)
    _failed: asyncio.Future[None] | None = None

    async def serve(self, headers: Mapping[bytes, bytes]) -> None:
        """Answer until the other side leaves, or has to."""
        await self.receive()
        await self.send({"type": "websocket.accept"})
        self._failed = asyncio.get_running_loop().create_future()
        reading = asyncio.create_task(self._read(headers))
        either: set[asyncio.Future[Any]] = {reading, self._failed}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if self._failed.done():
                self._failed.result()
            reading.result()
        except _Closed as closed:
            await self.send(
                {"type": "websocket.close", "code": closed.code, "reason": closed.reason}
            )
        finally:
            working = [reading, *self._requests.values()]
            for task in working:
                task.cancel()
            await asyncio.gather(*working, return_exceptions=True)
            self._failed.cancel()

    async def _read(self, headers: Mapping[bytes, bytes]) -> None:
        """Take messages until there are no more.

        Raises:
            _Closed: who is there may not be, or does not say who they are.
        """
        presented = presented_key(headers)
        if presented is None:
            try:
                async with asyncio.timeout(GREETING_SECONDS):
                    presented = await self._greeting()
            except TimeoutError:
                raise _Closed(UNAUTHENTICATED, "nobody authenticated") from None
        if presented is None:
            return
        await self._know(presented)
        await self._tell({"type": "ready"})
        while (text := await self._message()) is not None:
            await self._take(text)

    async def _greeting(self) -> str | None:
        """The key in the first message, which must bring one; None where there is no message."""
        text = await self._message()
        if text is None:
            return None
        message = _object(text)
        if message.get("action") != "authenticate" or not isinstance(message.get("apiKey"), str):
            raise _Closed(UNAUTHENTICATED, "authenticate first")
        key: str = message["apiKey"]
        return key

    async def _know(self, presented: str) -> None:
        try:
            await self.services.keys.authenticate(presented)
        except InvalidKey as error:
            raise _Closed(UNAUTHENTICATED, error.message[:100]) from None
        self._api_key = presented

    async def _message(self) -> str | bytes | None:
        message = await self.receive()
        if message["type"] != "websocket.receive":
            return None
        text: str | bytes = message.get("text") or message.get("bytes") or b""
        return text

    async def _take(self, text: str | bytes) -> None:
        """Do what a message says."""
        message = _object(text)
        action, request_id = message.pop("action", None), message.pop("requestId", None)
        if action == "ping":
            await self._tell(
                {"type": "pong"} | ({} if request_id is None else {"requestId": request_id})
            )
            return
        try:
            if request_id is None and action == "subscribe":
                request_id = message.get("runId")
            if not isinstance(request_id, str) or not 0 < len(request_id) <= MOST_ID_LENGTH:
                raise InvalidRequest(
                    f"requestId is a text of 1 to {MOST_ID_LENGTH} characters", param="requestId"
                )
            if action == "cancel":
                await self._cancel(request_id)
            else:
                self._begin(request_id, action, message)
        except HeadgateError as error:
            shown = request_id if isinstance(request_id, str) else None
            await self._tell({"type": "error", "requestId": shown, **errors.body_of(error)})

    def _begin(self, request_id: str, action: Any, body: dict[str, Any]) -> None:
        if request_id in self._requests:
            raise Conflict("a request with this requestId is under way", param="requestId")
        if len(self._requests) >= MOST_REQUESTS:
            raise Conflict(f"{MOST_REQUESTS} requests are under way: wait for one to end")
        answers = {"complete": self._complete, "agent": self._agent, "subscribe": self._subscribe}
        if action not in answers:
            raise InvalidRequest(
                "action is one of authenticate, complete, agent, subscribe, cancel and ping",
                param="action",
            )
        task = asyncio.create_task(self._answer(request_id, answers[action](request_id, body)))
        self._requests[request_id] = task
        task.add_done_callback(lambda _: self._requests.pop(request_id, None))

    async def _cancel(self, request_id: str) -> None:
        """Stop a request, and the run that it began; one that has ended stays so."""
        task = self._requests.get(request_id)
        run_id = self._runs.get(request_id)
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])
        if run_id is not None:
            await self.services.runs.cancel(await self._key(), run_id)
        if task.cancelled():
            await self._tell({"type": "done", "requestId": request_id, "cancelled": True})

    async def _answer(self, request_id: str, work: Awaitable[None]) -> None:
        """Do a request's work; whatever becomes of it is told once."""
        try:
            try:
                await work
            except HeadgateError as error:
                await self._tell(
                    {"type": "error", "requestId": request_id, **errors.body_of(error)}
                )
            except _Closed:
                raise
            except Exception:  # noqa: BLE001 - the rim: logged, and told without a trace
                _LOG.exception("a request of a socket failed")
                await self._tell({"type": "error", "requestId": request_id, **errors.fault_body()})
        except _Closed as closed:
            self._close(closed)
        except Exception:  # noqa: BLE001 - the other side is gone; its messages end soon
            _LOG.debug("a socket's message could not be sent", exc_info=True)
        finally:
            self._runs.pop(request_id, None)

    async def _complete(self, request_id: str, body: dict[str, Any]) -> None:
        call = await self._call("POST", "/v1/stream", {}, body)
        async for message in self._stream(call):
            await self._tell({**message, "requestId": request_id})

    async def _agent(self, request_id: str, body: dict[str, Any]) -> None:
        call = await self._call("POST", "/v1/agents/stream", {}, body)
        await self._events(request_id, call, owned=True)

    async def _subscribe(self, request_id: str, body: dict[str, Any]) -> None:
        run_id, after = body.get("runId"), body.get("after", 0)
        if not isinstance(run_id, str):
            raise InvalidRequest("runId is the id of a run", param="runId")
        call = await self._call("GET", _EVENTS, {"run_id": run_id}, {"after": after})
        await self._events(request_id, call, owned=False)

    async def _events(self, request_id: str, call: Call[Any], *, owned: bool) -> None:
        last: dict[str, Any] = {}
        async for last in self._stream(call):
            if owned:
                self._runs[request_id] = last["runId"]
            await self._tell({"type": "event", "requestId": request_id, "event": last})
        done = {"type": "done", "requestId": request_id}
        if run_id := last.get("runId", call.params.get("run_id")):
            done["runId"] = run_id
        await self._tell(done)

    async def _stream(self, call: Call[Any]) -> AsyncGenerator[dict[str, Any], None]:
        """The events of a row's stream, each decoded."""
        match = self.table.match(*call.route.split(" "))
        reply = await match.route.handler(call)
        if not isinstance(reply, StreamReply):
            raise TypeError(f"{call.route} does not stream")
        async with contextlib.aclosing(reply.frames) as frames:
            async for chunk in frames:
                for line in chunk.split(b"\n"):
                    if line.startswith(b"data: "):
                        yield msgspec.json.decode(line[6:])

    async def _call(
        self, method: str, path: str, params: Mapping[str, str], body: dict[str, Any]
    ) -> Call[Any]:
        """A request of a row, decoded and authorised.

        Raises:
            HeadgateError: the key may not, or the body is wrong.
        """
        match = self.table.match(method, path)
        key = await self._key()
        access = match.route.access
        if access not in {"open", "any", "local"}:
            require(key, access)  # type: ignore[arg-type]
        raw = _encode(body)
        try:
            decoded = None if match.decoder is None else match.decoder.decode(raw)
            query = None if match.route.query is None else msgspec.convert(body, match.route.query)
        except msgspec.ValidationError as error:
            raise errors.decoding_error(error) from None
        return Call(
            services=self.services,
            route=f"{method} {path}",
            request_id=new_id("req"),
            headers={},
            params=params,
            query=query,
            body=decoded,
            raw=raw,
            key_or_none=key,
        )

    async def _key(self) -> VirtualKey:
        """The connection's key as it is now.

        Raises:
            InvalidKey: it was revoked since, or has expired.
        """
        return await self.services.keys.authenticate(self._api_key)

    async def _tell(self, message: Mapping[str, Any]) -> None:
        """Send a message, once those before it are on their way.

        Raises:
            _Closed: the reader is too slow.
        """
        text = _encode(message).decode()
        try:
            async with asyncio.timeout(self.slow_seconds), self._turn:
                await self.send({"type": "websocket.send", "text": text})
        except TimeoutError:
            raise _Closed(TOO_SLOW, "messages are not read") from None

    def _close(self, closed: _Closed) -> None:
        if self._failed is not None and not self._failed.done():
            self._failed.set_exception(closed)


def _object(text: str | bytes) -> dict[str, Any]:
    """The JSON object in a message; an empty one where there is none."""
    try:
        found = msgspec.json.decode(text)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return {}
    return found if isinstance(found, dict) else {}
