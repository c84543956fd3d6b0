import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from headgate.core.chat import ChatDelta, ChatRequest, Message, ResponseFormat, Tool
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.models import (
    Provider,
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
)
from headgate.providers.sandbox import OUTPUT_TOKENS, SANDBOX_PRICE, Sandbox, SandboxStream


class Clock:
    """A clock that sleeping moves on at once."""

    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


def ask(text: str, **options: Any) -> ChatRequest:
    return ChatRequest(model="sandbox", messages=(Message("user", text),), **options)


def fresh(clock: Clock | None = None) -> Sandbox:
    clock = clock or Clock()
    return Sandbox(sleep=clock.sleep, clock=clock)


def stream_of(text: str, clock: Clock | None = None, **options: Any) -> SandboxStream:
    return fresh(clock).stream(ask(text, **options), idempotency_key="k")


async def text_of(stream: SandboxStream) -> str:
    return "".join([delta.text async for delta in stream])


def test_it_is_a_provider_of_one_model() -> None:
    sandbox: Provider = Sandbox()
    assert sandbox.models() == ("sandbox",)
    assert sandbox.serves("sandbox")
    assert not sandbox.serves("gpt-4o")


def test_it_costs_one_dollar_a_million_in_and_two_out() -> None:
    assert SANDBOX_PRICE.ceiling(1_000_000, 1_000_000) == 3_000_000_000


async def test_a_whole_answer_and_a_streamed_one_are_the_same() -> None:
    request = ask('so\n[[call f {"x": [1, 2]}]] [[say Two  words]]', tools=(Tool("f"),))
    whole = await fresh().complete(request, idempotency_key="k")
    stream = fresh().stream(request, idempotency_key="k")
    deltas = [delta async for delta in stream]
    assert "".join(delta.text for delta in deltas) == whole.content == "Two  words"
    calls = [call for delta in deltas for call in delta.tool_calls]
    assert "".join(call.arguments for call in calls) == whole.tool_calls[0].arguments
    assert (calls[0].id, calls[0].name) == (whole.tool_calls[0].id, "f")
    assert deltas[-1] == ChatDelta(finish_reason=whole.finish_reason)
    assert stream.usage() == whole.usage
    assert stream.received_tokens() == whole.usage.output_tokens


async def test_the_answers_id_follows_from_the_idempotency_key() -> None:
    one = await fresh().complete(ask("a"), idempotency_key="1")
    same = await fresh().complete(ask("a"), idempotency_key="1")
    other = await fresh().complete(ask("a"), idempotency_key="2")
    assert one == same
    assert one.id != other.id


async def test_ceilings_are_never_below_what_is_counted() -> None:
    request = ask("a b [[tokens 5000]]")
    usage = (await fresh().complete(request, idempotency_key="k")).usage
    assert fresh().input_ceiling(request) == usage.input_tokens == 2
    assert fresh().output_ceiling(request) == usage.output_tokens == 5000
    assert fresh().output_ceiling(ask("a")) == OUTPUT_TOKENS
    assert fresh().output_ceiling(ask("[[tokens x]]")) == OUTPUT_TOKENS


async def test_a_whole_answer_takes_as_long_as_a_streamed_one() -> None:
    text = "[[delay 500]] [[rate 2]] [[tokens 4]]"
    whole, streamed = Clock(), Clock()
    await fresh(whole).complete(ask(text), idempotency_key="k")
    await text_of(stream_of(text, streamed))
    assert whole.now == streamed.now == 102.0


async def test_a_stream_catches_up_after_a_slow_reader() -> None:
    clock = Clock()
    stream = stream_of("[[rate 1]] [[tokens 5]]", clock)
    await anext(stream)
    clock.now += 3.5
    await text_of(stream)
    assert clock.now == 104.0


@pytest.mark.parametrize(
    ("status", "kind", "retry_after"),
    [
        (400, "invalid", None),
        (401, "unauthorized", None),
        (403, "unauthorized", None),
        (404, "not_found", None),
        (422, "invalid", None),
        (429, "rate_limited", 1.0),
        (500, "failed", None),
        (502, "failed", None),
        (503, "overloaded", None),
        (529, "overloaded", 1.0),
    ],
)
async def test_a_failure_looks_like_a_vendors(
    status: int, kind: str, retry_after: float | None
) -> None:
    text = f"[[fail {status}]] [[delay 250]]"
    for take in _takers():
        clock = Clock()
        with pytest.raises(ProviderRefused) as caught:
            await take(fresh(clock), text)
        assert (caught.value.kind, caught.value.retry_after_seconds) == (kind, retry_after)
        assert clock.now == 100.25


@pytest.mark.parametrize("status", [408, 504])
async def test_a_time_out_is_no_refusal(status: int) -> None:
    for take in _takers():
        with pytest.raises(ProviderTimedOut):
            await take(fresh(), f"[[fail {status}]]")


async def test_what_cannot_be_followed_is_refused_as_invalid() -> None:
    for take in _takers():
        with pytest.raises(ProviderRefused, match="tokens N") as caught:
            await take(fresh(), "[[tokens 1000001]]")
        assert (caught.value.kind, caught.value.param) == ("invalid", "messages")
    with pytest.raises(ProviderRefused) as caught:
        await fresh().complete(ask("a", n=2), idempotency_key="k")
    assert caught.value.param == "n"
    bad = ResponseFormat("json_schema", {"type": "strin"})
    with pytest.raises(ProviderRefused, match="JSON Schema"):
        await fresh().complete(ask("[[json]]", response_format=bad), idempotency_key="k")


async def test_a_cut_stream_breaks_after_its_tokens_and_tells_no_usage() -> None:
    stream = stream_of("[[tokens 9]] [[cut 3]]")
    texts = [(await anext(stream)).text for _ in range(3)]
    with pytest.raises(ProviderBroke):
        await anext(stream)
    assert texts == ["word", " word", " word"]
    assert (stream.received_tokens(), stream.usage()) == (3, None)
    assert [delta async for delta in stream] == []


async def test_a_stream_that_is_cut_at_once_still_waits() -> None:
    clock = Clock()
    with pytest.raises(ProviderBroke):
        await text_of(stream_of("[[cut 0]] [[delay 500]]", clock))
    assert clock.now == 100.5


async def test_a_cut_answer_that_is_not_streamed_is_lost() -> None:
    with pytest.raises(ProviderBroke):
        await fresh().complete(ask("[[tokens 9]] [[cut 3]]"), idempotency_key="k")


async def test_a_cancelled_wait_counts_only_what_was_received() -> None:
    """The second token is waited for when the task is cancelled."""
    waiting = asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await asyncio.Event().wait()

    stream = Sandbox(sleep=sleep).stream(ask("[[rate 1]] [[tokens 5]]"), idempotency_key="k")
    reading = asyncio.create_task(text_of(stream))
    await waiting.wait()
    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading
    await stream.aclose()
    assert (stream.received_tokens(), stream.usage(), stream.ending()) == (1, None, b"")
    assert [delta async for delta in stream] == []


async def test_closing_while_another_waits_ends_the_stream() -> None:
    waiting, go = asyncio.Event(), asyncio.Event()

    async def sleep(_seconds: float) -> None:
        waiting.set()
        await go.wait()

    stream = Sandbox(sleep=sleep).stream(ask("[[delay 9]]"), idempotency_key="k")
    reading = asyncio.create_task(text_of(stream))
    await waiting.wait()
    await stream.aclose()
    go.set()
    assert await reading == ""
    assert stream.received_tokens() == 0


async def test_nothing_happens_before_the_first_piece_is_asked_for() -> None:
    stream = stream_of("[[fail 500]]")
    assert (stream.received_tokens(), stream.usage()) == (0, None)


async def test_a_long_answer_leaves_the_process_to_others() -> None:
    turns = 0

    async def other() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    await text_of(Sandbox().stream(ask("[[tokens 1000]]"), idempotency_key="k"))
    task.cancel()
    assert turns >= 10


async def test_it_embeds() -> None:
    request = EmbeddingRequest(model="sandbox", input=("one two", "three"), dimensions=16)
    response = await fresh().embed(request, idempotency_key="k")
    assert [len(vector) for vector in response.vectors] == [16, 16]
    assert response.usage.input_tokens == fresh().embedding_ceiling(request) == 3


@pytest.mark.parametrize(
    ("text", "dimensions", "kind"),
    [("[[fail 429]]", None, "rate_limited"), ("a", 9999, "invalid"), ("[[cut x]]", 8, "invalid")],
)
async def test_embedding_fails_like_a_chat(text: str, dimensions: int | None, kind: str) -> None:
    request = EmbeddingRequest(model="sandbox", input=(text,), dimensions=dimensions)
    with pytest.raises(ProviderRefused) as caught:
        await fresh().embed(request, idempotency_key="k")
    assert caught.value.kind == kind


def _takers() -> list[Callable[[Sandbox, str], Any]]:
    async def whole(sandbox: Sandbox, text: str) -> None:
        await sandbox.complete(ask(text), idempotency_key="k")

    async def streamed(sandbox: Sandbox, text: str) -> None:
        stream = sandbox.stream(ask(text), idempotency_key="k")
        try:
            await text_of(stream)
        except ProviderError:
            assert stream.received_tokens() == 0
            raise

    return [whole, streamed]
