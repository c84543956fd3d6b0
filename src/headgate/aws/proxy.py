"""Requests and answers as API Gateway hands them to functions, and what they are in ASGI. Pure."""

import base64
import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple
from urllib.parse import quote, unquote, urlencode

# What parts an answer's head from its body.
SEPARATOR = b"\0" * 8


class Request(NamedTuple):
    """A request: its ASGI scope, and its body."""

    scope: dict[str, Any]
    body: bytes


def is_request(event: Mapping[str, Any]) -> bool:
    """Whether an event is a request that came over a REST API."""
    return "httpMethod" in event and "requestContext" in event


def from_wire(event: Mapping[str, Any]) -> Request:
    """The request in an event of a REST API's proxy integration.

    Raises:
        KeyError, ValueError: the event is none.
    """
    context = event["requestContext"]
    body = event.get("body") or ""
    raw = base64.b64decode(body) if event.get("isBase64Encoded") else body.encode()
    path = unquote(event["path"])
    caller = (context.get("identity") or {}).get("sourceIp") or ""
    headers = _headers(event)
    # A body may have come in pieces; here it is whole.
    headers = [(n, v) for n, v in headers if n not in {b"content-length", b"transfer-encoding"}]
    headers.append((b"content-length", str(len(raw)).encode()))
    return Request(
        {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": event["httpMethod"],
            "scheme": "https",
            "path": path,
            "raw_path": quote(event["path"], safe="/%").encode(),
            "query_string": urlencode(_query(event)).encode(),
            "root_path": "",
            "headers": headers,
            "client": (caller, 0),
            "server": (context.get("domainName") or "", 443),
            "state": {},
        },
        raw,
    )


def tool_call(tool: str, event: Mapping[str, Any]) -> Request:
    """The request that a direct invocation of a tool's function stands for.

    `{"apiKey": …, "arguments": {…}, "idempotencyKey"?: …}`: the same key, checks and accounting as
    over HTTP.
    """
    body = json.dumps(event.get("arguments") or {}).encode()
    headers = {
        "content-type": "application/json",
        "authorization": f"Bearer {event.get('apiKey') or ''}",
    }
    if event.get("idempotencyKey"):
        headers["idempotency-key"] = str(event["idempotencyKey"])
    return from_wire(
        {
            "httpMethod": "POST",
            "path": f"/v1/tools/{quote(tool)}",
            "headers": headers,
            "body": body.decode(),
            "requestContext": {},
        }
    )


def head_to_wire(status: int, headers: Sequence[tuple[bytes, bytes]]) -> bytes:
    """An answer's head; its body follows as it is."""
    values: dict[str, list[str]] = {}
    for name, value in headers:
        values.setdefault(name.decode("latin-1"), []).append(value.decode("latin-1"))
    head: dict[str, Any] = {
        "statusCode": status,
        "headers": {name: one for name, (one, *more) in values.items() if not more},
    }
    repeated = {name: many for name, many in values.items() if len(many) > 1}
    if repeated:
        head["multiValueHeaders"] = repeated
    return json.dumps(head).encode() + SEPARATOR


def _headers(event: Mapping[str, Any]) -> list[tuple[bytes, bytes]]:
    many: Mapping[str, Sequence[str]] = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or {}).items()
    }
    return [
        (name.lower().encode("latin-1"), value.encode("latin-1", "replace"))
        for name, values in many.items()
        for value in values
    ]


def _query(event: Mapping[str, Any]) -> list[tuple[str, str]]:
    many: Mapping[str, Sequence[str]] = event.get("multiValueQueryStringParameters") or {
        name: [value] for name, value in (event.get("queryStringParameters") or {}).items()
    }
    return [(name, value) for name, values in many.items() for value in values]
