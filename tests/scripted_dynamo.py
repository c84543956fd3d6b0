"""A DynamoDB that answers what a test tells it to, and keeps what it was asked."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any, NamedTuple

import msgspec

from headgate.stores.dynamodb.client import DynamoClient
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials

ERROR = "com.amazonaws.dynamodb.v20120810#"


class Asked(NamedTuple):
    """A request as it came."""

    operation: str
    headers: dict[str, str]
    body: dict[str, Any]


class Broken(NamedTuple):
    """In place of an answer: the connection breaks."""


class ScriptedDynamo:
    """Gives `answers` in their order, each a status and a body, or breaks the connection."""

    def __init__(self, *answers: tuple[int, object] | Broken) -> None:
        self.asked: list[Asked] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._answers = list(answers)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self.tasks.append(task)
        # However the client left, and whoever broke the connection.
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1")
        lines = [line.partition(": ") for line in head.split("\r\n")[1:] if line]
        headers = {name: value for name, _, value in lines}
        body = await reader.readexactly(int(headers["content-length"]))
        operation = headers["x-amz-target"].partition(".")[2]
        self.asked.append(Asked(operation, headers, msgspec.json.decode(body)))
        answer = self._answers.pop(0)
        if isinstance(answer, Broken):
            writer.transport.abort()
            raise ConnectionError
        text = msgspec.json.encode(answer[1])
        writer.write(f"HTTP/1.1 {answer[0]} X\r\ncontent-length: {len(text)}\r\n\r\n".encode())
        writer.write(text)
        await writer.drain()


def error(kind: str, **more: object) -> tuple[int, object]:
    """An answer that is an error of DynamoDB's."""
    return 400, {"__type": ERROR + kind, "message": "secret words of the service", **more}


def cancelled(*codes: str) -> tuple[int, object]:
    """The answer to a transaction that was cancelled."""
    return error("TransactionCanceledException", CancellationReasons=[{"Code": c} for c in codes])


@contextlib.asynccontextmanager
async def client_of(
    dynamo: ScriptedDynamo, *, patience: float = 5.0
) -> AsyncIterator[DynamoClient]:
    """A client of a scripted DynamoDB."""
    server = await asyncio.start_server(dynamo.serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    http = HttpClient()
    credentials = Credentials("AKID", "the-secret", "the-token")
    url = f"http://127.0.0.1:{port}"
    yield DynamoClient(http, url, "eu-west-1", credentials, patience_seconds=patience)
    await http.aclose()
    server.close()
    await asyncio.gather(*dynamo.tasks)
