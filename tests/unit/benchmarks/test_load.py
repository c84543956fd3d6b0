import json

import pytest

import load

REPORT = (
    '{"requests":1000,"microseconds":2000000,"p50":1500,"p99":42000,'
    '"connect":0,"read":0,"write":0,"status":0,"timeout":0}'
)


def output(**changes: int) -> str:
    """What wrk prints: its own report for people, and ours as the last line."""
    figures = json.dumps(json.loads(REPORT) | changes)
    return f"Running 2s test @ http://127.0.0.1/\n  1000 requests in 2.00s\n\nmeasured {figures}\n"


def test_a_report_becomes_seconds_milliseconds_and_answers_per_second() -> None:
    seen = load.parse(output())
    assert seen == load.Load(answered=1000, failed=0, seconds=2.0, p50_ms=1.5, p99_ms=42.0)
    assert seen.per_second == 500


def test_an_answer_with_an_error_status_is_a_failure_and_no_answer() -> None:
    seen = load.parse(output(status=300))
    assert (seen.answered, seen.failed) == (700, 300)


@pytest.mark.parametrize("kind", ["connect", "read", "write", "timeout"])
def test_a_broken_connection_is_a_failure(kind: str) -> None:
    seen = load.parse(output(**{kind: 3}))
    assert (seen.answered, seen.failed) == (1000, 3)


def test_output_without_a_report_is_refused_with_what_it_said_instead() -> None:
    with pytest.raises(ValueError, match="unable to connect"):
        load.parse("unable to connect to 127.0.0.1:1 Connection refused\n")


def test_the_script_carries_body_and_headers_as_lua_strings() -> None:
    lua = load.script("sse", {"authorization": 'Bearer "x\\y'})
    assert 'wrk.headers["authorization"] = "Bearer \\"x\\\\y"' in lua
    (line,) = [line for line in lua.splitlines() if line.startswith("wrk.body = ")]
    # A Lua string of plain ASCII with these two escapes is a JSON string too.
    assert json.loads(line.removeprefix("wrk.body = ")) == load.question("sse").decode()


def test_what_lua_would_read_differently_is_refused() -> None:
    with pytest.raises(ValueError, match="not plain printable ASCII"):
        load.script("json", {"x": "line\nbreak"})


def test_only_the_question_for_a_stream_asks_for_one() -> None:
    assert "stream" not in json.loads(load.question("json"))
    streamed = json.loads(load.question("sse"))
    assert streamed["stream"] is True
    assert streamed["stream_options"] == {"include_usage": True}
