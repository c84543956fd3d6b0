"""The route for clients of responses, over the sandbox and vendors that follow a script."""

from typing import Any

import msgspec

from fakes import DONE, FakeProvider, StreamStep
from headgate.core.chat import ChatDelta, TokenUsage
from headgate.core.models import ProviderBroke
from platform_in_memory import platform

RESPONSES = "/v1/responses"


def asked(text: str = "hello", **fields: Any) -> dict[str, Any]:
    return {"model": "sandbox", "input": text, **fields}


def events(body: bytes) -> list[Any]:
    frames = body.removesuffix(b"\n\n").split(b"\n\n")
    return [msgspec.json.decode(frame.split(b"\ndata: ")[1]) for frame in frames]


async def test_a_whole_answer_has_its_shape_and_its_cost() -> None:
    async with platform() as running:
        answer = await running.call("POST", RESPONSES, asked())
    assert answer.status == 200
    assert (answer.json["object"], answer.json["status"]) == ("response", "completed")
    assert answer.json["output"][0]["content"][0]["text"] == "You said: hello"
    assert (answer.headers["x-provider"], answer.headers["x-cost"]) == ("sandbox", "0.00000714")


async def test_a_stream_ends_with_the_whole_answer() -> None:
    async with platform() as running:
        answer = await running.call("POST", RESPONSES, asked(stream=True))
    first, *_, last = events(answer.data)
    assert (first["type"], last["type"]) == ("response.created", "response.completed")
    assert last["response"]["usage"]["output_tokens"] == 3


async def test_the_vendor_gets_no_body_of_this_protocol() -> None:
    provider = FakeProvider("one")
    headers = {"x-headgate-use-case": "support"}
    async with platform(provider) as running:
        await running.call("POST", RESPONSES, asked(model="small"), headers=headers)
    (request,) = provider.chats
    assert request.wire is None
    assert request.use_case == "support"


async def test_a_failure_in_the_middle_goes_on_with_the_numbers() -> None:
    steps: list[StreamStep] = [ChatDelta(text="a"), ProviderBroke("the vendor broke off")]
    async with platform(FakeProvider("one", steps)) as running:
        answer = await running.call("POST", RESPONSES, asked(model="small", stream=True))
    told = events(answer.data)
    assert [event["type"] for event in told[-2:]] == ["response.failed", "error"]
    assert [event["sequence_number"] for event in told] == list(range(len(told)))


async def test_a_failure_before_the_first_piece_keeps_its_status() -> None:
    broke = ProviderBroke("the vendor broke off")
    async with platform(FakeProvider("one", [broke])) as running:
        answer = await running.call("POST", RESPONSES, asked(model="small", stream=True))
    assert (answer.status, answer.json["error"]["code"]) == (502, "upstream_error")


async def test_an_answer_without_a_word_is_a_whole_one_too() -> None:
    async with platform(FakeProvider("one", [TokenUsage(10, 0), DONE])) as running:
        answer = await running.call("POST", RESPONSES, asked(model="small", stream=True))
    assert events(answer.data)[-1]["type"] == "response.completed"
