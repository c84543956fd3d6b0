"""The routes for Anthropic's clients, over the sandbox and vendors that follow a script."""

from typing import Any

import msgspec
import pytest

from fakes import DONE, FakeProvider, StreamStep
from headgate.core.chat import ChatDelta, TokenUsage, ToolCallDelta, WireDelta
from headgate.core.models import ProviderBroke, ProviderRefused
from platform_in_memory import make_key, platform

MESSAGES = "/v1/messages"
COUNT = "/v1/messages/count_tokens"


def message(text: str = "hello", **fields: Any) -> dict[str, Any]:
    messages = [{"role": "user", "content": text}]
    return {"model": "sandbox", "max_tokens": 99, "messages": messages, **fields}


def names(body: bytes) -> list[str]:
    return [line[7:].decode() for line in body.split(b"\n") if line.startswith(b"event: ")]


async def test_a_whole_answer_has_both_request_ids_and_its_cost() -> None:
    async with platform() as running:
        answer = await running.call("POST", MESSAGES, message())
    assert answer.status == 200
    assert answer.json["content"] == [{"type": "text", "text": "You said: hello"}]
    assert answer.headers["request-id"] == answer.headers["x-request-id"]
    assert (answer.headers["x-provider"], answer.headers["x-cost"]) == ("sandbox", "0.00000714")


@pytest.mark.parametrize("stream", [False, True])
async def test_a_translated_answers_id_looks_like_anthropics(*, stream: bool) -> None:
    async with platform() as running:
        answer = await running.call("POST", MESSAGES, message(stream=stream))
    assert b'"id":"msg_' in answer.data
    assert b"chatcmpl" not in answer.data


async def test_an_answer_in_the_protocol_is_forwarded_as_it_came() -> None:
    steps: list[StreamStep] = [WireDelta(b"event: x\ndata: 1\n\n"), TokenUsage(10, 1)]
    async with platform(FakeProvider("one", steps)) as running:
        answer = await running.call("POST", MESSAGES, message(model="small", stream=True))
    assert answer.data == b"event: x\ndata: 1\n\nthe end"


async def test_the_vendor_is_asked_in_the_callers_own_words() -> None:
    headers = {"anthropic-version": "2023-06-01", "x-headgate-use-case": "support"}
    provider = FakeProvider("one")
    async with platform(provider) as running:
        await running.call("POST", MESSAGES, message(model="small"), headers=headers)
    (request,) = provider.chats
    assert request.wire is not None
    assert request.wire.protocol == "anthropic"
    assert request.wire.headers == (("anthropic-version", "2023-06-01"),)
    assert (request.max_tokens, request.use_case) == (99, "support")


class Translating(FakeProvider):
    """A vendor of another protocol: none of its frames are forwarded."""

    def stream(self, request: Any, *, idempotency_key: str) -> Any:
        stream = super().stream(request, idempotency_key=idempotency_key)
        stream.ending = lambda: b""  # type: ignore[method-assign]
        return stream


async def streamed(*steps: StreamStep) -> bytes:
    async with platform(Translating("one", list(steps))) as running:
        answer = await running.call("POST", MESSAGES, message(model="small", stream=True))
    assert answer.status == 200
    return answer.data


async def test_another_vendors_answer_is_translated_with_its_final_count() -> None:
    body = await streamed(
        ChatDelta(text="a"),
        ChatDelta(tool_calls=(ToolCallDelta(0, "t1", "f"),)),
        TokenUsage(10, 7),
        DONE,
    )
    assert names(body) == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "content_block_stop",
        "content_block_start",
        "content_block_stop",
        "message_delta",
        "message_stop",
    ]
    assert b'"output_tokens":7' in body


async def test_an_answer_without_a_word_is_a_whole_one_too() -> None:
    body = await streamed(TokenUsage(10, 0))
    assert names(body) == ["message_start", "message_delta", "message_stop"]


async def test_a_failure_in_the_middle_is_the_last_event_and_names_the_request() -> None:
    body = await streamed(ChatDelta(text="a"), ProviderBroke("the vendor broke off"))
    assert names(body)[-1] == "error"
    told = msgspec.json.decode(body.rsplit(b"data: ", 1)[1])
    assert told["error"] == {"type": "api_error", "message": "the vendor broke off"}
    assert told["request_id"].startswith("req_")


async def test_overload_has_the_status_that_the_clients_know() -> None:
    refusal = ProviderRefused("overloaded", "full", retry_after_seconds=3)
    for stream in (False, True):
        async with platform(FakeProvider("one", refusal)) as running:
            body = message(model="small", stream=stream)
            answer = await running.call("POST", MESSAGES, body)
        assert (answer.status, answer.json["error"]["type"]) == (529, "overloaded_error")
        assert answer.headers["retry-after"] == "3"


async def test_a_fault_of_ours_has_anthropics_shape_too() -> None:
    async with platform(FakeProvider("one", LookupError("a fault"))) as running:
        answer = await running.call("POST", MESSAGES, message(model="small"))
    assert (answer.status, answer.json["error"]["type"]) == (500, "api_error")
    assert "a fault" not in answer.data.decode()


async def test_tokens_are_counted_without_a_row_in_the_ledger() -> None:
    async with platform(FakeProvider("one")) as running:
        counts = []
        for model in ("sandbox", "small"):
            body = message("one two", model=model)
            body.pop("max_tokens")
            counts.append((await running.call("POST", COUNT, body)).json)
        assert not running.ledger._events
    assert counts == [{"input_tokens": 2}, {"input_tokens": 12}]


async def test_a_count_stands_within_the_rate_limit_and_the_keys_models() -> None:
    async with platform(FakeProvider("one")) as running:
        key = await make_key(running, models=["sandbox"], rateLimit={"requestsPerMinute": 1})
        body = message()
        answers = [
            await running.call("POST", COUNT, body | fields, key=key)
            for fields in ({"model": "small"}, {}, {})
        ]
    assert [answer.status for answer in answers] == [404, 200, 429]
    assert answers[1].headers["x-ratelimit-limit-requests"] == "1"
    assert answers[1].headers["x-ratelimit-remaining-requests"] == "0"
    assert "x-ratelimit-reset-tokens" in answers[1].headers


@pytest.mark.parametrize("path", [MESSAGES, COUNT])
async def test_a_wrong_method_is_told_in_anthropics_words(path: str) -> None:
    async with platform() as running:
        answer = await running.call("PUT", path)
    assert (answer.status, answer.json["type"]) == (405, "error")
    assert answer.headers["allow"] == "POST"
    assert answer.headers["request-id"] == answer.json["request_id"]
