"""What API Gateway tells of a WebSocket: that one opens, that it has closed, a message of it. Pure.

Each is an event of its own, by one of the routes `$connect`, `$disconnect` and `$default`; only the
first has the handshake's headers.
"""

import base64
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

Kind: TypeAlias = Literal["CONNECT", "MESSAGE", "DISCONNECT"]

KINDS: tuple[Kind, ...] = ("CONNECT", "MESSAGE", "DISCONNECT")


class SocketEvent(NamedTuple):
    """What was told.

    Attributes:
        socket_id: API Gateway's name of the connection.
        headers: of the handshake, by lower-case name.
        text: the message.
        at: when API Gateway took it, in Unix milliseconds.
        api_id, stage: where messages for the caller go.
    """

    kind: Kind
    socket_id: str
    headers: Mapping[bytes, bytes]
    text: bytes
    at: int
    api_id: str
    stage: str


def is_socket(event: Mapping[str, Any]) -> bool:
    """Whether an event is about a WebSocket."""
    return "connectionId" in (event.get("requestContext") or {})


def from_wire(event: Mapping[str, Any]) -> SocketEvent:
    """The event of a WebSocket API's proxy integration.

    Raises:
        KeyError, ValueError: it is none.
    """
    context = event["requestContext"]
    body = event.get("body") or ""
    return SocketEvent(
        kind=KINDS[KINDS.index(context["eventType"])],
        socket_id=context["connectionId"],
        headers={
            name.lower().encode("latin-1"): value.encode("latin-1", "replace")
            for name, value in (event.get("headers") or {}).items()
        },
        text=base64.b64decode(body) if event.get("isBase64Encoded") else body.encode(),
        at=int(context["requestTimeEpoch"]),
        api_id=context["apiId"],
        stage=context["stage"],
    )
