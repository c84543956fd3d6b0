"""The part of `bootstrap` that joins what watches the platform at work."""

import importlib
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from urllib.parse import unquote

from headgate.bootstrap.contents import content_log, warn_of_contents
from headgate.core.contents import ContentEnded
from headgate.core.measurements import Measured
from headgate.core.tracing import UNTRACED, Tracer
from headgate.core.watching import (
    CallWatch,
    Counting,
    RequestEnded,
    Watches,
    note_call,
)
from headgate.http.app import App
from headgate.http.contents import with_contents
from headgate.http.records import with_records
from headgate.http.routes import RouteTable
from headgate.http.sockets.observer import Observer
from headgate.http.tracing import with_tracing
from headgate.settings import Settings
from headgate.telemetry.call_counts import CallCounts
from headgate.telemetry.logs import JsonLines, log_request
from headgate.telemetry.request_counts import RequestCounts

TEXT = "%(levelname)s %(message)s"


@dataclass(frozen=True, slots=True)
class Telemetry:
    """What watches a process.

    Attributes:
        logs_requests: whether each request is a line of the log.
        told: who else is told of each request.
        contents: is told what requests ask and are answered; None unless that is switched on.
    """

    tracer: Tracer = UNTRACED
    logs_requests: bool = False
    told: Sequence[RequestEnded] = ()
    calls: CallCounts = field(default_factory=CallCounts)
    requests: RequestCounts = field(default_factory=RequestCounts)
    contents: ContentEnded | None = None
    _resting: list[Callable[[], Awaitable[None]]] = field(default_factory=list)

    def watch(self) -> CallWatch:
        """What sees every call to a model."""
        counting = Counting([self.calls.count, *([note_call] if self.logs_requests else ())])
        return counting if self.tracer.calls is None else Watches((counting, self.tracer.calls))

    @property
    def parts(self) -> Sequence[Measured]:
        """What it can tell in numbers."""
        return (self.calls, self.requests)

    @property
    def observer(self) -> Observer:
        """What watches requests over sockets."""
        return Observer(
            self.tracer, self._told, notes_calls=self.logs_requests, contents=self.contents
        )

    @property
    def _told(self) -> Sequence[RequestEnded]:
        logged = (log_request,) if self.logs_requests else ()
        return (self.requests.count, *logged, *self.told)

    def before_rest(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do this before a process stands still, too."""
        self._resting.append(work)

    async def rest(self) -> None:
        """Tell what waits, before a process stands still for who knows how long."""
        await self.tracer.flush()
        for work in self._resting:
            await work()

    def around(self, app: App, table: RouteTable) -> App:
        """`app`, with its requests watched."""
        app = with_records(app, self._told, noting=self.logs_requests)
        if self.contents is not None:
            app = with_contents(app, table, self.contents)
        return app if self.tracer is UNTRACED else with_tracing(app, table, self.tracer)


def telemetry_of(settings: Settings) -> Telemetry:
    """What watches a process with these settings."""
    return Telemetry(
        tracer_of(settings), settings.log_format == "json", contents=content_log(settings)
    )


def start_logging(settings: Settings, tracer: Tracer = UNTRACED) -> None:
    """Log in the form that the settings say, and say so where people's words are logged."""
    if settings.log_format == "text":
        logging.basicConfig(level=settings.log_level.upper(), format=TEXT)
        return
    handler = logging.StreamHandler()
    handler.setFormatter(JsonLines(tracer.parent))
    logging.basicConfig(level=settings.log_level.upper(), handlers=[handler])
    warn_of_contents(settings)


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


def otlp_headers(text: str) -> dict[str, str]:
    """Headers as OTEL_EXPORTER_OTLP_HEADERS writes them: `name=value`, with commas between them."""
    parts = (part.partition("=") for part in text.split(",") if "=" in part)
    return {name.strip().lower(): unquote(value.strip()) for name, _, value in parts}
