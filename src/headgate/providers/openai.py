"""OpenAI's protocol, spoken as a client: to OpenAI itself, Ollama, and any compatible vendor.

Such a vendor is a row of data (`OpenAIVendor`), not a class. A caller who speaks the protocol too
is forwarded byte for byte; frames are scanned only for the usage, the end and errors.
"""

import math
import re
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.ids import new_id
from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
    RefusalKind,
)
from headgate.core.protocols.openai import PROTOCOL
from headgate.transport.http import (
    HttpClient,
    HttpError,
    HttpStream,
    HttpTimedOut,
    HttpUnreachable,
)

MAX_FRAME_BYTES = 16 * 1024 * 1024
DEFAULT_OUTPUT_TOKENS = 4096
# The most an image can count as, in the models' documentation ("high" detail of a large image).
IMAGE_TOKENS = 50_000
# The vendors' own rule of thumb for English text.
BYTES_PER_TOKEN = 4
# OpenAI counts a handful of tokens for each message and tool besides their text.
OVERHEAD_TOKENS = 64

FINISH_REASONS: Mapping[str | None, chat.FinishReason] = {
    "stop": "stop",
    "length": "length",
    "tool_calls": "tool_calls",
    "function_call": "tool_calls",
    "content_filter": "content_filter",
}

# Vendors name the field for the output limit differently: OpenAI's reasoning models accept only
# the newer one, many compatible servers know only the older one.
LimitField = Literal["max_completion_tokens", "max_tokens"]


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
    """

    name: str
    base_url: str
    api_key: str | None = field(default=None, repr=False)
    catalog: frozenset[str] = frozenset()
    recognises: Callable[[str], bool] = _nothing
    discover: bool = False
    limit_field: LimitField = "max_tokens"
    output_tokens: Mapping[str, int] = field(default_factory=dict)


class _Details(msgspec.Struct):
    cached_tokens: int | None = None
    reasoning_tokens: int | None = None


class _Usage(msgspec.Struct):
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    completion_tokens_details: _Details | None = None


class _Function(msgspec.Struct):
    name: str | None = None
    arguments: str | None = None


class _Call(msgspec.Struct):
    index: int | None = None
    id: str | None = None
    function: _Function | None = None


class _Turn(msgspec.Struct):
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[_Call] | None = None


class _Choice(msgspec.Struct):
    index: int = 0
    message: _Turn | None = None
    delta: _Turn | None = None
    finish_reason: str | None = None


class _Answer(msgspec.Struct):
    """A whole answer or one frame of it; vendors leave out what they have not."""

    id: str | None = None
    choices: list[_Choice] | None = None
    usage: _Usage | None = None
    error: msgspec.Raw | None = None


class _Vector(msgspec.Struct):
    embedding: list[float]
    index: int = 0


class _Vectors(msgspec.Struct):
    data: list[_Vector]
    usage: _Usage | None = None


class _Fault(msgspec.Struct):
    message: str | None = None
    code: str | int | None = None
    param: str | None = None


class _FaultBody(msgspec.Struct):
    error: _Fault | str | None = None


class _Listed(msgspec.Struct):
    id: str


class _Listing(msgspec.Struct):
    data: list[_Listed]


_ANSWER = msgspec.json.Decoder(_Answer)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_USAGE_REQUESTED = msgspec.Raw(b'{"include_usage":true}')
# Frames with these need a look; in answers' texts the quotation marks would be escaped.
_REMARKABLE = re.compile(rb'"usage"\s*:\s*\{|"error"\s*:|data:\s*\[DONE\]')
_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key)[-_][\w*.-]{6,}|\bBearer\s+\S+|\b[a-z][a-z0-9+.-]*://\S+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b|\borg-\w+",
    re.IGNORECASE,
)


def to_wire(vendor: OpenAIVendor, request: chat.ChatRequest) -> bytes:
    """The body of a chat completion, the caller's own where it is in this protocol."""
    if request.wire is not None and request.wire.protocol == PROTOCOL:
        fields: dict[str, Any] = dict(_FIELDS.decode(request.wire.body))
        limited = fields.get("max_tokens", fields.get("max_completion_tokens", b"null"))
        if request.max_tokens is not None and bytes(limited) == b"null":
            fields[vendor.limit_field] = request.max_tokens
    else:
        fields = _translated(vendor, request)
    fields["model"] = request.model
    if request.stream:
        fields["stream"] = True
        fields["stream_options"] = _USAGE_REQUESTED
    return msgspec.json.encode(fields)


def _translated(vendor: OpenAIVendor, request: chat.ChatRequest) -> dict[str, Any]:
    fields: dict[str, Any] = {"messages": [_message_to_wire(m) for m in request.messages]}
    optional = {
        vendor.limit_field: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "stop": list(request.stop) or None,
        "tools": [_tool_to_wire(tool) for tool in request.tools] or None,
        "parallel_tool_calls": request.parallel_tool_calls,
        "n": request.n if request.n > 1 else None,
        "logprobs": request.logprobs or None,
    }
    fields |= {name: value for name, value in optional.items() if value is not None}
    if request.tool_choice is not None:
        choice = request.tool_choice
        fields["tool_choice"] = (
            {"type": "function", "function": {"name": choice.name}}
            if choice.mode == "tool"
            else choice.mode
        )
    if request.response_format is not None:
        wanted = request.response_format
        fields["response_format"] = {"type": wanted.type}
        if wanted.type == "json_schema":
            fields["response_format"]["json_schema"] = {
                "name": wanted.name or "answer",
                "schema": wanted.schema or {},
                "strict": bool(wanted.strict),
            }
    return fields


def _message_to_wire(message: chat.Message) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        content = [
            {"type": "text", "text": part.text}
            if isinstance(part, chat.Text)
            else {
                "type": "image_url",
                "image_url": {"url": part.url}
                | ({"detail": part.detail} if part.detail is not None else {}),
            }
            for part in content
        ]
    item: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        item["content"] = content or None
        item["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        item["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        item["name"] = message.name
    return item


def _tool_to_wire(tool: chat.Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or {}}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}


def from_wire(request: chat.ChatRequest, body: bytes) -> chat.ChatResponse:
    """A vendor's answer.

    Raises:
        ProviderBroke: the body is no answer.
    """
    try:
        answer = _ANSWER.decode(body)
        choice = (answer.choices or [])[0]
    except (msgspec.MsgspecError, UnicodeDecodeError, IndexError) as error:
        raise ProviderBroke("the vendor's answer could not be understood") from error
    turn = choice.message or _Turn()
    calls = tuple(
        chat.ToolCall(call.id or new_id("call"), call.function.name, call.function.arguments or "")
        for call in turn.tool_calls or ()
        if call.function is not None and call.function.name is not None
    )
    usage = usage_from(answer.usage)
    if usage is None:
        characters = sum(len(c.message.content or "") for c in answer.choices or () if c.message)
        usage = chat.TokenUsage(
            math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN),
            math.ceil((characters + sum(len(c.arguments) for c in calls)) / BYTES_PER_TOKEN),
        )
    return chat.ChatResponse(
        id=answer.id or new_id("chatcmpl"),
        model=request.model,
        content=turn.content or "",
        refusal=turn.refusal,
        finish_reason=FINISH_REASONS.get(choice.finish_reason, "stop"),
        usage=usage,
        estimated=answer.usage is None,
        tool_calls=calls,
        wire=chat.Wire(PROTOCOL, body),
    )


def usage_from(usage: _Usage | None) -> chat.TokenUsage | None:
    """The vendor's count, or None where it gave none."""
    if usage is None:
        return None
    prompt = usage.prompt_tokens_details
    completion = usage.completion_tokens_details
    return chat.TokenUsage(
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.completion_tokens or 0,
        cached_input_tokens=(prompt.cached_tokens or 0) if prompt else 0,
        reasoning_tokens=(completion.reasoning_tokens or 0) if completion else 0,
    )


def delta_from(choice: _Choice) -> chat.ChatDelta:
    """A piece of an answer."""
    turn = choice.delta or _Turn()
    return chat.ChatDelta(
        text=turn.content or "",
        refusal=turn.refusal,
        finish_reason=(
            None
            if choice.finish_reason is None
            else FINISH_REASONS.get(choice.finish_reason, "stop")
        ),
        tool_calls=tuple(
            chat.ToolCallDelta(
                call.index or 0,
                call.id,
                call.function.name if call.function else None,
                (call.function.arguments if call.function else None) or "",
            )
            for call in turn.tool_calls or ()
        ),
    )


def error_from(status: int, headers: Mapping[str, str], body: bytes) -> ProviderError:
    """What a vendor's error means; its text is kept only where the caller can act on it."""
    fault = _fault(body)
    said = _SECRET.sub("[removed]", fault.message or "")[:500]
    if status in {408, 504}:
        return ProviderTimedOut("the vendor did not answer in time")
    if fault.code == "context_length_exceeded":
        return ProviderRefused("context_length", said, param="messages")
    if fault.code == "insufficient_quota":
        # A 429 that no waiting will cure: the platform's own account with the vendor is empty.
        return ProviderRefused("failed", "the platform's account with the vendor is exhausted")
    kinds: dict[int, tuple[RefusalKind, str]] = {
        401: ("unauthorized", "the vendor refused the platform's credential"),
        403: ("unauthorized", "the vendor refused the platform's credential"),
        404: ("not_found", "the vendor does not know this model"),
        429: ("rate_limited", "the vendor's rate limit is reached"),
        503: ("overloaded", "the vendor is overloaded"),
        529: ("overloaded", "the vendor is overloaded"),
    }
    if status in kinds:
        kind, message = kinds[status]
        return ProviderRefused(kind, message, retry_after_seconds=_retry_after(headers))
    if 400 <= status < 500:
        return ProviderRefused(
            "invalid", said or "the vendor refused the request", param=fault.param
        )
    return ProviderRefused("failed", "the vendor failed")


def _fault(body: bytes) -> _Fault:
    try:
        fault = msgspec.json.decode(body, type=_FaultBody).error
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return _Fault()
    return fault if isinstance(fault, _Fault) else _Fault(message=fault)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; `retry-after-ms` is OpenAI's finer form of `retry-after`."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            return max(0.0, float(headers[name]) / unit)
        except (KeyError, ValueError):
            continue
    return None


class OpenAIStream:
    """One streamed answer."""

    def __init__(self, stream: HttpStream, request: chat.ChatRequest) -> None:
        self._stream = stream
        self._forward = request.wire is not None and request.wire.protocol == PROTOCOL
        self._received: list[bytes] = []
        self._usage: chat.TokenUsage | None = None
        self._ending = b""
        self._ended = False
        self._pieces = self._read()

    def __aiter__(self) -> AsyncIterator[chat.ChatDelta | chat.WireDelta]:
        return self._pieces

    def usage(self) -> chat.TokenUsage | None:
        """The vendor's own final count, once it has come."""
        return self._usage

    def ending(self) -> bytes:
        """The vendor's frame with the usage."""
        return self._ending

    def received_tokens(self) -> int:
        """Tokens received so far: vendors send about one a frame, else about four characters."""
        frames = characters = 0
        for block in self._received:
            for frame in block.split(b"\n\n"):
                for choice in (_frame(frame) or _Answer()).choices or ():
                    delta = delta_from(choice)
                    size = len(delta.text) + sum(len(c.arguments) for c in delta.tool_calls)
                    frames += bool(size)
                    characters += size
        return frames if characters <= 8 * frames else math.ceil(characters / BYTES_PER_TOKEN)

    async def aclose(self) -> None:
        """Close the connection, which stops the vendor's work."""
        await self._pieces.aclose()

    async def _read(self) -> AsyncGenerator[chat.ChatDelta | chat.WireDelta, None]:
        try:
            async with self._stream as answer:
                if answer.status != 200:
                    raise error_from(answer.status, answer.headers, await answer.read())
                async for block in _blocks(answer):
                    if self._forward and not _REMARKABLE.search(block):
                        self._received.append(block)
                        yield chat.WireDelta(block)
                        continue
                    for frame in block.split(b"\n\n"):
                        for piece in self._pieces_of(frame):
                            yield piece
                    if self._ended:
                        return
        except HttpError as error:
            raise _failure(error) from error
        raise ProviderBroke("the vendor broke off in the middle of the answer")

    def _pieces_of(self, frame: bytes) -> Sequence[chat.ChatDelta | chat.WireDelta]:
        answer = _frame(frame)
        if answer is None:
            self._ended = self._ended or frame.strip().endswith(b"[DONE]")
            return ()
        if answer.error is not None:
            raise ProviderBroke("the vendor broke off with an error")
        if answer.usage is not None:
            self._usage = usage_from(answer.usage)
        if not answer.choices:
            if answer.usage is not None:
                self._ending = frame + b"\n\n"
            return ()
        self._received.append(frame)
        if self._forward:
            return (chat.WireDelta(frame + b"\n\n"),)
        return [delta_from(choice) for choice in answer.choices if choice.index == 0]


async def _blocks(answer: HttpStream) -> AsyncIterator[bytes]:
    """The stream cut where frames end; what is searched for could be cut in two otherwise."""
    carry = b""
    async for chunk in answer.chunks():
        blocks, mark, carry = (carry + chunk).replace(b"\r\n", b"\n").rpartition(b"\n\n")
        if mark:
            yield blocks + mark
        elif len(carry) > MAX_FRAME_BYTES:
            raise ProviderBroke("the vendor sent a frame without an end")


def _frame(frame: bytes) -> _Answer | None:
    """A frame's content, or None for a comment, the end mark and the like.

    Raises:
        ProviderBroke: the frame is no JSON.
    """
    data = b"\n".join(
        line.removeprefix(b"data:").strip()
        for line in frame.split(b"\n")
        if line.startswith(b"data:")
    )
    if not data or data == b"[DONE]":
        return None
    try:
        return _ANSWER.decode(data)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise ProviderBroke("the vendor's answer could not be understood") from error


def _failure(error: HttpError) -> ProviderError:
    if isinstance(error, HttpUnreachable):
        return ProviderUnreachable("the vendor could not be reached")
    if isinstance(error, HttpTimedOut):
        return ProviderTimedOut("the vendor did not answer in time")
    return ProviderBroke("the connection to the vendor broke")


class OpenAIProvider:
    """A vendor that speaks OpenAI's protocol."""

    def __init__(self, vendor: OpenAIVendor, client: HttpClient) -> None:
        self.provider = vendor.name
        self._vendor = vendor
        self._client = client
        self._catalog = vendor.catalog
        base = vendor.base_url.rstrip("/")
        self._chat_url = f"{base}/chat/completions"
        self._embeddings_url = f"{base}/embeddings"
        self._models_url = f"{base}/models"
        self._limits = sorted(vendor.output_tokens.items(), key=lambda row: -len(row[0]))
        self._headers = {"content-type": "application/json"}
        if vendor.api_key:
            self._headers["authorization"] = f"Bearer {vendor.api_key}"

    def models(self) -> Sequence[str]:
        """The ids in the catalog."""
        return sorted(self._catalog)

    def serves(self, model: str) -> bool:
        """Whether the id is the vendor's."""
        return model in self._catalog or self._vendor.recognises(model)

    def input_ceiling(self, request: chat.ChatRequest) -> int:
        """Bytes of text, since no tokenizer makes more tokens than bytes, and images' maximum."""
        messages = request.messages
        return (
            chat.text_bytes(request)
            + chat.image_count(messages) * IMAGE_TOKENS
            + OVERHEAD_TOKENS * (1 + len(request.tools))
            + 8 * len(messages)
        )

    def input_estimate(self, request: chat.ChatRequest) -> int:
        """About four bytes a token, the vendors' own rule of thumb for English text."""
        return math.ceil(chat.text_bytes(request) / BYTES_PER_TOKEN)

    def output_ceiling(self, request: chat.ChatRequest) -> int:
        """The model's documented maximum, for all the answers that are wanted."""
        for prefix, tokens in self._limits:
            if request.model.startswith(prefix):
                return tokens
        return DEFAULT_OUTPUT_TOKENS

    def embedding_ceiling(self, request: EmbeddingRequest) -> int:
        """Bytes of text, or the tokens that were given."""
        return sum(
            len(item.encode()) if isinstance(item, str) else len(item) for item in request.input
        )

    async def complete(
        self, request: chat.ChatRequest, *, idempotency_key: str
    ) -> chat.ChatResponse:
        """The whole answer.

        Raises:
            ProviderError: there is no whole answer.
        """
        body = await self._post(self._chat_url, to_wire(self._vendor, request), idempotency_key)
        return from_wire(request, body)

    def stream(self, request: chat.ChatRequest, *, idempotency_key: str) -> OpenAIStream:
        """The answer piece by piece."""
        headers = self._headers | {"idempotency-key": idempotency_key}
        body = to_wire(self._vendor, request)
        stream = self._client.stream("POST", self._chat_url, headers=headers, body=body)
        return OpenAIStream(stream, request)

    async def embed(self, request: EmbeddingRequest, *, idempotency_key: str) -> EmbeddingResponse:
        """One vector per input.

        Raises:
            ProviderError: there are no vectors.
        """
        fields: dict[str, Any] = {
            "model": request.model,
            "input": request.input,
            "encoding_format": "float",
        }
        if request.dimensions is not None:
            fields["dimensions"] = request.dimensions
        body = await self._post(self._embeddings_url, msgspec.json.encode(fields), idempotency_key)
        try:
            answer = msgspec.json.decode(body, type=_Vectors)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise ProviderBroke("the vendor's answer could not be understood") from error
        if len(answer.data) != len(request.input):
            raise ProviderBroke("the vendor gave another number of vectors than was asked for")
        ordered = sorted(answer.data, key=lambda item: item.index)
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
            listing = msgspec.json.decode(answer.body, type=_Listing)
        except (HttpError, msgspec.MsgspecError, UnicodeDecodeError):
            self._catalog = self._vendor.catalog
            return
        self._catalog = self._vendor.catalog | {item.id for item in listing.data}

    async def _post(self, url: str, body: bytes, idempotency_key: str) -> bytes:
        headers = self._headers | {"idempotency-key": idempotency_key}
        try:
            answer = await self._client.send("POST", url, headers=headers, body=body)
        except HttpError as error:
            raise _failure(error) from error
        if answer.status != 200:
            raise error_from(answer.status, answer.headers, answer.body)
        return answer.body
