"""Events as AWS writes them, by its documentation of each service."""

import base64
import json
from typing import Any


def rest_event(
    method: str,
    path: str,
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    query: dict[str, list[str]] | None = None,
    as_base64: bool = True,
) -> dict[str, Any]:
    """A request by a REST API's proxy integration; where all media types are binary, in base64."""
    sent = {
        "Accept": "*/*",
        "Content-Type": "application/json",
        "Host": "abc123.execute-api.us-east-1.amazonaws.com",
        "User-Agent": "curl/8.7.1",
        "X-Amzn-Trace-Id": "Root=1-65f3a1b2-0123456789abcdef01234567",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Port": "443",
        "X-Forwarded-Proto": "https",
        **(headers or {}),
    }
    raw = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    text = base64.b64encode(raw).decode() if as_base64 else raw.decode()
    return {
        "resource": "/{proxy+}",
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": {name: values[-1] for name, values in (query or {}).items()}
        or None,
        "multiValueQueryStringParameters": query,
        "pathParameters": {"proxy": path.removeprefix("/")},
        "stageVariables": None,
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "abc123",
            "domainName": "abc123.execute-api.us-east-1.amazonaws.com",
            "domainPrefix": "abc123",
            "extendedRequestId": "UkYkJGt0IAMEvPg=",
            "httpMethod": method,
            "identity": {"sourceIp": "203.0.113.9", "userAgent": "curl/8.7.1"},
            "path": f"/prod{path}",
            "protocol": "HTTP/1.1",
            "requestId": "5c6d1b50-0000-4000-8000-0123456789ab",
            "requestTime": "23/Nov/2026:12:00:00 +0000",
            "requestTimeEpoch": 1795435200000,
            "resourceId": "d5ls1c",
            "resourcePath": "/{proxy+}",
            "stage": "prod",
        },
        "body": text if raw else None,
        "isBase64Encoded": bool(raw) and as_base64,
    }


def socket_event(
    kind: str,
    connection: str = "L0SM9cOFvHcCIhw=",
    body: object = None,
    *,
    headers: dict[str, str] | None = None,
    at: int = 1795435200000,
    api_id: str = "abc123",
) -> dict[str, Any]:
    """What a WebSocket API tells: `CONNECT` with its headers, `MESSAGE`, `DISCONNECT`."""
    routes = {"CONNECT": "$connect", "MESSAGE": "$default", "DISCONNECT": "$disconnect"}
    domain = f"{api_id}.execute-api.us-east-1.amazonaws.com"
    context: dict[str, Any] = {
        "routeKey": routes[kind],
        "eventType": kind,
        "extendedRequestId": "Uk4vqFJuoAMEM1w=",
        "requestTime": "23/Nov/2026:12:00:00 +0000",
        "messageDirection": "IN",
        "stage": "prod",
        "connectedAt": 1795435199000,
        "requestTimeEpoch": at,
        "identity": {"userAgent": "Python/3.13 websockets/15.0", "sourceIp": "203.0.113.9"},
        "requestId": "Uk4vqFJuoAMEM1w=",
        "domainName": domain,
        "connectionId": connection,
        "apiId": api_id,
    }
    event: dict[str, Any] = {"requestContext": context, "isBase64Encoded": False}
    if kind == "CONNECT":
        sent = {
            "Host": domain,
            "Sec-WebSocket-Extensions": "permessage-deflate; client_max_window_bits",
            "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==",
            "Sec-WebSocket-Version": "13",
            "X-Forwarded-For": "203.0.113.9",
            **(headers or {}),
        }
        event["headers"] = sent
        event["multiValueHeaders"] = {name: [value] for name, value in sent.items()}
    elif kind == "MESSAGE":
        context["messageId"] = "Uk4vqdFKoAMCIhw="
        event["body"] = body if isinstance(body, str) else json.dumps(body)
    else:
        context |= {"disconnectStatusCode": 1001, "disconnectReason": "Going away"}
        event["headers"] = {"Host": domain, "x-api-key": "", "X-Forwarded-For": ""}
        event["multiValueHeaders"] = {name: [value] for name, value in event["headers"].items()}
    return event


def alarm_event(state: str = "ALARM") -> dict[str, Any]:
    """An alarm of CloudWatch, by a topic of SNS."""
    message = {
        "AlarmName": "ai-platform-GatewayErrors",
        "AlarmDescription": "The gateway failed <often>",
        "NewStateValue": state,
        "NewStateReason": "Threshold Crossed: 1 datapoint [7.0] was greater than 5.0.",
        "Region": "US East (N. Virginia)",
    }
    return {
        "Records": [
            {
                "EventSource": "aws:sns",
                "EventVersion": "1.0",
                "Sns": {
                    "Type": "Notification",
                    "Subject": "ALARM: ai-platform-GatewayErrors",
                    "Message": json.dumps(message),
                    "Timestamp": "2026-11-23T12:00:00.000Z",
                },
            }
        ]
    }
