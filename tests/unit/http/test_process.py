"""The answering process tells of itself."""

import asyncio
import os

from headgate.core.errors import Overloaded
from platform_in_memory import platform


async def test_the_process_tells_who_it_is_and_how_its_parts_do() -> None:
    async with platform() as running:
        running.services.process.look(0.25)  # type: ignore[attr-defined]  # a test's own watch
        answer = await running.call("GET", "/v1/process")
    told = answer.json
    (sample,) = told["samples"]
    (check,) = told["checks"]
    assert told["pid"] == os.getpid()
    assert sample["lagMs"] == 250
    assert sample["memoryBytes"] > 1_000_000
    assert (check["name"], check["said"], check["isWell"]) == ("store", "ok", True)
    assert check["milliseconds"] >= 0


async def test_a_part_that_is_down_is_told_and_no_failure_of_the_question() -> None:
    async with platform() as running:
        running.failing["store"] = Overloaded("the disk is full")
        answer = await running.call("GET", "/v1/process")
    (check,) = answer.json["checks"]
    assert (answer.status, check["said"], check["isWell"]) == (200, "the disk is full", False)


async def test_calls_under_way_are_counted_until_their_end() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "[[delay 400]] Hello"}]}
    async with platform() as running:
        client = running.client("POST", "/v1/complete", body)
        calling = asyncio.create_task(running.app(client.scope, client.receive, client.send))
        await client.is_read.wait()
        during = await running.call("GET", "/v1/process")
        await calling
        after = await running.call("GET", "/v1/process")
    assert (during.json["activeCalls"], after.json["activeCalls"]) == (1, 0)


async def test_a_caller_who_leaves_is_under_way_no_more() -> None:
    body = {"model": "sandbox", "messages": [{"role": "user", "content": "[[delay 60000]] Hello"}]}
    async with platform() as running:
        client = running.client("POST", "/v1/complete", body)
        calling = asyncio.create_task(running.app(client.scope, client.receive, client.send))
        await client.is_read.wait()
        assert running.services.activity.calls == 1
        client.left.set()
        await calling
        assert running.services.activity.calls == 0
