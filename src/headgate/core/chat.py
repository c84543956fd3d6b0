"""A conversation with a model, in the platform's own terms.

Vendors' formats are translated to and from these values at the rim: by `core/protocols` where
we are the server, by `providers` where we are the client.
"""

import base64
import binascii
from collections.abc import Sequence
from typing import Literal, NamedTuple, TypeAlias

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]
CacheSpan: TypeAlias = Literal["5m", "1h"]
"""How long a vendor shall remember the input up to a mark; vendors without marks ignore them."""

Effort: TypeAlias = Literal["minimal", "low", "medium", "high", "xhigh", "max"]


class Text(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """A piece of text."""

    text: str
    cache: CacheSpan | None = None


class Image(msgspec.Struct, frozen=True, tag_field="type", tag="image"):
    """An image, by address or as a `data:` URL; `detail` is a hint that few vendors know."""

    url: str
    detail: str | None = None
    cache: CacheSpan | None = None


class Document(msgspec.Struct, frozen=True, tag_field="type", tag="document"):
    """A file to read, such as a PDF, by address or as a `data:` URL."""

    url: str
    name: str | None = None
    cache: CacheSpan | None = None


class Thinking(msgspec.Struct, frozen=True, tag_field="type", tag="thinking"):
    """What a model thought before it spoke, or a piece of it.

    The vendor that gave it wants it back unchanged before the results of the tools it called;
    others never see it. Either `signature` vouches for `text`, or `sealed` is all there is: text
    that only the vendor can read. A signature begins with its vendor's name and a colon, unless it
    is Anthropic's.
    """

    text: str = ""
    signature: str | None = None
    sealed: str | None = None


Part: TypeAlias = Text | Image | Document | Thinking


class ToolCall(msgspec.Struct, frozen=True):
    """A model's wish to call a tool; `arguments` is JSON text, as models write it."""

    id: str
    name: str
    arguments: str
    cache: CacheSpan | None = None


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation.

    Where `role` is `tool` it is one tool's result: `tool_call_id` says of which call, `is_error`
    that the tool failed.
    """

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """The message's text parts, joined."""
        if isinstance(self.content, str):
            return self.content
        return "\n".join(part.text for part in self.content if isinstance(part, Text))


class Tool(msgspec.Struct, frozen=True):
    """A function offered to the model; `parameters` is its JSON Schema."""

    name: str
    description: str = ""
    parameters: dict[str, object] | None = None
    strict: bool | None = None
    cache: CacheSpan | None = None


class ToolChoice(msgspec.Struct, frozen=True):
    """Whether the model must call a tool; `name` says which where `mode` is `tool`."""

    mode: Literal["auto", "none", "required", "tool"]
    name: str | None = None


class ResponseFormat(msgspec.Struct, frozen=True):
    """What the answer must look like; `schema` is a JSON Schema where `type` is `json_schema`."""

    type: Literal["text", "json_object", "json_schema"]
    schema: dict[str, object] | None = None
    name: str | None = None
    strict: bool | None = None


class Reasoning(msgspec.Struct, frozen=True):
    """How much a model shall think before it speaks.

    Attributes:
        mode: `off`, `auto` (the model decides, by `effort` where it is set), or `budget`.
        budget_tokens: the most tokens to think with, where `mode` is `budget`; a part of the
            output and of its limit.
    """

    mode: Literal["off", "auto", "budget"]
    effort: Effort | None = None
    budget_tokens: int | None = None


class Wire(msgspec.Struct, frozen=True):
    """A body exactly as it came, and the protocol it is written in.

    A provider that speaks the caller's protocol forwards it rather than a translation, so that
    fields that this platform does not know arrive too. `headers` are those that say how the
    protocol is to be read, such as its version.
    """

    protocol: str
    body: bytes
    headers: tuple[tuple[str, str], ...] = ()


class PromptVersion(msgspec.Struct, frozen=True):
    """Which prompt template a request was made from."""

    name: str
    version: int


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a model.

    Attributes:
        max_tokens: the most output tokens the caller will pay for; None leaves it to the gateway.
        n: how many answers are wanted; most models give one only.
        logprobs: whether the tokens' probabilities are wanted; few models give them.
        seed: a wish for the same answer again, which no vendor promises and many ignore.
        user: an opaque name for the person behind the call, by which vendors notice abuse.
        prompt: the template that the messages come from; it is recorded, and vendors never see it.
        labels: set when the question is which of these labels fits; models that classify
            without language use it.
        native: the options of the caller's body that only vendors of its protocol have; a
            provider of another protocol refuses the call and names the first.
        wire: the caller's own body, when it came in a vendor's protocol.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    top_k: int | None = None
    frequency_penalty: float | None = None
    presence_penalty: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    reasoning: Reasoning | None = None
    stream: bool = False
    n: int = 1
    logprobs: bool = False
    user: str | None = None
    use_case: str | None = None
    prompt: PromptVersion | None = None
    labels: tuple[str, ...] = ()
    native: tuple[str, ...] = ()
    wire: Wire | None = None

    @property
    def last_user_text(self) -> str:
        """The text of the latest message that a user wrote."""
        for message in reversed(self.messages):
            if message.role == "user":
                return message.text
        return ""


class TokenUsage(msgspec.Struct, frozen=True):
    """Tokens of one call, in disjoint or nested classes that the names spell out.

    `input_tokens` includes cached and cache-written ones, `output_tokens` includes reasoning
    ones, as OpenAI counts them. `cache_write_tokens` includes those that are kept for an hour.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0
    cache_write_1h_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A model's whole answer.

    Attributes:
        thinking: what it thought, in order, where the vendor tells.
        stop_sequence: which of the request's `stop` ended it, where the vendor tells.
        estimated: the vendor gave no count, so `usage` was counted here.
        wire: the vendor's own body, where it is in the caller's protocol.
    """

    id: str
    model: str
    content: str
    finish_reason: FinishReason
    usage: TokenUsage
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: tuple[Thinking, ...] = ()
    refusal: str | None = None
    stop_sequence: str | None = None
    estimated: bool = False
    wire: Wire | None = None


class ToolCallDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed tool call.

    `id` and `name` come once, with the first piece of each `index`; `arguments` is a fragment.
    """

    index: int
    id: str | None = None
    name: str | None = None
    arguments: str = ""


class ChatDelta(msgspec.Struct, frozen=True, kw_only=True):
    """A piece of a streamed answer, translated.

    Pieces of one thought follow each other; the one with its `signature`, or one that is
    `sealed`, is its last.
    """

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    thinking: Thinking | None = None
    refusal: str | None = None
    finish_reason: FinishReason | None = None
    stop_sequence: str | None = None


class WireDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed answer as the vendor wrote it: whole SSE frames, none of them the last.

    The frame with the usage and the end mark are kept back, since the platform settles before it
    writes them itself.
    """

    frames: bytes


class DataUrl(NamedTuple):
    """What a `data:` URL holds; `data` is base64."""

    media_type: str
    data: str


def data_url(media_type: str, data: str) -> str:
    """A `data:` URL for what is base64 already."""
    return f"data:{media_type};base64,{data}"


def read_data_url(url: str) -> DataUrl | None:
    """The parts of a `data:` URL in base64, or None where it is another address."""
    head, comma, data = url.partition(",")
    if not comma or head[:5].lower() != "data:" or not head.lower().endswith(";base64"):
        return None
    return DataUrl(head[5:-7].partition(";")[0].strip().lower(), data)


def text_of(document: Document) -> str | None:
    """The text of a document that is plain text and here, else None."""
    found = read_data_url(document.url)
    if found is None or found.media_type != "text/plain":
        return None
    try:
        return base64.b64decode(found.data, validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        return None


def image_count(messages: Sequence[Message]) -> int:
    """How many images the messages carry."""
    return _part_count(messages, Image)


def document_count(messages: Sequence[Message]) -> int:
    """How many documents the messages carry."""
    return _part_count(messages, Document)


def _part_count(messages: Sequence[Message], kind: type[Image | Document]) -> int:
    if are_texts(messages):
        return 0
    return sum(
        isinstance(part, kind)
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
    )


def are_texts(messages: Sequence[Message]) -> bool:
    """Whether no message has other parts than one text, as in most conversations."""
    for message in messages:  # noqa: SIM110 - three times as fast as `all` with a generator
        if type(message.content) is not str:
            return False
    return True


def text_bytes(request: ChatRequest) -> int:
    """The size of all texts a model reads, in bytes of UTF-8: no tokenizer makes more tokens.

    Images and documents are not text: a provider adds its documented maximum for each. A caller's
    own body counts whole, since a vendor may read fields of it that this platform does not know.
    """
    if request.wire is not None:
        return len(request.wire.body) - _media_bytes(request.messages)
    size = 0
    for message in request.messages:
        size += len(message.text.encode()) + len((message.name or "").encode()) + 16
        size += _thinking_bytes(message)
        for call in message.tool_calls:
            size += len(call.name.encode()) + len(call.arguments.encode()) + 64
    size += len(msgspec.json.encode((request.tools, request.response_format)))
    return size


def _thinking_bytes(message: Message) -> int:
    if isinstance(message.content, str):
        return 0
    return sum(
        len(part.text.encode()) + len(part.sealed or "")
        for part in message.content
        if isinstance(part, Thinking)
    )


def _media_bytes(messages: Sequence[Message]) -> int:
    if are_texts(messages):
        return 0
    return sum(
        len(part.url.encode())
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        if isinstance(part, Image | Document)
    )
