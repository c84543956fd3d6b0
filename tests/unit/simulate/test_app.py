import asyncio
from typing import Any

from asgi import Client
from headgate.simulate import SimulatorOptions, create_app
from headgate.simulate.exchange import MAX_BODY, Message

CHAT = "/openai/v1/chat/completions"


def chat(text: str, **options: Any) -> Client:
    body = {"model": "gpt-4o", "messages": [{"role": "user", "content": text}], **options}
    headers = {"authorization": "Bearer any", "idempotency-key": "key-1"}
    return Client("POST", CHAT, body, headers)


class Simulator:
    """An application and its list of calls."""

    def __init__(self) -> None:
        self.app = create_app(SimulatorOptions())

    async def take(self, client: Client) -> Client:
        await self.app(client.scope, client.receive, client.send)
        return client

    async def calls(self) -> Any:
        return (await self.take(Client("GET", "/_simulate/calls"))).json


async def test_a_call_is_written_down() -> None:
    simulator = Simulator()
    await simulator.take(chat("one two"))
    (call,) = await simulator.calls()
    assert call["endedAt"] >= call.pop("startedAt")
    call.pop("endedAt")
    assert call == {
        "vendor": "openai",
        "path": CHAT,
        "model": "gpt-4o",
        "status": 200,
        "inputTokens": 2,
        "outputTokens": 4,
        "stream": False,
        "finished": True,
        "cancelled": False,
        "idempotencyKey": "key-1",
    }


async def test_the_list_can_be_emptied() -> None:
    simulator = Simulator()
    await simulator.take(chat("hi"))
    emptied = await simulator.take(Client("DELETE", "/_simulate/calls"))
    assert (emptied.status, emptied.data) == (204, b"")
    assert await simulator.calls() == []


async def test_a_client_that_leaves_during_a_delay_is_noticed() -> None:
    for stream in (False, True):
        simulator = Simulator()
        client = chat("one [[delay 600000]]", stream=stream)
        serving = asyncio.create_task(simulator.take(client))
        await client.is_read.wait()
        client.left.set()
        await serving
        (call,) = await simulator.calls()
        assert (call["cancelled"], call["finished"], call["status"]) == (True, False, None)
        assert call["endedAt"]
        assert client.messages == []


async def test_a_client_that_leaves_during_a_stream_is_noticed() -> None:
    simulator = Simulator()
    client = chat("[[tokens 50]] [[rate 0.001]]", stream=True)
    serving = asyncio.create_task(simulator.take(client))
    await client.is_answered.wait()
    client.left.set()
    await serving
    (call,) = await simulator.calls()
    assert (call["cancelled"], call["finished"], call["outputTokens"]) == (True, False, 1)
    assert call["status"] == 200


async def test_a_client_that_leaves_before_its_body_came_is_noticed() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    simulator = Simulator()
    client = chat("hi")
    await simulator.app(client.scope, receive, client.send)
    (call,) = await simulator.calls()
    assert call["cancelled"]


async def test_a_huge_body_is_refused() -> None:
    simulator = Simulator()
    client = await simulator.take(Client("POST", CHAT, bytes(MAX_BODY + 1)))
    assert client.status == 413
    (call,) = await simulator.calls()
    assert (call["status"], call["finished"]) == (413, True)


async def test_what_is_not_served_is_not_found_and_not_written_down() -> None:
    simulator = Simulator()
    assert (await simulator.take(Client("GET", "/nothing"))).status == 404
    assert (await simulator.take(Client("POST", "/_simulate/calls"))).status == 405
    assert await simulator.calls() == []


async def test_it_starts_and_stops() -> None:
    asked = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    told: list[str] = []

    async def receive() -> Message:
        return asked.pop(0)

    async def send(message: Message) -> None:
        told.append(message["type"])

    await create_app(SimulatorOptions())({"type": "lifespan"}, receive, send)
    assert told == ["lifespan.startup.complete", "lifespan.shutdown.complete"]
