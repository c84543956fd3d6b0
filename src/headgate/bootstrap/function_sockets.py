"""The part of the function that answers what comes over WebSockets.

API Gateway waits 29 seconds for the word that a message was taken, and a model may take longer. So
that word is given first, and the message answered after it: Lambda keeps the process for one event
until it asks for the next.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.aws.answering import CLOSE_SECONDS
from headgate.aws.connections import Connections
from headgate.aws.runtime import Invocation, RuntimeApi
from headgate.aws.socket_events import SocketEvent, from_wire
from headgate.bootstrap.aws_identity import aws_credentials
from headgate.bootstrap.stores import open_socket_store
from headgate.core.errors import HeadgateError
from headgate.core.sockets import SocketStore
from headgate.http import errors
from headgate.http.routes import RouteTable
from headgate.http.services import Services
from headgate.http.sockets.remote import Frame, RemoteSockets
from headgate.settings import Settings
from headgate.transport.http import HttpClient

TAKEN = {"statusCode": 200}
CONNECT_SECONDS = 5.0
IDLE_SECONDS = 10.0

_LOG = logging.getLogger("headgate")


@dataclass(frozen=True, slots=True)
class FunctionSockets:
    """Answers events of WebSockets."""

    runtime: RuntimeApi
    table: RouteTable
    services: Services
    store: SocketStore
    http: HttpClient
    settings: Settings
    clock: Callable[[], float] = time.time

    async def answer(self, invocation: Invocation) -> None:
        """Answer one event, whatever becomes of it.

        Raises:
            RuntimeBroke: the Runtime API went away.
        """
        try:
            event = from_wire(invocation.event)
        except (KeyError, ValueError):
            await self.runtime.fail(invocation, "UnknownEvent", "this is no WebSocket's event")
            return
        sockets = self._sockets(event)
        if event.kind == "CONNECT":
            await self._connect(sockets, event, invocation)
            return
        await self.runtime.answer(invocation, TAKEN)
        try:
            if event.kind == "DISCONNECT":
                await sockets.disconnect(event.socket_id)
            else:
                await sockets.hear(self._frame(event, invocation))
        except HeadgateError as error:
            _LOG.warning("a message of a WebSocket was not answered: %s", error.message)
        except Exception:  # noqa: BLE001 - the rim: other events are to be answered
            _LOG.exception("a message of a WebSocket was not answered")

    async def _connect(
        self, sockets: RemoteSockets, event: SocketEvent, invocation: Invocation
    ) -> None:
        try:
            owner = await sockets.connect(event.socket_id, event.headers)
        except HeadgateError as error:
            await self.runtime.answer(invocation, _refusal(error))
            return
        await self.runtime.answer(invocation, TAKEN)
        if owner is not None:
            try:
                await sockets.welcome(event.socket_id, owner)
            except HeadgateError as error:
                _LOG.warning("a caller could not be welcomed: %s", error.message)

    def _frame(self, event: SocketEvent, invocation: Invocation) -> Frame:
        left = invocation.ends_at - self.clock() - CLOSE_SECONDS
        ends_at = asyncio.get_running_loop().time() + left
        return Frame(event.socket_id, event.text, event.at, ends_at)

    def _sockets(self, event: SocketEvent) -> RemoteSockets:
        region = self.settings.aws_region or ""
        # The API's own name, whatever domain the caller connected to.
        own = f"https://{event.api_id}.execute-api.{region}.amazonaws.com"
        host = self.settings.execute_api_endpoint or own
        credentials = aws_credentials(self.settings, self.http)
        push = Connections(self.http, f"{host}/{event.stage}", region, credentials)
        return RemoteSockets(self.table, self.services, self.store, push)


@contextlib.asynccontextmanager
async def open_sockets(
    settings: Settings, runtime: RuntimeApi, table: RouteTable, services: Services
) -> AsyncIterator[FunctionSockets]:
    """What answers a function's WebSockets, with connections of its own."""
    http = HttpClient(connect_seconds=CONNECT_SECONDS, idle_seconds=IDLE_SECONDS)
    try:
        async with open_socket_store(settings) as store:
            yield FunctionSockets(runtime, table, services, store, http, settings)
    finally:
        await http.aclose()


def _refusal(error: HeadgateError) -> dict[str, Any]:
    reply = errors.reply_for(error, "platform", "")
    return {"statusCode": reply.status, "body": msgspec.json.encode(reply.body).decode()}
