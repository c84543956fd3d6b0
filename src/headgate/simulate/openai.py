"""OpenAI's API as its own client library knows it: chat completions, embeddings and models."""

import asyncio
import time
from typing import Any, TypeVar

import msgspec

from headgate.core import sandbox
from headgate.core.chat import ChatResponse
from headgate.core.embeddings import EmbeddingResponse
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.core.protocols import openai, openai_embeddings
from headgate.simulate.behaviour import Behaviour, paced
from headgate.simulate.calls import Call
from headgate.simulate.exchange import Exchange, Headers, json_headers

PREFIX = "/openai/v1"
CREATED = 1_700_000_000
MODELS = ("gpt-4o", "gpt-4o-mini", "text-embedding-3-small", "text-embedding-3-large")
DIMENSIONS = 1536
LARGE_DIMENSIONS = 3072

_CODES = {
    401: "invalid_api_key",
    403: "unsupported_country_region_territory",
    404: "model_not_found",
    429: "rate_limit_exceeded",
}
_STREAM_HEADERS = {"content-type": "text/event-stream; charset=utf-8", "cache-control": "no-cache"}

Body = TypeVar("Body")


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(
        self, status: int, message: str, *, code: str | None = None, param: str | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.code = code
        self.param = param


class Dress:
    """What a vendor of this protocol adds to answers; OpenAI adds nothing."""

    first_frame = b""

    def whole(self, answer: openai.ChatCompletion) -> msgspec.Struct | dict[str, Any]:
        """A whole answer with what belongs to it."""
        return answer


class OpenAI:
    """Answers any model name and any Bearer key."""

    def __init__(self, behaviour: Behaviour, *, dress: Dress | None = None) -> None:
        self._behaviour = behaviour
        self._dress = dress or Dress()

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; errors have OpenAI's shape."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await refuse(exchange, call, Refused(400, wrong.message, param=wrong.param))
        except Refused as refusal:
            await refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        path = exchange.path.removeprefix(PREFIX)
        match exchange.method, path:
            case "POST", "/chat/completions":
                await self.chat(exchange, call, body)
            case "POST", "/embeddings":
                await self.embeddings(exchange, call, body)
            case "GET", "/models":
                await send(exchange, call, model_list())
            case "GET", _ if path.startswith("/models/"):
                call.model = path.removeprefix("/models/")
                await send(exchange, call, _model(call.model))
            case _, "/chat/completions" | "/embeddings" | "/models":
                raise Refused(405, f"Not allowed to {exchange.method} on {path}.")
            case _:
                raise Refused(404, f"Invalid URL ({exchange.method} {exchange.path})")

    async def chat(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer a chat completion."""
        parsed = openai.chat_request(_decode(body, openai.ChatCompletionRequest), body)
        call.model, call.stream = parsed.request.model, parsed.request.stream
        plan = self._behaviour.shape(sandbox.plan(parsed.request))
        if plan.fail_status is not None:
            await asyncio.sleep(plan.delay_seconds)
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        if parsed.request.stream:
            await _stream(
                exchange, call, plan, self._dress.first_frame, include_usage=parsed.include_usage
            )
            return
        await asyncio.sleep(plan.seconds)
        response = ChatResponse(
            id=new_id("chatcmpl"),
            model=parsed.request.model,
            content=plan.content,
            finish_reason=plan.finish_reason,
            usage=plan.usage,
            tool_calls=plan.tool_calls,
        )
        answer = self._dress.whole(openai.chat_completion(response, created=int(time.time())))
        if plan.is_cut:
            await _send_half(exchange, call, answer, output_tokens=plan.cut_after or 0)
        else:
            await send(exchange, call, answer, output_tokens=plan.usage.output_tokens)

    async def embeddings(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer with vectors."""
        parsed = openai_embeddings.embedding_request(
            _decode(body, openai_embeddings.EmbeddingsRequest), body
        )
        call.model = parsed.request.model
        is_large = call.model.endswith("-3-large")
        planned = sandbox.plan_embedding(
            parsed.request, dimensions=LARGE_DIMENSIONS if is_large else DIMENSIONS
        )
        plan, is_cut = self._behaviour.shape_embedding(planned)
        if plan.fail_status is None:
            call.input_tokens = plan.usage.input_tokens
        await asyncio.sleep(plan.delay_seconds)
        if plan.fail_status is not None:
            raise _told_to_fail(plan.fail_status)
        response = EmbeddingResponse(model=call.model, vectors=plan.vectors, usage=plan.usage)
        answer = openai_embeddings.embedding_list(response, as_base64=parsed.as_base64)
        if is_cut:
            await _send_half(exchange, call, answer)
        else:
            await send(exchange, call, answer)


async def _stream(
    exchange: Exchange, call: Call, plan: sandbox.Plan, first_frame: bytes, *, include_usage: bool
) -> None:
    """Send the answer's chunks; the head goes with the first, so that nothing comes before it."""
    writer = openai.ChunkWriter(
        id=new_id("chatcmpl"),
        model=call.model or "",
        created=int(time.time()),
        include_usage=include_usage,
    )
    headers = _STREAM_HEADERS | _request_id()
    last = b""
    async for piece in paced(plan):
        if call.status is None:
            await _begin(exchange, call, 200, headers)
            if first_frame:
                await exchange.write(first_frame)
        call.output_tokens += piece.tokens
        frame = writer.delta(piece.delta)
        if piece.delta.finish_reason is None:
            await exchange.write(frame)
        else:
            last = frame
    if plan.is_cut:
        if call.status is None:  # Cut before the first token: a head and no body.
            await asyncio.sleep(plan.seconds)
            await _begin(exchange, call, 200, headers)
            await exchange.write(b"")
        call.break_off()
        return
    call.output_tokens = plan.usage.output_tokens
    call.finish()
    await exchange.finish(last + writer.usage(plan.usage) + openai.DONE)


async def _begin(exchange: Exchange, call: Call, status: int, headers: Headers) -> None:
    call.status = status
    await exchange.start(status, headers)


async def send(
    exchange: Exchange,
    call: Call,
    answer: msgspec.Struct | dict[str, Any],
    *,
    status: int = 200,
    output_tokens: int = 0,
    headers: Headers | None = None,
) -> None:
    """Send a whole JSON answer, and note it."""
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, status, json_headers(data) | _request_id() | (headers or {}))
    call.finish()
    await exchange.finish(data)


async def _send_half(
    exchange: Exchange,
    call: Call,
    answer: msgspec.Struct | dict[str, Any],
    *,
    output_tokens: int = 0,
) -> None:
    """Promise a whole body and break off in its middle."""
    data = msgspec.json.encode(answer)
    call.output_tokens = output_tokens
    await _begin(exchange, call, 200, json_headers(data) | _request_id())
    await exchange.write(data[: len(data) // 2])
    call.break_off()


async def refuse(exchange: Exchange, call: Call, refusal: Refused) -> None:
    """Answer with an error in OpenAI's shape."""
    kind = "server_error" if refusal.status >= 500 else "invalid_request_error"
    error = openai.ErrorItem(
        message=refusal.message,
        type="requests" if refusal.status == 429 else kind,
        code=refusal.code,
        param=refusal.param,
    )
    headers = {"retry-after": "1"} if refusal.status in {429, 529} else {}
    await send(exchange, call, openai.ErrorBody(error), status=refusal.status, headers=headers)


def _decode(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Refused(400, f"We could not read the JSON body of your request: {wrong}") from wrong


def _told_to_fail(status: int) -> Refused:
    message = f"The simulator was told to fail with {status}."
    return Refused(status, message, code=_CODES.get(status))


def model_list() -> openai.ModelList:
    """The models that can be called; any other can be as well."""
    return openai.ModelList([_model(name) for name in MODELS])


def _model(name: str) -> openai.ModelItem:
    return openai.ModelItem(id=name, created=CREATED, owned_by="openai")


def _request_id() -> Headers:
    return {"x-request-id": new_id("req")}
