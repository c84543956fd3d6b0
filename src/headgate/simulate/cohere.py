"""Cohere's API as its own client library knows it: chat and vectors, and the list of models.

Where a call asks for thoughts they are the words that `[[usage reasoning=N]]` asks for. What is
said besides calls of tools is the plan. The vendor puts words of its own around a conversation,
which it counts and does not bill.
"""

import asyncio
from collections.abc import Iterator
from typing import Any, TypeVar

import msgspec

from headgate.core import sandbox
from headgate.core.chat import ChatDelta, ChatRequest, TokenUsage, ToolCallDelta
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.simulate import cohere_requests as asked
from headgate.simulate.behaviour import Behaviour, paced
from headgate.simulate.calls import Call
from headgate.simulate.exchange import Exchange, Headers, json_headers

PREFIX = "/cohere"
MODELS = ("command-a-03-2025", "command-r7b-12-2024", "embed-v4.0")
DIMENSIONS = 1536
# What the vendor puts around every conversation.
TEMPLATE_TOKENS = 490

_STREAM_HEADERS = {"content-type": "text/event-stream", "cache-control": "no-cache"}
_REASONS = {"length": "MAX_TOKENS", "tool_calls": "TOOL_CALL"}

Body = TypeVar("Body")


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Cohere:
    """Answers any model name and any credential."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; errors have Cohere's shape."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await _refuse(exchange, call, Refused(400, wrong.message))
        except Refused as refusal:
            await _refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        path = exchange.path.removeprefix(PREFIX)
        match exchange.method, path:
            case "POST", "/v2/chat":
                await self._chat(exchange, call, _decode(body, asked.ChatBody))
            case "POST", "/v2/embed":
                await self._embed(exchange, call, _decode(body, asked.EmbedBody))
            case "GET", "/v1/models":
                await _send(exchange, call, {"models": [_model(name) for name in MODELS]})
            case "GET", _ if path.startswith("/v1/models/"):
                call.model = path.removeprefix("/v1/models/")
                await _send(exchange, call, _model(call.model))
            case _, "/v2/chat" | "/v2/embed" | "/v1/models":
                raise Refused(405, "method not allowed")
            case _:
                raise Refused(404, "not found")

    async def _chat(self, exchange: Exchange, call: Call, wanted: asked.ChatBody) -> None:
        call.model, call.stream = wanted.model, wanted.stream
        request = asked.chat_request(wanted)
        plan = self._behaviour.shape(sandbox.plan(request))
        if plan.fail_status is not None:
            await asyncio.sleep(plan.delay_seconds)
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        thought = _thought(request, plan)
        if call.stream:
            await _stream(exchange, call, plan, _EventWriter(plan, thought))
            return
        await asyncio.sleep(plan.seconds)
        answer = {
            "id": new_id("cohere"),
            "message": _message(plan, thought),
            **_end(plan),
        }
        if plan.is_cut:
            await _send_half(exchange, call, answer, output_tokens=plan.cut_after or 0)
        else:
            await _send(exchange, call, answer, output_tokens=plan.usage.output_tokens)

    async def _embed(self, exchange: Exchange, call: Call, wanted: asked.EmbedBody) -> None:
        call.model = wanted.model
        planned = sandbox.plan_embedding(asked.embedding_request(wanted), dimensions=DIMENSIONS)
        plan, is_cut = self._behaviour.shape_embedding(planned)
        await asyncio.sleep(plan.delay_seconds)
        if plan.fail_status is not None:
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        answer = {
            "id": new_id("cohere"),
            "response_type": "embeddings_by_type",
            "embeddings": {"float": plan.vectors},
            "texts": wanted.texts,
            "meta": {
                "api_version": {"version": "2"},
                "billed_units": {"input_tokens": plan.usage.input_tokens},
            },
        }
        await (_send_half if is_cut else _send)(exchange, call, answer)


def _thought(request: ChatRequest, plan: sandbox.Plan) -> str:
    """What the model thinks where it is asked to."""
    if request.reasoning is None:
        return ""
    return " ".join(["thought"] * plan.usage.reasoning_tokens)


def _message(plan: sandbox.Plan, thought: str) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    if thought:
        content.append({"type": "thinking", "thinking": thought})
    message: dict[str, Any] = {"role": "assistant", "content": content}
    if not plan.tool_calls:
        content.append({"type": "text", "text": plan.content})
        return message
    message["tool_calls"] = [
        {
            "id": call.id,
            "type": "function",
            "function": {"name": call.name, "arguments": call.arguments},
        }
        for call in plan.tool_calls
    ]
    return message | ({"tool_plan": plan.content} if plan.content else {})


def _end(plan: sandbox.Plan) -> dict[str, Any]:
    """Why the answer ends, and what it cost."""
    reason = _REASONS.get(plan.finish_reason, "COMPLETE")
    if plan.stop_sequence is not None:
        reason = "STOP_SEQUENCE"
    return {"finish_reason": reason, "usage": _usage(plan.usage)}


def _usage(usage: TokenUsage) -> dict[str, Any]:
    return {
        "billed_units": {
            "input_tokens": usage.input_tokens,
            "output_tokens": usage.output_tokens,
        },
        "tokens": {
            "input_tokens": usage.input_tokens + TEMPLATE_TOKENS,
            "output_tokens": usage.output_tokens,
        },
        "cached_tokens": usage.cached_input_tokens,
    }


class _EventWriter:
    """Writes one answer's events: each piece of content and each call has its begin and end."""

    def __init__(self, plan: sandbox.Plan, thought: str) -> None:
        self._plan = plan
        self._thought = thought
        self._id = new_id("cohere")
        self._open: str | None = None
        self._index = -1

    def start(self) -> bytes:
        """The first events: the message begins, with what it thinks."""
        empty = {"role": "assistant", "content": [], "tool_plan": "", "tool_calls": []}
        events = [_event({"type": "message-start", "id": self._id, "delta": {"message": empty}})]
        if self._thought:
            events += self._begun("content", {"type": "thinking", "thinking": ""})
            events.append(self._piece("content", {"thinking": self._thought}))
        return b"".join(events)

    def piece(self, delta: ChatDelta) -> bytes:
        """The events of one piece of the plan."""
        events: list[bytes] = []
        if delta.text and self._plan.tool_calls:
            plan = {"message": {"tool_plan": delta.text}}
            events.append(_event({"type": "tool-plan-delta", "delta": plan}))
        elif delta.text:
            if self._open != "content" or self._thought:
                events += self._begun("content", {"type": "text", "text": ""})
                self._thought = ""
            events.append(self._piece("content", {"text": delta.text}))
        for call in delta.tool_calls:
            events += self._call(call)
        return b"".join(events)

    def end(self) -> bytes:
        """The last events."""
        last = {"type": "message-end", "id": self._id, "delta": _end(self._plan)}
        return b"".join([*self._ended(), _event(last), b"data: [DONE]\n\n"])

    def _call(self, call: ToolCallDelta) -> Iterator[bytes]:
        if call.id is not None:
            head = {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": ""},
            }
            yield from self._begun("tool-call", head)
        if call.arguments:
            yield self._piece("tool-call", {"function": {"arguments": call.arguments}})

    def _begun(self, kind: str, what: dict[str, Any]) -> list[bytes]:
        events = self._ended()
        self._open, self._index = kind, self._index + 1
        return [*events, self._part(f"{kind}-start", what)]

    def _piece(self, kind: str, what: dict[str, Any]) -> bytes:
        return self._part(f"{kind}-delta", what)

    def _part(self, name: str, what: dict[str, Any]) -> bytes:
        field = "content" if name.startswith("content") else "tool_calls"
        delta = {"message": {field: what}}
        return _event({"type": name, "index": self._index, "delta": delta})

    def _ended(self) -> list[bytes]:
        if self._open is None:
            return []
        name, self._open = f"{self._open}-end", None
        return [_event({"type": name, "index": self._index})]


def _event(content: dict[str, Any]) -> bytes:
    name = f"event: {content['type']}\ndata: ".encode()
    return name + msgspec.json.encode(content) + b"\n\n"


async def _stream(exchange: Exchange, call: Call, plan: sandbox.Plan, writer: _EventWriter) -> None:
    """Send the answer's events; the head goes with the first, so that nothing comes before it."""
    async for piece in paced(plan):
        if call.status is None:
            await _begin(exchange, call, 200, _STREAM_HEADERS)
            await exchange.write(writer.start())
        call.output_tokens += piece.tokens
        if events := writer.piece(piece.delta):
            await exchange.write(events)
    if plan.is_cut:
        if call.status is None:  # Cut before the first token: a head and no content.
            await asyncio.sleep(plan.seconds)
            await _begin(exchange, call, 200, _STREAM_HEADERS)
            await exchange.write(writer.start())
        call.break_off()
        return
    call.output_tokens = plan.usage.output_tokens
    call.finish()
    await exchange.finish(writer.end())


async def _begin(exchange: Exchange, call: Call, status: int, headers: Headers) -> None:
    call.status = status
    await exchange.start(status, headers)


async def _send(
    exchange: Exchange,
    call: Call,
    answer: dict[str, Any],
    *,
    status: int = 200,
    output_tokens: int = 0,
    headers: Headers | None = None,
) -> None:
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, status, json_headers(data) | (headers or {}))
    call.finish()
    await exchange.finish(data)


async def _send_half(
    exchange: Exchange, call: Call, answer: dict[str, Any], *, output_tokens: int = 0
) -> None:
    """Promise a whole body and break off in its middle."""
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, 200, json_headers(data))
    await exchange.write(data[: len(data) // 2])
    call.break_off()


async def _refuse(exchange: Exchange, call: Call, refusal: Refused) -> None:
    headers = {"retry-after": "1"} if refusal.status in {429, 529} else None
    error = {"id": new_id("cohere"), "message": refusal.message}
    await _send(exchange, call, error, status=refusal.status, headers=headers)


def _decode(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Refused(400, f"invalid request: {wrong}") from wrong


def _told_to_fail(status: int) -> Refused:
    return Refused(status, f"The simulator was told to fail with {status}.")


def _model(name: str) -> dict[str, Any]:
    endpoints = ["embed"] if name.startswith("embed") else ["chat"]
    return {"name": name, "endpoints": endpoints, "context_length": 256_000, "finetuned": False}
