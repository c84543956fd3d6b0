"""OpenAI's protocol, spoken as a client: to OpenAI itself, Ollama, and any compatible vendor.

Such a vendor is a row of data (`OpenAIVendor`), not a class. A caller who speaks the protocol too
is forwarded byte for byte; frames are scanned only for the usage, the end and errors.
"""

import contextlib
import functools
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, Literal, TypeGuard
from urllib.parse import quote, urlencode

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.ids import new_id
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
)
from headgate.core.protocols.openai import PROTOCOL
from headgate.providers.failures import (
    UNREADABLE,
    meaning,
    posted,
    retry_after,
    unanswered,
    understood,
    without_secrets,
)
from headgate.providers.frames import (
    BLANK,
    FrameCutter,
    data_of,
)
from headgate.providers.openai_frames import END, only_usage, plain_end, without_usage
from headgate.providers.openai_requests import LimitField, set_limit, translated
from headgate.providers.openai_shapes import (
    Answer,
    Call,
    CallNumbers,
    Choice,
    Listing,
    Turn,
    Vectors,
    read_answer,
    read_fault,
    usage_from,
)
from headgate.providers.received import Received
from headgate.transport.http import HttpClient, HttpError, HttpStream

DEFAULT_OUTPUT_TOKENS = 4096
# The most an image can count as, in the models' documentation ("high" detail of a large image).
IMAGE_TOKENS = 50_000
# A document may fill what a model can read, and no model of this protocol reads more than this.
DOCUMENT_TOKENS = 1_050_000
# The vendors' own rule of thumb for English text.
BYTES_PER_TOKEN = 4
# OpenAI counts a handful of tokens for each message and tool besides their text.
OVERHEAD_TOKENS = 64
# Some models' tokenizers mark the beginning and the end of each text besides.
EMBEDDING_OVERHEAD_TOKENS = 8

MOST_REMEMBERED = 1000

FINISH_REASONS: Mapping[str | None, chat.FinishReason] = {
    "stop": "stop",
    "length": "length",
    "model_length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}


def _limit_of(limits: Sequence[tuple[str, int]], model: str) -> int:
    """The limit of the first of `limits` whose prefix the model has."""
    for prefix, tokens in limits:
        if model.startswith(prefix):
            return tokens
    return DEFAULT_OUTPUT_TOKENS


def _nothing(_model: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenAIVendor:
    """A vendor that speaks OpenAI's protocol.

    Attributes:
        base_url: what `/chat/completions` is appended to.
        catalog: ids that the vendor serves; empty where it is asked for them (`discover`).
        recognises: whether an id that is not in the catalog is the vendor's all the same, as a
            dated edition of a model is.
        output_tokens: the most output tokens of models whose id starts so, longest match first.
        key_header: where the key stands; in `authorization` it is a bearer's.
        deployments: what the vendor calls a model, where that is not the model's id.
        api_version: where it is set, each deployment has its own address below
            `/deployments/`, as Azure's dated editions want it.
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    key_header: Literal["authorization", "api-key"] = "authorization"
    deployments: Mapping[str, str] = field(default_factory=dict)
    api_version: str | None = None
    catalog: frozenset[str] = frozenset()
    recognises: Callable[[str], bool] = _nothing
    discover: bool = False
    limit_field: LimitField = "max_tokens"
    output_tokens: Mapping[str, int] = field(default_factory=dict)


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_VECTORS = msgspec.json.Decoder(Vectors)
_OPTIONS = dict[str, msgspec.Raw] | None
_TRUE = msgspec.Raw(b"true")
# The vendors' sentences for the one error that has no code of its own with most of them.
_TOO_LONG = re.compile(r"maximum context length", re.IGNORECASE)


def to_wire(vendor: OpenAIVendor, request: chat.ChatRequest) -> bytes:
    """The body of a chat completion, the caller's own where it is in this protocol.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    if _speaks_it(request.wire):
        fields: dict[str, Any] = dict(_FIELDS.decode(request.wire.body))
        set_limit(fields, vendor.limit_field, request.max_tokens)
    else:
        fields = translated(request, vendor.limit_field)
    fields["model"] = vendor.deployments.get(request.model, request.model)
    if request.stream:
        options = msgspec.json.decode(fields.get("stream_options", b"null"), type=_OPTIONS) or {}
        fields["stream"] = True
        fields["stream_options"] = options | {"include_usage": _TRUE}
    return msgspec.json.encode(fields)


def _speaks_it(wire: chat.Wire | None) -> TypeGuard[chat.Wire]:
    return wire is not None and wire.protocol == PROTOCOL


def embedding_to_wire(vendor: OpenAIVendor, request: EmbeddingRequest) -> bytes:
    """The body of an embedding; vectors are asked for as numbers, which all vendors can give."""
    fields: dict[str, Any]
    if _speaks_it(request.wire):
        fields = dict(_FIELDS.decode(request.wire.body))
    else:
        fields = {"input": request.input}
        if request.dimensions is not None:
            fields["dimensions"] = request.dimensions
    model = vendor.deployments.get(request.model, request.model)
    return msgspec.json.encode(fields | {"model": model, "encoding_format": "float"})


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """A vendor's answer.

    Raises:
        ProviderBroke: the body is no answer.
    """
    answer = read_answer(body)
    if not answer.choices:
        raise ProviderBroke("the vendor's answer could not be understood")
    turn = answer.choices[0].message or Turn()
    usage = usage_from(answer.usage)
    return chat.ChatResponse(
        id=answer.id or new_id("chatcmpl"),
        model=request.model,
        content=turn.text,
        refusal=turn.refusal,
        finish_reason=_finish_reason(answer.choices[0]) or "stop",
        usage=usage or _estimate(request, answer),
        estimated=usage is None,
        tool_calls=_tool_calls(turn.tool_calls) if turn.tool_calls else (),
        wire=chat.Wire(PROTOCOL, body),
    )


def _tool_calls(calls: Sequence[Call]) -> tuple[chat.ToolCall, ...]:
    return tuple(
        chat.ToolCall(call.id or new_id("call"), call.function.name, call.function.arguments or "")
        for call in calls
        if call.function is not None and call.function.name is not None
    )


def _estimate(request: chat.ChatRequest, answer: Answer) -> chat.TokenUsage:
    written = sum(choice.message.size for choice in answer.choices or () if choice.message)
    return chat.TokenUsage(
        math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN), math.ceil(written / BYTES_PER_TOKEN)
    )


def _finish_reason(choice: Choice) -> chat.FinishReason | None:
    """Why the answer ended, or None while it goes on; some vendors write an empty text for that."""
    reason = choice.finish_reason
    return FINISH_REASONS.get(reason, "stop") if reason else None


def delta_from(choice: Choice, numbers: CallNumbers) -> chat.ChatDelta:
    """A piece of an answer."""
    turn = choice.delta or Turn()
    return chat.ChatDelta(
        text=turn.text,
        refusal=turn.refusal,
        finish_reason=_finish_reason(choice),
        tool_calls=numbers.deltas(turn.tool_calls),
    )


def error_from(
    status: int, headers: Mapping[str, str], body: bytes, key: str | None = None
) -> ProviderError:
    """What a vendor's error means.

    Its text is kept only where the caller can act on it, without secrets, of which `key` is one.
    """
    fault = read_fault(body)
    said = without_secrets(fault.message, key)
    if status == 402 or fault.code == "insufficient_quota":
        # No waiting will cure it: the account with the vendor is empty.
        return ProviderRefused("unauthorized", "the account with the vendor is exhausted")
    return meaning(
        status,
        said,
        wait=retry_after(headers),
        is_too_long=fault.code == "context_length_exceeded" or bool(_TOO_LONG.search(said)),
        param=None if fault.param is None else without_secrets(fault.param, key),
    )


def _sizes_of(frame: bytes) -> Iterator[int]:
    for choice in read_answer(data_of(frame)).choices or ():
        yield choice.delta.size if choice.delta else 0


class OpenAIStream:
    """One streamed answer."""

    def __init__(
        self, stream: HttpStream, request: chat.ChatRequest, key: str | None = None
    ) -> None:
        self._stream = stream
        self._key = key
        self._forward = _speaks_it(request.wire)
        self._numbers = CallNumbers()
        self._received = Received(_sizes_of, BYTES_PER_TOKEN)
        self._counted = 0
        self._usage: chat.TokenUsage | None = None
        self._ending = b""
        self._ended = False
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """The vendor's own final count, once it has come; one that more frames follow is none."""
        is_final = self._ended or self._counted == self._received.blocks
        return self._usage if is_final else None

    def ending(self) -> bytes:
        """The vendor's frame with the usage, for a caller who is forwarded the others."""
        return self._ending if self._forward else b""

    def input_usage(self) -> chat.TokenUsage | None:
        """Nothing: the protocol counts at the end."""
        return None

    def received_tokens(self) -> int:
        """Tokens received so far: vendors send about one a frame, else about four bytes."""
        return self._received.tokens()

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
                    for piece in self._pieces_of(block):
                        yield piece
                    if self._ended:
                        answer.drain()
                        return
                # Some vendors forget the blank line after the end mark.
                self._ended = data_of(cutter.rest) == END
        except HttpError as error:
            raise unanswered(error) from error
        if not self._ended:
            raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _pieces_of(self, block: bytes) -> Iterator[chat.ChatDelta | chat.WireDelta]:
        start = 0
        while start < len(block) and not self._ended:
            # The first frame is always looked at: a comment alone does not begin an answer.
            is_open = self._forward and self._received.blocks
            plain = plain_end(block, start) if is_open else start
            if plain > start:
                yield from self._forwarded(block[start:plain])
                start = plain
            else:
                end = block.index(BLANK, start)
                yield from self._read_frame(block[start:end])
                start = end + len(BLANK)

    def _read_frame(self, frame: bytes) -> Sequence[chat.ChatDelta | chat.WireDelta]:
        data = data_of(frame)
        if data == END:
            self._ended = True
        if not data or self._ended:
            # A comment before the answer is no content: another vendor may still take over.
            return (
                self._forwarded(frame + BLANK) if self._received.blocks and not self._ended else ()
            )
        answer = read_answer(data)
        if answer.error is not None:
            raise ProviderBroke("the vendor broke off with an error")
        pieces = self._content(frame, data, answer)
        if (usage := usage_from(answer.usage)) is not None:
            self._usage = usage
            self._counted = self._received.blocks
            self._ending = only_usage(data)
        return pieces

    def _content(
        self, frame: bytes, data: bytes, answer: Answer
    ) -> Sequence[chat.ChatDelta | chat.WireDelta]:
        """What a frame holds besides the usage."""
        if answer.usage is None and answer.choices == []:
            # Azure's filters tell what they think of the question; clients look at `choices[0]`.
            return ()
        if answer.usage is None:
            content = frame + BLANK
        elif answer.choices:
            content = without_usage(data)
        else:
            return ()
        if self._forward:
            return self._forwarded(content)
        self._received.add(content)
        choices = answer.choices or ()
        return [delta_from(choice, self._numbers) for choice in choices if not choice.index]

    def _forwarded(self, frames: bytes) -> Sequence[chat.WireDelta]:
        if not self._forward:
            return ()
        self._received.add(frames)
        return (chat.WireDelta(frames),)


class OpenAIProvider:
    """A vendor that speaks OpenAI's protocol."""

    def __init__(self, vendor: OpenAIVendor, client: HttpClient) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        self._catalog = vendor.catalog
        self._base = vendor.base_url.rstrip("/")
        self._query = (
            ""
            if vendor.api_version is None
            else "?" + urlencode({"api-version": vendor.api_version})
        )
        self._models_url = f"{self._base}/models{self._query}"
        limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))
        # Every call asks for its model's, and callers can name any.
        self._most_output = functools.lru_cache(MOST_REMEMBERED)(partial(_limit_of, limits))
        self._error_from = partial(error_from, key=vendor.api_key)
        self._headers = {"content-type": "application/json"}
        if vendor.api_key:
            kind = "Bearer " if vendor.key_header == "authorization" else ""
            self._headers[vendor.key_header] = f"{kind}{vendor.api_key}"

    def with_key(self, api_key: str) -> "OpenAIProvider":
        """See `TakesKeys.with_key`."""
        return OpenAIProvider(replace(self._vendor, api_key=api_key), self._client)

    def models(self) -> Sequence[str]:
        """The ids in the catalog."""
        return sorted(self._catalog)

    def serves(self, model: str) -> bool:
        """Whether the id is the vendor's."""
        return model in self._catalog or self._vendor.recognises(model)

    def input_ceiling(self, request: chat.ChatRequest) -> int:
        """Bytes of text, since no tokenizer makes more tokens than bytes, and images' maximum."""
        messages = request.messages
        size = (
            chat.text_bytes(request)
            + OVERHEAD_TOKENS * (1 + len(request.tools))
            + 8 * len(messages)
        )
        if chat.are_texts(messages):
            return size
        return (
            size
            + chat.image_count(messages) * IMAGE_TOKENS
            + chat.document_count(messages) * DOCUMENT_TOKENS
        )

    def input_estimate(self, request: chat.ChatRequest) -> int:
        """About four bytes a token, the vendors' own rule of thumb for English text."""
        return math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN)

    async def count_tokens(self, request: chat.ChatRequest) -> int:
        """An estimate: the protocol has no way to ask."""
        return self.input_estimate(request)

    def output_ceiling(self, request: chat.ChatRequest) -> int:
        """The model's documented maximum."""
        return self._most_output(request.model)

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """Bytes of text, or the tokens that were given, and the marks around each."""
        return sum(
            EMBEDDING_OVERHEAD_TOKENS + len(item.encode() if isinstance(item, str) else item)
            for item in request.input
        )

    async def complete(
        self, request: chat.ChatRequest, *, idempotency_key: str
    ) -> chat.ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        url = self._url(request.model, "chat/completions")
        body = await self._post(url, to_wire(self._vendor, request), idempotency_key)
        return from_wire(request, body)

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> OpenAIStream:
        """The answer piece by piece."""
        headers = self._headers | {"idempotency-key": idempotency_key}
        body = to_wire(self._vendor, request)
        url = self._url(request.model, "chat/completions")
        stream = self._client.stream("POST", url, headers=headers, body=body)
        return OpenAIStream(stream, request, self._vendor.api_key)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """One vector per input.

        Raises:
            ProviderError: there are no vectors.
        """
        url = self._url(request.model, "embeddings")
        wanted = embedding_to_wire(self._vendor, request)
        body = await self._post(url, wanted, idempotency_key)
        answer = understood(_VECTORS, body)
        if len(answer.data) != len(request.input):
            raise ProviderBroke("the vendor gave another number of vectors than was asked for")
        ordered = sorted(answer.data, key=lambda item: item.index or 0)
        usage = usage_from(answer.usage)
        return EmbeddingResponse(
            model=request.model,
            vectors=tuple(tuple(item.embedding) for item in ordered),
            usage=usage
            or chat.TokenUsage(math.ceil(self.embedding_ceiling(request) / BYTES_PER_TOKEN)),
            estimated=usage is None,
        )

    async def refresh(self) -> None:
        """Ask the vendor for its models, where the row says so."""
        if not self._vendor.discover:
            return
        try:
            answer = await self._client.send("GET", self._models_url, headers=self._headers)
            listing = msgspec.json.decode(answer.body, type=Listing)
        except (HttpError, *UNREADABLE):
            self._catalog = self._vendor.catalog
            return
        self._catalog = self._vendor.catalog | {item.id for item in listing.data}

    async def check(self) -> None:
        """See that the vendor answers and takes the platform's credential; calls no model.

        Raises:
            ProviderError: it does not.
        """
        try:
            answer = await self._client.send("GET", self._models_url, headers=self._headers)
        except HttpError as error:
            raise unanswered(error) from error
        # Any other answer proves as much: not every vendor lists its models.
        if answer.status in {401, 403} or answer.status >= 500:
            raise error_from(answer.status, answer.headers, answer.body, self._vendor.api_key)

    def _url(self, model: str, operation: str) -> str:
        if self._vendor.api_version is None:
            return f"{self._base}/{operation}"
        deployment = quote(self._vendor.deployments.get(model, model), safe="")
        return f"{self._base}/deployments/{deployment}/{operation}{self._query}"

    async def _post(self, url: str, body: bytes, idempotency_key: str) -> bytes:
        headers = self._headers | {"idempotency-key": idempotency_key}
        answer = await posted(
            self._client,
            url,
            headers=headers,
            body=body,
            error_from=self._error_from,
        )
        return answer.body
