"""A count of tokens as each vendor tells it: in a whole answer, and at the end of a stream."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import msgspec

from headgate.core.chat import ChatRequest, Message, TokenUsage
from headgate.core.models import ChatStream
from headgate.core.protocols.eventstream import encode
from headgate.providers import anthropic, bedrock, cohere, gemini, openai
from headgate.transport.http import HttpStream
from scripted_http import ScriptedStream

Usage: TypeAlias = Mapping[str, Any]


class Counted(NamedTuple):
    """The same count, read from a whole answer and from a stream; None where it was not read."""

    whole: TokenUsage | None
    streamed: TokenUsage | None


def asked(model: str) -> ChatRequest:
    return ChatRequest(model=model, messages=(Message("user", "hello"),), stream=True)


async def of_openai(model: str, usage: Usage) -> Counted:
    message = {"index": 0, "message": {"content": "x"}, "finish_reason": "stop"}
    whole = openai.from_wire(asked(model), _json({"choices": [message], "usage": usage}))
    piece = {"index": 0, "delta": {"content": "x"}, "finish_reason": "stop"}
    frames = (
        _frame({"choices": [piece], "usage": None})
        + _frame({"choices": [], "usage": usage})
        + b"data: [DONE]\n\n"
    )
    stream = openai.OpenAIStream(ScriptedStream([frames]), asked(model))
    return await _both(whole.usage, stream, is_estimate=whole.estimated)


async def of_anthropic(model: str, usage: Usage) -> Counted:
    """The input is told at the beginning of a stream, the output at its end."""
    whole = anthropic.from_wire(asked(model), _json({"content": [], "usage": usage}))
    output = {name: value for name, value in usage.items() if name.startswith("output")}
    start = {"content": [], "usage": {**usage, "output_tokens": 1}}
    frames = (
        _frame({"type": "message_start", "message": start})
        + _frame({"type": "message_delta", "delta": {}, "usage": output})
        + _frame({"type": "message_stop"})
    )
    stream = anthropic.AnthropicStream(ScriptedStream([frames]), asked(model))
    return await _both(whole.usage, stream, is_estimate=whole.estimated)


async def of_bedrock(model: str, usage: Usage) -> Counted:
    told = {"output": {"message": {"content": []}}, "usage": usage}
    whole = bedrock.from_wire(asked(model), _json(told))
    events = (
        _event("messageStart", role="assistant")
        + _event("messageStop", stopReason="end_turn")
        + _event("metadata", usage=usage, metrics={"latencyMs": 1})
    )

    async def begin() -> HttpStream:
        return ScriptedStream([events])

    stream = bedrock.BedrockStream(begin)
    return await _both(whole.usage, stream, is_estimate=whole.estimated)


async def of_gemini(model: str, usage: Usage) -> Counted:
    candidate = {"content": {"parts": [{"text": "x"}]}, "finishReason": "STOP"}
    told = {"candidates": [candidate], "usageMetadata": usage}
    whole = gemini.from_wire(asked(model), _json(told))
    stream = gemini.GeminiStream(ScriptedStream([_frame(told)]), asked(model))
    return await _both(whole.usage, stream, is_estimate=whole.estimated)


async def of_cohere(model: str, usage: Usage) -> Counted:
    message = {"role": "assistant", "content": [{"type": "text", "text": "x"}]}
    end = {"finish_reason": "COMPLETE", "usage": usage}
    whole = cohere.from_wire(asked(model), _json({"message": message, **end}))
    frames = _frame({"type": "message-end", "delta": end})
    stream = cohere.CohereStream(ScriptedStream([frames]), asked(model))
    return await _both(whole.usage, stream, is_estimate=whole.estimated)


PROTOCOLS: Mapping[str, Callable[[str, Usage], Awaitable[Counted]]] = {
    "openai": of_openai,
    "azure": of_openai,
    "anthropic": of_anthropic,
    "bedrock": of_bedrock,
    "gemini": of_gemini,
    "cohere": of_cohere,
}


async def _both(whole: TokenUsage, stream: ChatStream, *, is_estimate: bool) -> Counted:
    _ = [piece async for piece in stream]
    return Counted(None if is_estimate else whole, stream.usage())


def _json(value: Any) -> bytes:
    return msgspec.json.encode(value)


def _frame(value: Any) -> bytes:
    return b"data: " + _json(value) + b"\n\n"


def _event(kind: str, **payload: Any) -> bytes:
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return encode(headers, _json(payload))
