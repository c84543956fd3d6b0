"""The port through which work is traced: all that is done for one request, as one tree.

A *span* is a piece of work with a beginning and an end; a *trace* is all spans that one request
led to, in whatever process. What is traced inside of a span belongs under it. No span says what
was asked or answered, nor any secret.
"""

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from headgate.core.runs import Run
from headgate.core.usage import UsageEvent
from headgate.core.watching import CallWatch


class RequestSpan(Protocol):
    """A request that is being answered."""

    def answered(self, status: int, request_id: str) -> None:
        """Say what the caller was told."""
        ...


class WorkSpan(Protocol):
    """A step of a run, or a call of a tool."""

    def took(self, events: Iterable[UsageEvent]) -> None:
        """Say which calls to models it made."""
        ...

    def failed(self, reason: str) -> None:
        """Say in one word why it came to nothing."""
        ...


class Tracer(Protocol):
    """Traces what a process does."""

    @property
    def calls(self) -> CallWatch | None:
        """Traces calls to models; None where nothing is traced."""
        ...

    def request(
        self, method: str, route: str, headers: Mapping[bytes, bytes]
    ) -> AbstractContextManager[RequestSpan]:
        """A request's span, in the trace that its W3C header `traceparent` names."""
        ...

    def message(self, action: str, parent: str | None) -> AbstractContextManager[RequestSpan]:
        """The span of a request over a socket; `parent` is the `traceparent` that it names."""
        ...

    def tool(self, name: str, call_key: str | None) -> AbstractContextManager[WorkSpan]:
        """The span of a tool's call."""
        ...

    def step(
        self, run: Run, step_id: str, kind: str, name: str
    ) -> AbstractContextManager[WorkSpan]:
        """The span of one attempt at a step, under that of its run, whichever process it is."""
        ...

    def run_ended(self, run: Run) -> None:
        """A run has ended: tell its span, from its beginning on."""
        ...

    def parent(self) -> str | None:
        """What a process that goes on with this work is handed: a `traceparent`."""
        ...

    async def flush(self) -> None:
        """Send what waits, within a few seconds."""
        ...

    async def aclose(self) -> None:
        """Send what waits, and trace no more."""
        ...


class _Unseen:
    """Spans that nobody sees."""

    def answered(self, *_: object, **_named: object) -> None:
        """See `RequestSpan.answered`."""

    def took(self, *_: object, **_named: object) -> None:
        """See `WorkSpan.took`."""

    def failed(self, *_: object, **_named: object) -> None:
        """See `WorkSpan.failed`."""


_UNSEEN = _Unseen()


class Untraced:
    """`Tracer` that traces nothing."""

    calls: CallWatch | None = None

    def request(self, *_: object, **_named: object) -> AbstractContextManager[RequestSpan]:
        """See `Tracer.request`."""
        return nullcontext(_UNSEEN)

    def message(self, *_: object, **_named: object) -> AbstractContextManager[RequestSpan]:
        """See `Tracer.message`."""
        return nullcontext(_UNSEEN)

    def tool(self, *_: object, **_named: object) -> AbstractContextManager[WorkSpan]:
        """See `Tracer.tool`."""
        return nullcontext(_UNSEEN)

    def step(self, *_: object, **_named: object) -> AbstractContextManager[WorkSpan]:
        """See `Tracer.step`."""
        return nullcontext(_UNSEEN)

    def run_ended(self, *_: object, **_named: object) -> None:
        """See `Tracer.run_ended`."""

    def parent(self) -> str | None:
        """See `Tracer.parent`."""
        return None

    async def flush(self) -> None:
        """See `Tracer.flush`."""

    async def aclose(self) -> None:
        """See `Tracer.aclose`."""


UNTRACED = Untraced()
