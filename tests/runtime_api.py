"""Lambda's Runtime API on this machine: it hands out events and notes how they are answered."""

import asyncio
import base64
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from typing import Any

FAR = 4_000_000_000.0


@dataclass
class Answered:
    """How one event was answered.

    Attributes:
        pieces: the body as it came, piece by piece.
        error: what was posted instead of an answer.
        trailers: what followed a streamed body.
        more: set with each piece, and at the end.
    """

    headers: Mapping[str, str] = field(default_factory=dict)
    pieces: list[bytes] = field(default_factory=list)
    error: Any = None
    trailers: dict[str, str] = field(default_factory=dict)
    is_whole: bool = False
    more: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def body(self) -> bytes:
        return b"".join(self.pieces)

    @property
    def head(self) -> Any:
        """The head of a streamed answer."""
        return json.loads(self.body.partition(b"\0" * 8)[0])

    @property
    def content(self) -> bytes:
        """The body of a streamed answer."""
        return self.body.partition(b"\0" * 8)[2]

    @property
    def trailed_error(self) -> Any:
        """What a streamed answer's trailers say went wrong."""
        body = self.trailers.get("lambda-runtime-function-error-body")
        return None if body is None else json.loads(base64.b64decode(body))

    async def wait_for(self, text: bytes) -> None:
        """Return when a text has come."""
        while text not in self.body:
            self.more.clear()
            await self.more.wait()

    async def ended(self) -> None:
        """Return when the answer is whole, or was broken off."""
        while not self.is_whole and self.error is None:
            self.more.clear()
            await self.more.wait()


@dataclass
class RuntimeStandIn:
    """The Runtime API; `invoke` hands out an event.

    Attributes:
        asked: how often an event was asked for.
        start_error: what a process said that could not start.
    """

    address: str = ""
    asked: int = 0
    start_error: Any = None
    _events: asyncio.Queue[tuple[str, Any, float]] = field(default_factory=asyncio.Queue)
    _answers: dict[str, Answered] = field(default_factory=dict)
    _answering: dict[str, asyncio.StreamWriter] = field(default_factory=dict)
    _asked_again: asyncio.Event = field(default_factory=asyncio.Event)

    def invoke(self, event: Any, *, ends_at: float = FAR) -> Answered:
        """Hand out an event; what comes of it can be awaited."""
        name = f"event-{len(self._answers)}"
        self._answers[name] = Answered()
        self._events.put_nowait((name, event, ends_at))
        return self._answers[name]

    async def answer_of(self, event: Any) -> Answered:
        """Hand out an event and wait for the whole answer, and for the next request."""
        answered = self.invoke(event)
        await answered.ended()
        await self.idle()
        return answered

    async def idle(self) -> None:
        """Return when all events are answered and the next is asked for."""
        while self.asked <= len(self._answers):
            self._asked_again.clear()
            await self._asked_again.wait()

    def break_off(self) -> None:
        """Close every connection on which an answer is on its way."""
        for writer in self._answering.values():
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError, EOFError):
            head = (await reader.readuntil(b"\r\n\r\n")).decode().strip().split("\r\n")
            method, path, _ = head[0].split()
            headers = {
                name.lower(): value.strip()
                for name, _, value in (x.partition(":") for x in head[1:])
            }
            await self._route(f"{method} {path}", headers, reader, writer)
        writer.close()

    async def _route(
        self,
        line: str,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> None:
        parts = line.split("/2018-06-01/runtime/")[1].split("/")
        if line.startswith("GET") and parts == ["invocation", "next"]:
            await self._next(writer)
        elif parts == ["init", "error"]:
            size = int(headers["content-length"])
            self.start_error = json.loads(await reader.readexactly(size))
            await _accept(writer)
        else:
            _, name, kind = parts
            answered = self._answers[name]
            answered.headers = headers
            if headers.get("lambda-runtime-function-response-mode") == "streaming":
                self._answering[name] = writer
                await _read_pieces(reader, answered)
            else:
                body = await reader.readexactly(int(headers["content-length"]))
                if kind == "error":
                    answered.error = json.loads(body)
                answered.pieces.append(body)
            self._answering.pop(name, None)
            await _accept(writer)
            answered.is_whole = True
            answered.more.set()

    async def _next(self, writer: asyncio.StreamWriter) -> None:
        self.asked += 1
        self._asked_again.set()
        name, event, ends_at = await self._events.get()
        body = json.dumps(event).encode()
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
            + f"Lambda-Runtime-Aws-Request-Id: {name}\r\n".encode()
            + f"Lambda-Runtime-Deadline-Ms: {round(ends_at * 1000)}\r\n".encode()
            + f"Content-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        await writer.drain()


@contextlib.asynccontextmanager
async def runtime_api() -> AsyncIterator[RuntimeStandIn]:
    """A Runtime API that listens; whoever waits for an event at the end is turned away."""
    stand_in = RuntimeStandIn()
    tasks: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        tasks.add(task)
        try:
            await stand_in._serve(reader, writer)
        except asyncio.CancelledError:
            writer.transport.abort()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    host, port = server.sockets[0].getsockname()
    stand_in.address = f"{host}:{port}"
    yield stand_in
    server.close()
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _read_pieces(reader: asyncio.StreamReader, answered: Answered) -> None:
    while size := int(await reader.readline(), 16):
        answered.pieces.append(await reader.readexactly(size))
        assert await reader.readexactly(2) == b"\r\n"
        answered.more.set()
    while (line := (await reader.readline()).strip()) != b"":
        name, _, value = line.decode().partition(":")
        answered.trailers[name.lower()] = value.strip()


async def _accept(writer: asyncio.StreamWriter) -> None:
    body = b'{"status":"OK"}'
    writer.write(b"HTTP/1.1 202 Accepted\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body))
    await writer.drain()
