"""Streamed answers put together."""

import contextlib
from collections.abc import AsyncIterator

from agent_desk import ScriptedModels
from fakes import FakeClock
from headgate.agents.pieces import Pieces
from headgate.core.chat import ChatDelta, ChatRequest, Thinking, ToolCall, ToolCallDelta
from headgate.core.metered import MeteredStream
from usage_events import usage_event

REQUEST = ChatRequest(model="small", messages=())


class Streaming(ScriptedModels):
    """Models that answer with these pieces."""

    def __init__(self, pieces: AsyncIterator[ChatDelta]) -> None:
        super().__init__(lambda _: "")
        self._pieces = pieces

    @contextlib.asynccontextmanager
    async def stream(
        self, request: ChatRequest, *, call_key: str | None = None
    ) -> AsyncIterator[MeteredStream]:
        yield Stream(self._pieces)


class Stream:
    event = usage_event(model="small")

    def __init__(self, pieces: AsyncIterator[ChatDelta]) -> None:
        self._pieces = pieces

    def __aiter__(self) -> AsyncIterator[ChatDelta]:
        return self._pieces


async def stream(*pieces: ChatDelta) -> AsyncIterator[ChatDelta]:
    for piece in pieces:
        yield piece


async def test_a_text_is_told_a_few_times_a_second_and_whole() -> None:
    told: list[str] = []
    clock = FakeClock()

    async def spoken() -> AsyncIterator[ChatDelta]:
        for word, seconds in (("a", 0.0), ("b", 0.01), ("c", 0.01), ("d", 0.2), ("e", 0.01)):
            clock.advance(seconds)
            yield ChatDelta(text=word)
        yield ChatDelta(finish_reason="length")

    async def tell(text: str) -> None:
        told.append(text)

    pieces = Pieces(tell, clock=clock)
    event = await pieces.gather(Streaming(spoken()), REQUEST, "key")
    assert event.model == "small"
    assert told == ["a", "bcd", "e"]
    reply = pieces.reply("small")
    assert (reply.text, reply.finish_reason, reply.model) == ("abcde", "length", "small")


async def test_calls_and_thoughts_are_put_together() -> None:
    async def tell(text: str) -> None:
        raise AssertionError("there is no text")

    pieces = Pieces(tell)
    spoken = stream(
        ChatDelta(thinking=Thinking("I th")),
        ChatDelta(thinking=Thinking("ink", signature="s1")),
        ChatDelta(thinking=Thinking(sealed="x")),
        ChatDelta(tool_calls=(ToolCallDelta(1, "b", "two", "{"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, "a", "one", "{}"),)),
        ChatDelta(tool_calls=(ToolCallDelta(1, arguments="}"),)),
    )
    await pieces.gather(Streaming(spoken), REQUEST, "key")
    reply = pieces.reply("small")
    assert reply.tool_calls == (ToolCall("a", "one", "{}"), ToolCall("b", "two", "{}"))
    assert reply.thinking == (Thinking("I think", "s1"), Thinking(sealed="x"))
    assert reply.message.content == reply.thinking
