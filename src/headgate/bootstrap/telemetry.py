"""The part of `bootstrap` that joins what watches the platform at work."""

import importlib
from urllib.parse import unquote

from headgate.core.tracing import UNTRACED, Tracer
from headgate.http.app import App
from headgate.http.routes import RouteTable
from headgate.http.tracing import with_tracing
from headgate.settings import Settings


def tracer_of(settings: Settings) -> Tracer:
    """Traces to the collector that the settings name; without one nothing is traced."""
    if settings.otel_endpoint is None:
        return UNTRACED
    # Heavy, and needed only where there is a collector.
    module = importlib.import_module("headgate.telemetry.tracing")
    headers = settings.otel_headers
    given = {} if headers is None else otlp_headers(headers.reveal())
    tracer: Tracer = module.otlp_tracer(settings.otel_endpoint, given, settings.otel_service)
    return tracer


def traced_app(app: App, table: RouteTable, tracer: Tracer) -> App:
    """`app` with a span around each request, where there is anybody to see it."""
    return app if tracer is UNTRACED else with_tracing(app, table, tracer)


def otlp_headers(text: str) -> dict[str, str]:
    """Headers as OTEL_EXPORTER_OTLP_HEADERS writes them: `name=value`, with commas between them."""
    parts = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in parts}
