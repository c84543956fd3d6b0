"""Amazon Bedrock's runtime as boto3 knows it: Converse, ConverseStream and vectors.

`[[fail STATUS]]` together with `[[cut N]]` lets a stream fail with an exception after N tokens.
"""

import asyncio
import re
import time
from typing import Any, TypeVar

import msgspec

from headgate.core import sandbox
from headgate.core.chat import ChatDelta, ChatRequest, ChatResponse, Thinking
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.core.protocols.eventstream import MEDIA_TYPE
from headgate.simulate.behaviour import Behaviour, paced
from headgate.simulate.calls import Call
from headgate.simulate.converse import ConverseRequest, EventWriter, answer, chat_request, exception
from headgate.simulate.exchange import Exchange, Headers, json_headers
from headgate.simulate.thoughts import are_unchanged, thought_of

PREFIX = "/bedrock"

_OPERATION = re.compile(r"/model/(.+)/(converse|converse-stream|invoke)")
_LISTING = "/async-invoke"
_DIMENSIONS = {"amazon.titan-embed-text-v1": 1536}
_OTHER_DIMENSIONS = 1024
_KINDS = {
    400: "ValidationException",
    401: "UnrecognizedClientException",
    403: "AccessDeniedException",
    404: "ResourceNotFoundException",
    408: "ModelTimeoutException",
    424: "ModelErrorException",
    429: "ThrottlingException",
    503: "ServiceUnavailableException",
}
_EXCEPTIONS = {
    400: "validationException",
    424: "modelStreamErrorException",
    429: "throttlingException",
    503: "serviceUnavailableException",
}

Body = TypeVar("Body")


class Refused(Exception):
    """The call is answered with an error."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class TitanRequest(msgspec.Struct, rename="camel"):
    """One text for Amazon's Titan."""

    input_text: str
    dimensions: int | None = None


class CohereRequest(msgspec.Struct):
    """Texts for Cohere's models."""

    texts: list[str]
    input_type: str
    embedding_types: list[str] | None = None
    output_dimension: int | None = None


class Bedrock:
    """Answers any model id and any signature."""

    def __init__(self, behaviour: Behaviour) -> None:
        self._behaviour = behaviour

    async def answer(self, exchange: Exchange, call: Call, body: bytes) -> None:
        """Answer one request; errors have the shape of AWS's JSON protocols."""
        try:
            await self._route(exchange, call, body)
        except InvalidRequest as wrong:
            await _refuse(exchange, call, Refused(400, wrong.message))
        except Refused as refusal:
            await _refuse(exchange, call, refusal)

    async def _route(self, exchange: Exchange, call: Call, body: bytes) -> None:
        path = exchange.path.removeprefix(PREFIX)
        found = _OPERATION.fullmatch(path)
        if path == _LISTING and exchange.method == "GET":
            await _send(exchange, call, {"asyncInvokeSummaries": []})
        elif found is None:
            raise Refused(404, "Not found")
        elif exchange.method != "POST":
            raise Refused(405, "Method not allowed")
        elif found[2] == "invoke":
            call.model = found[1]
            await self._invoke(exchange, call, body)
        else:
            call.model, call.stream = found[1], found[2] == "converse-stream"
            await self._converse(exchange, call, body)

    async def _converse(self, exchange: Exchange, call: Call, body: bytes) -> None:
        wanted = _decode(body, ConverseRequest)
        request = chat_request(call.model or "", wanted, stream=call.stream)
        if not are_unchanged(request):
            raise Refused(400, "Invalid `signature` in `reasoningContent` block")
        plan = self._behaviour.shape(sandbox.plan(request))
        if plan.fail_status is not None and not (call.stream and plan.cut_after is not None):
            await asyncio.sleep(plan.delay_seconds)
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = plan.usage.input_tokens
        tells_stop = "/stop_sequence" in wanted.additional_model_response_field_paths
        thought = thought_of(request, plan)
        if call.stream:
            writer = EventWriter(tells_stop=tells_stop)
            await _stream(exchange, call, plan, writer, thought)
        else:
            await _whole(exchange, call, plan, request, thought, tells_stop=tells_stop)

    async def _invoke(self, exchange: Exchange, call: Call, body: bytes) -> None:
        model = call.model or ""
        is_titan = "titan-embed" in model
        texts: tuple[str, ...]
        if is_titan:
            titan = _decode(body, TitanRequest)
            texts, dimensions = (titan.input_text,), titan.dimensions
        elif "cohere.embed" in model:
            cohere = _decode(body, CohereRequest)
            texts, dimensions = tuple(cohere.texts), cohere.output_dimension
        else:
            raise Refused(400, "The simulator invokes models that embed; converse with others.")
        request = EmbeddingRequest(model=model, input=texts, dimensions=dimensions)
        length = next((n for name, n in _DIMENSIONS.items() if name in model), _OTHER_DIMENSIONS)
        planned = sandbox.plan_embedding(request, dimensions=length)
        plan, is_cut = self._behaviour.shape_embedding(planned)
        await asyncio.sleep(plan.delay_seconds)
        if plan.fail_status is not None:
            raise _told_to_fail(plan.fail_status)
        call.input_tokens = tokens = plan.usage.input_tokens
        vectors: dict[str, Any] = (
            {"embedding": plan.vectors[0], "inputTextTokenCount": tokens}
            if is_titan
            else {"id": new_id("emb"), "embeddings": {"float": plan.vectors}, "texts": texts}
        )
        headers = {"x-amzn-bedrock-input-token-count": str(tokens)}
        await _send(exchange, call, vectors, is_cut=is_cut, headers=headers)


async def _whole(
    exchange: Exchange,
    call: Call,
    plan: sandbox.Plan,
    request: ChatRequest,
    thought: Thinking | None,
    *,
    tells_stop: bool,
) -> None:
    await asyncio.sleep(plan.seconds)
    response = ChatResponse(
        id="",
        model=request.model,
        content=plan.content,
        finish_reason=plan.finish_reason,
        usage=plan.usage,
        tool_calls=plan.tool_calls,
        thinking=() if thought is None else (thought,),
        stop_sequence=plan.stop_sequence,
    )
    call.output_tokens = (plan.cut_after or 0) if plan.is_cut else plan.usage.output_tokens
    told = answer(response, tells_stop=tells_stop, latency_ms=int(plan.seconds * 1000))
    await _send(exchange, call, told, is_cut=plan.is_cut)


async def _stream(
    exchange: Exchange,
    call: Call,
    plan: sandbox.Plan,
    writer: EventWriter,
    thought: Thinking | None,
) -> None:
    """Send the answer's events; the head goes with the first, so that nothing comes before it."""
    started = time.monotonic()
    async for piece in paced(plan):
        if call.status is None:
            await _begin_stream(exchange, call, writer)
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
    await exchange.finish(writer.ending(plan.usage, int((time.monotonic() - started) * 1000)))


async def _begin_stream(exchange: Exchange, call: Call, writer: EventWriter) -> None:
    call.status = 200
    await exchange.start(200, {"content-type": MEDIA_TYPE} | _request_id())
    await exchange.write(writer.start())


async def _break_off(
    exchange: Exchange, call: Call, writer: EventWriter, plan: sandbox.Plan
) -> None:
    """End a stream before its end: with an exception, or with the connection alone."""
    if call.status is None:  # Cut before the first token.
        await asyncio.sleep(plan.seconds)
        await _begin_stream(exchange, call, writer)
    if plan.fail_status is None:
        call.break_off()
        return
    call.finish()
    kind = _EXCEPTIONS.get(plan.fail_status, "internalServerException")
    await exchange.finish(exception(kind, _told_to_fail(plan.fail_status).message))


async def _send(
    exchange: Exchange,
    call: Call,
    told: dict[str, Any],
    *,
    status: int = 200,
    is_cut: bool = False,
    headers: Headers | None = None,
) -> None:
    """Send a whole JSON answer, or promise one and break off in its middle."""
    data = msgspec.json.encode(told)
    call.status = status
    await exchange.start(status, json_headers(data) | _request_id() | (headers or {}))
    if is_cut:
        await exchange.write(data[: len(data) // 2])
        call.break_off()
        return
    call.finish()
    await exchange.finish(data)


async def _refuse(exchange: Exchange, call: Call, refusal: Refused) -> None:
    kind = "InternalServerException" if refusal.status >= 500 else "ValidationException"
    headers = {"x-amzn-errortype": _KINDS.get(refusal.status, kind)}
    if refusal.status in {429, 529}:
        headers["retry-after"] = "1"
    told = {"message": refusal.message}
    await _send(exchange, call, told, status=refusal.status, headers=headers)


def _decode(body: bytes, kind: type[Body]) -> Body:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as wrong:
        raise Refused(400, f"Malformed input request: {wrong}") from wrong


def _told_to_fail(status: int) -> Refused:
    return Refused(status, f"The simulator was told to fail with {status}.")


def _request_id() -> Headers:
    return {"x-amzn-requestid": new_id("req")}
