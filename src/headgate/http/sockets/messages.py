"""What is said over a socket: a caller's messages as values, and ours as text.

A message is one JSON object. Ours carry the `requestId` that the caller gave, so that many requests
share a connection; `callId` is the platform's own, under which the log and the ledger know it. What
W3C's header `traceparent` is to a request over HTTP, the field of that name is to one of these.
"""

from collections.abc import Iterator
from typing import Annotated, Any, NamedTuple, TypeAlias

import msgspec

from headgate.core.errors import HeadgateError
from headgate.http import errors
from headgate.http.calls import MOST_KEY_LENGTH

MOST_MESSAGE_BYTES = 1_000_000
"""A longer message from a caller closes the socket with 1009."""

Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
IdempotencyKey: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=MOST_KEY_LENGTH)]

_encode = msgspec.json.Encoder().encode


class Authenticate(msgspec.Struct, tag_field="action", tag="authenticate", rename="camel"):
    """Says whose the socket is; a second one replaces the key."""

    api_key: Annotated[str, msgspec.Meta(max_length=512)]


class Complete(msgspec.Struct, tag_field="action", tag="complete", rename="camel"):
    """The body of `POST /v1/stream`; what over HTTP are headers stands beside it."""

    request_id: Name
    idempotency_key: IdempotencyKey | None = None
    traceparent: str | None = None


class Agent(msgspec.Struct, tag_field="action", tag="agent", rename="camel"):
    """The body of `POST /v1/agents/run`: the run is begun and followed."""

    request_id: Name
    traceparent: str | None = None


class Subscribe(msgspec.Struct, tag_field="action", tag="subscribe", rename="camel"):
    """Follow a run from behind its event `after`; without a `requestId` its id stands for one."""

    run_id: Name
    after: Annotated[int, msgspec.Meta(ge=0)] = 0
    request_id: Name | None = None
    traceparent: str | None = None


class Cancel(msgspec.Struct, tag_field="action", tag="cancel", rename="camel"):
    """End a request; one that has ended stays so."""

    request_id: Name


class Ping(msgspec.Struct, tag_field="action", tag="ping", rename="camel"):
    """Is answered with `pong`."""

    request_id: Name | None = None


Request: TypeAlias = Complete | Agent | Subscribe
Message: TypeAlias = Authenticate | Request | Cancel | Ping

_decoder: msgspec.json.Decoder[Message] = msgspec.json.Decoder(Message)


class _Identified(msgspec.Struct, rename="camel"):
    request_id: str | None = None


def message_of(text: str | bytes) -> Message:
    """A caller's message.

    Raises:
        InvalidRequest: it is none; says what is wrong.
    """
    try:
        return _decoder.decode(text)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise errors.decoding_error(error) from error


def request_id_of(text: str | bytes) -> str | None:
    """The `requestId` of a message that is wrong otherwise, where it has one."""
    try:
        return msgspec.json.decode(text, type=_Identified).request_id
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return None


def name_of(request: Request) -> str:
    """Under which id a request is answered and cancelled."""
    if isinstance(request, Subscribe):
        return request.request_id or request.run_id
    return request.request_id


def action_of(request: Request) -> str:
    """What a request asks for, in the word of its message."""
    return str(request.__struct_config__.tag)


class Event(NamedTuple):
    """A server-sent event: its number, where it has one, and its data."""

    number: int | None
    data: bytes


def events_of(frame: bytes) -> Iterator[Event]:
    """The server-sent events in `frame`, which holds whole ones."""
    number: int | None = None
    for line in frame.split(b"\n"):
        if line.startswith(b"id: "):
            number = int(line[4:])
        elif line.startswith(b"data: "):
            yield Event(number, line[6:])


def told(kind: str, request_id: str | None, **fields: Any) -> bytes:
    """A message of ours; fields without a value are left out."""
    said = {"type": kind, "requestId": request_id, **fields}
    return _encode({name: value for name, value in said.items() if value is not None})


def told_of_error(
    request_id: str | None, error: HeadgateError | None, call_id: str | None = None
) -> bytes:
    """The message that tells of an error or, without one, of a fault of ours.

    `status` is what it would be over HTTP, `retryAfter` the seconds after which a new try may help.
    """
    if error is None:
        body, status, after = errors.fault_body(), errors.FAULT.status, None
    else:
        body, status = errors.body_of(error), errors.form_of(error).status
        after = dict(errors.headers_of(error)).get(b"retry-after")
    said = {"type": "error", "requestId": request_id}  # null where it is about no request
    if call_id is not None:
        said["callId"] = call_id
    about: dict[str, Any] = {"status": status, "error": body["error"]}
    if after is not None:
        about["retryAfter"] = int(after)
    return _encode(said | about)


def named(event: Event, request_id: str, call_id: str | None = None) -> bytes:
    """An event of a stream, whose data is a JSON object, as a message of ours about a request."""
    names = b'{"requestId":' + _encode(request_id)
    if call_id is not None:
        names += b',"callId":' + _encode(call_id)
    if event.number is not None:
        names += b',"seq":%d' % event.number
    return names + b"," + event.data[1:]


def told_of_run(data: bytes, request_id: str, run_id: str) -> bytes:
    """The message that carries an event of a run."""
    names = b'{"type":"event","requestId":%b,"runId":%b,"event":%b}'
    return names % (_encode(request_id), _encode(run_id), data)
