"""Cohere, spoken as a client: chat, its streams, and embeddings, in the second version.

What a model thinks is shown to those who asked for it, since other models' clients may not expect
it; it is billed in any case.
"""

import contextlib
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.ids import new_id
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    unsupported,
)
from headgate.providers.batches import embed_in_batches
from headgate.providers.cohere_events import (
    EventReader,
    finish_reason,
    stop_sequence,
    wants_thoughts,
)
from headgate.providers.cohere_requests import MARK, translated
from headgate.providers.cohere_shapes import (
    Message,
    Vectors,
    read_answer,
    read_event,
    read_fault,
)
from headgate.providers.failures import (
    meaning,
    posted,
    retry_after,
    unanswered,
    understood,
    without_secrets,
)
from headgate.providers.frames import FrameCutter, data_of, split, tokens_received
from headgate.transport.http import HttpClient, HttpError, HttpStream

# What the models give at most that are in no table.
DEFAULT_OUTPUT_TOKENS = 32_768
# A picture is at most twelve tiles and a small copy of the whole, of 256 tokens each.
IMAGE_TOKENS = 3_328
# The vendor's rule of thumb for English text.
BYTES_PER_TOKEN = 4
# What is added besides the texts: marks around each turn, and instructions where there are tools.
TURN_TOKENS = 16
TOOLS_TOKENS = 1_024
TOOL_TOKENS = 64
# The most texts that one call embeds.
MOST_TEXTS = 96


def _nothing(_model: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class CohereVendor:
    """A vendor that speaks Cohere's protocol.

    Attributes:
        base_url: what `/v2/chat` is appended to.
        catalog: ids that the vendor serves.
        recognises: whether an id that is not in the catalog is the vendor's all the same.
        output_tokens: the most output tokens of models whose id starts so, longest match first.
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    catalog: frozenset[str] = frozenset()
    recognises: Callable[[str], bool] = _nothing
    output_tokens: Mapping[str, int] = field(default_factory=dict)


_VECTORS = msgspec.json.Decoder(Vectors)
# The vendor's sentence for an error that has no status of its own.
_TOO_LONG = re.compile(r"too many tokens|context length|maximum .{0,20}tokens", re.IGNORECASE)


def to_wire(request: chat.ChatRequest) -> bytes:
    """The body of a request.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    return msgspec.json.encode(translated(request))


def embedding_to_wire(request: EmbeddingRequest) -> bytes:
    """The body of a request for vectors; a text that is too long is refused, never cut.

    Raises:
        ProviderRefused: the texts are tokens of another vendor.
    """
    if not all(isinstance(item, str) for item in request.input):
        raise unsupported("input", "Cohere's models take texts, not tokens")
    options = {} if request.dimensions is None else {"output_dimension": request.dimensions}
    return msgspec.json.encode(
        {
            "model": request.model,
            "texts": request.input,
            "input_type": "search_document",
            "embedding_types": ["float"],
            "truncate": "NONE",
            **options,
        }
    )


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """The vendor's answer.

    Raises:
        ProviderError: the body is no whole answer.
    """
    answer = read_answer(body)
    if answer.message is None:
        raise ProviderBroke("the vendor's answer could not be understood")
    reason = finish_reason(answer.finish_reason)
    usage = None if answer.usage is None else answer.usage.counted()
    return chat.ChatResponse(
        id=answer.id or new_id("cohere"),
        model=request.model,
        content=answer.message.text,
        finish_reason=reason,
        stop_sequence=stop_sequence(request, answer.finish_reason),
        usage=usage or _estimate(request, body),
        estimated=usage is None,
        thinking=tuple(_thoughts(answer.message)) if wants_thoughts(request) else (),
        tool_calls=tuple(
            chat.ToolCall(
                call.id or new_id("call"), call.function.name, call.function.arguments or "{}"
            )
            for call in answer.message.tool_calls or ()
            if call.function is not None and call.function.name is not None
        ),
    )


def _thoughts(message: Message) -> Iterator[chat.Thinking]:
    for block in message.content or ():
        if block.thinking:
            yield chat.Thinking(block.thinking, MARK)


def _estimate(request: chat.ChatRequest, body: bytes) -> chat.TokenUsage:
    return chat.TokenUsage(
        math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN),
        math.ceil(len(body) / BYTES_PER_TOKEN),
    )


def error_from(
    status: int, headers: Mapping[str, str], body: bytes, key: str | None = None
) -> ProviderError:
    """What the vendor's error means.

    Its text is kept only where the caller can act on it, without secrets, of which `key` is one.
    """
    said = without_secrets(read_fault(body), key)
    if status == 402:
        # No waiting will cure it: the platform's own account with the vendor is empty.
        return ProviderRefused(
            "unauthorized", "the platform's account with the vendor is exhausted"
        )
    if status == 498:
        status = 401  # The vendor's own number for a credential that it does not take.
    wait = retry_after(headers)
    return meaning(status, said, wait=wait, is_too_long=bool(_TOO_LONG.search(said)))


class CohereStream:
    """One streamed answer."""

    def __init__(
        self, stream: HttpStream, request: chat.ChatRequest, key: str | None = None
    ) -> None:
        self._stream = stream
        self._key = key
        self._reader = EventReader(request)
        self._usage: chat.TokenUsage | None = None
        self._frames = 0
        self._written = 0
        self._ended = False
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """The vendor's own final count, once it has come."""
        return self._usage

    def ending(self) -> bytes:
        """Nothing: no frames are forwarded."""
        return b""

    def input_usage(self) -> chat.TokenUsage | None:
        """Nothing: the protocol counts at the end."""
        return None

    def received_tokens(self) -> int:
        """Tokens received so far, thoughts included, by the events or by their size."""
        return tokens_received(self._frames, self._written, BYTES_PER_TOKEN)

    async def aclose(self) -> None:
        """Close the connection, which stops the vendor's work."""
        await self._pieces.aclose()

    async def _read(self) -> AsyncGenerator[chat.ChatDelta | chat.WireDelta, None]:
        cutter = FrameCutter()
        try:
            async with self._stream as answer, contextlib.aclosing(answer.chunks()) as chunks:
                if answer.status != 200:
                    body = await answer.read()
                    raise error_from(answer.status, answer.headers, body, self._key)
                async for chunk in chunks:
                    if not (block := cutter.push(chunk)):
                        continue
                    for frame in split(block):
                        if (delta := self._delta(frame)) is not None:
                            yield delta
                        if self._ended:
                            answer.drain()
                            return
        except HttpError as error:
            raise unanswered(error) from error
        raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _delta(self, frame: bytes) -> chat.ChatDelta | None:
        if not (data := data_of(frame)):
            return None
        event = read_event(data)
        if event.delta is not None:
            size = event.delta.size
            self._frames += bool(size)
            self._written += size
            if event.delta.usage is not None:
                self._usage = event.delta.usage.counted()
        delta = self._reader.delta(event)
        self._ended = event.type == "message-end"
        return delta


class CohereProvider:
    """Cohere."""

    def __init__(self, vendor: CohereVendor, client: HttpClient) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        base = vendor.base_url.rstrip("/")
        self._chat_url = f"{base}/v2/chat"
        self._embed_url = f"{base}/v2/embed"
        self._models_url = f"{base}/v1/models?page_size=1"
        self._limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))
        self._headers = {"content-type": "application/json"}
        if vendor.api_key:
            self._headers["authorization"] = f"Bearer {vendor.api_key}"

    def with_key(self, api_key: str) -> "CohereProvider":
        """See `TakesKeys.with_key`."""
        return CohereProvider(replace(self._vendor, api_key=api_key), self._client)

    def models(self) -> Sequence[str]:
        """The ids in the catalog."""
        return sorted(self._vendor.catalog)

    def serves(self, model: str) -> bool:
        """Whether the id is the vendor's."""
        return model in self._vendor.catalog or self._vendor.recognises(model)

    async def refresh(self) -> None:
        """There is never another model while the platform runs."""

    def input_ceiling(self, request: chat.ChatRequest) -> int:
        """Bytes of text, since no tokenizer makes more tokens than bytes, and images' maximum."""
        messages = request.messages
        documents = (
            len(part.url)
            for message in messages
            if not isinstance(message.content, str)
            for part in message.content
            if isinstance(part, chat.Document)
        )
        tools = TOOLS_TOKENS + TOOL_TOKENS * len(request.tools) if request.tools else 0
        return (
            chat.text_bytes(request)
            + sum(documents)
            + chat.image_count(messages) * IMAGE_TOKENS
            + TURN_TOKENS * (1 + len(messages))
            + tools
        )

    def input_estimate(self, request: chat.ChatRequest) -> int:
        """About four bytes a token, the vendor's own rule of thumb for English text."""
        return math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN)

    def output_ceiling(self, request: chat.ChatRequest) -> int:
        """The model's documented maximum, thoughts included."""
        for prefix, tokens in self._limits:
            if request.model.startswith(prefix):
                return tokens
        return DEFAULT_OUTPUT_TOKENS

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """Bytes of text, and the marks around each."""
        return sum(
            TURN_TOKENS + len(item.encode() if isinstance(item, str) else item)
            for item in request.input
        )

    async def count_tokens(self, request: chat.ChatRequest) -> int:
        """An estimate: the vendor counts the tokens of texts, and not of conversations."""
        return self.input_estimate(request)

    async def complete(
        self, request: chat.ChatRequest, *, idempotency_key: str
    ) -> chat.ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        return from_wire(
            request, await self._post(self._chat_url, to_wire(request), idempotency_key)
        )

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> CohereStream:
        """The answer piece by piece."""
        headers = self._headers | {"idempotency-key": idempotency_key}
        body = to_wire(request)
        stream = self._client.stream("POST", self._chat_url, headers=headers, body=body)
        return CohereStream(stream, request, self._vendor.api_key)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """One vector per input, by as many calls as the vendor needs for them.

        Raises:
            ProviderError: there are not all vectors; see `batches.all_of`.
        """
        return await embed_in_batches(
            request, MOST_TEXTS, self._embed, idempotency_key=idempotency_key
        )

    async def check(self) -> None:
        """See that the vendor answers and takes the platform's credential; calls no model.

        Raises:
            ProviderError: it does not.
        """
        try:
            answer = await self._client.send("GET", self._models_url, headers=self._headers)
        except HttpError as error:
            raise unanswered(error) from error
        if answer.status in {401, 403, 498} or answer.status >= 500:
            raise error_from(answer.status, answer.headers, answer.body, self._vendor.api_key)

    async def _embed(self, request: EmbeddingRequest, idempotency_key: str) -> EmbeddingResponse:
        body = await self._post(self._embed_url, embedding_to_wire(request), idempotency_key)
        answer = understood(_VECTORS, body)
        vectors = answer.embeddings.floats
        if len(vectors) != len(request.input):
            raise ProviderBroke("the vendor gave another number of vectors than was asked for")
        usage = answer.counted()
        estimate = math.ceil(self.embedding_ceiling(request) / BYTES_PER_TOKEN)
        return EmbeddingResponse(
            model=request.model,
            vectors=tuple(map(tuple, vectors)),
            usage=usage or chat.TokenUsage(estimate),
            estimated=usage is None,
        )

    async def _post(self, url: str, body: bytes, idempotency_key: str) -> bytes:
        headers = self._headers | {"idempotency-key": idempotency_key}
        answer = await posted(
            self._client,
            url,
            headers=headers,
            body=body,
            error_from=partial(error_from, key=self._vendor.api_key),
        )
        return answer.body
