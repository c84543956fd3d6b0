"""Callers who leave, vendors that are silent or gone, and a platform that is asked to stop.

What ends is awaited by asking again: the simulator for its calls, the platform for its events.
"""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from headgate_server import (
    NOWHERE,
    Caller,
    Headgate,
    Simulator,
    chat,
    events_of,
    eventually,
    running,
    total,
)

ROUTES = ["/v1/complete", "/v1/stream", "/v1/chat/completions"]
PING = b": ping\n\n"
FOREVER = 600_000
HEARTBEAT_SECONDS = 0.1


@pytest.fixture(scope="module")
def environment(vendors: Simulator) -> Mapping[str, str]:
    return vendors.environment


@pytest.fixture(scope="module")
def configuration(vendors: Simulator) -> str:
    return f"""
        [http]
        heartbeat_seconds = {HEARTBEAT_SECONDS}

        [vendors.gone]
        base_url = "{NOWHERE}/v1"
        models = ["gone"]

        [vendors.simulated]
        base_url = "{vendors.openai_url}"
        api_key_env = "OPENAI_API_KEY"
        models = ["priced"]

        [prices]
        gone = {{ input = 1, output = 2 }}
        priced = {{ input = 1000, output = 2000 }}

        [routing]
        retries = 0
    """


@pytest.fixture
async def impatient(
    tmp_path: Path, configuration: str, environment: Mapping[str, str]
) -> AsyncIterator[Caller]:
    """Someone who calls a platform that gives its vendors two seconds."""
    hasty = f"{configuration}\ntimeout_seconds = 2\n"
    with running(tmp_path, configuration=hasty, environment=environment) as platform:
        async with platform.caller() as admin, admin.newcomer(workspaceId="impatient") as caller:
            yield caller


@pytest.fixture
async def simulator(vendors: Simulator) -> Simulator:
    """The vendor, which has not been called yet."""
    await vendors.forget()
    return vendors


@pytest.fixture
async def caller(admin: Caller) -> AsyncIterator[Caller]:
    """Someone with a key of its own, so that its calls are the only ones it sees."""
    async with admin.newcomer(monthlyBudget=100, workspaceId="leavers") as caller:
        yield caller


def asked(path: str, text: str, **fields: Any) -> dict[str, Any]:
    """A body for a route, streamed where it can be."""
    is_stream = path != "/v1/complete"
    return chat(text, model="priced", stream=is_stream, **fields)


async def only_event(caller: Caller) -> dict[str, Any]:
    (event,) = await eventually(caller.events, bool)
    return event


@pytest.mark.parametrize("path", ROUTES)
async def test_leaving_while_the_vendor_is_silent_stops_it_and_bills_the_input(
    caller: Caller, simulator: Simulator, path: str
) -> None:
    body = asked(path, f"one two three [[delay {FOREVER}]]")
    asking = asyncio.create_task(caller.post(path, body))
    await simulator.only_call("model")
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    call = await simulator.only_call("cancelled")
    assert not call["finished"]
    event = await only_event(caller)
    assert (event["status"], event["estimated"]) == ("cancelled", True)
    assert event["outputTokens"] == 0
    # Where the vendor does not say, four bytes of the request are a token.
    assert 3 <= event["inputTokens"] <= 40
    assert event["billed"] > 0
    await eventually(
        lambda: caller.get("/v1/usage/budget"), lambda found: found["spent"] == event["billed"]
    )


@pytest.mark.parametrize("path", ROUTES[1:])
async def test_leaving_while_the_vendor_talks_stops_it_and_bills_what_came(
    caller: Caller, simulator: Simulator, path: str
) -> None:
    body = asked(path, "one two three [[tokens 10000]] [[rate 50]]")
    words = 0
    async with caller.opened(path, body) as answer:
        async for chunk in answer.aiter_raw():
            words += chunk.count(b"word")
            if words >= 5:
                break
    call = await simulator.only_call("cancelled")
    assert words <= call["outputTokens"] < 10_000
    event = await only_event(caller)
    assert (event["status"], event["estimated"]) == ("cancelled", True)
    assert words <= event["outputTokens"] <= call["outputTokens"]
    cost = event["inputTokens"] * Decimal("0.001") + event["outputTokens"] * Decimal("0.002")
    assert event["cost"] == cost


async def test_leaving_a_whole_answer_while_the_vendor_works_on_it_stops_it(
    caller: Caller, simulator: Simulator
) -> None:
    body = asked("/v1/complete", "[[tokens 10000]] [[rate 1]]")
    asking = asyncio.create_task(caller.post("/v1/complete", body))
    await simulator.only_call("model")
    asking.cancel()
    await simulator.only_call("cancelled")
    event = await only_event(caller)
    assert (event["status"], event["outputTokens"]) == ("cancelled", 0)


async def test_nothing_stays_held_for_those_who_left(caller: Caller, simulator: Simulator) -> None:
    tasks = [
        asyncio.create_task(
            caller.post(path, asked(path, f"x [[delay {FOREVER}]]", **limit(path, 100)))
        )
        for path in ROUTES * 4
    ]
    await eventually(simulator.calls, lambda calls: len(calls) == len(tasks))
    held = await caller.get("/v1/usage/budget")
    assert held["reserved"] >= len(tasks) * 100 * Decimal("0.002")
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    events = await eventually(caller.events, lambda events: len(events) == len(tasks))
    assert {event["status"] for event in events} == {"cancelled"}
    await eventually(
        lambda: caller.get("/v1/usage/budget"),
        lambda found: (found["reserved"], found["spent"]) == (0, total(events)),
    )


def limit(path: str, tokens: int) -> dict[str, int]:
    return {"max_tokens" if path.endswith("completions") else "maxTokens": tokens}


@pytest.mark.parametrize("path", ROUTES[1:])
async def test_heartbeats_come_before_the_first_token(
    caller: Caller, simulator: Simulator, path: str
) -> None:
    began = time.monotonic()
    answer = await caller.post(path, asked(path, "hello [[delay 1000]]"))
    assert answer.status == 200
    assert answer.body.startswith(PING * 2)
    assert answer.body.count(PING) <= (time.monotonic() - began) / HEARTBEAT_SECONDS
    assert PING not in answer.body.lstrip(PING)
    assert "x-model" not in answer.headers
    assert "x-cost" not in answer.headers
    text = "".join(
        event.get("content") or event["choices"][0]["delta"].get("content") or ""
        if "choices" in event
        else event.get("content", "")
        for event in answer.events
        if event != "[DONE]"
    )
    assert text == "You said: hello"
    assert (await only_event(caller))["status"] == "ok"


@pytest.mark.parametrize("path", ROUTES[1:])
@pytest.mark.parametrize(
    ("status", "code"), [(429, "rate_limit_exceeded"), (500, "upstream_error")]
)
async def test_a_failure_after_the_head_comes_as_the_last_event(
    caller: Caller, simulator: Simulator, path: str, status: int, code: str
) -> None:
    answer = await caller.post(path, asked(path, f"[[delay 800]] [[fail {status}]]"))
    assert answer.status == 200
    assert answer.body.startswith(PING)
    (event,) = answer.events
    assert event["error"]["code"] == code
    assert event.get("type") == ("error" if path == "/v1/stream" else None)
    assert b"[DONE]" not in answer.body


@pytest.mark.parametrize("path", ROUTES)
async def test_a_vendor_that_cannot_be_reached_is_an_upstream_error_that_costs_nothing(
    caller: Caller, path: str
) -> None:
    body = chat("hello", model="gone", stream=path != "/v1/complete")
    answer = await caller.post(path, body)
    assert (answer.status, answer.error["code"]) == (502, "upstream_error")
    event = await only_event(caller)
    assert (event["status"], event["billed"]) == ("error", 0)


async def test_a_silent_vendor_is_a_time_out(impatient: Caller, simulator: Simulator) -> None:
    answers = await asyncio.gather(
        *(impatient.post(path, asked(path, f"one two [[delay {FOREVER}]]")) for path in ROUTES)
    )
    assert (answers[0].status, answers[0].error["code"]) == (504, "upstream_timeout")
    for streamed in answers[1:]:
        assert streamed.status == 200
        assert streamed.events[-1]["error"]["code"] == "upstream_timeout"
    calls = await eventually(
        simulator.calls,
        lambda calls: len(calls) == len(ROUTES) and all(call["cancelled"] for call in calls),
    )
    assert [call["status"] for call in calls] == [None] * len(ROUTES)
    for event in await impatient.events():
        assert (event["status"], event["estimated"]) == ("incomplete", True)


async def test_a_vendor_that_falls_silent_in_the_middle_ends_the_stream_with_an_error(
    impatient: Caller, simulator: Simulator
) -> None:
    for path in ROUTES[1:]:
        answer = await impatient.post(path, asked(path, "[[tokens 9]] [[rate 0.01]]"))
        assert answer.status == 200
        *pieces, last = events_of(answer.body)
        assert pieces
        assert last["error"]["code"] == "upstream_timeout"
    await eventually(simulator.calls, lambda calls: all(call["cancelled"] for call in calls))
    for event in await impatient.events():
        assert (event["status"], event["outputTokens"]) == ("incomplete", 1)


async def test_a_platform_that_is_asked_to_stop_finishes_its_streams(
    headgate: Headgate, admin: Caller, simulator: Simulator
) -> None:
    """The last of the module: the platform is gone afterwards, and started again."""
    body = chat("[[tokens 40]] [[rate 40]]", model="priced", stream=True)
    async with admin.opened("/v1/stream", body) as answer:
        pieces = answer.aiter_raw()
        raw = await anext(pieces)
        headgate.command.signal()
        async for piece in pieces:
            raw += piece
    *deltas, done = events_of(raw)
    assert "".join(delta["content"] for delta in deltas).split() == ["word"] * 40
    assert (done["type"], done["usage"]["outputTokens"]) == ("done", 40)
    assert await asyncio.to_thread(headgate.command.ended) == 0
    headgate.stop()
    headgate.start()
    async with headgate.caller(admin.key) as again:
        event = await again.event_of(answer.headers["x-request-id"])
        assert (event["status"], event["outputTokens"]) == ("ok", 40)
