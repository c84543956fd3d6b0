"""Spans as they end, kept in memory."""

from typing import Any

from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from headgate.telemetry.tracing import OtelTracer


class Seen:
    """A tracer, and the spans that have ended."""

    def __init__(self) -> None:
        self._exporter = InMemorySpanExporter()
        self.tracer = OtelTracer(SimpleSpanProcessor(self._exporter), "test")

    @property
    def spans(self) -> list[Any]:
        """The spans, in the order of their ends."""
        return list(self._exporter.get_finished_spans())

    def one(self, name: str) -> Any:
        """The only span of this name."""
        (found,) = [span for span in self.spans if span.name == name]
        return found
