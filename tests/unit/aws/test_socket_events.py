"""What API Gateway tells of WebSockets, as values."""

import base64

import pytest

from headgate.aws.socket_events import from_wire, is_socket
from lambda_events import alarm_event, rest_event, socket_event


def test_only_events_of_sockets_are_taken_for_such() -> None:
    assert is_socket(socket_event("CONNECT"))
    assert not is_socket(rest_event("GET", "/"))
    assert not is_socket(alarm_event())
    assert not is_socket({"warmup": True})


def test_a_handshake_has_its_headers() -> None:
    event = from_wire(socket_event("CONNECT", headers={"X-Api-Key": "sk-proj-one"}))
    assert (event.kind, event.socket_id) == ("CONNECT", "L0SM9cOFvHcCIhw=")
    assert event.headers[b"x-api-key"] == b"sk-proj-one"
    assert event.text == b""


def test_a_message_has_its_text_and_its_moment() -> None:
    event = from_wire(socket_event("MESSAGE", body={"action": "ping"}, at=1795435200123))
    assert (event.text, event.at) == (b'{"action": "ping"}', 1795435200123)
    assert (event.api_id, event.stage) == ("abc123", "prod")


def test_a_message_may_be_binary() -> None:
    wire = socket_event("MESSAGE") | {
        "isBase64Encoded": True,
        "body": base64.b64encode(b'{"action":"ping"}').decode(),
    }
    assert from_wire(wire).text == b'{"action":"ping"}'


def test_an_end_is_known_by_its_connection() -> None:
    event = from_wire(socket_event("DISCONNECT"))
    assert (event.kind, event.socket_id) == ("DISCONNECT", "L0SM9cOFvHcCIhw=")


def test_an_event_of_another_kind_is_none() -> None:
    with pytest.raises(ValueError, match="not in tuple"):
        from_wire({"requestContext": {"connectionId": "x", "eventType": "DANCE"}})
