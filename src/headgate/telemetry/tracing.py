"""Traces for any collector that speaks OTLP, by OpenTelemetry's own library.

Loaded only where a collector is named. Spans are sent in batches by a thread; while the collector
is away they are dropped beyond the library's bound, and no work waits for it.

A run lasts longer than a process may. Its trace is the one of the request that started it, which
is kept with the run, and the id of its span follows from its own id: so steps that several
processes took stand under one span, which is told by the process that ends the run.
"""

import asyncio
import contextlib
import hashlib
import re
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextvars import ContextVar
from dataclasses import dataclass

from opentelemetry import context as contexts
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import SpanProcessor, TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.trace.id_generator import RandomIdGenerator
from opentelemetry.trace import Span, SpanKind, Status, StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from headgate import __version__
from headgate.core.runs import Run
from headgate.core.tracing import RequestSpan, WorkSpan
from headgate.core.usage import UsageEvent
from headgate.core.watching import SOCKET, CallEnded, CallKind
from headgate.telemetry import conventions

FLUSH_SECONDS = 5.0
SEND_SECONDS = 4.0
"""How long one batch may take to be handed over, its retries included."""

_NANO = 1_000_000_000
_PROPAGATOR = TraceContextTextMapPropagator()
_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-([0-9a-f]{2})")
_given_ids: ContextVar[tuple[int, int] | None] = ContextVar("given_ids", default=None)


class _Ids(RandomIdGenerator):
    """Random ids, but for a span whose ids follow from what it stands for."""

    def generate_span_id(self) -> int:
        given = _given_ids.get()
        return super().generate_span_id() if given is None else given[1]

    def generate_trace_id(self) -> int:
        given = _given_ids.get()
        return super().generate_trace_id() if given is None else given[0]


@dataclass(frozen=True, slots=True)
class OtelSpan:
    """A span of OpenTelemetry's, as the features see it."""

    span: Span

    def answered(self, status: int, request_id: str) -> None:
        """See `RequestSpan.answered`."""
        self.span.set_attribute("http.response.status_code", status)
        self.span.set_attribute("headgate.request.id", request_id)
        if status >= 500:  # what the caller did wrong is no failure of ours
            self.failed(str(status))

    def took(self, events: Iterable[UsageEvent]) -> None:
        """See `WorkSpan.took`."""
        self.span.set_attributes(conventions.sums(events))

    def failed(self, reason: str) -> None:
        """See `WorkSpan.failed`."""
        self.span.set_attribute("error.type", reason)
        self.span.set_status(Status(StatusCode.ERROR))


@dataclass(frozen=True, slots=True)
class OtelMessageSpan(OtelSpan):
    """The span of a request over a socket, whose status is that of no HTTP answer."""

    def answered(self, status: int, request_id: str) -> None:
        """See `RequestSpan.answered`."""
        self.span.set_attribute(conventions.RPC_STATUS, str(status))
        self.span.set_attribute("headgate.request.id", request_id)
        if status >= 500:
            self.failed(str(status))


class OtelTracer:
    """`Tracer` that sends what it sees to a collector; it also is the watch of its calls."""

    def __init__(self, processor: SpanProcessor, service: str) -> None:
        """Trace as the service of this name, whose spans go through `processor`."""
        resource = Resource.create({"service.name": service, "service.version": __version__})
        self._provider = TracerProvider(
            resource=resource, id_generator=_Ids(), shutdown_on_exit=False
        )
        self._provider.add_span_processor(processor)
        self._tracer = self._provider.get_tracer("headgate", __version__)

    @property
    def calls(self) -> "OtelTracer":
        """See `Tracer.calls`."""
        return self

    def began(self, provider: str, model: str, kind: CallKind) -> CallEnded:
        """See `CallWatch.began`."""
        operation: conventions.Operation = "embeddings" if kind == "vectors" else "chat"
        span = self._tracer.start_span(
            f"{operation} {model}",
            kind=SpanKind.CLIENT,
            attributes=conventions.begun_call(operation, provider, model),
        )

        def ended(event: UsageEvent, failure: str | None) -> None:
            span.set_attributes(conventions.ended_call(event))
            if event.status in {"error", "incomplete"}:
                OtelSpan(span).failed(failure or event.status)
            span.end()

        return ended

    @contextlib.contextmanager
    def request(
        self, method: str, route: str, headers: Mapping[bytes, bytes]
    ) -> Iterator[RequestSpan]:
        """See `Tracer.request`."""
        carrier = {
            name: headers[name.encode()].decode("latin-1")
            for name in ("traceparent", "tracestate")
            if name.encode() in headers
        }
        parent = _PROPAGATOR.extract(carrier, Context())
        attributes = {"http.request.method": method, "http.route": route}
        name = f"{method} {route}"
        with self._current(name, SpanKind.SERVER, attributes, parent) as span:
            yield span

    @contextlib.contextmanager
    def message(self, action: str, parent: str | None) -> Iterator[RequestSpan]:
        """See `Tracer.message`."""
        above = _PROPAGATOR.extract({"traceparent": parent or ""}, Context())
        attributes = conventions.message(action)
        with self._current(f"{SOCKET} {action}", SpanKind.SERVER, attributes, above) as span:
            yield OtelMessageSpan(span.span)

    @contextlib.contextmanager
    def tool(self, name: str, call_key: str | None) -> Iterator[WorkSpan]:
        """See `Tracer.tool`."""
        attributes = conventions.tool(name, call_key)
        with self._current(f"execute_tool {name}", SpanKind.INTERNAL, attributes) as span:
            yield span

    @contextlib.contextmanager
    def step(self, run: Run, step_id: str, kind: str, name: str) -> Iterator[WorkSpan]:
        """See `Tracer.step`."""
        attributes = conventions.step(run, step_id, kind, name)
        parent = _PROPAGATOR.extract({"traceparent": _traceparent(run)}, Context())
        with self._current(f"{kind} {name}", SpanKind.INTERNAL, attributes, parent) as span:
            yield span

    def run_ended(self, run: Run) -> None:
        """See `Tracer.run_ended`."""
        began, ended = run.started_at or run.created_at, run.finished_at or time.time()
        _, trace_id, span_id, _ = _traceparent(run).split("-")
        # Without a request's span above it, the run's own is the root of its trace.
        parent = _PROPAGATOR.extract({"traceparent": run.request.trace or ""}, Context())
        token = _given_ids.set((int(trace_id, 16), int(span_id, 16)))
        try:
            span = self._tracer.start_span(
                f"invoke_agent {run.request.type}",
                context=parent,
                kind=SpanKind.INTERNAL,
                attributes=conventions.ended_run(run),
                start_time=int(began * _NANO),
            )
        finally:
            _given_ids.reset(token)
        if run.error is not None:
            OtelSpan(span).failed(run.error.code)
        span.end(int(ended * _NANO))

    def parent(self) -> str | None:
        """See `Tracer.parent`."""
        carrier: dict[str, str] = {}
        _PROPAGATOR.inject(carrier)
        return carrier.get("traceparent")

    async def flush(self) -> None:
        """See `Tracer.flush`."""
        await _done(self._provider.force_flush)

    async def aclose(self) -> None:
        """Send what waits, and trace no more."""
        await _done(self._provider.shutdown)

    @contextlib.contextmanager
    def _current(
        self,
        name: str,
        kind: SpanKind,
        attributes: Mapping[str, conventions.Value],
        parent: Context | None = None,
    ) -> Iterator[OtelSpan]:
        """A span under which stands whatever is traced inside of it."""
        span = self._tracer.start_span(name, parent, kind=kind, attributes=attributes)
        told = OtelSpan(span)
        token = contexts.attach(trace.set_span_in_context(span))
        try:
            yield told
        except BaseException as error:
            told.failed(type(error).__name__)
            raise
        finally:
            contexts.detach(token)
            span.end()


def _traceparent(run: Run) -> str:
    """The span of a run, as the parent of what is done in it."""
    given = _TRACEPARENT.fullmatch(run.request.trace or "")
    own = hashlib.sha256(f"trace {run.run_id}".encode()).hexdigest()
    trace_id, flags = given.groups() if given is not None else (own[:32], "01")
    return f"00-{trace_id}-{own[32:48]}-{flags}"


async def _done(work: Callable[[], object]) -> None:
    """Wait for what blocks, but not for long; a process that stops leaves it behind."""
    loop = asyncio.get_running_loop()
    done = asyncio.Event()

    def run() -> None:
        work()
        with contextlib.suppress(RuntimeError):  # nobody waits any more
            loop.call_soon_threadsafe(done.set)

    threading.Thread(target=run, daemon=True).start()
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            await done.wait()


def otlp_tracer(endpoint: str, headers: Mapping[str, str], service: str) -> OtelTracer:
    """A tracer that sends to the OTLP collector at `endpoint`, over HTTP."""
    exporter = OTLPSpanExporter(
        f"{endpoint.rstrip('/')}/v1/traces", headers=dict(headers), timeout=SEND_SECONDS
    )
    return OtelTracer(BatchSpanProcessor(exporter), service)
