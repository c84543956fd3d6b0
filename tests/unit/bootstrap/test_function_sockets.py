"""WebSockets of API Gateway, from Lambda's events to what a caller is sent."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import msgspec
import pytest

from connections_api import ConnectionsStandIn
from fakes import FakeClock, FakeProvider
from headgate.aws.answering import CLOSE_SECONDS
from headgate.aws.runtime import RuntimeApi
from headgate.bootstrap.function_sockets import FunctionSockets
from headgate.core.chat import ChatDelta
from headgate.core.models import Provider
from headgate.core.sockets import SocketGone
from headgate.http.routes import RouteTable
from headgate.http.table import routes
from headgate.settings import Settings
from headgate.stores.memory_sockets import MemorySockets
from headgate.transport.http import HttpClient
from lambda_events import socket_event
from platform_in_memory import ADMIN, Platform, chat, platform
from runtime_api import Answered, RuntimeStandIn, runtime_api
from servers import serve

SOCKET = "L0SM9cOFvHcCIhw="


@dataclass
class Account:
    """A function with what is around it; each event is answered as it is handed out."""

    here: Platform
    lambda_api: RuntimeStandIn
    callers: ConnectionsStandIn
    sockets: FunctionSockets
    clock: FakeClock

    async def answer(self, event: Any, *, seconds: float = 900) -> Answered:
        """Hand out an event, and wait until the function is through with it."""
        answered = self.lambda_api.invoke(event, ends_at=self.clock() + seconds)
        await self.sockets.answer(await self.sockets.runtime.next())
        return answered

    async def say(self, action: str, *, seconds: float = 900, **fields: Any) -> Answered:
        event = socket_event("MESSAGE", SOCKET, {"action": action, **fields})
        return await self.answer(event, seconds=seconds)


@contextlib.asynccontextmanager
async def account(*providers: Provider) -> AsyncIterator[Account]:
    callers = ConnectionsStandIn({SOCKET})
    http = HttpClient()
    async with platform(*providers) as here, runtime_api() as lambda_api, serve(callers) as url:
        clock = FakeClock()
        settings = Settings.load(
            {
                "AWS_REGION": "us-east-1",
                "AWS_ACCESS_KEY_ID": "id",
                "AWS_SECRET_ACCESS_KEY": "secret",
                "EXECUTE_API_ENDPOINT": url,
            }
        )
        sockets = FunctionSockets(
            RuntimeApi(lambda_api.address),
            RouteTable(routes()),
            here.services,
            MemorySockets(),
            http,
            settings,
            clock,
        )
        yield Account(here, lambda_api, callers, sockets, clock)
        await http.aclose()


async def test_a_handshake_with_a_key_is_taken_and_its_caller_told_so() -> None:
    async with account() as made:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        answered = await made.answer(socket_event("CONNECT", SOCKET, headers=headers))
        assert answered.body == b'{"statusCode": 200}'
        assert made.callers.told[SOCKET] == [{"type": "ready", "keyId": "sk-proj-admin"}]
        assert made.callers.asked == ["POST /prod/@connections/L0SM9cOFvHcCIhw%3D"]


async def test_a_handshake_without_a_key_is_taken_too() -> None:
    async with account() as made:
        answered = await made.answer(socket_event("CONNECT", SOCKET))
        assert answered.body == b'{"statusCode": 200}'
        assert not made.callers.told
        await made.say("authenticate", apiKey=ADMIN)
        assert made.callers.told[SOCKET][0]["type"] == "ready"


async def test_a_handshake_with_a_wrong_key_is_refused() -> None:
    async with account() as made:
        headers = {"Authorization": "Bearer sk-proj-nobody"}
        answered = await made.answer(socket_event("CONNECT", SOCKET, headers=headers))
        told = msgspec.json.decode(answered.body)
        assert told["statusCode"] == 401
        assert msgspec.json.decode(told["body"])["error"]["code"] == "invalid_api_key"


async def test_a_message_is_taken_before_it_is_answered() -> None:
    """API Gateway waits 29 seconds at most, and calls it an error then."""
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with account(vendor) as made:
        headers = {"Authorization": f"Bearer {ADMIN}"}
        await made.answer(socket_event("CONNECT", SOCKET, headers=headers))
        body = {"action": "complete", "requestId": "a", **chat("hi", model="small")}
        answered = made.lambda_api.invoke(socket_event("MESSAGE", SOCKET, body))
        working = asyncio.create_task(made.sockets.answer(await made.sockets.runtime.next()))
        await answered.ended()
        assert answered.body == b'{"statusCode": 200}'
        assert (await made.callers.wait_for(SOCKET, "delta"))["content"] == "a"
        assert not working.done()
        await made.sockets.store.close(SOCKET)
        await working
        assert vendor.streams[0].is_closed


async def test_a_completion_is_sent_to_its_caller() -> None:
    async with account() as made:
        await made.answer(socket_event("CONNECT", SOCKET, headers={"X-Api-Key": ADMIN}))
        await made.say("complete", requestId="a", **chat("[[say one two]]"))
        _ready, *pieces, done = made.callers.told[SOCKET]
        assert "".join(piece["content"] for piece in pieces) == "one two"
        assert (done["type"], done["requestId"]) == ("done", "a")


async def test_before_its_time_is_over_an_answer_ends_in_an_error() -> None:
    """Lambda ends a process without a word; what was produced is settled before that."""
    vendor = FakeProvider("one", [ChatDelta(text="a"), asyncio.Event()])
    async with account(vendor) as made:
        await made.answer(socket_event("CONNECT", SOCKET, headers={"X-Api-Key": ADMIN}))
        seconds = CLOSE_SECONDS + 0.5
        await made.say("complete", requestId="a", seconds=seconds, **chat("hi", model="small"))
        told = made.callers.told[SOCKET][-1]
        assert (told["type"], told["error"]["code"]) == ("error", "upstream_timeout")
        (event,) = made.here.ledger._events.values()
        assert event.status == "incomplete"


async def test_a_connection_that_has_closed_is_forgotten() -> None:
    async with account() as made:
        await made.answer(socket_event("CONNECT", SOCKET, headers={"X-Api-Key": ADMIN}))
        answered = await made.answer(socket_event("DISCONNECT", SOCKET))
        assert answered.body == b'{"statusCode": 200}'
        with pytest.raises(SocketGone):
            await made.sockets.store.owner(SOCKET)


async def test_a_fault_is_logged_and_the_next_event_answered(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with account() as made:
        await made.answer(socket_event("CONNECT", SOCKET, headers={"X-Api-Key": ADMIN}))
        made.callers.answers = [500, 500]
        await made.say("ping")
        assert "was not answered" in caplog.text
        await made.say("ping")
        assert made.callers.told[SOCKET][-1]["type"] == "pong"


async def test_an_event_of_no_known_kind_is_refused() -> None:
    async with account() as made:
        answered = await made.answer({"requestContext": {"connectionId": SOCKET}})
        assert answered.error["errorType"] == "UnknownEvent"
