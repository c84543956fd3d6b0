"""Each request of a socket, watched as one over HTTP is: a span, a count, a line of the log.

A socket lasts for hours and carries many requests, so it is these that are told, never the socket;
a handshake only where it was refused.
"""

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from headgate.core.contents import Content, ContentEnded, Kept
from headgate.core.tracing import UNTRACED, Tracer
from headgate.core.usage import UsageEvent
from headgate.core.watching import SOCKET, RequestEnded, RequestRecord, noted_calls
from headgate.http.texts import said_in_body, said_in_stream


class Observed(Protocol):
    """A request of a socket.

    Attributes:
        answered: where what it is answered is kept, as server-sent events.
    """

    answered: Kept | None

    @property
    def action(self) -> str:
        """What it asks for."""
        ...

    @property
    def route(self) -> str:
        """The path of the row that answers it."""
        ...

    @property
    def text(self) -> bytes:
        """The message that it came as."""
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
        contents: who is told what it asked and was answered; None where nobody is.
    """

    tracer: Tracer = UNTRACED
    told: Sequence[RequestEnded] = ()
    notes_calls: bool = False
    contents: ContentEnded | None = None

    @contextlib.contextmanager
    def over(self, request: Observed, key_id: str | None) -> Iterator[None]:
        """Watch a request for the length of the block; what is done in it stands under its span."""
        noted: list[UsageEvent] = []
        token = noted_calls.set(noted if self.notes_calls else None)
        if self.contents is not None:
            request.answered = Kept()
        began = time.perf_counter()
        spans = contextlib.ExitStack()
        span = spans.enter_context(self.tracer.message(request.action, request.traceparent))
        try:
            yield
        finally:
            span.answered(request.status, request.call_id)
            self._tell(request, key_id, time.perf_counter() - began, noted)
            # Whoever leaves ends the block by an exception, and that is no failure of the request.
            spans.close()
            noted_calls.reset(token)

    def refused(self, request_id: str, route: str, status: int, seconds: float) -> None:
        """A handshake was answered with an error, so that there is no socket."""
        self._tell_all(RequestRecord(request_id, SOCKET, route, status, seconds, None))

    def _tell(
        self, request: Observed, key_id: str | None, seconds: float, calls: Sequence[UsageEvent]
    ) -> None:
        record = RequestRecord(
            request.call_id, SOCKET, request.route, request.status, seconds, key_id, calls
        )
        self._tell_all(record)
        if self.contents is not None and request.answered is not None:
            self.contents(_content(request, request.answered, key_id))

    def _tell_all(self, record: RequestRecord) -> None:
        for tell in self.told:
            tell(record)


def _content(request: Observed, answered: Kept, key_id: str | None) -> Content:
    asked = Kept()
    asked.add(request.text)
    said = said_in_body(asked), said_in_stream(answered)
    return Content(request.call_id, SOCKET, request.route, key_id, *said)
