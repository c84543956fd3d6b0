"""One HTTP/1.1 connection to another server: a request at a time, its answer as it arrives.

The bytes are parsed by httptools (llhttp, the parser of Node.js), the same that uvicorn serves
with. What is here is only the order of things: write a request, wait for the head, hand over the
body, and know whether the connection can serve another request or must be closed.
"""

import asyncio
from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias, cast

import httptools
import msgspec

from headgate.transport.headers import RawHeaders, only_head

# An answer that nobody reads is not let in beyond this.
BUFFERED_BYTES = 64 * 1024
MOST_HEAD_BYTES = 256 * 1024

# What somebody waits for: the head, more of the body, or the end of it.
_Wanted: TypeAlias = Literal["head", "piece", "end"]


class HttpError(Exception):
    """No whole answer came."""


class HttpUnreachable(HttpError):
    """No connection was made, so the other side has seen nothing."""


class HttpForbidden(HttpError):
    """The other side is one that must not be reached."""


class HttpTimedOut(HttpError):
    """The other side was silent for too long."""


class HttpBroke(HttpError):
    """The connection broke in the middle."""


class Origin(NamedTuple):
    """Where to connect."""

    is_tls: bool
    host: str
    port: int


class Head(msgspec.Struct, frozen=True):
    """The beginning of an answer; header names are in lower case."""

    status: int
    headers: Mapping[str, str]


class Connection(asyncio.Protocol):
    """A connection to `origin`; `idle_seconds` bounds each wait for bytes.

    Attributes:
        has_served: whether an earlier request was answered on it.
        is_touched: whether a byte of the running answer has come.
    """

    def __init__(self, origin: Origin, idle_seconds: float) -> None:
        self.origin = origin
        self.has_served = False
        self.is_touched = False
        self._idle_seconds = idle_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._parser: httptools.HttpResponseParser | None = None
        self._begun: list[bytes] = []
        self._head_bytes = 0
        self._has_interim = False
        self._head: Head | None = None
        self._pieces: list[bytes] = []
        self._buffered = 0
        self._is_paused = False
        self._is_whole = True
        self._can_stay = True
        self._error: HttpError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._wanted: _Wanted = "head"
        self._active_at = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def can_serve(self) -> bool:
        """Whether the last answer is whole and was read, and the connection is still open.

        What nobody has read of one answer must never be taken for a part of the next.
        """
        transport = self._transport
        return (
            self._is_whole
            and not self._pieces
            and self._can_stay
            and self._error is None
            and transport is not None
            and not transport.is_closing()
        )

    def start(self, request: bytes) -> None:
        """Send a request; its answer is what comes from now on."""
        if self._transport is None:
            raise RuntimeError("a connection is used before it is made")
        self._parser = httptools.HttpResponseParser(self)
        self._begun = []
        self._head_bytes = 0
        self._has_interim = False
        self._head = None
        self._is_whole = self.is_touched = False
        self._active_at = self._loop.time()
        if self._timer is None:  # one goes on from request to request
            self._timer = self._loop.call_later(self._idle_seconds, self._check_idle)
        self._transport.write(request)

    async def head(self) -> Head:
        """The answer's status and headers.

        Raises:
            HttpError: none came.
        """
        while self._head is None:
            await self._wait("head")
        return self._head

    async def piece(self) -> bytes | None:
        """What has come of the body and was not handed over yet; None at its end.

        Raises:
            HttpError: the body ended too early; what came before is handed over first.
        """
        while not self._pieces:
            if self._is_whole:
                return None
            await self._wait("piece")
        return self._take()

    async def body(self) -> bytes:
        """The rest of the body.

        Raises:
            HttpError: it ended too early.
        """
        while not self._is_whole:
            if self._is_paused:
                self._resume()  # somebody wants all of it
            await self._wait("end")
        return self._take()

    def abort(self) -> None:
        """Close at once; the other side sees that nobody waits for it."""
        self._stop_timer()
        if self._transport is not None:
            self._transport.abort()

    # What asyncio calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Remember where to write."""
        # uvloop's transports are of no class of asyncio's, so there is nothing to check it against.
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        """Parse what has come."""
        self.is_touched = True
        self._active_at = self._loop.time()
        if self._is_whole or self._parser is None:
            self._fail(HttpBroke("the other side spoke without being asked"))
            return
        if self._head is None:
            self._begun.append(data)
            self._head_bytes += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._fail(HttpBroke("the answer is not HTTP"))
        if self._head is None and self._head_bytes > MOST_HEAD_BYTES:
            self._fail(HttpBroke("the head is too large"))

    def connection_lost(self, exc: Exception | None) -> None:
        """End the answer: rightly so where its length was not told, and early otherwise."""
        is_open_ended = self._head is not None and not (
            "content-length" in self._head.headers or "transfer-encoding" in self._head.headers
        )
        self._can_stay = False
        self._stop_timer()
        if self._is_whole:
            return
        if is_open_ended and exc is None:
            self.on_message_complete()
        else:
            self._fail(HttpBroke("the connection broke"))

    # What the parser calls.

    def on_headers_complete(self) -> None:
        """Hand over the head, unless it is only an interim one (1xx)."""
        parser = self._parser
        if parser is None:
            return
        status = parser.get_status_code()
        if status < 200:
            self._has_interim = True
            return
        self._can_stay = bool(parser.should_keep_alive())
        received = b"".join(self._begun) if len(self._begun) != 1 else self._begun[0]
        self._begun = []
        if not self._has_interim:  # else it is not known where the real one begins
            received = only_head(received)
            if len(received) > MOST_HEAD_BYTES:
                raise httptools.HttpParserError("the head is too large")
        self._head = Head(status, RawHeaders(received))
        self._wake("head")

    def on_body(self, data: bytes) -> None:
        """Keep a piece of the body, and let no more in where nobody reads."""
        self._pieces.append(data)
        self._buffered += len(data)
        if self._buffered > BUFFERED_BYTES and self._wanted != "end" and self._transport:
            self._transport.pause_reading()
            self._is_paused = True
        self._wake("piece")

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._head is None:
            return  # an interim one; the real one follows
        self._is_whole = True
        self.has_served = True
        self._wake("end")

    def _take(self) -> bytes:
        data = b"".join(self._pieces) if len(self._pieces) != 1 else self._pieces[0]
        self._pieces = []
        self._buffered = 0
        if self._is_paused:
            self._resume()
        return data

    def _resume(self) -> None:
        self._is_paused = False
        self._active_at = self._loop.time()
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    async def _wait(self, wanted: _Wanted) -> None:
        if self._error is not None:
            raise self._error
        self._wanted = wanted
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self, what: _Wanted) -> None:
        """Wake who waits for this, or for something that the end decides."""
        waiter = self._waiter
        if waiter is None or waiter.done():
            return
        if what in {self._wanted, "end"}:
            waiter.set_result(None)

    def _fail(self, error: HttpError) -> None:
        if self._error is None and not self._is_whole:
            self._error = error
        self._can_stay = False
        self.abort()
        self._wake("end")

    def _check_idle(self) -> None:
        self._timer = None
        if self._is_whole:
            return  # nobody waits for anything
        left = self._active_at + self._idle_seconds - self._loop.time()
        if self._is_paused:
            left = self._idle_seconds  # it is our side that does not read
        if left > 0:
            self._timer = self._loop.call_later(left, self._check_idle)
        else:
            self._fail(HttpTimedOut("the answer took too long"))

    def _stop_timer(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
