"""What watches the platform is put together as the settings say."""

import subprocess
import sys

from headgate.bootstrap.telemetry import Telemetry, otlp_headers, telemetry_of, tracer_of
from headgate.core.tracing import UNTRACED
from headgate.settings import Settings


def test_without_a_collector_nothing_is_traced() -> None:
    tracer = tracer_of(Settings())
    assert tracer is UNTRACED
    assert tracer.calls is None


def test_calls_are_always_counted_and_noted_only_for_logs_of_requests() -> None:
    plain = telemetry_of(Settings())
    assert plain.watch is plain.calls
    assert Telemetry(logs_requests=True).watch is not plain.calls
    assert telemetry_of(Settings(log_format="json")).logs_requests


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
