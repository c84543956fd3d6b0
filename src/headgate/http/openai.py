"""The drop-in routes for OpenAI's clients: chat completions, embeddings, models."""

import functools
import time
from collections.abc import AsyncGenerator

import msgspec

from headgate.core import chat
from headgate.core.errors import ModelNotFound
from headgate.core.ids import new_id
from headgate.core.protocols import openai as protocol
from headgate.core.protocols import openai_embeddings
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.receipts import receipt_headers
from headgate.http.streams import event, stream_reply


async def chat_completions(call: Call[protocol.ChatCompletionRequest]) -> Reply | StreamReply:
    """`POST /v1/chat/completions`."""
    parsed = protocol.chat_request(call.body, call.raw)
    caller = call.caller()
    request = parsed.request
    if caller.use_case is not None:
        request = msgspec.structs.replace(request, use_case=caller.use_case)
    gateway = call.services.gateway
    if request.stream:
        return await stream_reply(
            gateway,
            caller,
            request,
            functools.partial(_frames, include_usage=parsed.include_usage),
            event,
            heartbeat_seconds=call.services.heartbeat_seconds,
        )
    answer = await gateway.complete(caller, request)
    response = answer.response
    headers = receipt_headers(answer.receipt)
    if response.wire is not None and response.wire.protocol == protocol.PROTOCOL:
        return Reply(response.wire.body, headers=headers)
    return Reply(protocol.chat_completion(response, created=int(time.time())), headers=headers)


async def _frames(answer: StreamedAnswer, *, include_usage: bool) -> AsyncGenerator[bytes, None]:
    writer = protocol.ChunkWriter(
        id=new_id("chatcmpl"),
        model=answer.receipt.route.model,
        created=int(time.time()),
        include_usage=include_usage,
    )
    async for piece in answer:
        yield piece.frames if isinstance(piece, chat.WireDelta) else writer.delta(piece)
    # The answer has settled: only now may the client see its end.
    if include_usage:
        yield (answer.ending or writer.usage(answer.usage)) + protocol.DONE
    else:
        yield protocol.DONE


async def embeddings(call: Call[openai_embeddings.EmbeddingsRequest]) -> Reply:
    """`POST /v1/embeddings`."""
    parsed = openai_embeddings.embedding_request(call.body, call.raw)
    model = call.services.embedding_model(parsed.request.model)
    request = msgspec.structs.replace(parsed.request, model=model)
    answer = await call.services.gateway.embed(call.caller(), request)
    return Reply(
        openai_embeddings.embedding_list(answer.response, as_base64=parsed.as_base64),
        headers=receipt_headers(answer.receipt),
    )


async def models(call: Call[None]) -> Reply:
    """`GET /v1/models`."""
    listed = call.services.gateway.catalog.models(call.key)
    return Reply(protocol.ModelList([_model(name, owner) for name, owner in listed]))


async def model(call: Call[None]) -> Reply:
    """`GET /v1/models/{id}`; ids may hold slashes, raw or encoded.

    Raises:
        ModelNotFound: there is none, or the key may not use it.
    """
    wanted = call.params["id"]
    catalog = call.services.gateway.catalog
    for name, owner in catalog.models(call.key):
        if name == wanted:
            return Reply(_model(name, owner))
    routes = await catalog.routes(wanted, call.key)
    if not routes:
        raise ModelNotFound(f"there is no model {wanted[:256]!r}", param="model")
    return Reply(_model(wanted, routes[0].provider.provider))


def _model(name: str, owner: str) -> protocol.ModelItem:
    # Vendors' lists carry a date of creation; clients need the field and use it for nothing.
    return protocol.ModelItem(name, 0, owner)
