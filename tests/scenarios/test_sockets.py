"""WebSockets on the real server, spoken by the websockets library."""

import asyncio
import contextlib
import json
import socket as sockets
import subprocess
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from headgate.http.sockets.protocol import END_SECONDS
from headgate_server import Caller, Headgate, Simulator, eventually, running
from socket_lines import PATIENTLY, Line, address, line

MODEL = "openai/gpt-4o"
MANY = 200
STUCK = 6
# Each has three answers of some 40 MB under way. Measured: 4.7 MB.
MOST_STUCK_BYTES = 8 * 1024 * 1024
LONG = "[[tokens 200000]]"
FOREVER = "[[rate 20]] [[tokens 100000]]"


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration() -> str:
    return "[limits]\nrequests_per_second = 1000\nburst = 1000\n"


async def test_many_sockets_stream_at_once(headgate: Headgate, admin: Caller) -> None:
    key = await admin.new_key(workspaceId="many")

    async def one(number: int) -> list[dict[str, Any]]:
        async with line(headgate, key["apiKey"]) as caller:
            await caller.complete(f"{number}", f"[[rate 50]] [[say piece by piece {number}]]")
            return await caller.until_end()

    for number, told in enumerate(await asyncio.gather(*map(one, range(MANY)))):
        text = "".join(said["content"] for said in told[:-1])
        assert text == f"piece by piece {number}"
        assert (told[-1]["type"], told[-1]["requestId"]) == ("done", f"{number}")
    spent = await admin.events(keyId=key["keyId"])
    assert len([event for event in spent if event["keyId"] == key["keyId"]]) == MANY


async def test_many_requests_share_a_socket(headgate: Headgate) -> None:
    async with line(headgate) as caller:
        for number in range(100):
            await caller.complete(f"{number}", f"[[rate 100]] [[say this is {number}]]")
        texts = {f"{number}": "" for number in range(100)}
        ends: list[str] = []
        while len(ends) < 100:
            said = await caller.heard()
            if said["type"] == "delta":
                texts[said["requestId"]] += said["content"]
            else:
                assert said["type"] == "done"
                ends.append(said["requestId"])
    assert sorted(ends) == sorted(texts)
    assert texts == {number: f"this is {number}" for number in texts}


async def test_a_cancelled_request_stops_the_vendors_call(
    headgate: Headgate, vendors: Simulator, admin: Caller
) -> None:
    await vendors.forget()
    async with line(headgate) as caller:
        await caller.complete("a", FOREVER)
        assert (await caller.heard())["type"] == "delta"
        await caller.say("cancel", requestId="a")
        *_, done = await caller.until_end()
        assert done["cancelled"] is True
        call = await vendors.only_call("cancelled")
        assert call["cancelled"]
        event = await admin.event_of(done["callId"])
        assert event["status"] == "cancelled"
        assert event["billed"] > 0


async def test_a_caller_that_dies_stops_the_vendors_calls(
    headgate: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    async with line(headgate) as caller:
        await caller.complete("a", FOREVER)
        assert (await caller.heard())["type"] == "delta"
        caller.socket.transport.abort()
        await vendors.only_call("cancelled")


async def test_a_caller_that_does_not_read_costs_little_and_is_closed(
    headgate: Headgate, vendors: Simulator
) -> None:
    await vendors.forget()
    async with contextlib.AsyncExitStack() as stack:
        stuck = []
        before = memory(headgate.command.pid)
        for _ in range(STUCK):
            narrow = sockets.socket()
            narrow.setsockopt(sockets.SOL_SOCKET, sockets.SO_RCVBUF, 4096)
            host, port = headgate.url.removeprefix("http://").split(":")
            narrow.connect((host, int(port)))
            narrow.setblocking(False)
            stuck.append(await stack.enter_async_context(line(headgate, sock=narrow, max_queue=1)))
        for caller in stuck:
            for number in range(3):
                await caller.complete(f"{number}", LONG)

        async def all_stopped() -> list[dict[str, Any]]:
            most.append(memory(headgate.command.pid))
            calls = await vendors.calls()
            if any(call["cancelled"] for call in calls):
                stopped_at.append(time.monotonic())
            return calls

        most: list[int] = []
        stopped_at: list[float] = []
        calls = await eventually(
            all_stopped,
            lambda calls: len(calls) >= 2 * STUCK and all(call["endedAt"] for call in calls),
            seconds=120,
        )
        assert all(call["cancelled"] for call in calls)
        assert (max(most) - before) / STUCK < MOST_STUCK_BYTES
        codes = {await caller.closed() for caller in stuck}
        # Who comes too late for the reason is cut off without it.
        if time.monotonic() - stopped_at[0] < END_SECONDS / 2:
            assert codes == {4429}
        assert codes <= {4429, 1006}


async def test_a_subscription_goes_on_where_another_ended(headgate: Headgate) -> None:
    async with line(headgate) as first, line(headgate) as second:
        await first.say("agent", requestId="a", type="react", model=MODEL, input="[[say one two]]")
        begun = await first.heard()
        first.socket.transport.abort()
        seen = begun["event"]["seq"]
        await second.say("subscribe", runId=begun["runId"], after=seen)
        *events, done = await second.until_end()
        assert done["type"] == "done"
        numbers = [told["event"]["seq"] for told in events]
        assert numbers == list(range(seen + 1, seen + 1 + len(events)))
        assert events[-1]["event"]["type"] == "run.finished"
        await second.say("subscribe", runId=begun["runId"])
        *again, _ = await second.until_end()
        assert [told["event"] for told in again] == [
            begun["event"],
            *(told["event"] for told in events),
        ]


async def test_a_revoked_key_closes_its_sockets(headgate: Headgate, admin: Caller) -> None:
    key = await admin.new_key()
    async with line(headgate, key["apiKey"]) as busy, line(headgate, key["apiKey"]) as idle:
        await busy.complete("a", FOREVER)
        assert (await busy.heard())["type"] == "delta"
        await admin.send("DELETE", f"/v1/auth/keys/{key['keyId']}")
        assert (await busy.until_end())[-1]["error"]["code"] == "invalid_api_key"
        assert {await busy.closed(), await idle.closed()} == {4401}


async def test_a_message_that_is_too_long_closes_the_socket(headgate: Headgate) -> None:
    for size in (1_000_001, 20_000_000):
        async with line(headgate) as caller:
            with contextlib.suppress(ConnectionClosed):
                await caller.socket.send("x" * size)
            assert await caller.closed() == 1009
    async with line(headgate) as caller:
        await caller.socket.send("x" * 1_000_000)
        assert (await caller.heard())["type"] == "error"


@pytest.mark.parametrize("key", ["nobody", "sk-proj-nobody-secret"])
async def test_a_wrong_key_opens_nothing(headgate: Headgate, key: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await connect(
            address(headgate),
            additional_headers={"authorization": f"Bearer {key}"},
            **PATIENTLY,
        )
    assert refused.value.response.status_code == 401
    assert refused.value.response.headers["content-type"] == "application/json"
    async with connect(address(headgate), **PATIENTLY) as socket:
        await socket.send(json.dumps({"action": "authenticate", "apiKey": key}))
        assert await Line(socket).closed() == 4401
    assert "ERROR" not in headgate.command.output


async def test_a_platform_that_is_asked_to_stop_ends_what_it_has_begun(
    tmp_path: Path, environment: Mapping[str, str]
) -> None:
    with running(tmp_path, environment=environment) as platform:
        async with line(platform) as caller, line(platform) as idle:
            await caller.complete("a", "[[rate 10]] [[say one two three four five six seven]]")
            assert (await caller.heard())["type"] == "delta"
            platform.command.signal()
            assert (await caller.until_end())[-1]["type"] == "done"
            assert {await caller.closed(), await idle.closed()} == {1012}
        assert platform.stop() == 0


def memory(pid: int) -> int:
    """The resident memory of a process, in bytes."""
    told = subprocess.run(
        ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True, text=True
    )
    return int(told.stdout) * 1024
