"""What watches the platform is put together as the settings say."""

import subprocess
import sys

from headgate.bootstrap.telemetry import otlp_headers, telemetry_of, tracer_of
from headgate.core.tracing import UNTRACED
from headgate.core.usage import UsageEvent
from headgate.core.watching import noted_calls
from headgate.settings import Settings
from usage_events import usage_event


def test_without_a_collector_nothing_is_traced() -> None:
    tracer = tracer_of(Settings())
    assert tracer is UNTRACED
    assert tracer.calls is None


def test_calls_are_counted() -> None:
    telemetry = telemetry_of(Settings())
    telemetry.watch().began("openai", "gpt-4o", "whole")(usage_event(), None)
    told = {one.name: one.value for one in telemetry.calls.measurements()}
    assert told["headgate_model_calls"] == 1


def test_calls_are_noted_for_requests_where_these_are_logged() -> None:
    noted: list[UsageEvent] = []
    token = noted_calls.set(noted)
    try:
        for log_format in ("text", "json"):
            watch = telemetry_of(Settings(log_format=log_format)).watch()
            watch.began("openai", "gpt-4o", "whole")(usage_event(), None)
    finally:
        noted_calls.reset(token)
    assert len(noted) == 1


def test_the_library_is_loaded_only_where_a_collector_is_named() -> None:
    program = (
        "import sys, headgate.bootstrap.platform as p, headgate.bootstrap.telemetry as t;"
        "from headgate.settings import Settings;"
        "loaded = lambda: 'opentelemetry.sdk.trace' in sys.modules;"
        "t.tracer_of(Settings()); print(loaded());"
        "t.tracer_of(Settings(otel_endpoint='http://127.0.0.1:9')); print(loaded())"
    )
    ran = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    assert ran.stdout.split() == ["False", "True"]


def test_headers_of_a_collector_are_written_as_its_variable_says() -> None:
    assert otlp_headers("Authorization=Basic%20abc%3D, x-team = one,,nonsense") == {
        "authorization": "Basic abc=",
        "x-team": "one",
    }
