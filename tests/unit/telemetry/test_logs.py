"""Log lines that machines read: one object each, whatever is in the message."""

import json
import logging
from pathlib import Path
from typing import Any

import pytest

from headgate.core.watching import RequestRecord
from headgate.telemetry.logs import REQUESTS, JsonLines, log_request, request_fields
from usage_events import usage_event

RECORD = RequestRecord("req_1", "POST", "/v1/complete", 200, 0.25, "sk-proj-one")


def line(message: str, *, parent: str | None = None, **fields: Any) -> dict[str, Any]:
    record = logging.LogRecord("headgate", logging.WARNING, "", 0, message, None, None)
    record.__dict__.update(fields)
    text = JsonLines(lambda: parent).format(record)
    assert "\n" not in text
    found: dict[str, Any] = json.loads(text)
    return found


def test_a_line_says_when_how_important_where_and_what() -> None:
    told = line('a "message"\nof two lines \ud800'.encode("utf-8", "replace").decode())
    assert told["level"] == "warning"
    assert told["logger"] == "headgate"
    assert told["message"].startswith('a "message"\nof two')
    assert told["time"].endswith("Z")
    assert "traceId" not in told


def test_a_line_names_the_trace_that_it_belongs_to() -> None:
    assert line("x", parent="00-0af7-b7ad-01")["traceId"] == "0af7"


def test_a_failure_of_ours_comes_with_its_trace_of_the_stack_in_the_same_line() -> None:
    failure = ValueError("invalid literal")
    told = line("failed", exc_info=(ValueError, failure, None))
    assert "ValueError: invalid literal" in told["exception"]


def test_a_request_says_what_it_took_and_not_what_was_asked() -> None:
    call = {"input_tokens": 5, "output_tokens": 2, "cost": 2_000_000, "billed": 3_000_000}
    events = [usage_event(**call), usage_event(**call, model="gpt-4o-mini", cache="miss")]
    assert request_fields(RECORD._replace(calls=events)) == {
        "requestId": "req_1",
        "keyId": "sk-proj-one",
        "method": "POST",
        "route": "/v1/complete",
        "status": 200,
        "latencyMs": 250.0,
        "model": "gpt-4o-mini",
        "provider": "openai",
        "calls": 2,
        "inputTokens": 10,
        "outputTokens": 4,
        "cost": 0.004,
        "billed": 0.006,
        "cache": "miss",
        "outcome": "ok",
    }


def test_a_request_without_a_call_says_nothing_of_models() -> None:
    assert "model" not in request_fields(RECORD)


def test_a_request_is_a_line_where_such_lines_are_wanted(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO, REQUESTS):
        log_request(RECORD)
    with caplog.at_level(logging.WARNING, REQUESTS):
        log_request(RECORD)
    assert [record.getMessage() for record in caplog.records] == ["request answered"]


def test_the_guide_shows_every_field() -> None:
    guide = (Path(__file__).parents[3] / "docs/guides/observability.md").read_text()
    fields = request_fields(RECORD._replace(calls=[usage_event(first_token_ms=180)]))
    assert [name for name in fields if f'"{name}"' not in guide] == []
