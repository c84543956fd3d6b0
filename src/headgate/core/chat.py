"""A conversation with a model, in the platform's own terms.

Vendors' formats are translated to and from these values at the rim: by `core/protocols` where
we are the server, by `providers` where we are the client.
"""

from collections.abc import Sequence
from typing import Literal, TypeAlias

import msgspec

Role: TypeAlias = Literal["system", "user", "assistant", "tool"]
FinishReason: TypeAlias = Literal["stop", "length", "tool_calls", "content_filter"]


class Text(msgspec.Struct, frozen=True, tag_field="type", tag="text"):
    """A piece of text."""

    text: str


class Image(msgspec.Struct, frozen=True, tag_field="type", tag="image"):
    """An image, by address or as a `data:` URL."""

    url: str
    detail: str | None = None


Part: TypeAlias = Text | Image


class ToolCall(msgspec.Struct, frozen=True):
    """A model's wish to call a tool; `arguments` is JSON text, as models write it."""

    id: str
    name: str
    arguments: str


class Message(msgspec.Struct, frozen=True):
    """One turn of a conversation; `tool_call_id` is set where `role` is `tool`."""

    role: Role
    content: str | tuple[Part, ...] = ""
    tool_calls: tuple[ToolCall, ...] = ()
    tool_call_id: str | None = None
    name: str | None = None

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


class Wire(msgspec.Struct, frozen=True):
    """A body exactly as it came, and the protocol it is written in.

    A provider that speaks the caller's protocol forwards it rather than a translation, so that
    fields that this platform does not know arrive too.
    """

    protocol: str
    body: bytes


class ChatRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a model.

    Attributes:
        max_tokens: the most output tokens the caller will pay for; None leaves it to the gateway.
        n: how many answers are wanted; most models give one only.
        logprobs: whether the tokens' probabilities are wanted; few models give them.
        labels: set when the question is which of these labels fits; models that classify
            without language use it.
        wire: the caller's own body, when it came in a vendor's protocol.
    """

    model: str
    messages: tuple[Message, ...]
    max_tokens: int | None = None
    temperature: float | None = None
    top_p: float | None = None
    stop: tuple[str, ...] = ()
    tools: tuple[Tool, ...] = ()
    tool_choice: ToolChoice | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormat | None = None
    stream: bool = False
    n: int = 1
    logprobs: bool = False
    use_case: str | None = None
    labels: tuple[str, ...] = ()
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
    ones, as OpenAI counts them.
    """

    input_tokens: int = 0
    output_tokens: int = 0
    cached_input_tokens: int = 0
    cache_write_tokens: int = 0
    reasoning_tokens: int = 0

    @property
    def total_tokens(self) -> int:
        """Input and output together."""
        return self.input_tokens + self.output_tokens


class ChatResponse(msgspec.Struct, frozen=True, kw_only=True):
    """A model's whole answer.

    Attributes:
        estimated: the vendor gave no count, so `usage` was counted here.
        wire: the vendor's own body, where it is in the caller's protocol.
    """

    id: str
    model: str
    content: str
    finish_reason: FinishReason
    usage: TokenUsage
    tool_calls: tuple[ToolCall, ...] = ()
    refusal: str | None = None
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
    """A piece of a streamed answer, translated."""

    text: str = ""
    tool_calls: tuple[ToolCallDelta, ...] = ()
    refusal: str | None = None
    finish_reason: FinishReason | None = None


class WireDelta(msgspec.Struct, frozen=True):
    """A piece of a streamed answer as the vendor wrote it: whole SSE frames, none of them the last.

    The frame with the usage and the end mark are kept back, since the platform settles before it
    writes them itself.
    """

    frames: bytes


def image_count(messages: Sequence[Message]) -> int:
    """How many images the messages carry."""
    if all(type(message.content) is str for message in messages):
        return 0  # as most conversations are, and this stands on the hot path
    return sum(
        isinstance(part, Image)
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
    )


def text_bytes(request: ChatRequest) -> int:
    """The size of all texts a model reads, in bytes of UTF-8: no tokenizer makes more tokens.

    Images are not text: a provider adds its documented maximum for each. A caller's own body
    counts whole, since a vendor may read fields of it that this platform does not know.
    """
    if request.wire is not None:
        return len(request.wire.body) - _image_bytes(request.messages)
    size = 0
    for message in request.messages:
        size += len(message.text.encode()) + len((message.name or "").encode()) + 16
        for call in message.tool_calls:
            size += len(call.name.encode()) + len(call.arguments.encode()) + 64
    size += len(msgspec.json.encode((request.tools, request.response_format)))
    return size


def _image_bytes(messages: Sequence[Message]) -> int:
    return sum(
        len(part.url.encode())
        for message in messages
        if not isinstance(message.content, str)
        for part in message.content
        if isinstance(part, Image)
    )
