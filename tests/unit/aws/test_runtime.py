"""The Runtime API's client, against a stand-in that speaks as Lambda's does."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from headgate.aws.runtime import RuntimeApi, RuntimeBroke
from runtime_api import RuntimeStandIn, runtime_api


@pytest.fixture
async def lambda_api() -> AsyncIterator[RuntimeStandIn]:
    async with runtime_api() as stand_in:
        yield stand_in


async def test_an_event_comes_with_its_name_and_its_end(lambda_api: RuntimeStandIn) -> None:
    lambda_api.invoke({"warmup": True}, ends_at=1_795_435_900.5)
    invocation = await RuntimeApi(lambda_api.address).next()
    assert invocation == ("event-0", {"warmup": True}, 1_795_435_900.5)


async def test_whoever_waits_for_an_event_waits_as_long_as_it_takes(
    lambda_api: RuntimeStandIn,
) -> None:
    waiting = asyncio.create_task(RuntimeApi(lambda_api.address).next())
    await lambda_api.idle()
    assert not waiting.done()
    lambda_api.invoke("late")
    assert (await waiting).event == "late"


async def test_a_whole_answer_arrives(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke({})
    runtime = RuntimeApi(lambda_api.address)
    await runtime.answer(await runtime.next(), {"statusCode": 200, "body": "wärm"})
    assert answered.body == b'{"statusCode": 200, "body": "w\\u00e4rm"}'
    assert answered.headers["content-type"] == "application/json"


async def test_pieces_leave_one_by_one_as_they_are_made(lambda_api: RuntimeStandIn) -> None:
    """The second piece is not made before the first has arrived, so nothing gathers them."""
    answered = lambda_api.invoke({})
    runtime = RuntimeApi(lambda_api.address)
    async with runtime.stream(await runtime.next()) as stream:
        for piece in (b"one", b"two", b"three"):
            await stream.send(piece)
            await answered.wait_for(piece)
            assert not answered.is_whole
    await answered.ended()
    assert answered.pieces == [b"one", b"two", b"three"]
    assert answered.headers["lambda-runtime-function-response-mode"] == "streaming"
    assert answered.headers["content-type"].endswith("http-integration-response")
    assert answered.trailers == {}


async def test_what_goes_wrong_after_the_beginning_stands_in_the_trailers(
    lambda_api: RuntimeStandIn,
) -> None:
    answered = lambda_api.invoke({})
    runtime = RuntimeApi(lambda_api.address)
    async with runtime.stream(await runtime.next()) as stream:
        await stream.send(b"half")
        stream.fail("Incomplete", "the rest is missing")
    await answered.ended()
    assert "Lambda-Runtime-Function-Error-Type" in answered.headers["trailer"]
    assert answered.trailers["lambda-runtime-function-error-type"] == "Incomplete"
    assert answered.trailed_error["errorMessage"] == "the rest is missing"


async def test_an_event_that_cannot_be_answered_is_told(lambda_api: RuntimeStandIn) -> None:
    answered = lambda_api.invoke({})
    runtime = RuntimeApi(lambda_api.address)
    await runtime.fail(await runtime.next(), "UnknownEvent", "what is this?")
    await answered.ended()
    assert answered.error == {"errorType": "UnknownEvent", "errorMessage": "what is this?"}
    assert answered.headers["lambda-runtime-function-error-type"] == "UnknownEvent"


async def test_a_process_that_cannot_start_says_why(lambda_api: RuntimeStandIn) -> None:
    await RuntimeApi(lambda_api.address).fail_start("SettingsError", "JWT_SECRET_KEY is not set")
    assert lambda_api.start_error["errorMessage"] == "JWT_SECRET_KEY is not set"


async def leaves(lambda_api: RuntimeStandIn) -> None:
    """Answer an event whose caller leaves after the first piece."""
    answered = lambda_api.invoke({})
    runtime = RuntimeApi(lambda_api.address)
    async with runtime.stream(await runtime.next()) as stream:
        await stream.send(b"half")
        await answered.wait_for(b"half")
        lambda_api.break_off()
        await stream.broken()


async def test_a_caller_who_leaves_is_noticed(lambda_api: RuntimeStandIn) -> None:
    with pytest.raises(RuntimeBroke):
        await leaves(lambda_api)


async def test_an_api_that_is_away_is_told() -> None:
    with pytest.raises(RuntimeBroke, match="cannot be reached"):
        await RuntimeApi("127.0.0.1:1").next()
