"""Anthropic's messages, spoken as a client.

A caller who speaks the protocol too is forwarded byte for byte. The events that end a stream,
`message_delta` with the final count and `message_stop`, wait until the platform has settled.
"""

import contextlib
import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any, TypeGuard

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.ids import new_id
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
)
from headgate.core.protocols.anthropic import PROTOCOL
from headgate.providers.anthropic_events import EventReader
from headgate.providers.anthropic_requests import translated, what_is_read
from headgate.providers.anthropic_shapes import (
    FINISH_REASONS,
    Event,
    Fault,
    TokenCount,
    Usage,
    read_answer,
    read_event,
    read_fault,
    thoughts_in,
)
from headgate.providers.failures import (
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
    split,
)
from headgate.providers.received import Received
from headgate.transport.http import HttpClient, HttpError, HttpStream

# The version in whose words this module reads and writes.
VERSION = "2023-06-01"
# What every model since Claude 3.7 gives at least.
DEFAULT_OUTPUT_TOKENS = 32_000
# The documented maximum of an image in the models that see best: 92 by 52 patches.
IMAGE_TOKENS = 4_784
# A document may fill what a model can read, and no model reads more than this.
DOCUMENT_TOKENS = 1_000_000
# Anthropic's own rule of thumb for English text.
BYTES_PER_TOKEN = 3.5
# What is added besides the texts: marks around each turn, and instructions where there are tools.
TURN_TOKENS = 16
TOOLS_TOKENS = 1_024
TOOL_TOKENS = 64
# The vendor's own tools bring a description along that the request does not hold.
OWN_TOOL_TOKENS = 8_192


def _nothing(_model: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class AnthropicVendor:
    """A vendor that speaks Anthropic's protocol.

    Attributes:
        base_url: what `/v1/messages` is appended to.
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


_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_COUNT = msgspec.json.Decoder(TokenCount)
# The vendor's sentences for errors that have no type of their own.
_TOO_LONG = re.compile(
    r"prompt is too long|exceeds? (?:the )?context|context window", re.IGNORECASE
)
_NO_CREDIT = re.compile(r"credit balance", re.IGNORECASE)


def to_wire(request: chat.ChatRequest, output_tokens: int) -> bytes:
    """The body of a message, the caller's own where it is in this protocol.

    `output_tokens` is the limit where the request has none.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    limit = output_tokens if request.max_tokens is None else request.max_tokens
    if _speaks_it(request.wire):
        fields: dict[str, Any] = dict(_FIELDS.decode(request.wire.body))
        fields["max_tokens"] = limit
    else:
        fields = translated(request, limit)
    fields["model"] = request.model
    if request.stream:
        fields["stream"] = True
    return msgspec.json.encode(fields)


def count_to_wire(request: chat.ChatRequest, output_tokens: int) -> bytes:
    """The body of a count of what a request lets a model read.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    if _speaks_it(request.wire):
        fields: dict[str, Any] = dict(_FIELDS.decode(request.wire.body))
    else:
        fields = what_is_read(request, output_tokens)
    return msgspec.json.encode(fields | {"model": request.model})


def _speaks_it(wire: chat.Wire | None) -> TypeGuard[chat.Wire]:
    return wire is not None and wire.protocol == PROTOCOL


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """The vendor's answer.

    Raises:
        ProviderBroke: the body is no answer.
    """
    answer = read_answer(body)
    blocks = answer.content or []
    text = "".join(block.text or "" for block in blocks if block.type == "text")
    usage = None if answer.usage is None else answer.usage.counted()
    return chat.ChatResponse(
        id=answer.id or new_id("msg"),
        model=request.model,
        content=text,
        finish_reason=FINISH_REASONS.get(answer.stop_reason, "stop"),
        stop_sequence=answer.stop_sequence,
        refusal=answer.stop_details.explanation if answer.stop_details else None,
        usage=usage or _estimate(request, body),
        estimated=usage is None,
        thinking=thoughts_in(blocks),
        tool_calls=tuple(
            chat.ToolCall(block.id or new_id("toolu"), block.name, bytes(block.input).decode())
            for block in blocks
            if block.type == "tool_use" and block.name is not None
        ),
        wire=chat.Wire(PROTOCOL, body),
    )


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
    if status == 402 or fault.type == "billing_error" or _NO_CREDIT.search(said):
        # No waiting will cure it: the account with the vendor is empty.
        return ProviderRefused("unauthorized", "the account with the vendor is exhausted")
    wait = retry_after(headers)
    return meaning(status, said, wait=wait, is_too_long=bool(_TOO_LONG.search(said)))


def _broken_off(fault: Fault, key: str | None, *, has_begun: bool) -> ProviderError:
    """What an error among the events means: before the answer began it is a refusal."""
    if has_begun:
        return ProviderBroke("the vendor broke off with an error")
    statuses = {"overloaded_error": 529, "rate_limit_error": 429, "invalid_request_error": 400}
    body = msgspec.json.encode({"error": fault})
    return error_from(statuses.get(fault.type, 500), {}, body, key)


def _sizes_of(frame: bytes) -> Iterator[int]:
    delta = read_event(data_of(frame)).delta
    if delta is not None:
        yield delta.size


class AnthropicStream:
    """One streamed answer."""

    def __init__(
        self, stream: HttpStream, request: chat.ChatRequest, key: str | None = None
    ) -> None:
        self._stream = stream
        self._key = key
        self._forward = _speaks_it(request.wire)
        self._usage = Usage()
        self._is_counted = False
        self._held = b""
        self._ending = b""
        self._received = Received(_sizes_of, BYTES_PER_TOKEN)
        self._reader = EventReader()
        self._has_begun = False
        self._has_content = False
        self._ended = False
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """The vendor's own final count, once it has come; one that content follows is none."""
        return self._usage.counted() if self._is_counted else None

    def ending(self) -> bytes:
        """The vendor's events with the final count and the end."""
        return self._ending

    def input_usage(self) -> chat.TokenUsage | None:
        """What the first event counted: the input is known before there is any output."""
        if not self._has_begun:
            return None
        return msgspec.structs.replace(self._usage.counted(), output_tokens=0, reasoning_tokens=0)

    def received_tokens(self) -> int:
        """Tokens received so far, by the pieces or by their size."""
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
                    pieces = self._forwarded(block) if self._forward else self._translated(block)
                    for piece in pieces:
                        yield piece
                    if self._ended:
                        answer.drain()
                        return
        except HttpError as error:
            raise unanswered(error) from error
        raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _forwarded(self, block: bytes) -> Iterator[chat.WireDelta]:
        """What of a block the caller may see now, in one piece, before a failure in its middle."""
        frames: list[bytes] = []
        failure: ProviderError | None = None
        for frame in split(block):
            try:
                frames.append(self._passed(frame))
            except ProviderError as error:
                failure = error
                break
            if self._ended:
                break
        if passed := b"".join(frames):
            self._received.add(passed)
            yield chat.WireDelta(passed)
        if failure is not None:
            raise failure

    def _passed(self, frame: bytes) -> bytes:
        """The frames that `frame` lets through: all that waited for it, or none."""
        kind = _kind_of(frame)
        if kind in {"", "ping"}:
            # Not content: before the answer begins another vendor may still take over.
            return frame + BLANK if self._has_content else b""
        if kind in {"message_start", "message_delta", "message_stop", "error"}:
            self._note(read_event(data_of(frame)))
            if kind == "message_start":
                self._held += frame + BLANK
            else:
                self._ending += frame + BLANK
            return b""
        self._is_counted, self._has_content = False, True
        waiting, self._held, self._ending = self._held + self._ending, b"", b""
        return waiting + frame + BLANK

    def _translated(self, block: bytes) -> Iterator[chat.ChatDelta]:
        for frame in split(block):
            if not (data := data_of(frame)):
                continue
            event = read_event(data)
            self._note(event)
            self._received.add(frame + BLANK)
            if (delta := self._reader.delta(event)) is not None:
                yield delta
            if self._ended:
                return

    def _note(self, event: Event) -> None:
        """What an event says of the whole answer.

        Raises:
            ProviderError: the vendor breaks off.
        """
        if event.type == "error":
            raise _broken_off(event.error or Fault(), self._key, has_begun=self._has_begun)
        if event.message is not None:
            self._has_begun = True
        usage = event.message.usage if event.message else event.usage
        if usage is not None:
            self._usage = self._usage.updated(usage)
            self._is_counted = event.type == "message_delta"
        elif event.index is not None:
            self._is_counted = False
        self._ended = event.type == "message_stop"


def _tool_tokens(tools: Sequence[chat.Tool]) -> int:
    """The most tokens that tools add to their texts; those without parameters are the vendor's."""
    if not tools:
        return 0
    each = (OWN_TOOL_TOKENS if tool.parameters is None else TOOL_TOKENS for tool in tools)
    return TOOLS_TOKENS + sum(each)


def _kind_of(frame: bytes) -> str:
    """An event's name, by its line or else by its content; empty for comments and the like."""
    for line in frame.split(b"\n"):
        if line.startswith(b"event:"):
            return line[6:].strip().decode(errors="replace")
    data = data_of(frame)
    return (read_event(data).type or "") if data else ""


class AnthropicProvider:
    """A vendor that speaks Anthropic's protocol."""

    def __init__(self, vendor: AnthropicVendor, client: HttpClient) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        base = vendor.base_url.rstrip("/")
        self._messages_url = f"{base}/v1/messages"
        self._count_url = f"{base}/v1/messages/count_tokens"
        self._models_url = f"{base}/v1/models?limit=1"
        self._limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))
        self._headers = {"content-type": "application/json", "anthropic-version": VERSION}
        if vendor.api_key:
            self._headers["x-api-key"] = vendor.api_key

    def with_key(self, api_key: str) -> "AnthropicProvider":
        """See `TakesKeys.with_key`."""
        return AnthropicProvider(replace(self._vendor, api_key=api_key), self._client)

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
        return (
            chat.text_bytes(request)
            + chat.image_count(messages) * IMAGE_TOKENS
            + chat.document_count(messages) * DOCUMENT_TOKENS
            + TURN_TOKENS * (1 + len(messages))
            + _tool_tokens(request.tools)
        )

    def input_estimate(self, request: chat.ChatRequest) -> int:
        """About 3.5 bytes a token, the vendor's own rule of thumb for English text."""
        return math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN)

    def output_ceiling(self, request: chat.ChatRequest) -> int:
        """The model's documented maximum."""
        for prefix, tokens in self._limits:
            if request.model.startswith(prefix):
                return tokens
        return DEFAULT_OUTPUT_TOKENS

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:  # noqa: ARG002 - whatever is asked
        """Nothing: the vendor has no embeddings."""
        return 0

    async def complete(
        self, request: chat.ChatRequest, *, idempotency_key: str
    ) -> chat.ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        body = to_wire(request, self.output_ceiling(request))
        headers = self._headers_for(request) | {"idempotency-key": idempotency_key}
        return from_wire(request, await self._post(self._messages_url, body, headers))

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> AnthropicStream:
        """The answer piece by piece."""
        body = to_wire(request, self.output_ceiling(request))
        headers = self._headers_for(request) | {"idempotency-key": idempotency_key}
        stream = self._client.stream("POST", self._messages_url, headers=headers, body=body)
        return AnthropicStream(stream, request, self._vendor.api_key)

    async def count_tokens(self, request: chat.ChatRequest) -> int:
        """The input tokens as the vendor counts them, which it does without a charge.

        Raises:
            ProviderError: there is no count.
        """
        body = count_to_wire(request, self.output_ceiling(request))
        answer = await self._post(self._count_url, body, self._headers_for(request))
        return understood(_COUNT, answer).input_tokens

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:  # noqa: ARG002 - whatever is asked
        """Nothing.

        Raises:
            ProviderRefused: always; the vendor has no embeddings.
        """
        raise ProviderRefused(
            "invalid", "Anthropic has no embeddings: name a model that has", param="model"
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
        if answer.status in {401, 403} or answer.status >= 500:
            raise error_from(answer.status, answer.headers, answer.body, self._vendor.api_key)

    def _headers_for(self, request: chat.ChatRequest) -> dict[str, str]:
        """The platform's headers, and those by which a forwarded body is to be read."""
        own = dict(request.wire.headers) if _speaks_it(request.wire) else {}
        return self._headers | own

    async def _post(self, url: str, body: bytes, headers: Mapping[str, str]) -> bytes:
        answer = await posted(
            self._client,
            url,
            headers=headers,
            body=body,
            error_from=partial(error_from, key=self._vendor.api_key),
        )
        return answer.body
