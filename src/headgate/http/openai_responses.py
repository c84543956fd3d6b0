"""The drop-in route for clients of OpenAI's responses."""

import time
from collections.abc import Mapping
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.protocols import openai_responses as protocol
from headgate.core.protocols import openai_responses_answers as answers
from headgate.gateway.gateway import Answer
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.receipts import written_reply
from headgate.http.resuming import resumable
from headgate.http.streams import stream_reply


async def responses(call: Call[protocol.ResponsesRequest]) -> Reply | StreamReply:
    """`POST /v1/responses`."""
    wanted = call.body
    request = protocol.chat_request(wanted)
    caller = call.caller()
    if caller.use_case is not None:
        request = msgspec.structs.replace(request, use_case=caller.use_case)
    if request.stream:
        told = _Told(wanted)
        reply = await stream_reply(
            call.services.replays,
            caller,
            request,
            told.begin,
            told.error,
            heartbeat_seconds=call.services.heartbeat_seconds,
        )
        return await resumable(call, reply)

    def write(answer: Answer[chat.ChatResponse]) -> bytes:
        start = answers.head(wanted, model=answer.response.model, created_at=int(time.time()))
        body = answers.whole(start, answer.response, completed_at=int(time.time()))
        return msgspec.json.encode(body)

    return written_reply(await call.services.replays.complete(caller, request, write))


class _Told:
    """What one caller is told of a stream; a failure goes on with the numbers of its events."""

    def __init__(self, wanted: protocol.ResponsesRequest) -> None:
        self._wanted = wanted
        self._events: _Events | None = None

    def begin(self, answer: StreamedAnswer) -> "_Events":
        """The writer of an answer."""
        self._events = _Events(self._wanted, answer)
        return self._events

    def error(self, body: Mapping[str, Any]) -> bytes:
        """The events that tell of a failure; one that waited for another's call has no more."""
        if self._events is None:
            return answers.error_events(body["error"], 0)
        return self._events.failed(body["error"])


class _Events:
    """Writes an answer as events."""

    def __init__(self, wanted: protocol.ResponsesRequest, answer: StreamedAnswer) -> None:
        self._answer = answer
        model = answer.model
        start = answers.head(wanted, model=model, created_at=int(time.time()))
        self._writer = answers.EventWriter(start)
        self._has_begun = False

    def piece(self, piece: chat.ChatDelta | chat.WireDelta) -> bytes:
        """The events of a piece."""
        if isinstance(piece, chat.WireDelta):
            raise TypeError("no vendor is asked in this protocol, so none answers in it")
        return self._start() + self._writer.delta(piece)

    def end(self) -> bytes:
        """The whole answer with the final usage."""
        start = self._start()
        return start + self._writer.ending(self._answer.usage, completed_at=int(time.time()))

    def failed(self, error: Mapping[str, Any]) -> bytes:
        """The end of an answer that broke off."""
        return self._start() + self._writer.failed(error)

    def _start(self) -> bytes:
        """The first events, the first time only."""
        if self._has_begun:
            return b""
        self._has_begun = True
        return self._writer.start()
