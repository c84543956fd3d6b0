"""Each request of a socket, watched as one over HTTP is: a span, a count, a line of the log.

A socket lasts for hours and carries many requests, so it is these that are told, never the socket.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from headgate.core.tracing import UNTRACED, Tracer
from headgate.core.usage import UsageEvent
from headgate.core.watching import SOCKET, RequestEnded, RequestRecord, noted_calls


class Observed(Protocol):
    """A request of a socket."""

    @property
    def action(self) -> str:
        """What it asks for."""
        ...

    @property
    def route(self) -> str:
        """The path of the row that answers it."""
        ...

    @property
    def call_id(self) -> str:
        """The platform's id of it."""
        ...

    @property
    def traceparent(self) -> str | None:
        """The trace that it belongs to, where its caller names one."""
        ...

    @property
    def status(self) -> int:
        """What it has come to by now."""
        ...


@dataclass(frozen=True, slots=True)
class Observer:
    """Sees requests of sockets begin and end.

    Attributes:
        told: who is told of each when it is over.
        notes_calls: whether the calls to models that are made for it are told too.
    """

    tracer: Tracer = UNTRACED
    told: Sequence[RequestEnded] = ()
    notes_calls: bool = False

    @contextlib.contextmanager
    def over(self, request: Observed, key_id: str | None) -> Iterator[None]:
        """Watch a request for the length of the block; what is done in it stands under its span."""
        noted: list[UsageEvent] = []
        token = noted_calls.set(noted if self.notes_calls else None)
        began = time.perf_counter()
        spans = contextlib.ExitStack()
        span = spans.enter_context(self.tracer.message(request.action, request.traceparent))
        try:
            yield
        finally:
            span.answered(request.status, request.call_id)
            # Whoever leaves ends the block by an exception, and that is no failure of the request.
            spans.close()
            noted_calls.reset(token)
            record = RequestRecord(
                request.call_id,
                SOCKET,
                request.route,
                request.status,
                time.perf_counter() - began,
                key_id,
                noted,
            )
            for tell in self.told:
                tell(record)
