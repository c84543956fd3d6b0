"""The wire between an adapter and DynamoDB, where a test can watch and disturb it."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from typing import Any

import msgspec

from headgate.stores.dynamodb.client import DynamoClient
from headgate.transport.http import HttpBroke, HttpClient, HttpResponse, HttpUnreachable
from headgate.transport.sigv4 import Credentials
from ministack import REGION, SECRET, endpoint

Disturbance = Callable[[], Awaitable[None]]


class Wire(HttpClient):
    """Keeps the requests that were sent.

    Attributes:
        before: what happens, once, before the next request of an operation is sent.
        lost: how many answers to an operation are lost on their way.
        is_cut: whether nothing gets through.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sent: list[tuple[str, dict[str, Any]]] = []
        self.before: dict[str, Disturbance] = {}
        self.lost: dict[str, int] = {}
        self.is_cut = False

    async def send(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes = b""
    ) -> HttpResponse:
        operation = headers["x-amz-target"].partition(".")[2]
        if disturb := self.before.pop(operation, None):
            await disturb()
        if self.is_cut:
            raise HttpUnreachable("the wire is cut")
        self.sent.append((operation, msgspec.json.decode(body)))
        response = await super().send(method, url, headers=headers, body=body)
        if self.lost.get(operation):
            self.lost[operation] -= 1
            raise HttpBroke("the answer was lost")
        return response

    def transactions(self) -> list[list[dict[str, Any]]]:
        """The actions of each transaction that was sent."""
        return [
            body["TransactItems"]
            for operation, body in self.sent
            if operation == "TransactWriteItems"
        ]


@contextlib.asynccontextmanager
async def wired(account: str, *, patience: float = 5.0) -> AsyncIterator[tuple[DynamoClient, Wire]]:
    """A client of an account whose tables are made already."""
    wire = Wire()
    credentials = Credentials(account, SECRET)
    yield DynamoClient(wire, endpoint(), REGION, credentials, patience_seconds=patience), wire
    await wire.aclose()
