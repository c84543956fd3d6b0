"""One request of a socket, answered by the row of the route table that answers it over HTTP.

So it meets the same checks, limits and budgets, and costs the same. Nothing here knows what kind of
socket it is.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec

from headgate.core.contents import Kept
from headgate.core.errors import HeadgateError, InvalidRequest, NotFound
from headgate.core.ids import new_id
from headgate.core.keys import VirtualKey
from headgate.core.watching import LEFT
from headgate.http import errors
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.routes import Match, Method, RouteTable
from headgate.http.services import Services
from headgate.http.sockets.messages import (
    Agent,
    Complete,
    Event,
    Request,
    Subscribe,
    action_of,
    events_of,
    name_of,
    named,
    told,
    told_of_error,
    told_of_run,
)
from headgate.identity.keys import require

Row: TypeAlias = tuple[Method, str]

ROWS: Mapping[type[Request], Row] = {
    Complete: ("POST", "/v1/stream"),
    Agent: ("POST", "/v1/agents/stream"),
    Subscribe: ("GET", "/v1/agents/runs/{runId}/events"),
}
"""What answers each request: there is no other way from a socket to anything."""

_OF_THE_SOCKET = ("action", "requestId", "idempotencyKey", "traceparent")
_DONE = b'{"type":"done"'
_ENDS = (_DONE, b'{"type":"error"')
DONE = 200
_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Exchange:
    """A request, and the messages that answer it.

    Attributes:
        text: the message that holds the request.
        ends_at: when a call to a model has to be over, where that is limited; see `Call.ends_at`.
        call_id: the platform's id of it.
        run_id: the run that it is about, once that is known.
        has_ended: whether the last message has been given.
        status: what it has come to, as over HTTP; `LEFT` until it has ended.
        answered: what it was answered, as server-sent events, where that is kept.
    """

    table: RouteTable
    services: Services
    request: Request
    text: bytes
    ends_at: float | None = None
    call_id: str = field(default_factory=lambda: new_id("req"))
    run_id: str | None = None
    has_ended: bool = False
    status: int = LEFT
    answered: Kept | None = None

    @property
    def action(self) -> str:
        """What it asks for, as its message says it."""
        return action_of(self.request)

    @property
    def route(self) -> str:
        """The path of the row that answers it."""
        return ROWS[type(self.request)][1]

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to, where its caller names one."""
        return self.request.traceparent

    @property
    def request_id(self) -> str:
        """The caller's id of it."""
        return name_of(self.request)

    @property
    def is_call(self) -> bool:
        """Whether it is a call to a model, which is over soon, rather than the events of a run."""
        return isinstance(self.request, Complete)

    async def messages(self, key: VirtualKey) -> AsyncGenerator[bytes, None]:
        """The answer for the owner of `key`; the last message is its only `done` or `error`.

        Whoever closes it early has stopped the call, and the money is settled.
        """
        try:
            reply = await self._reply(key)
            async with contextlib.aclosing(reply.frames) as frames:
                async for frame in frames:
                    if self.answered is not None:
                        self.answered.add(frame)
                    for event in events_of(frame):
                        yield self._message(event)
            if not self.is_call:
                self.has_ended, self.status = True, DONE
                yield told("done", self.request_id, callId=self.call_id, runId=self.run_id)
        except HeadgateError as error:
            yield self.refusal(error)
        except Exception:  # noqa: BLE001 - the rim: logged, and told without a trace
            _LOG.exception("request %s failed", self.call_id)
            yield self.refusal(None)
        finally:
            self.services.activity.end(self.call_id)

    def refusal(self, error: HeadgateError | None) -> bytes:
        """The end of a request for which there is no answer."""
        self.has_ended = True
        self.status = (errors.FAULT if error is None else errors.form_of(error)).status
        said = told_of_error(self.request_id, error, self.call_id)
        if self.answered is not None:
            self.answered.add(b"data: " + said + b"\n\n")
        return said

    def cancellation(self) -> bytes:
        """The end of a request that its caller does not want any more."""
        self.status = LEFT
        return told("done", self.request_id, callId=self.call_id, runId=self.run_id, cancelled=True)

    async def give_up(self, key: VirtualKey) -> None:
        """Stop what this request has begun and what would go on without it; other runs do that."""
        self.services.kept_streams.stop(self.call_id, key.key_id)
        if isinstance(self.request, Agent) and self.run_id is not None:
            with contextlib.suppress(HeadgateError):
                await self.services.runs.cancel(key, self.run_id)

    def _message(self, event: Event) -> bytes:
        if not self.is_call:
            return told_of_run(event.data, self.request_id, self.run_id or "")
        self.has_ended = event.data.startswith(_ENDS)
        if self.has_ended:
            self.status = DONE if event.data.startswith(_DONE) else _status_of(event.data)
        # Who may resume an answer must know from its first piece what it is called.
        is_named = self.has_ended or event.number is not None
        return named(event, self.request_id, self.call_id if is_named else None)

    async def _reply(self, key: VirtualKey) -> StreamReply:
        match = self._match()
        row = match.route
        if row.access not in {"any", "open"}:
            require(key, row.access)  # type: ignore[arg-type]
        call = self._call(match, key)
        if row.metered:
            self.services.activity.begin(self.call_id, key.workspace_id)
        if not isinstance(self.request, Agent):
            return _stream(await row.handler(call))
        beginning = asyncio.ensure_future(row.handler(call))
        try:
            reply = _stream(await asyncio.shield(beginning))
        except asyncio.CancelledError:
            # The run may be begun already: who gives it up must know which it is.
            await asyncio.wait((beginning,))
            if beginning.exception() is None:
                self._note_run(_stream(beginning.result()))
            raise
        self._note_run(reply)
        return reply

    def _note_run(self, reply: StreamReply) -> None:
        self.run_id = dict(reply.headers)[b"x-headgate-run-id"].decode()

    def _match(self) -> Match:
        method, path = ROWS[type(self.request)]
        if isinstance(self.request, Subscribe):
            self.run_id = self.request.run_id
            if "/" in self.run_id:
                raise NotFound(f"there is no run {self.run_id!r}")
            path = path.format(runId=self.run_id)
        return self.table.match(method, path)

    def _call(self, match: Match, key: VirtualKey) -> Call[Any]:
        headers: dict[bytes, bytes] = {}
        raw, body, query = self.text, None, None
        if isinstance(self.request, Complete) and self.request.idempotency_key is not None:
            headers[b"idempotency-key"] = self.request.idempotency_key.encode()
            raw = _body_alone(raw)
        if isinstance(self.request, Subscribe):
            query = msgspec.convert({"after": self.request.after}, match.route.query)
        elif match.decoder is not None:
            body = _decoded(match.decoder, self.text)
            if match.twins is not None:
                match.twins.refuse(self.text)
        return Call(
            services=self.services,
            route=f"socket {match.route.path}",
            request_id=self.call_id,
            headers=headers,
            params=match.params,
            query=query,
            body=body,
            raw=raw,
            key_or_none=key,
            ends_at=self.ends_at if self.is_call else None,
        )


def _status_of(said: bytes) -> int:
    """The status of an error that an answer ends in."""
    return errors.status_of(msgspec.json.decode(said)["error"]["code"])


def _stream(reply: Reply | StreamReply) -> StreamReply:
    if isinstance(reply, Reply):
        raise TypeError("a row of a socket answered without a stream")
    return reply


def _decoded(decoder: msgspec.json.Decoder[Any], text: bytes) -> Any:
    try:
        return decoder.decode(text)
    except (msgspec.MsgspecError, RecursionError) as error:
        raise errors.decoding_error(error) from error


def _body_alone(text: bytes) -> bytes:
    """What of a message is the call itself, so that the same call under a new id is the same.

    Raises:
        InvalidRequest: it is nested too deeply.
    """
    try:
        fields = msgspec.json.decode(text)
    except RecursionError as error:
        raise InvalidRequest("the message is nested too deeply") from error
    return msgspec.json.encode(
        {name: value for name, value in fields.items() if name not in _OF_THE_SOCKET}
    )
