"""A collector of traces: a real web server that takes OTLP over HTTP and keeps every span."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, NamedTuple

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue

from receivers import WebServer, web_server

ERROR = 2


class Span(NamedTuple):
    """A span as it arrived."""

    service: str
    trace_id: str
    span_id: str
    parent_id: str
    name: str
    attributes: dict[str, Any]
    is_error: bool


@dataclass
class Collector:
    """What was sent to a collector."""

    server: WebServer

    @property
    def url(self) -> str:
        """Its address as OTEL_EXPORTER_OTLP_ENDPOINT."""
        return self.server.url

    @property
    def spans(self) -> list[Span]:
        """All spans that have come."""
        return [span for request in self.server.requests for span in _spans(request.body)]

    def named(self, prefix: str) -> list[Span]:
        """The spans whose names begin so."""
        return [span for span in self.spans if span.name.startswith(prefix)]

    async def all_spans(self) -> list[Span]:
        """`spans`, for those who wait for more."""
        return self.spans


@asynccontextmanager
async def collecting() -> AsyncIterator[Collector]:
    """A collector on a free port."""
    async with web_server() as server:
        yield Collector(server)


def _spans(body: bytes) -> list[Span]:
    found = []
    for resource in ExportTraceServiceRequest.FromString(body).resource_spans:
        about = {item.key: _value(item.value) for item in resource.resource.attributes}
        for scope in resource.scope_spans:
            found += [
                Span(
                    about["service.name"],
                    span.trace_id.hex(),
                    span.span_id.hex(),
                    span.parent_span_id.hex(),
                    span.name,
                    {item.key: _value(item.value) for item in span.attributes},
                    span.status.code == ERROR,
                )
                for span in scope.spans
            ]
    return found


def _value(value: AnyValue) -> Any:
    kind = value.WhichOneof("value")
    return None if kind is None else getattr(value, kind)
