"""The drop-in routes for Anthropic's clients: messages, and counts of their tokens."""

import functools
from collections.abc import AsyncGenerator
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.ids import new_id
from headgate.core.protocols import anthropic as protocol
from headgate.core.protocols import anthropic_answers as answers
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Headers, Reply, StreamReply
from headgate.http.errors import anthropic_body
from headgate.http.receipts import receipt_headers
from headgate.http.streams import stream_reply


async def messages(call: Call[protocol.MessagesRequest]) -> Reply | StreamReply:
    """`POST /v1/messages`."""
    request = protocol.chat_request(call.body, call.raw, _protocol_headers(call))
    caller = call.caller()
    if caller.use_case is not None:
        request = msgspec.structs.replace(request, use_case=caller.use_case)
    gateway = call.services.gateway
    if request.stream:
        reply = await stream_reply(
            gateway,
            caller,
            request,
            _events,
            functools.partial(_error_event, request_id=call.request_id),
            heartbeat_seconds=call.services.heartbeat_seconds,
        )
        return StreamReply(reply.frames, headers=[*_request_id(call), *reply.headers])
    answer = await gateway.complete(caller, request)
    response = answer.response
    headers = [*_request_id(call), *receipt_headers(answer.receipt)]
    if response.wire is not None and response.wire.protocol == protocol.PROTOCOL:
        return Reply(response.wire.body, headers=headers)
    return Reply(answers.message(response), headers=headers)


async def count_tokens(call: Call[protocol.CountTokensRequest]) -> Reply:
    """`POST /v1/messages/count_tokens`."""
    request = protocol.count_request(call.body, call.raw, _protocol_headers(call))
    tokens = await call.services.gateway.count_tokens(call.key, request)
    return Reply(answers.TokenCount(tokens), headers=_request_id(call))


async def _events(answer: StreamedAnswer) -> AsyncGenerator[bytes, None]:
    writer = answers.EventWriter(id=new_id("msg"), model=answer.receipt.route.model)
    has_begun = False
    async for piece in answer:
        if isinstance(piece, chat.WireDelta):
            yield piece.frames
            continue
        events = writer.delta(piece)
        yield events if has_begun else writer.start() + events
        has_begun = True
    # The answer has settled: only now may the client see its end.
    if answer.ending:
        yield answer.ending
    else:
        yield (b"" if has_begun else writer.start()) + writer.ending(answer.usage)


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
