"""Events answered by an application, from Lambda to Lambda."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from fakes import FakeClock
from headgate.aws.answering import CLOSE_SECONDS, WARM, Answering, App
from headgate.aws.runtime import RuntimeApi
from lambda_events import rest_event
from runtime_api import RuntimeStandIn, runtime_api

CLOSING = "test.closing"
ENDS_AT = "test.ends_at"


@pytest.fixture
async def lambda_api() -> AsyncIterator[RuntimeStandIn]:
    async with runtime_api() as stand_in:
        yield stand_in


async def answer_next(stand_in: RuntimeStandIn, app: App, tool: str | None = None) -> None:
    runtime = RuntimeApi(stand_in.address)
    answering = Answering(runtime, app, CLOSING, ENDS_AT, tool, FakeClock())
    await answering.answer(await runtime.next())


async def start(send: Any, status: int = 200) -> None:
    headers = [(b"content-type", b"text/event-stream")]
    await send({"type": "http.response.start", "status": status, "headers": headers})


async def refuses_all(_scope: Any, _receive: Any, _send: Any) -> None:
    raise AssertionError("the application was asked")


async def test_a_warm_up_is_answered_without_the_application(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke({"warmup": True})
    await answer_next(lambda_api, refuses_all)
    assert answered.body == b'{"statusCode": 200, "body": "warm"}'
    assert WARM == {"statusCode": 200, "body": "warm"}


async def test_an_event_of_no_known_kind_is_refused(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke(["?"])
    await answer_next(lambda_api, refuses_all)
    assert answered.error["errorType"] == "UnknownEvent"


async def test_an_answer_is_streamed_as_the_application_makes_it(
    lambda_api: RuntimeStandIn,
) -> None:
    answered = lambda_api.invoke(rest_event("POST", "/v1/stream", {"a": 1}))
    bodies = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        bodies.append((await receive())["body"])
        await start(send)
        for piece in (b"data: one\n\n", b"data: two\n\n"):
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            await answered.wait_for(piece)
        await send({"type": "http.response.body", "body": b""})

    await answer_next(lambda_api, app)
    await answered.ended()
    assert bodies == [b'{"a": 1}']
    assert answered.head == {
        "statusCode": 200,
        "headers": {"content-type": "text/event-stream"},
    }
    assert answered.content == b"data: one\n\ndata: two\n\n"
    assert answered.trailers == {}


async def test_an_application_that_fails_midway_leaves_an_error_behind(
    lambda_api: RuntimeStandIn,
) -> None:
    answered = lambda_api.invoke(rest_event("GET", "/"))

    async def app(_scope: Any, _receive: Any, send: Any) -> None:
        await start(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        raise RuntimeError("a fault with a secret in it")

    await answer_next(lambda_api, app)
    await answered.ended()
    assert answered.content == b"half"
    assert answered.trailed_error["errorType"] == "Incomplete"
    assert "secret" not in str(answered.trailers)


async def test_the_application_hears_that_its_caller_has_left(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke(rest_event("GET", "/"))
    heard = []

    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        await send({"type": "http.response.body", "body": b"half", "more_body": True})
        await answered.wait_for(b"half")
        lambda_api.break_off()
        heard.append((await receive())["type"])
        await send({"type": "http.response.body", "body": b"nobody reads this"})

    await answer_next(lambda_api, app)
    assert heard == ["http.disconnect"]


async def test_before_its_time_is_over_an_answer_is_asked_to_end(
    lambda_api: RuntimeStandIn,
) -> None:
    """With no time left it is told at once, so that no test waits."""
    answered = lambda_api.invoke(rest_event("GET", "/"), ends_at=FakeClock()())
    closing = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        closing.append((await receive())["type"])
        closing.append(scope[CLOSING])
        await send({"type": "http.response.body", "body": b"too late"})

    await answer_next(lambda_api, app)
    await answered.ended()
    assert closing == ["http.disconnect", True]
    assert answered.trailed_error["errorType"] == "Incomplete"


async def test_a_tool_is_answered_whole(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke({"apiKey": "sk-proj-one", "arguments": {"expression": "1+1"}})
    paths = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        paths.append(scope["path"])
        await start(send, 201)
        await send({"type": "http.response.body", "body": b'{"result":', "more_body": True})
        await send({"type": "http.response.body", "body": b"2}"})

    await answer_next(lambda_api, app, "calculator")
    assert paths == ["/v1/tools/calculator"]
    assert answered.body == b'{"statusCode": 201, "body": {"result": 2}}'


@pytest.mark.parametrize("tool", [None, "calculator"])
async def test_the_application_knows_when_its_answer_has_to_be_over(
    lambda_api: RuntimeStandIn, tool: str | None
) -> None:
    seen = []

    async def app(scope: Any, receive: Any, send: Any) -> None:
        await receive()
        seen.append(scope[ENDS_AT] - asyncio.get_running_loop().time())
        await start(send)
        await send({"type": "http.response.body", "body": b"{}"})

    lambda_api.invoke(rest_event("GET", "/"), ends_at=FakeClock()() + 900)
    await answer_next(lambda_api, app, tool)
    assert seen == [pytest.approx(900 - CLOSE_SECONDS, abs=60)]


async def test_many_answers_leave_no_task_behind(lambda_api: RuntimeStandIn) -> None:
    async def app(_scope: Any, receive: Any, send: Any) -> None:
        await receive()
        await start(send)
        await send({"type": "http.response.body", "body": b"{}"})

    for _ in range(3):
        answered = lambda_api.invoke(rest_event("GET", "/health"))
        await answer_next(lambda_api, app)
        await answered.ended()
    ours = [task for task in asyncio.all_tasks() if "headgate" in repr(task.get_coro())]
    assert not ours
