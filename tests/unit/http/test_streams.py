"""When a stream's head goes out, what keeps a silent one alive, and how it ends."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from asgi import Client
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, TokenUsage, WireDelta
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.models import ProviderBroke, ProviderError, ProviderRefused
from platform_in_memory import Platform, platform


class Scripted:
    """A vendor whose one stream the test leads: pieces, then an error or the end."""

    provider = "scripted"

    def __init__(self) -> None:
        self.pieces: asyncio.Queue[ChatDelta | ProviderError | None] = asyncio.Queue()
        self.asked = asyncio.Event()
        self.closed = asyncio.Event()

    def models(self) -> tuple[str, ...]:
        return ("scripted",)

    def serves(self, model: str) -> bool:
        return model == "scripted"

    async def refresh(self) -> None:
        """There is never another model."""

    def input_ceiling(self, request: ChatRequest) -> int:
        return 10

    def input_estimate(self, request: ChatRequest) -> int:
        return 10

    async def count_tokens(self, request: ChatRequest) -> int:
        return 10

    def output_ceiling(self, request: ChatRequest) -> int:
        return 100

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        return 10

    async def complete(self, request: ChatRequest, *, idempotency_key: str) -> ChatResponse:
        raise NotImplementedError("these tests only stream")

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        raise NotImplementedError("these tests only stream")

    def stream(self, request: ChatRequest, *, idempotency_key: str) -> "ScriptedStream":
        return ScriptedStream(self)


class ScriptedStream:
    def __init__(self, script: Scripted) -> None:
        self._script = script
        self._received = 0
        self._usage: TokenUsage | None = None

    async def __aiter__(self) -> AsyncIterator[ChatDelta | WireDelta]:
        self._script.asked.set()
        while (piece := await self._script.pieces.get()) is not None:
            if isinstance(piece, ProviderError):
                raise piece
            self._received += 1
            yield piece
        self._usage = TokenUsage(10, self._received)

    def usage(self) -> TokenUsage | None:
        return self._usage

    def input_usage(self) -> TokenUsage | None:
        return None

    def received_tokens(self) -> int:
        return self._received

    def ending(self) -> bytes:
        return b""

    async def aclose(self) -> None:
        self._script.closed.set()


def start(running: Platform, path: str = "/v1/stream") -> tuple[Client, asyncio.Task[None]]:
    body = {
        "model": "scripted",
        "stream": True,
        "messages": [{"role": "user", "content": "x"}],
    }
    client = running.client("POST", path, body)
    serving = running.app(client.scope, client.receive, client.send)
    return client, asyncio.create_task(serving)


def statuses(running: Platform) -> list[str]:
    return [event.status for event in running.ledger._events.values()]


async def test_a_refusal_before_the_first_piece_keeps_its_status() -> None:
    script = Scripted()
    async with platform(script) as running:
        await script.pieces.put(ProviderRefused("rate_limited", "too fast", retry_after_seconds=7))
        client, serving = start(running)
        await serving
    assert (client.status, client.headers["retry-after"]) == (429, "7")
    assert client.json["error"]["code"] == "rate_limit_exceeded"


async def test_a_silent_vendor_is_covered_by_heartbeats() -> None:
    """The head tells the limits but no vendor's name, comments follow, then the answer."""
    script = Scripted()
    async with platform(script, heartbeat_seconds=0.1) as running:
        client, serving = start(running)
        await client.is_answered.wait()
        assert client.messages[1]["body"] == b": ping\n\n"
        assert (client.status, "x-model" in client.headers) == (200, False)
        assert client.headers["x-cache"] == "bypass"
        assert client.headers["x-ratelimit-limit-requests"] == "1000"
        await script.pieces.put(ChatDelta(text="late"))
        await script.pieces.put(None)
        await serving
    frames = client.data.replace(b": ping\n\n", b"")
    assert frames.startswith(b'data: {"type":"delta","content":"late"}\n\n')
    assert client.is_whole


async def test_a_refusal_after_the_head_comes_inside_the_stream() -> None:
    script = Scripted()
    async with platform(script, heartbeat_seconds=0.1) as running:
        client, serving = start(running)
        await client.is_answered.wait()
        await script.pieces.put(ProviderRefused("overloaded", "busy"))
        await serving
    last = client.data.removesuffix(b"\n\n").rpartition(b"data: ")[2]
    error = msgspec.json.decode(last)
    assert (error["type"], error["error"]["code"]) == ("error", "overloaded")
    assert client.is_whole


async def test_a_break_in_the_middle_is_billed_and_told_in_the_callers_protocol() -> None:
    script = Scripted()
    async with platform(script) as running:
        client, serving = start(running, "/v1/chat/completions")
        await script.pieces.put(ChatDelta(text="one"))
        await script.pieces.put(ProviderBroke("gone"))
        await serving
        events = list(running.ledger._events.values())
    last = client.data.removesuffix(b"\n\n").rpartition(b"data: ")[2]
    assert msgspec.json.decode(last)["error"]["code"] == "upstream_error"
    assert b"[DONE]" not in client.data
    assert [(e.status, e.output_tokens, e.estimated) for e in events] == [("incomplete", 1, True)]


async def test_a_caller_who_leaves_a_silent_vendor_stops_it() -> None:
    script = Scripted()
    async with platform(script, heartbeat_seconds=0.1) as running:
        client, serving = start(running)
        await client.is_answered.wait()
        client.left.set()
        await serving
        await script.closed.wait()
        assert statuses(running) == ["cancelled"]


async def test_a_caller_who_leaves_before_the_head_stops_the_vendor() -> None:
    script = Scripted()
    async with platform(script) as running:
        client, serving = start(running)
        await script.asked.wait()
        client.left.set()
        await serving
        await script.closed.wait()
        assert client.messages == []
        assert statuses(running) == ["cancelled"]


async def test_a_caller_who_leaves_in_the_middle_pays_for_what_came() -> None:
    script = Scripted()
    async with platform(script) as running:
        client, serving = start(running)
        await script.pieces.put(ChatDelta(text="one"))
        await client.is_answered.wait()
        client.left.set()
        await serving
        events = list(running.ledger._events.values())
    assert [(e.status, e.output_tokens) for e in events] == [("cancelled", 1)]
    assert script.closed.is_set()


async def test_the_end_is_told_only_after_the_record() -> None:
    script = Scripted()
    async with platform(script) as running:
        client, serving = start(running, "/v1/chat/completions")
        await script.pieces.put(ChatDelta(text="one"))
        await script.pieces.put(None)
        await serving
        assert statuses(running) == ["ok"]
    assert client.data.endswith(b"data: [DONE]\n\n")
