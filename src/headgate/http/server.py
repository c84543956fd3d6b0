"""The socket and the processes behind the HTTP interface: uvicorn, set up for this platform.

A signal drains: the server stops accepting, answers what it has begun, and exits with code 0.
What uvicorn itself refuses, before there is a request, is answered in the same error shape as
everything else.
"""

import asyncio
import signal
import socket
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, cast

import msgspec
from uvicorn import Config, Server
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle
from uvicorn.server import HANDLED_SIGNALS
from uvicorn.supervisors import Multiprocess

from headgate.core.errors import HeadgateError, InvalidRequest, RequestTooLarge
from headgate.core.ids import new_id
from headgate.http.app import BODY_SECONDS, CLOSING, Scope
from headgate.http.errors import body_of
from headgate.http.joined_writes import JoinedWrites
from headgate.http.sockets.messages import MOST_MESSAGE_BYTES
from headgate.http.sockets.protocol import SocketProtocol

BACKLOG = 2048
DRAIN_SECONDS = 30
WORKER_SILENCE_SECONDS = 15
MAX_HEAD_BYTES = 65_536
DEFAULT_BODY_SECONDS = 60.0


class ServerFailed(Exception):
    """The server could not start; the message says why."""


class JsonErrorProtocol(HttpToolsProtocol):
    """HTTP/1.1 whose own refusals are JSON with a request id.

    Heads are bounded in size, bodies in how long they may be silent. A request that comes in one
    piece pays for neither.
    """

    _head_bytes = 0
    _in_head = False
    _silence: asyncio.TimerHandle | None = None
    _answers: JoinedWrites

    def connection_made(  # type: ignore[override] # uvicorn's own narrows the argument too
        self, transport: asyncio.Transport
    ) -> None:
        """Remember where to write."""
        super().connection_made(transport)
        self._answers = JoinedWrites(transport, self.loop)

    def data_received(self, data: bytes) -> None:
        """Parse what has come, unless it is a head without an end."""
        super().data_received(data)
        if self._silence is not None or self._lacks_body():
            self._await_body()
        if not self._in_head or self.transport.is_closing():
            return
        self._head_bytes += len(data)
        if self._head_bytes > MAX_HEAD_BYTES:
            self._refuse(431, RequestTooLarge(f"The headers exceed {MAX_HEAD_BYTES} bytes."))

    def on_message_begin(self) -> None:
        """Note that a request's head begins."""
        self._in_head = True
        self._head_bytes = 0
        super().on_message_begin()

    def on_headers_complete(self) -> None:
        """Note that the head has ended, and let the answer leave in as few pieces as it can."""
        self._in_head = False
        super().on_headers_complete()
        if self.cycle is not None:  # else it becomes a socket
            self.cycle.transport = self._answers

    def on_response_complete(self) -> None:
        """Let an answer go at once that has the turn of the event loop for itself."""
        if len(self.tasks) == 1:
            self._answers.flush()
        super().on_response_complete()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        if self._silence is not None:
            self._silence.cancel()
        super().connection_lost(exc)

    def _lacks_body(self) -> bool:
        """Whether a body is still to come for a request without its whole answer."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        return cycle is not None and cycle.more_body and not cycle.response_complete

    def _await_body(self) -> None:
        """Count the silence from now on, as long as a body is to come."""
        if self._silence is not None:
            self._silence.cancel()
            self._silence = None
        if self._lacks_body() and not self.transport.is_closing():
            self._silence = self.loop.call_later(self._body_seconds, self._give_up)

    def _give_up(self) -> None:
        """Refuse a request whose body does not come, unless it is we who did not read."""
        self._silence = None
        if self.flow.read_paused or self.pipeline:
            self._await_body()
        elif self._lacks_body() and not self.transport.is_closing():
            self._refuse(
                400,
                InvalidRequest(
                    f"Nothing came of the body for {self._body_seconds:g} s. Send as many bytes"
                    " as Content-Length says."
                ),
            )

    @property
    def _body_seconds(self) -> float:
        seconds: float = self.app_state.get(BODY_SECONDS, DEFAULT_BODY_SECONDS)
        return seconds

    def shutdown(self) -> None:
        """Begin to stop: an answer without an end of its own sees it and ends."""
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None:
            cast("Scope", cycle.scope)[CLOSING] = True
        self._answers.flush()
        super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP request."""
        self._refuse(400, InvalidRequest(f"{msg} Send HTTP/1.1."))

    def _refuse(self, status: int, error: HeadgateError) -> None:
        cycle = cast("RequestResponseCycle | None", self.cycle)
        answering = cycle is not None and cycle.response_started and not cycle.response_complete
        if not answering:  # else more bytes would pass for a part of the answer
            self._answers.write(self._refusal(status, error))
        self._answers.close()

    def _refusal(self, status: int, error: HeadgateError) -> bytes:
        body = msgspec.json.encode(body_of(error))
        lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode()]
        lines += [name + b": " + value for name, value in self.server_state.default_headers]
        lines += [
            b"content-type: application/json",
            f"content-length: {len(body)}".encode(),
            f"x-request-id: {new_id('req')}".encode(),
            b"connection: close",
        ]
        return b"\r\n".join(lines) + b"\r\n\r\n" + body


def listen(host: str, port: int) -> socket.socket:
    """A listening socket; from here on callers wait rather than being refused.

    Raises:
        ServerFailed: the address is taken, or not this machine's.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        listener = socket.create_server((host, port), family=family, backlog=BACKLOG)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        reason = reason.partition(" (while ")[0]  # the address follows, and is said already
        raise ServerFailed(
            f"Cannot listen on {host} port {port}: {reason}. Choose another with --port or --host."
        ) from None
    listener.setblocking(False)
    return listener


def address(listener: socket.socket) -> str:
    """The URL at which a program on this machine reaches a listening socket."""
    host, port = listener.getsockname()[:2]
    reachable = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host)  # noqa: S104 - compared, not bound
    return f"http://{reachable or (f'[{host}]' if ':' in host else host)}:{port}"


def server_config(app: Callable[..., Any] | str, *, workers: int = 1) -> Config:
    """How uvicorn serves `app`, or what the factory that `app` names as `module:name` makes."""
    return Config(
        app,
        factory=isinstance(app, str),
        interface="asgi3",
        loop="uvloop",
        http=JsonErrorProtocol,
        ws=SocketProtocol,
        ws_max_size=MOST_MESSAGE_BYTES,
        # Small texts gain nothing by it, and it takes memory for each socket.
        ws_per_message_deflate=False,
        lifespan="on",
        log_config=None,
        access_log=False,
        workers=workers,
        proxy_headers=False,
        server_header=False,
        date_header=True,
        backlog=BACKLOG,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=DRAIN_SECONDS,
        timeout_worker_healthcheck=WORKER_SILENCE_SECONDS,
    )


def run(config: Config, listener: socket.socket, *, ready: Callable[[], None]) -> None:
    """Serve until a signal comes; `ready` is called once, when requests are answered.

    Raises:
        ServerFailed: the application did not start.
    """
    started = _run_workers if config.workers > 1 else _run_alone
    if not started(config, listener, ready):
        raise ServerFailed("The server could not start; the reason stands above.")


class _AnnouncingServer(Server):
    def __init__(self, config: Config, ready: Callable[[], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started and not self.should_exit:
            self._ready()


def _run_alone(config: Config, listener: socket.socket, ready: Callable[[], None]) -> bool:
    server = _AnnouncingServer(config, ready)
    # uvicorn raises the signal again after it has drained, for the handler that stood before. This
    # one makes that harmless, and it catches a signal that comes before uvicorn listens for it.
    for number in HANDLED_SIGNALS:
        signal.signal(number, server.handle_exit)
    try:
        server.run(sockets=[listener])
    except SystemExit:
        return False
    return server.started


class _AnnouncingWorkers(Multiprocess):
    def __init__(
        self, config: Config, sockets: list[socket.socket], ready: Callable[[], None]
    ) -> None:
        super().__init__(config, sockets)
        self._ready = ready
        self.announced = False

    def keep_subprocess_alive(self) -> None:
        super().keep_subprocess_alive()
        if self.announced or self.should_exit.is_set():
            return
        if all(process.is_ready(timeout=1) for process in self.processes):
            self.announced = True
            self._ready()


def _run_workers(config: Config, listener: socket.socket, ready: Callable[[], None]) -> bool:
    workers = _AnnouncingWorkers(config, [listener], ready)
    workers.run()
    # Stopped by a signal before all were ready is no failure; a worker that died at start is.
    return workers.announced or all(process.exitcode != 3 for process in workers.processes)
