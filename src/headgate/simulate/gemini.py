"""Gemini's API as its own client library knows it: content, token counts, vectors and models.

Where a call asks for thoughts they are the words that `[[usage reasoning=N]]` asks for. The first
call of a tool is signed, and else the end of the text; a signature that comes back with another
call is refused, as the vendor does. Streams are server-sent events, whatever `alt` says.
"""

import asyncio
from collections.abc import Iterator
from typing import Any

import msgspec

from headgate.core import sandbox
from headgate.core.chat import ChatDelta, ChatRequest, TokenUsage, ToolCall
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.simulate import gemini_requests as asked
from headgate.simulate.behaviour import Behaviour, paced
from headgate.simulate.calls import Call
from headgate.simulate.exchange import Exchange, Headers, json_headers

PREFIXES = ("/gemini/v1beta/models", "/gemini/v1/models")
MODELS = ("gemini-3.1-flash-lite", "gemini-3.5-flash", "gemini-embedding-001")
DIMENSIONS = 3072

_STREAM_HEADERS = {"content-type": "text/event-stream"}
_STATUSES = {
    400: "INVALID_ARGUMENT",
    401: "UNAUTHENTICATED",
    403: "PERMISSION_DENIED",
    404: "NOT_FOUND",
    405: "NOT_FOUND",
    429: "RESOURCE_EXHAUSTED",
    499: "CANCELLED",
    503: "UNAVAILABLE",
    504: "DEADLINE_EXCEEDED",
}
_REASONS = {"length": "MAX_TOKENS", "content_filter": "SAFETY"}


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class Gemini:
    """Answers any model name and any credential."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; errors have Google's shape."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await _refuse(exchange, call, Refused(400, wrong.message))
        except Refused as refusal:
            await _refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        found = [prefix for prefix in PREFIXES if exchange.path.startswith(prefix)]
        rest = exchange.path.removeprefix(found[0]) if found else "?"
        if exchange.method == "GET" and not rest:
            await _send(exchange, call, {"models": [_model(name) for name in MODELS]})
            return
        if not rest.startswith("/"):
            raise Refused(404, "The requested URL was not found on this server.")
        model, _, method = rest[1:].partition(":")
        call.model = model
        match exchange.method, method:
            case "POST", "generateContent":
                await self._generate(exchange, call, body)
            case "POST", "streamGenerateContent":
                call.stream = True
                await self._generate(exchange, call, body)
            case "POST", "countTokens":
                wanted = asked.count_request(asked.decode(body, asked.CountRequest), model)
                tokens = sandbox.input_tokens(wanted)
                await _send(exchange, call, {"totalTokens": tokens})
            case "POST", "batchEmbedContents":
                await self._embed(exchange, call, asked.decode(body, asked.BatchRequest).requests)
            case "POST", "embedContent":
                await self._embed(
                    exchange, call, [asked.decode(body, asked.EmbedRequest)], single=True
                )
            case "GET", "":
                await _send(exchange, call, _model(model))
            case _:
                raise Refused(404, "The requested URL was not found on this server.")

    async def _generate(self, exchange: Exchange, call: Call, body: bytes) -> None:
        wanted = asked.decode(body, asked.GenerateRequest)
        request = asked.chat_request(wanted, call.model or "", stream=call.stream)
        plan = self._behaviour.shape(sandbox.plan(request))
        if plan.fail_status is not None:
            await asyncio.sleep(plan.delay_seconds)
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        writer = _Writer(request, plan)
        if call.stream:
            await _stream(exchange, call, plan, writer)
            return
        await asyncio.sleep(plan.seconds)
        parts = [*writer.thoughts(), *writer.parts()]
        answer = writer.answer(parts, plan.usage, finish_reason=writer.finish_reason)
        if plan.is_cut:
            await _send_half(exchange, call, answer, output_tokens=plan.cut_after or 0)
        else:
            await _send(exchange, call, answer, output_tokens=plan.usage.output_tokens)

    async def _embed(
        self,
        exchange: Exchange,
        call: Call,
        wanted: list[asked.EmbedRequest],
        *,
        single: bool = False,
    ) -> None:
        request = asked.embedding_request(wanted, call.model or "")
        planned = sandbox.plan_embedding(request, dimensions=DIMENSIONS)
        plan, is_cut = self._behaviour.shape_embedding(planned)
        await asyncio.sleep(plan.delay_seconds)
        if plan.fail_status is not None:
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        vectors: list[dict[str, Any]] = [{"values": vector} for vector in plan.vectors]
        answer: dict[str, Any] = {"embedding": vectors[0]} if single else {"embeddings": vectors}
        answer["usageMetadata"] = {"promptTokenCount": plan.usage.input_tokens}
        await (_send_half if is_cut else _send)(exchange, call, answer)


class _Writer:
    """Writes one answer, whole or in pieces that share its id."""

    def __init__(self, request: ChatRequest, plan: sandbox.Plan) -> None:
        self._request = request
        self._plan = plan
        self._id = new_id("gemini")
        self._thinks = request.reasoning is not None
        self.finish_reason = _REASONS.get(plan.finish_reason, "STOP")

    def thoughts(self) -> list[dict[str, Any]]:
        """What the model thinks where it is asked to show it."""
        if not self._thinks or not self._plan.usage.reasoning_tokens:
            return []
        text = " ".join(["thought"] * self._plan.usage.reasoning_tokens)
        return [{"text": text, "thought": True}]

    def parts(self) -> list[dict[str, Any]]:
        """The text and the calls."""
        found: list[dict[str, Any]] = []
        if self._plan.content or not self._plan.tool_calls:
            found.append({"text": self._plan.content} | self.signature())
        return found + [self.call(number) for number in range(len(self._plan.tool_calls))]

    def signature(self) -> dict[str, Any]:
        """What signs the text of an answer without calls."""
        if not self._thinks or self._plan.tool_calls:
            return {}
        return {"thoughtSignature": asked.signature_of(None)}

    def call(self, number: int) -> dict[str, Any]:
        """One call of a tool; the first is signed."""
        call = self._plan.tool_calls[number]
        arguments = _arguments(call)
        part: dict[str, Any] = {
            "functionCall": {"id": call.id, "name": call.name, "args": arguments}
        }
        if not number:
            whole = ToolCall(call.id, call.name, msgspec.json.encode(arguments).decode())
            part["thoughtSignature"] = asked.signature_of(whole)
        return part

    def answer(
        self, parts: list[dict[str, Any]], usage: TokenUsage, *, finish_reason: str | None = None
    ) -> dict[str, Any]:
        """A body, or a piece of one."""
        candidate: dict[str, Any] = {"content": {"parts": parts, "role": "model"}, "index": 0}
        if finish_reason is not None:
            candidate["finishReason"] = finish_reason
        return {
            "candidates": [candidate],
            "usageMetadata": _usage(usage),
            "modelVersion": self._request.model,
            "responseId": self._id,
        }

    def pieces(self, delta: ChatDelta) -> Iterator[dict[str, Any]]:
        """The parts that a piece of the plan ends: calls come whole, not in fragments."""
        if delta.text:
            yield {"text": delta.text}
        for piece in delta.tool_calls:
            if piece.id is not None and piece.index:
                yield self.call(piece.index - 1)
        if delta.finish_reason is not None:
            if self._plan.tool_calls:
                yield self.call(len(self._plan.tool_calls) - 1)
            elif signature := self.signature():
                yield {"text": "", **signature}


def _arguments(call: ToolCall) -> Any:
    """A call's arguments; those that a limit cut short are none."""
    try:
        found = msgspec.json.decode(call.arguments)
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}


def _usage(usage: TokenUsage) -> dict[str, int]:
    written = usage.output_tokens - usage.reasoning_tokens
    counts = {
        "promptTokenCount": usage.input_tokens,
        "candidatesTokenCount": written,
        "totalTokenCount": usage.total_tokens,
        "cachedContentTokenCount": usage.cached_input_tokens,
        "thoughtsTokenCount": usage.reasoning_tokens,
    }
    optional = {"cachedContentTokenCount", "thoughtsTokenCount"}
    return {name: count for name, count in counts.items() if count or name not in optional}


async def _stream(exchange: Exchange, call: Call, plan: sandbox.Plan, writer: _Writer) -> None:
    """Send the answer's pieces; the head goes with the first, so that nothing comes before it."""
    so_far = msgspec.structs.replace(plan.usage, output_tokens=0, reasoning_tokens=0)
    async for piece in paced(plan):
        if call.status is None:
            await _begin(exchange, call, 200, _STREAM_HEADERS)
            if thoughts := writer.thoughts():
                so_far = msgspec.structs.replace(
                    so_far,
                    output_tokens=plan.usage.reasoning_tokens,
                    reasoning_tokens=plan.usage.reasoning_tokens,
                )
                await exchange.write(_frame(writer.answer(thoughts, so_far)))
        call.output_tokens += piece.tokens
        so_far = msgspec.structs.replace(so_far, output_tokens=so_far.output_tokens + piece.tokens)
        parts = list(writer.pieces(piece.delta))
        if piece.delta.finish_reason is not None:
            last = writer.answer(parts, plan.usage, finish_reason=writer.finish_reason)
            call.output_tokens = plan.usage.output_tokens
            call.finish()
            await exchange.finish(_frame(last))
            return
        if parts:
            await exchange.write(_frame(writer.answer(parts, so_far)))
    if call.status is None:  # Cut before the first token: a head and no body.
        await asyncio.sleep(plan.seconds)
        await _begin(exchange, call, 200, _STREAM_HEADERS)
        await exchange.write(b"")
    call.break_off()


def _frame(answer: dict[str, Any]) -> bytes:
    return b"data: " + msgspec.json.encode(answer) + b"\r\n\r\n"


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
    headers: Headers = {}
    otherwise = "INTERNAL" if refusal.status >= 500 else "INVALID_ARGUMENT"
    error: dict[str, Any] = {
        "code": refusal.status,
        "message": refusal.message,
        "status": _STATUSES.get(refusal.status, otherwise),
    }
    if refusal.status in {429, 529}:
        headers["retry-after"] = "1"
        kind = "type.googleapis.com/google.rpc.RetryInfo"
        error["details"] = [{"@type": kind, "retryDelay": "1s"}]
    await _send(exchange, call, {"error": error}, status=refusal.status, headers=headers)


def _told_to_fail(status: int) -> Refused:
    return Refused(status, f"The simulator was told to fail with {status}.")


def _model(name: str) -> dict[str, Any]:
    embeds = "embedding" in name
    methods = ["embedContent"] if embeds else ["generateContent", "countTokens"]
    return {
        "name": f"models/{name}",
        "version": "001",
        "displayName": name,
        "inputTokenLimit": 1_048_576,
        "outputTokenLimit": 1 if embeds else 65_536,
        "supportedGenerationMethods": methods,
    }
