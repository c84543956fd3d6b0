"""Amazon Bedrock: conversations by Converse and ConverseStream, vectors by InvokeModel.

Each request is signed with the credentials that are good at its moment.
"""

import contextlib
import math
import re
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterator,
    Awaitable,
    Callable,
    Iterator,
    Mapping,
    Sequence,
)
from dataclasses import dataclass, field
from functools import partial
from urllib.parse import quote

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import Overloaded
from headgate.core.ids import new_id
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    RefusalKind,
)
from headgate.core.protocols.eventstream import Garbled, Message, MessageCutter
from headgate.providers.batches import all_of
from headgate.providers.bedrock_embeddings import Vectors, bodies, vectors_from
from headgate.providers.bedrock_events import EventReader
from headgate.providers.bedrock_models import base_name
from headgate.providers.bedrock_requests import converse
from headgate.providers.bedrock_shapes import FINISH_REASONS, read_answer, read_event, read_fault
from headgate.providers.failures import (
    meaning,
    posted,
    retry_after,
    unanswered,
    without_secrets,
)
from headgate.providers.frames import tokens_received
from headgate.transport.http import HttpClient, HttpError, HttpResponse, HttpStream
from headgate.transport.sigv4 import CredentialsSource, Target, sign

SERVICE = "bedrock"
# What every model takes as a limit, but for those whose documented maximum is known.
DEFAULT_OUTPUT_TOKENS = 4_096
# The documented maximum of an image in Anthropic's models, which is more than the others count.
IMAGE_TOKENS = 4_784
# A document may fill what a model can read, and no model reads more than this.
DOCUMENT_TOKENS = 1_000_000
# Anthropic's own rule of thumb for English text; the other makers' are coarser.
BYTES_PER_TOKEN = 3.5
# What is added besides the texts: marks around each turn, and instructions where there are tools.
TURN_TOKENS = 16
TOOLS_TOKENS = 1_024
TOOL_TOKENS = 64
EMBEDDING_OVERHEAD_TOKENS = 8

_TOO_LONG = re.compile(
    r"(?:input|prompt) is too long|too many (?:input )?tokens|context (?:length|window)",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(r"model identifier is invalid", re.IGNORECASE)
# What AWS says of itself that is nobody else's business: resources, accounts, access keys.
_AWS_SECRET = re.compile(r"\barn:aws[\w-]*:\S+|\b\d{12}\b|\bA[KS]IA[A-Z0-9]{8,}")
# A credential that AWS knows, and that may not do just this.
_NOT_ALLOWED = "AccessDeniedException"


def _nothing(_model: str) -> bool:
    return False


@dataclass(frozen=True, slots=True, kw_only=True)
class BedrockVendor:
    """Bedrock in one region.

    Attributes:
        endpoint: the address of its runtime.
        recognises: whether an id that is not in the catalog is Bedrock's all the same.
        output_tokens: the most output tokens of models whose id, without its region, starts so,
            longest match first.
    """

    name: str
    endpoint: str
    region: str
    credentials: CredentialsSource = field(repr=False)
    catalog: frozenset[str] = frozenset()
    recognises: Callable[[str], bool] = _nothing
    output_tokens: Mapping[str, int] = field(default_factory=dict)


def to_wire(request: chat.ChatRequest, output_tokens: int) -> bytes:
    """The body of a Converse call; `output_tokens` is the limit where the request has none.

    Raises:
        ProviderRefused: it asks for something that Converse has no words for.
    """
    limit = output_tokens if request.max_tokens is None else request.max_tokens
    return msgspec.json.encode(converse(request, limit))


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """Bedrock's answer.

    Raises:
        ProviderBroke: the body is no answer.
    """
    answer = read_answer(body)
    message = answer.output.message if answer.output else None
    blocks = (message.content if message else None) or []
    thoughts = (b.reasoning_content.thought() for b in blocks if b.reasoning_content is not None)
    more = answer.additional_model_response_fields
    return chat.ChatResponse(
        id=new_id("msg"),
        model=request.model,
        content="".join(block.text or "" for block in blocks),
        finish_reason=FINISH_REASONS.get(answer.stop_reason, "stop"),
        stop_sequence=None if more is None else more.stop_sequence,
        usage=_estimate(request, body) if answer.usage is None else answer.usage.counted(),
        estimated=answer.usage is None,
        thinking=tuple(thought for thought in thoughts if thought is not None),
        tool_calls=tuple(
            chat.ToolCall(tool.tool_use_id or new_id("tooluse"), tool.name, _text(tool.input))
            for block in blocks
            if (tool := block.tool_use) is not None and tool.name is not None
        ),
    )


def _text(raw: msgspec.Raw) -> str:
    return bytes(raw).decode()


def _estimate(request: chat.ChatRequest, body: bytes) -> chat.TokenUsage:
    return chat.TokenUsage(
        math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN),
        math.ceil(len(body) / BYTES_PER_TOKEN),
    )


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What Bedrock's error means; its text is kept only where the caller can act on it."""
    fault = read_fault(body)
    named = headers.get("x-amzn-errortype") or fault.type or ""
    # It may come as `ThrottlingException:http://…` or as `com.amazon.…#ThrottlingException`.
    kind = named.partition(":")[0].rpartition("#")[2]
    return _meaning(status, kind, fault.message or "", retry_after(headers))


def _meaning(status: int, kind: str, message: str, wait: float | None) -> ProviderError:
    said = without_secrets(_AWS_SECRET.sub("[removed]", message))
    if kind == "ModelTimeoutException":
        return ProviderTimedOut("the vendor did not answer in time")
    kinds: dict[str, tuple[RefusalKind, str]] = {
        "ModelNotReadyException": ("overloaded", "the vendor is still loading this model"),
        "ServiceQuotaExceededException": ("rate_limited", "the vendor's quota is used up"),
    }
    if kind in kinds:
        return ProviderRefused(*kinds[kind], retry_after_seconds=wait)
    if kind == "ModelErrorException":
        status = 500  # It is the model's fault, and no request's.
    elif status == 400 and _NO_MODEL.search(said):
        status = 404
    return meaning(status, said, wait=wait, is_too_long=bool(_TOO_LONG.search(said)))


_STATUSES = {
    "throttlingException": 429,
    "serviceUnavailableException": 503,
    "validationException": 400,
}


def _broken_off(message: Message, *, has_begun: bool) -> ProviderError:
    """What an exception among the events means: before the answer began it is a refusal."""
    if has_begun:
        return ProviderBroke("the vendor broke off with an error")
    status = _STATUSES.get(message.headers.get(":exception-type", ""), 500)
    return _meaning(status, "", read_fault(message.payload).message or "", None)


class BedrockStream:
    """One streamed answer; `open_stream` signs the request and begins it."""

    def __init__(self, open_stream: Callable[[], Awaitable[HttpStream]]) -> None:
        self._open = open_stream
        self._reader = EventReader()
        self._usage: chat.TokenUsage | None = None
        self._frames = 0
        self._written = 0
        self._has_begun = False
        self._has_stopped = False
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """Bedrock's own final count, which is its last event."""
        return self._usage

    def ending(self) -> bytes:
        """Nothing: no caller is forwarded Bedrock's own events."""
        return b""

    def input_usage(self) -> chat.TokenUsage | None:
        """Nothing: Bedrock counts at the end."""
        return None

    def received_tokens(self) -> int:
        """Tokens received so far, by the events or by their size."""
        return tokens_received(self._frames, self._written, BYTES_PER_TOKEN)

    async def aclose(self) -> None:
        """Close the connection, which stops Bedrock's work."""
        await self._pieces.aclose()

    async def _read(self) -> AsyncGenerator[chat.ChatDelta | chat.WireDelta, None]:
        cutter = MessageCutter()
        try:
            stream = await self._open()
            async with stream as answer, contextlib.aclosing(answer.chunks()) as chunks:
                if answer.status != 200:
                    raise error_from(answer.status, answer.headers, await answer.read())
                async for chunk in chunks:
                    for delta in self._translated(cutter, chunk):
                        yield delta
                    if self._usage is not None:
                        answer.drain()
                        return
        except HttpError as error:
            raise unanswered(error) from error
        except Garbled as error:
            raise ProviderBroke("the vendor's answer could not be understood") from error
        raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _translated(self, cutter: MessageCutter, chunk: bytes) -> Iterator[chat.ChatDelta]:
        for message in cutter.push(chunk):
            if message.headers.get(":message-type", "event") != "event":
                raise _broken_off(message, has_begun=self._has_begun)
            self._has_begun = True
            kind = message.headers.get(":event-type", "")
            event = read_event(message.payload)
            if (delta := self._reader.delta(kind, event)) is not None:
                self._count(delta)
                yield delta
            self._has_stopped = self._has_stopped or kind == "messageStop"
            if event.usage is not None and self._has_stopped:
                self._usage = event.usage.counted()
                return

    def _count(self, delta: chat.ChatDelta) -> None:
        texts = [delta.text, *(call.arguments for call in delta.tool_calls)]
        if delta.thinking is not None:
            texts.append(delta.thinking.text)
        size = sum(len(text.encode()) for text in texts)
        self._frames += bool(size)
        self._written += size


class BedrockProvider:
    """Bedrock in one region."""

    def __init__(
        self, vendor: BedrockVendor, client: HttpClient, *, clock: Callable[[], float] = time.time
    ) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        self._clock = clock
        self._target = Target(vendor.region, SERVICE)
        self._endpoint = vendor.endpoint.rstrip("/")
        self._limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))

    def models(self) -> Sequence[str]:
        """The ids in the catalog."""
        return sorted(self._vendor.catalog)

    def serves(self, model: str) -> bool:
        """Whether the id is Bedrock's."""
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
            + (TOOLS_TOKENS if request.tools else 0)
            + TOOL_TOKENS * len(request.tools)
        )

    def input_estimate(self, request: chat.ChatRequest) -> int:
        """About 3.5 bytes a token."""
        return math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN)

    async def count_tokens(self, request: chat.ChatRequest) -> int:
        """An estimate: few of Bedrock's models count."""
        return self.input_estimate(request)

    def output_ceiling(self, request: chat.ChatRequest) -> int:
        """The model's documented maximum."""
        name = base_name(request.model)
        for prefix, tokens in self._limits:
            if name.startswith(prefix):
                return tokens
        return DEFAULT_OUTPUT_TOKENS

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """Bytes of text, and the marks around each."""
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
        body = to_wire(request, self.output_ceiling(request))
        answer = await self._post(self._url(request.model, "converse"), body, idempotency_key)
        return from_wire(request, answer.body)

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> BedrockStream:
        """The answer piece by piece."""
        body = to_wire(request, self.output_ceiling(request))
        url = self._url(request.model, "converse-stream")

        async def begin() -> HttpStream:
            headers = await self._signed("POST", url, body, idempotency_key)
            return self._client.stream("POST", url, headers=headers, body=body)

        return BedrockStream(begin)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """One vector per input, by as many calls as the model needs for them.

        Raises:
            ProviderError: there are not all vectors; see `all_of`.
        """
        url = self._url(request.model, "invoke")
        wanted = bodies(request)
        found = await all_of(
            [
                partial(self._vectors, url, body, texts, f"{idempotency_key}-{number}")
                for number, (body, texts) in enumerate(wanted)
            ]
        )
        counts = [part.tokens for part in found if part.tokens is not None]
        is_counted = len(counts) == len(found)
        tokens = sum(counts) if is_counted else self.embedding_ceiling(request) / BYTES_PER_TOKEN
        return EmbeddingResponse(
            model=request.model,
            vectors=tuple(vector for part in found for vector in part.vectors),
            usage=chat.TokenUsage(math.ceil(tokens)),
            estimated=not is_counted,
        )

    async def check(self) -> None:
        """See that Bedrock answers and knows the platform's credential; calls no model.

        Raises:
            ProviderError: it does not.
        """
        url = f"{self._endpoint}/async-invoke?maxResults=1"
        headers = await self._signed("GET", url, b"", None)
        try:
            answer = await self._client.send("GET", url, headers=headers)
        except HttpError as error:
            raise unanswered(error) from error
        if _NOT_ALLOWED in answer.headers.get("x-amzn-errortype", ""):
            return  # The credential is known; that it may not list such calls does not matter.
        if answer.status in {401, 403} or answer.status >= 500:
            raise error_from(answer.status, answer.headers, answer.body)

    def _url(self, model: str, operation: str) -> str:
        return f"{self._endpoint}/model/{quote(model, safe='')}/{operation}"

    async def _vectors(self, url: str, body: bytes, texts: int, key: str) -> Vectors:
        answer = await self._post(url, body, key)
        return vectors_from(answer.headers, answer.body, texts)

    async def _post(self, url: str, body: bytes, idempotency_key: str) -> HttpResponse:
        headers = await self._signed("POST", url, body, idempotency_key)
        return await posted(self._client, url, headers=headers, body=body, error_from=error_from)

    async def _signed(
        self, method: str, url: str, body: bytes, idempotency_key: str | None
    ) -> dict[str, str]:
        """The headers of a request.

        Raises:
            ProviderRefused: there are no credentials at the moment.
        """
        headers = {"content-type": "application/json"}
        if idempotency_key is not None:
            headers["idempotency-key"] = idempotency_key
        try:
            credentials = await self._vendor.credentials.current()
        except Overloaded as error:
            raise ProviderRefused(
                "unauthorized", "the platform has no AWS credentials at the moment"
            ) from error
        return sign(
            method,
            url,
            headers=headers,
            body=body,
            credentials=credentials,
            target=self._target,
            now=self._clock(),
        )
