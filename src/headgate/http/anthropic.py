"""The drop-in routes for Anthropic's clients: messages, and counts of their tokens."""

import functools
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.core.protocols import anthropic as protocol
from headgate.core.protocols import anthropic_answers as answers
from headgate.gateway.gateway import Answer
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Headers, Reply, StreamReply
from headgate.http.errors import anthropic_body
from headgate.http.receipts import window_headers, written_reply
from headgate.http.resuming import resumable
from headgate.http.streams import stream_reply


async def messages(call: Call[protocol.MessagesRequest]) -> Reply | StreamReply:
    """`POST /v1/messages`."""
    request = protocol.chat_request(call.body, call.raw, _protocol_headers(call))
    caller = call.caller()
    if caller.use_case is not None:
        request = msgspec.structs.replace(request, use_case=caller.use_case)
    if request.stream:
        stream = await stream_reply(
            call.services.replays,
            caller,
            request,
            _Events,
            functools.partial(_error_event, request_id=call.request_id),
            heartbeat_seconds=call.services.heartbeat_seconds,
        )
        stream = StreamReply(stream.frames, headers=[*_request_id(call), *stream.headers])
        return await resumable(call, stream)
    reply = written_reply(await call.services.replays.complete(caller, request, _message))
    return msgspec.structs.replace(reply, headers=[*_request_id(call), *reply.headers])


def _message(answer: Answer[chat.ChatResponse]) -> bytes:
    response = answer.response
    if response.wire is not None and response.wire.protocol == protocol.PROTOCOL:
        return response.wire.body
    return msgspec.json.encode(answers.message(msgspec.structs.replace(response, id=new_id("msg"))))


class _Events:
    """Writes an answer as Anthropic's events."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self._answer = answer
        self._writer = answers.EventWriter(id=new_id("msg"), model=answer.model)
        self._has_begun = False

    def piece(self, piece: chat.ChatDelta | chat.WireDelta) -> bytes:
        """The events of a piece; the vendor's own where it speaks the same protocol."""
        if isinstance(piece, chat.WireDelta):
            return piece.frames
        return self._start() + self._writer.delta(piece)

    def end(self) -> bytes:
        """The final usage and the end."""
        return self._answer.ending or self._start() + self._writer.ending(self._answer.usage)

    def _start(self) -> bytes:
        """The first event, the first time only."""
        if self._has_begun:
            return b""
        self._has_begun = True
        return self._writer.start()


async def count_tokens(call: Call[protocol.CountTokensRequest]) -> Reply:
    """`POST /v1/messages/count_tokens`."""
    request = protocol.count_request(call.body, call.raw, _protocol_headers(call))
    counted = await call.services.gateway.count_tokens(call.key, request)
    headers = [*_request_id(call), *window_headers(counted.requests, counted.tokens)]
    return Reply(answers.TokenCount(counted.input_tokens), headers=headers)


def _error_event(error: dict[str, object], *, request_id: str) -> bytes:
    told: dict[str, Any] = anthropic_body(error, request_id)
    return answers.event("error", told)


def _protocol_headers(call: Call[Any]) -> dict[str, str]:
    names = (protocol.VERSION_HEADER, protocol.BETA_HEADER)
    found = {name: call.header(name.encode()) for name in names}
    return {name: value for name, value in found.items() if value is not None}


def _request_id(call: Call[Any]) -> Headers:
    """The request's id under the name by which Anthropic's clients know it."""
    return [(b"request-id", call.request_id.encode())]
