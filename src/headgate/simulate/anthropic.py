"""Anthropic's API as its own client library knows it: messages, token counts and models.

`[[fail STATUS]]` together with `[[cut N]]` lets a stream fail with an error event after N tokens.
"""

import asyncio
from typing import TypeVar

import msgspec

from headgate.core import sandbox
from headgate.core.chat import ChatDelta, ChatResponse, Thinking, TokenUsage
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.core.protocols import anthropic, anthropic_answers
from headgate.simulate.behaviour import Behaviour, paced
from headgate.simulate.calls import Call
from headgate.simulate.exchange import Exchange, Headers, json_headers
from headgate.simulate.thoughts import are_unchanged, thought_of

PREFIX = "/anthropic"
CREATED = "2025-10-01T00:00:00Z"
MODELS = ("claude-haiku-4-5", "claude-sonnet-4-5", "claude-opus-4-5")

_STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

Body = TypeVar("Body")


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class ModelItem(msgspec.Struct, frozen=True):
    """A model that can be called."""

    id: str
    display_name: str
    created_at: str = CREATED
    type: str = "model"
    lifecycle: str = "active"


class ModelList(msgspec.Struct, frozen=True):
    """The models that can be called."""

    data: list[ModelItem]
    first_id: str
    last_id: str
    has_more: bool = False


class Anthropic:
    """Answers any model name and any credential."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; errors have Anthropic's shape."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await _refuse(exchange, call, Refused(400, wrong.message))
        except Refused as refusal:
            await _refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        path = exchange.path.removeprefix(PREFIX)
        match exchange.method, path:
            case "POST", "/v1/messages":
                await self._messages(exchange, call, body)
            case "POST", "/v1/messages/count_tokens":
                await self._count(exchange, call, body)
            case "GET", "/v1/models":
                models = [ModelItem(name, name) for name in MODELS]
                await _send(exchange, call, ModelList(models, MODELS[0], MODELS[-1]))
            case "GET", _ if path.startswith("/v1/models/"):
                call.model = path.removeprefix("/v1/models/")
                await _send(exchange, call, ModelItem(call.model, call.model))
            case _, "/v1/messages" | "/v1/messages/count_tokens" | "/v1/models":
                raise Refused(405, "Method Not Allowed")
            case _:
                raise Refused(404, "Not found")

    async def _messages(self, exchange: Exchange, call: Call, body: bytes) -> None:
        request = anthropic.chat_request(_decode(body, anthropic.MessagesRequest), body)
        call.model, call.stream = request.model, request.stream
        if not are_unchanged(request):
            raise Refused(400, "Invalid `signature` in `thinking` block")
        plan = self._behaviour.shape(sandbox.plan(request))
        thought = thought_of(request, plan)
        if plan.fail_status is not None and not (request.stream and plan.cut_after is not None):
            await asyncio.sleep(plan.delay_seconds)
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        if request.stream:
            await _stream(exchange, call, plan, thought)
            return
        await asyncio.sleep(plan.seconds)
        response = ChatResponse(
            id=new_id("msg"),
            model=request.model,
            content=plan.content,
            finish_reason=plan.finish_reason,
            usage=plan.usage,
            tool_calls=plan.tool_calls,
            thinking=() if thought is None else (thought,),
            stop_sequence=plan.stop_sequence,
        )
        answer = anthropic_answers.message(response)
        if plan.is_cut:
            await _send_half(exchange, call, answer, output_tokens=plan.cut_after or 0)
        else:
            await _send(exchange, call, answer, output_tokens=plan.usage.output_tokens)

    async def _count(self, exchange: Exchange, call: Call, body: bytes) -> None:
        request = anthropic.count_request(_decode(body, anthropic.CountTokensRequest), body)
        call.model = request.model
        tokens = sandbox.input_tokens(request)
        await _send(exchange, call, anthropic_answers.TokenCount(tokens))


async def _stream(
    exchange: Exchange, call: Call, plan: sandbox.Plan, thought: Thinking | None
) -> None:
    """Send the answer's events; the head goes with the first, so that nothing comes before it."""
    writer = anthropic_answers.EventWriter(id=new_id("msg"), model=call.model or "")
    async for piece in paced(plan):
        if call.status is None:
            await _begin_stream(exchange, call, writer, plan.usage)
            if thought is not None:
                await exchange.write(writer.delta(ChatDelta(thinking=thought)))
        call.output_tokens += piece.tokens
        if events := writer.delta(piece.delta):
            await exchange.write(events)
    if plan.is_cut:
        await _break_off(exchange, call, writer, plan)
        return
    call.output_tokens = plan.usage.output_tokens
    call.finish()
    await exchange.finish(writer.ending(plan.usage))


async def _begin_stream(
    exchange: Exchange, call: Call, writer: anthropic_answers.EventWriter, usage: TokenUsage
) -> None:
    """Send the head and the first events: what is known of the input, and a ping."""
    await _begin(exchange, call, 200, _STREAM_HEADERS | _request_id())
    known = msgspec.structs.replace(usage, output_tokens=1, reasoning_tokens=0)
    await exchange.write(writer.start(known) + anthropic_answers.PING)


async def _break_off(
    exchange: Exchange, call: Call, writer: anthropic_answers.EventWriter, plan: sandbox.Plan
) -> None:
    """End a stream before its end: with an error event, or with the connection alone."""
    if call.status is None:  # Cut before the first token.
        await asyncio.sleep(plan.seconds)
        await _begin_stream(exchange, call, writer, plan.usage)
    if plan.fail_status is None:
        call.break_off()
        return
    call.finish()
    refusal = _told_to_fail(plan.fail_status)
    await exchange.finish(anthropic_answers.event("error", _error(refusal, None)))


async def _begin(exchange: Exchange, call: Call, status: int, headers: Headers) -> None:
    call.status = status
    await exchange.start(status, headers)


async def _send(
    exchange: Exchange,
    call: Call,
    answer: msgspec.Struct,
    *,
    status: int = 200,
    output_tokens: int = 0,
    headers: Headers | None = None,
) -> None:
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, status, json_headers(data) | (headers or _request_id()))
    call.finish()
    await exchange.finish(data)


async def _send_half(
    exchange: Exchange, call: Call, answer: msgspec.Struct, *, output_tokens: int
) -> None:
    """Promise a whole body and break off in its middle."""
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, 200, json_headers(data) | _request_id())
    await exchange.write(data[: len(data) // 2])
    call.break_off()


async def _refuse(exchange: Exchange, call: Call, refusal: Refused) -> None:
    headers = _request_id()
    error = _error(refusal, headers["request-id"])
    if refusal.status in {429, 529}:
        headers["retry-after"] = "1"
    await _send(exchange, call, error, status=refusal.status, headers=headers)


def _error(refusal: Refused, request_id: str | None) -> anthropic_answers.ErrorBody:
    kind = anthropic_answers.error_type(refusal.status)
    return anthropic_answers.ErrorBody(
        error=anthropic_answers.ErrorItem(kind, refusal.message), request_id=request_id
    )


def _decode(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Refused(400, f"The body of the request could not be read: {wrong}") from wrong


def _told_to_fail(status: int) -> Refused:
    return Refused(status, f"The simulator was told to fail with {status}.")


def _request_id() -> Headers:
    return {"request-id": new_id("req")}
