"""The drop-in routes for OpenAI's clients: chat completions, embeddings, models."""

import functools
import time

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingResponse
from headgate.core.errors import ModelNotFound
from headgate.core.ids import new_id
from headgate.core.protocols import openai as protocol
from headgate.core.protocols import openai_embeddings
from headgate.gateway.gateway import Answer
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.receipts import written_reply
from headgate.http.resuming import resumable
from headgate.http.streams import event, stream_reply

_encode = msgspec.json.Encoder().encode


async def chat_completions(call: Call[protocol.ChatCompletionRequest]) -> Reply | StreamReply:
    """`POST /v1/chat/completions`."""
    parsed = protocol.chat_request(call.body, call.raw)
    caller = call.caller()
    request = parsed.request
    if caller.use_case is not None:
        request = msgspec.structs.replace(request, use_case=caller.use_case)
    if request.stream:
        reply = await stream_reply(
            call.services.replays,
            caller,
            request,
            functools.partial(_Frames, include_usage=parsed.include_usage),
            event,
            heartbeat_seconds=call.services.heartbeat_seconds,
        )
        return await resumable(call, reply)
    return written_reply(await call.services.replays.complete(caller, request, _completion))


def _completion(answer: Answer[chat.ChatResponse]) -> bytes:
    response = answer.response
    if response.wire is not None and response.wire.protocol == protocol.PROTOCOL:
        return response.wire.body
    return _encode(protocol.chat_completion(response, created=int(time.time())))


class _Frames:
    """Writes an answer as OpenAI's chunks."""

    def __init__(self, answer: StreamedAnswer, *, include_usage: bool) -> None:
        self._answer = answer
        self._include_usage = include_usage
        self._chunks = protocol.ChunkWriter(
            id=new_id("chatcmpl"),
            model=answer.model,
            created=int(time.time()),
            include_usage=include_usage,
        )

    def piece(self, piece: chat.ChatDelta | chat.WireDelta) -> bytes:
        """A chunk; the vendor's own where it speaks the same protocol."""
        return piece.frames if isinstance(piece, chat.WireDelta) else self._chunks.delta(piece)

    def end(self) -> bytes:
        """The usage, for those who asked for it, and the end."""
        if not self._include_usage:
            return protocol.DONE
        return (self._answer.ending or self._chunks.usage(self._answer.usage)) + protocol.DONE


async def embeddings(call: Call[openai_embeddings.EmbeddingsRequest]) -> Reply:
    """`POST /v1/embeddings`."""
    parsed = openai_embeddings.embedding_request(call.body, call.raw)
    model = call.services.embedding_model(parsed.request.model)
    request = msgspec.structs.replace(parsed.request, model=model)

    def write(answer: Answer[EmbeddingResponse]) -> bytes:
        return _encode(
            openai_embeddings.embedding_list(answer.response, as_base64=parsed.as_base64)
        )

    return written_reply(await call.services.replays.embed(call.caller(), request, write))


async def models(call: Call[None]) -> Reply:
    """`GET /v1/models`."""
    own = await call.services.vendor_keys.of(call.key)
    listed = call.services.gateway.catalog.models(call.key, own.vendors)
    return Reply(protocol.ModelList([_model(name, owner) for name, owner in listed]))


async def model(call: Call[None]) -> Reply:
    """`GET /v1/models/{id}`; ids may hold slashes, raw or encoded.

    Raises:
        ModelNotFound: there is none, or the key may not use it.
    """
    wanted = call.params["id"]
    own = await call.services.vendor_keys.of(call.key)
    catalog = call.services.gateway.catalog
    for name, owner in catalog.models(call.key, own.vendors):
        if name == wanted:
            return Reply(_model(name, owner))
    routes = await catalog.routes(wanted, call.key, own.vendors)
    if not routes:
        raise ModelNotFound(f"there is no model {wanted[:256]!r}", param="model")
    return Reply(_model(wanted, routes[0].provider.provider))


def _model(name: str, owner: str) -> protocol.ModelItem:
    # Vendors' lists carry a date of creation; clients need the field and use it for nothing.
    return protocol.ModelItem(name, 0, owner)
