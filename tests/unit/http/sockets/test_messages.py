"""What is said over a socket, as values and as text."""

import json

import pytest

from headgate.core.errors import InvalidKey, InvalidRequest, Overloaded
from headgate.http.sockets.messages import (
    Agent,
    Authenticate,
    Cancel,
    Complete,
    Event,
    Message,
    Ping,
    Subscribe,
    events_of,
    message_of,
    name_of,
    named,
    request_id_of,
    told,
    told_of_error,
    told_of_run,
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b'{"action":"authenticate","apiKey":"k"}', Authenticate("k")),
        (b'{"action":"complete","requestId":"a","model":"m"}', Complete("a")),
        (b'{"action":"complete","requestId":"a","idempotencyKey":"b"}', Complete("a", "b")),
        (b'{"action":"agent","requestId":"a","type":"react"}', Agent("a")),
        (b'{"action":"subscribe","runId":"r"}', Subscribe("r")),
        (b'{"action":"subscribe","runId":"r","after":7,"requestId":"a"}', Subscribe("r", 7, "a")),
        (b'{"action":"cancel","requestId":"a"}', Cancel("a")),
        (b'{"action":"ping"}', Ping()),
    ],
)
def test_a_message_says_what_it_is_in_its_action(text: bytes, message: Message) -> None:
    assert message_of(text) == message


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"no JSON",
        b"[]",
        b"{}",
        b'{"action":"complete"}',
        b'{"action":"complete","requestId":7}',
        b'{"action":"complete","requestId":""}',
        b'{"action":"subscribe","runId":"r","after":-1}',
        b'{"action":"cancel","requestId":"\xff"}',
        b'{"action":"dance","requestId":"a"}',
        b'{"action":"ping","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    ],
)
def test_what_is_no_message_is_refused(text: bytes) -> None:
    with pytest.raises(InvalidRequest):
        message_of(text)


@pytest.mark.parametrize(
    ("text", "request_id"),
    [
        (b'{"action":"dance","requestId":"a"}', "a"),
        (b'{"requestId":7}', None),
        (b"{}", None),
        (b"no JSON", None),
        (b"\xff", None),
    ],
)
def test_a_wrong_message_is_answered_under_its_id_where_it_has_one(
    text: bytes, request_id: str | None
) -> None:
    assert request_id_of(text) == request_id


def test_a_subscription_goes_by_its_run_unless_it_has_an_id_of_its_own() -> None:
    assert name_of(Subscribe("run_1")) == "run_1"
    assert name_of(Subscribe("run_1", request_id="a")) == "a"
    assert name_of(Complete("b")) == "b"


def test_a_frame_may_hold_several_events_and_comments() -> None:
    frame = b': ping\n\nid: 1\ndata: {"n":1}\n\ndata: {"n":2}\n\n'
    assert [event.data for event in events_of(frame)] == [b'{"n":1}', b'{"n":2}']
    assert [event.number for event in events_of(b"id: 7\ndata: {}\n\n")] == [7]
    assert [event.number for event in events_of(b"data: {}\n\n")] == [None]
    assert list(events_of(b": ping\n\n")) == []


def test_an_event_is_told_under_the_ids_of_its_request() -> None:
    data = Event(None, b'{"type":"delta","content":"a"}')
    assert json.loads(named(data, '"quoted"')) == {
        "requestId": '"quoted"',
        "type": "delta",
        "content": "a",
    }
    numbered = json.loads(named(Event(7, b'{"type":"done"}'), "a", "req_1"))
    assert (numbered["callId"], numbered["seq"]) == ("req_1", 7)
    assert json.loads(told_of_run(b'{"seq":1}', "a", "run_1")) == {
        "type": "event",
        "requestId": "a",
        "runId": "run_1",
        "event": {"seq": 1},
    }


def test_fields_without_a_value_are_left_out() -> None:
    assert json.loads(told("done", "a", runId=None, cancelled=True)) == {
        "type": "done",
        "requestId": "a",
        "cancelled": True,
    }


def test_an_error_tells_what_it_would_be_over_http() -> None:
    refused = json.loads(told_of_error("a", InvalidKey("gone"), "req_1"))
    assert (refused["type"], refused["requestId"], refused["callId"]) == ("error", "a", "req_1")
    assert (refused["status"], refused["error"]["code"]) == (401, "invalid_api_key")
    assert "retryAfter" not in refused
    later = json.loads(told_of_error(None, Overloaded("later", retry_after_seconds=1.5)))
    assert (later["status"], later["retryAfter"], later["requestId"]) == (503, 2, None)
    fault = json.loads(told_of_error("a", None))
    assert (fault["status"], fault["error"]["code"]) == (500, "internal_error")
