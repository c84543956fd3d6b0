"""What watches the platform is put together as the settings say."""

import subprocess
import sys
from typing import Any

from headgate.bootstrap.telemetry import otlp_headers, traced_app, tracer_of
from headgate.core.tracing import UNTRACED
from headgate.http.routes import RouteTable
from headgate.settings import Settings


async def app(scope: Any, receive: Any, send: Any) -> None:
    raise AssertionError("nobody calls it")


def test_without_a_collector_nothing_is_traced_and_nothing_stands_in_the_way() -> None:
    tracer = tracer_of(Settings())
    assert tracer is UNTRACED
    assert tracer.calls is None
    assert traced_app(app, RouteTable([]), tracer) is app


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
