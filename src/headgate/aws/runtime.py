"""Lambda's Runtime API: which event is next, and its answer, whole or as it is made.

The managed Python runtime sends whole answers only, so this takes its place: a process asks for an
event, answers, asks for the next. What is written while an answer is on its way leaves at once.
A streamed answer that goes wrong after its beginning says so in the trailers of its body, since its
head is gone. Between two events the process may stand still for any time.

One connection serves one request: it is on this machine, and a broken one concerns nothing else.
"""

import asyncio
import base64
import contextlib
import json
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

VERSION = "2018-06-01"
# What API Gateway takes apart: a head as JSON, eight NULs, the body.
HTTP_INTEGRATION = "application/vnd.awslambda.http-integration-response"
_ERROR_TYPE = "Lambda-Runtime-Function-Error-Type"
_ERROR_BODY = "Lambda-Runtime-Function-Error-Body"
_MODE = "Lambda-Runtime-Function-Response-Mode"
_MOST_HEAD_BYTES = 64 * 1024
_MOST_EVENT_BYTES = 16 * 1024 * 1024


class RuntimeBroke(Exception):
    """The Runtime API went away or spoke otherwise than agreed; who asked is gone too."""


class Invocation(NamedTuple):
    """An event to be answered.

    Attributes:
        ends_at: when Lambda ends the process if it has not answered, in Unix seconds.
    """

    id: str
    event: Any
    ends_at: float


@dataclass(frozen=True, slots=True)
class RuntimeApi:
    """The Runtime API at `host:port`, which Lambda names in AWS_LAMBDA_RUNTIME_API."""

    address: str
    clock: Callable[[], float] = time.time

    async def next(self) -> Invocation:
        """The next event; waits for it as long as it takes, standing still meanwhile.

        Raises:
            RuntimeBroke: there will be none.
        """
        async with self._open("GET", "invocation/next", {"Content-Length": "0"}) as connection:
            answer = await connection.answer()
        if answer.status != 200:
            raise RuntimeBroke(f"the Runtime API answered {answer.status}")
        deadline = int(answer.headers["lambda-runtime-deadline-ms"]) / 1000
        invocation_id = answer.headers["lambda-runtime-aws-request-id"]
        return Invocation(invocation_id, json.loads(answer.body), deadline)

    async def answer(self, invocation: Invocation, answer: object) -> None:
        """Answer an event whole.

        Raises:
            RuntimeBroke: nobody takes it.
        """
        await self._post(f"invocation/{invocation.id}/response", answer, {})

    async def fail(self, invocation: Invocation, kind: str, message: str) -> None:
        """Say that an event could not be answered, before anything was.

        Raises:
            RuntimeBroke: nobody takes it.
        """
        error = {"errorType": kind, "errorMessage": message}
        await self._post(f"invocation/{invocation.id}/error", error, {_ERROR_TYPE: kind})

    async def fail_start(self, kind: str, message: str) -> None:
        """Say that this process cannot answer any event.

        Raises:
            RuntimeBroke: nobody takes it.
        """
        error = {"errorType": kind, "errorMessage": message}
        await self._post("init/error", error, {_ERROR_TYPE: kind})

    @contextlib.asynccontextmanager
    async def stream(self, invocation: Invocation) -> AsyncIterator["AnswerStream"]:
        """Answer an event piece by piece; leaving the context ends the answer.

        Raises:
            RuntimeBroke: nobody takes it, or not any more.
        """
        headers = {
            _MODE: "streaming",
            "Content-Type": HTTP_INTEGRATION,
            "Transfer-Encoding": "chunked",
            "Trailer": f"{_ERROR_TYPE}, {_ERROR_BODY}",
        }
        path = f"invocation/{invocation.id}/response"
        async with self._open("POST", path, headers) as connection:
            stream = AnswerStream(connection)
            yield stream
            await stream.end()

    async def _post(self, path: str, content: object, headers: Mapping[str, str]) -> None:
        body = json.dumps(content).encode()
        head = {"Content-Type": "application/json", "Content-Length": str(len(body)), **headers}
        async with self._open("POST", path, head) as connection:
            await connection.write(body)
            status = (await connection.answer()).status
        if status >= 300:
            raise RuntimeBroke(f"the Runtime API answered {status}")

    @contextlib.asynccontextmanager
    async def _open(
        self, method: str, path: str, headers: Mapping[str, str]
    ) -> AsyncIterator["_Connection"]:
        host, _, port = self.address.partition(":")
        try:
            reader, writer = await asyncio.open_connection(host, int(port or 80))
        except OSError as error:
            raise RuntimeBroke(f"the Runtime API cannot be reached: {error}") from None
        lines = [
            f"{method} /{VERSION}/runtime/{path} HTTP/1.1",
            f"Host: {self.address}",
            "Connection: close",
            *(f"{name}: {value}" for name, value in headers.items()),
        ]
        connection = _Connection(reader, writer)
        try:
            await connection.write("\r\n".join([*lines, "", ""]).encode("ascii"))
            yield connection
        finally:
            writer.close()


class AnswerStream:
    """An answer on its way."""

    def __init__(self, connection: "_Connection") -> None:
        self._connection = connection
        self._trailers = ""
        self._has_ended = False

    async def send(self, piece: bytes) -> None:
        """Send a piece; it leaves at once.

        Raises:
            RuntimeBroke: nobody takes it any more.
        """
        if piece:
            await self._connection.write(b"%x\r\n%b\r\n" % (len(piece), piece))

    def fail(self, kind: str, message: str) -> None:
        """End the answer as one that went wrong after it had begun."""
        error = json.dumps({"errorType": kind, "errorMessage": message}).encode()
        told = base64.b64encode(error).decode()
        self._trailers = f"{_ERROR_TYPE}: {kind}\r\n{_ERROR_BODY}: {told}\r\n"

    async def end(self) -> None:
        """Send the end, and wait until it was taken.

        Raises:
            RuntimeBroke: it was not.
        """
        if self._has_ended:
            return
        self._has_ended = True
        await self._connection.write(f"0\r\n{self._trailers}\r\n".encode("ascii"))
        status = (await self._connection.answer()).status
        if status >= 300:
            raise RuntimeBroke(f"the Runtime API answered {status}")

    async def broken(self) -> None:
        """Return when the other side has closed before the end."""
        await self._connection.closed()


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    body: bytes


class _Connection:
    """One request and its answer."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._seen = b""

    async def write(self, data: bytes) -> None:
        self._writer.write(data)
        try:
            await self._writer.drain()
        except OSError:
            raise RuntimeBroke("the Runtime API closed the connection") from None

    async def closed(self) -> None:
        # Nothing comes before the request's end but the end of the connection, or a refusal.
        with contextlib.suppress(OSError):
            self._seen = await self._reader.read(1)

    async def answer(self) -> _Answer:
        try:
            head = self._seen + await self._reader.readuntil(b"\r\n\r\n")
            status_line, *lines = head[:_MOST_HEAD_BYTES].decode("latin-1").strip().split("\r\n")
            headers = {}
            for line in lines:
                name, _, value = line.partition(":")
                headers[name.strip().lower()] = value.strip()
            return _Answer(int(status_line.split()[1]), headers, await self._body(headers))
        except (OSError, EOFError, asyncio.LimitOverrunError, ValueError, IndexError) as error:
            raise RuntimeBroke(f"the Runtime API broke off: {error}") from None

    async def _body(self, headers: Mapping[str, str]) -> bytes:
        if headers.get("transfer-encoding", "").lower() == "chunked":
            pieces = []
            while size := int((await self._reader.readline()).split(b";")[0], 16):
                pieces.append(await self._reader.readexactly(size))
                await self._reader.readexactly(2)
            return b"".join(pieces)
        size = int(headers.get("content-length", "0"))
        if size > _MOST_EVENT_BYTES:
            raise ValueError("the event is too large")
        return await self._reader.readexactly(size)
