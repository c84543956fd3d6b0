"""Google's Gemini, spoken as a client: generateContent, its streams, and embeddings.

A stream has no end mark: it ends with the connection, after the piece that says why it ended.
"""

import contextlib
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from urllib.parse import quote

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
from headgate.providers.failures import (
    meaning,
    posted,
    retry_after,
    unanswered,
    understood,
    without_secrets,
)
from headgate.providers.frames import FrameCutter, data_of, split, tokens_received
from headgate.providers.gemini_pieces import PieceReader
from headgate.providers.gemini_requests import translated
from headgate.providers.gemini_shapes import (
    TokenCount,
    Vectors,
    read_answer,
    read_fault,
)
from headgate.transport.http import HttpClient, HttpError, HttpStream

# What every model since Gemini 2.5 gives at most.
DEFAULT_OUTPUT_TOKENS = 65_536
# A picture is cut into tiles of 258 tokens; this is sixteen of them. Younger models count 2,240
# for one at the most.
IMAGE_TOKENS = 4_128
# A document may fill what a model can read.
DOCUMENT_TOKENS = 1_048_576
# Google's own rule of thumb for English text.
BYTES_PER_TOKEN = 4
# What is added besides the texts: marks around each turn, and instructions where there are tools.
TURN_TOKENS = 16
TOOLS_TOKENS = 1_024
TOOL_TOKENS = 64
# The most texts that one call embeds.
MOST_TEXTS = 100


def _nothing(_model: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class GeminiVendor:
    """A vendor that speaks Gemini's protocol.

    Attributes:
        base_url: what `/v1beta/models` is appended to.
        catalog: ids that the vendor serves.
        recognises: whether an id that is not in the catalog is the vendor's all the same, as a
            dated edition of a model is.
        output_tokens: the most output tokens of models whose id starts so, longest match first.
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    catalog: frozenset[str] = frozenset()
    recognises: Callable[[str], bool] = _nothing
    output_tokens: Mapping[str, int] = field(default_factory=dict)


_COUNT = msgspec.json.Decoder(TokenCount)
_VECTORS = msgspec.json.Decoder(Vectors)
# The vendor's sentences for errors that have no name of their own.
_TOO_LONG = re.compile(r"input token count.{0,40}exceeds", re.IGNORECASE)
_NO_CREDIT = re.compile(r"credits? (?:is|are) depleted|enable billing", re.IGNORECASE)


def to_wire(request: chat.ChatRequest) -> bytes:
    """The body of a request; which model and whether to stream stands in its address.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    return msgspec.json.encode(translated(request))


def count_to_wire(request: chat.ChatRequest) -> bytes:
    """The body of a count of what a request lets a model read.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    whole = translated(request) | {"model": f"models/{request.model}"}
    return msgspec.json.encode({"generateContentRequest": whole})


def embedding_to_wire(request: EmbeddingRequest) -> bytes:
    """The body of a request for vectors.

    Raises:
        ProviderRefused: the texts are tokens of another vendor.
    """
    texts = [item for item in request.input if isinstance(item, str)]
    if len(texts) != len(request.input):
        raise unsupported("input", "Gemini's models take texts, not tokens")
    options = {} if request.dimensions is None else {"outputDimensionality": request.dimensions}
    model = f"models/{request.model}"
    items = [{"model": model, "content": {"parts": [{"text": text}]}, **options} for text in texts]
    return msgspec.json.encode({"requests": items})


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """The vendor's answer.

    Raises:
        ProviderBroke: the body is no whole answer.
    """
    answer = read_answer(body)
    reader = PieceReader(request)
    deltas = list(reader.deltas(answer))
    if reader.finish_reason is None:
        raise ProviderBroke("the vendor's answer could not be understood")
    usage = None if answer.usage_metadata is None else answer.usage_metadata.counted()
    calls = [piece for delta in deltas for piece in delta.tool_calls]
    heads = [piece for piece in calls if piece.name is not None]
    return chat.ChatResponse(
        id=answer.response_id or new_id("gemini"),
        model=request.model,
        content="".join(delta.text for delta in deltas),
        finish_reason=reader.finish_reason,
        refusal=reader.refusal,
        usage=usage or _estimate(request, body),
        estimated=usage is None,
        thinking=_whole_thoughts(delta.thinking for delta in deltas if delta.thinking is not None),
        tool_calls=tuple(
            chat.ToolCall(
                head.id or new_id("call"),
                head.name or "",
                "".join(piece.arguments for piece in calls if piece.index == head.index),
            )
            for head in heads
        ),
    )


def _whole_thoughts(pieces: Iterator[chat.Thinking]) -> tuple[chat.Thinking, ...]:
    """Thoughts put together of their pieces; a signature is a thought's last piece."""
    whole: list[chat.Thinking] = []
    for piece in pieces:
        if whole and whole[-1].signature is None:
            whole[-1] = chat.Thinking(whole[-1].text + piece.text, piece.signature)
        else:
            whole.append(piece)
    return tuple(whole)


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
    fault = read_fault(body)
    said = without_secrets(fault.message, key)
    if status == 402 or fault.status == "FAILED_PRECONDITION" or _NO_CREDIT.search(said):
        # No waiting will cure it: it is the platform's own account with the vendor.
        return ProviderRefused(
            "unauthorized", "the platform's account with the vendor cannot be used"
        )
    if "API_KEY_INVALID" in fault.reasons:
        status = 401  # The vendor says 400.
    wait = retry_after(headers)
    if wait is None:
        wait = fault.retry_after_seconds
    return meaning(status, said, wait=wait, is_too_long=bool(_TOO_LONG.search(said)))


class GeminiStream:
    """One streamed answer."""

    def __init__(
        self, stream: HttpStream, request: chat.ChatRequest, key: str | None = None
    ) -> None:
        self._stream = stream
        self._key = key
        self._reader = PieceReader(request)
        self._usage: chat.TokenUsage | None = None
        self._frames = 0
        self._written = 0
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """The vendor's own final count, once it has come; every piece counts what is there yet."""
        return None if self._reader.finish_reason is None else self._usage

    def ending(self) -> bytes:
        """Nothing: no frames are forwarded."""
        return b""

    def input_usage(self) -> chat.TokenUsage | None:
        """The input as the latest piece counts it."""
        if self._usage is None:
            return None
        return msgspec.structs.replace(self._usage, output_tokens=0, reasoning_tokens=0)

    def received_tokens(self) -> int:
        """Tokens received so far, by the vendor's count or by their size."""
        counted = 0 if self._usage is None else self._usage.output_tokens
        return max(counted, tokens_received(self._frames, self._written, BYTES_PER_TOKEN))

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
                        for delta in self._deltas(frame):
                            yield delta
                # The last frame may lack its blank line.
                for delta in self._deltas(cutter.rest):
                    yield delta
        except HttpError as error:
            if self._reader.finish_reason is None:
                raise unanswered(error) from error
        if self._reader.finish_reason is None:
            raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _deltas(self, frame: bytes) -> Iterator[chat.ChatDelta]:
        if not (data := data_of(frame)):
            return
        answer = read_answer(data)
        if (fault := answer.error) is not None:
            if self._frames:
                raise ProviderBroke("the vendor broke off with an error")
            raise error_from(fault.code, {}, data, self._key)
        if answer.usage_metadata is not None:
            self._usage = answer.usage_metadata.counted()
        parts = [part for candidate in answer.candidates or () for part in candidate.parts]
        size = sum(part.size for part in parts)
        self._frames += bool(size)
        self._written += size
        yield from self._reader.deltas(answer)


def _signature_bytes(messages: Sequence[chat.Message]) -> int:
    """The size of the signatures that go back, which the vendor reads and counts too."""
    return sum(
        len(part.signature or "")
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        if isinstance(part, chat.Thinking)
    )


class GeminiProvider:
    """Google's Gemini."""

    def __init__(self, vendor: GeminiVendor, client: HttpClient) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        self._models_url = f"{vendor.base_url.rstrip('/')}/v1beta/models"
        self._limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))
        self._headers = {"content-type": "application/json"}
        if vendor.api_key:
            self._headers["x-goog-api-key"] = vendor.api_key

    def with_key(self, api_key: str) -> "GeminiProvider":
        """See `TakesKeys.with_key`."""
        return GeminiProvider(replace(self._vendor, api_key=api_key), self._client)

    def models(self) -> Sequence[str]:
        """The ids in the catalog."""
        return sorted(self._vendor.catalog)

    def serves(self, model: str) -> bool:
        """Whether the id is the vendor's."""
        return model in self._vendor.catalog or self._vendor.recognises(model)

    async def refresh(self) -> None:
        """There is never another model while the platform runs."""

    def input_ceiling(self, request: chat.ChatRequest) -> int:
        """Bytes of text, since no tokenizer makes more tokens than bytes, and media's maximum."""
        messages = request.messages
        tools = TOOLS_TOKENS + TOOL_TOKENS * len(request.tools) if request.tools else 0
        return (
            chat.text_bytes(request)
            + chat.image_count(messages) * IMAGE_TOKENS
            + chat.document_count(messages) * DOCUMENT_TOKENS
            + TURN_TOKENS * (1 + len(messages))
            + _signature_bytes(messages)
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

    async def complete(
        self, request: chat.ChatRequest, *, idempotency_key: str
    ) -> chat.ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        url = self._url(request.model, "generateContent")
        headers = self._headers | {"idempotency-key": idempotency_key}
        return from_wire(request, await self._post(url, to_wire(request), headers))

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> GeminiStream:
        """The answer piece by piece."""
        url = self._url(request.model, "streamGenerateContent?alt=sse")
        headers = self._headers | {"idempotency-key": idempotency_key}
        body = to_wire(request)
        stream = self._client.stream("POST", url, headers=headers, body=body)
        return GeminiStream(stream, request, self._vendor.api_key)

    async def count_tokens(self, request: chat.ChatRequest) -> int:
        """The input tokens as the vendor counts them, which it does without a charge.

        Raises:
            ProviderError: there is no count.
        """
        url = self._url(request.model, "countTokens")
        answer = await self._post(url, count_to_wire(request), self._headers)
        return understood(_COUNT, answer).total_tokens

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
        url = f"{self._models_url}?pageSize=1"
        try:
            answer = await self._client.send("GET", url, headers=self._headers)
        except HttpError as error:
            raise unanswered(error) from error
        if answer.status >= 400:  # A wrong key is a 400 here.
            raise error_from(answer.status, answer.headers, answer.body, self._vendor.api_key)

    async def _embed(self, request: EmbeddingRequest, idempotency_key: str) -> EmbeddingResponse:
        url = self._url(request.model, "batchEmbedContents")
        headers = self._headers | {"idempotency-key": idempotency_key}
        body = await self._post(url, embedding_to_wire(request), headers)
        answer = understood(_VECTORS, body)
        if len(answer.embeddings) != len(request.input):
            raise ProviderBroke("the vendor gave another number of vectors than was asked for")
        usage = None if answer.usage_metadata is None else answer.usage_metadata.counted()
        estimate = math.ceil(self.embedding_ceiling(request) / BYTES_PER_TOKEN)
        return EmbeddingResponse(
            model=request.model,
            vectors=tuple(tuple(item.values) for item in answer.embeddings),
            usage=usage or chat.TokenUsage(estimate),
            estimated=usage is None,
        )

    def _url(self, model: str, method: str) -> str:
        return f"{self._models_url}/{quote(model, safe='')}:{method}"

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        answer = await posted(
            self._client,
            url,
            headers=headers,
            body=body,
            error_from=partial(error_from, key=self._vendor.api_key),
        )
        return answer.body
