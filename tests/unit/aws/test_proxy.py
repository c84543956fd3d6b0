"""Requests as API Gateway writes them, and answers as it reads them."""

import json

from headgate.aws.proxy import from_wire, head_to_wire, is_request, tool_call
from lambda_events import alarm_event, rest_event


def test_a_request_is_what_its_caller_sent() -> None:
    event = rest_event(
        "POST",
        "/v1/usage%20of/all",
        {"a": "ü"},
        headers={"X-Api-Key": "sk-proj-one"},
        query={"from": ["2026-11-01T00:00:00Z"], "tag": ["a b", "c"]},
    )
    request = from_wire(event)
    scope = request.scope
    assert json.loads(request.body) == {"a": "ü"}
    assert (scope["method"], scope["path"]) == ("POST", "/v1/usage of/all")
    assert scope["raw_path"] == b"/v1/usage%20of/all"
    assert scope["query_string"] == b"from=2026-11-01T00%3A00%3A00Z&tag=a+b&tag=c"
    headers = dict(scope["headers"])
    assert headers[b"x-api-key"] == b"sk-proj-one"
    assert headers[b"content-length"] == str(len(request.body)).encode()
    assert scope["client"] == ("203.0.113.9", 0)


def test_a_text_that_is_not_in_base64_is_a_body_too() -> None:
    assert from_wire(rest_event("POST", "/x", {"a": 1}, as_base64=False)).body == b'{"a": 1}'


def test_a_request_without_a_body_has_an_empty_one() -> None:
    request = from_wire(rest_event("GET", "/health"))
    assert request.body == b""
    assert request.scope["query_string"] == b""


def test_only_requests_are_taken_for_requests() -> None:
    assert is_request(rest_event("GET", "/"))
    assert not is_request(alarm_event())
    assert not is_request({"warmup": True})


def test_a_head_ends_with_eight_nuls_and_keeps_what_is_repeated() -> None:
    head = head_to_wire(201, [(b"a", b"1"), (b"set-cookie", b"x"), (b"set-cookie", b"y")])
    text, separator, rest = head.partition(b"\0" * 8)
    assert separator
    assert rest == b""
    assert json.loads(text) == {
        "statusCode": 201,
        "headers": {"a": "1"},
        "multiValueHeaders": {"set-cookie": ["x", "y"]},
    }


def test_a_direct_call_of_a_tool_is_its_callers_request() -> None:
    request = tool_call(
        "http_request",
        {"apiKey": "sk-proj-one", "arguments": {"url": "x"}, "idempotencyKey": "once"},
    )
    headers = dict(request.scope["headers"])
    assert request.scope["path"] == "/v1/tools/http_request"
    assert headers[b"authorization"] == b"Bearer sk-proj-one"
    assert headers[b"idempotency-key"] == b"once"
    assert json.loads(request.body) == {"url": "x"}
