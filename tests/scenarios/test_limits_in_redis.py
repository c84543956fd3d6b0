"""Processes that know of each other through Redis alone, and what they do without it."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from typing import Any

import pytest

from headgate_server import Answer, Caller, Headgate, chat, eventually
from redis_server import RedisServer, redis_running


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    with redis_running() as server:
        yield server


@pytest.fixture(scope="module")
def environment(redis: RedisServer) -> Mapping[str, str]:
    return {"HEADGATE_REDIS_URL": redis.url}


@pytest.fixture(scope="module")
def workers() -> int:
    return 2


async def ask_all(caller: Caller, calls: int) -> list[Answer]:
    """Calls at once on connections of their own, so that every process gets some of them."""
    body = chat("hello", maxTokens=4)
    return await asyncio.gather(
        *(caller.post("/v1/complete", body, connection="close") for _ in range(calls))
    )


@pytest.fixture
async def everyone(headgate: Headgate) -> AsyncIterator[list[Caller]]:
    """An administrator at each of the processes."""
    async with headgate.everywhere() as callers:
        yield callers


async def limits_said(everyone: list[Caller]) -> set[Any]:
    """What the health of each process says of the limits."""
    answers = await asyncio.gather(*(caller.send("GET", "/health") for caller in everyone))
    assert {answer.status for answer in answers} == {200}
    return {answer.json["checks"]["limits"] for answer in answers}


async def test_a_limit_holds_over_both_processes(admin: Caller, everyone: list[Caller]) -> None:
    await eventually(lambda: limits_said(everyone), lambda found: found == {"ok"})
    async with admin.newcomer(rateLimit={"requestsPerMinute": 12}) as caller:
        began = time.monotonic()
        answers = await ask_all(caller, 40)
        # A request is refilled every five seconds.
        refilled = (time.monotonic() - began) / 5
        assert 12 <= sum(answer.status == 200 for answer in answers) <= 12 + refilled
        assert {answer.status for answer in answers} == {200, 429}


async def test_a_redis_that_dies_under_load_gives_nobody_more_than_a_burst(
    admin: Caller, everyone: list[Caller], redis: RedisServer
) -> None:
    """It comes back empty, and so with full buckets: that is one burst more than the limit, once.

    Until then both processes together admit what the limit does; and afterwards again.
    """
    burst = 60
    answers: list[Answer] = []
    is_over = asyncio.Event()

    async def call_on(caller: Caller) -> None:
        while not is_over.is_set():
            answers.extend(await ask_all(caller, 2))

    async with admin.newcomer(rateLimit={"requestsPerMinute": burst}) as caller:
        began = time.monotonic()
        load = [asyncio.create_task(call_on(caller)) for _ in range(3)]
        await eventually(lambda: ask_all(caller, 2), lambda some: some[-1].status == 429)
        redis.stop()
        try:
            await eventually(lambda: limits_said(everyone), lambda found: "ok" not in found)
        finally:
            redis.start()
        await eventually(lambda: limits_said(everyone), lambda found: found == {"ok"})
        admitted = sum(answer.status == 200 for answer in answers)
        await eventually(
            lambda: ask_all(caller, 2),
            lambda some: (
                sum(answer.status == 200 for answer in answers) > admitted
                and some[-1].status == 429
            ),
        )
        is_over.set()
        await asyncio.gather(*load)
        refilled = time.monotonic() - began
        assert sum(answer.status == 200 for answer in answers) <= 2 * burst + refilled + 1
        assert {answer.status for answer in answers} <= {200, 429, 503}
        codes = {answer.error["code"] for answer in answers if answer.status != 200}
        assert codes <= {"rate_limit_exceeded", "overloaded"}
        assert all(answer.headers["x-request-id"] for answer in answers)


async def test_without_redis_each_process_admits_its_share_until_it_is_back(
    admin: Caller, everyone: list[Caller], redis: RedisServer, headgate: Headgate
) -> None:
    was_back = headgate.command.output.count("is back")
    key = await admin.new_key(rateLimit={"requestsPerMinute": 120, "concurrency": 1})
    other = await admin.new_key(rateLimit={"requestsPerMinute": 6})
    redis.stop()
    try:
        said = await eventually(lambda: limits_said(everyone), lambda found: "ok" not in found)
        assert said == {"Redis is away: this process admits its share, 1/2 of each limit"}
        async with headgate.caller(key["apiKey"]) as caller:
            # Half a call at once is none.
            assert {answer.status for answer in await ask_all(caller, 8)} == {503}
        async with headgate.caller(other["apiKey"]) as caller:
            # A share begins empty: the first call of each process comes after 20 seconds.
            assert {answer.status for answer in await ask_all(caller, 8)} == {429}
    finally:
        redis.start()
    await eventually(lambda: limits_said(everyone), lambda found: found == {"ok"})
    async with headgate.caller(key["apiKey"]) as caller:
        assert (await ask_all(caller, 1))[0].status == 200

    async def came_back() -> int:
        return headgate.command.output.count("is back") - was_back

    await eventually(came_back, lambda count: count == 2)
