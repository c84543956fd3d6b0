import asyncio

import pytest

from asgi import Client
from headgate.simulate.exchange import MAX_BODY, BodyTooLarge, ClientLeft, Exchange, Message


def exchange_for(client: Client) -> Exchange:
    return Exchange(client.scope, client.receive, client.send)


async def test_a_body_in_parts_is_joined() -> None:
    client = Client("POST", "/", b"in two parts", {"X-Name": "value"})
    exchange = exchange_for(client)
    assert await exchange.body() == b"in two parts"
    assert (exchange.header("x-name"), exchange.header("y")) == ("value", None)


async def test_a_client_that_leaves_before_its_body_came_is_noticed() -> None:
    async def receive() -> Message:
        return {"type": "http.disconnect"}

    client = Client("POST", "/")
    with pytest.raises(ClientLeft):
        await Exchange(client.scope, receive, client.send).body()


async def test_a_huge_body_is_not_kept() -> None:
    part = bytes(MAX_BODY // 4 + 1)

    async def receive() -> Message:
        return {"type": "http.request", "body": part, "more_body": True}

    client = Client("POST", "/")
    with pytest.raises(BodyTooLarge):
        await Exchange(client.scope, receive, client.send).body()


async def test_work_is_stopped_when_the_client_leaves() -> None:
    client = Client("POST", "/")
    exchange = exchange_for(client)
    await exchange.body()
    stopped = asyncio.Event()

    async def work() -> None:
        client.left.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    assert not await exchange.unless_left(work())
    assert stopped.is_set()


async def test_works_own_failure_is_not_swallowed() -> None:
    exchange = exchange_for(Client("GET", "/"))
    await exchange.body()

    async def work() -> None:
        raise LookupError

    with pytest.raises(LookupError):
        await exchange.unless_left(work())


async def test_work_is_stopped_with_the_task_that_waits_for_it() -> None:
    exchange = exchange_for(Client("GET", "/"))
    await exchange.body()
    started, stopped = asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            stopped.set()

    waiting = asyncio.create_task(exchange.unless_left(work()))
    await started.wait()
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert stopped.is_set()
