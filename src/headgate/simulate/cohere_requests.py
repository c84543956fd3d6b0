"""What a caller of Cohere's API may ask, read strictly where the vendor is strict."""

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest


class ImageUrl(msgspec.Struct):
    """Where an image is."""

    url: str


class Block(msgspec.Struct):
    """A piece of a turn."""

    type: Literal["text", "image_url", "thinking", "document"]
    text: str = ""
    thinking: str = ""
    image_url: ImageUrl | None = None
    document: dict[str, Any] | None = None


class Function(msgspec.Struct):
    """What is called, and with what."""

    name: str
    arguments: str = "{}"


class Call(msgspec.Struct):
    """A call of a tool."""

    id: str
    function: Function


class MessageItem(msgspec.Struct):
    """One turn."""

    role: Literal["system", "user", "assistant", "tool", "developer"]
    content: str | list[Block] | None = None
    tool_calls: list[Call] = []
    tool_plan: str | None = None
    tool_call_id: str | None = None


class Declaration(msgspec.Struct):
    """A function that the model may call."""

    name: str
    parameters: dict[str, Any]
    description: str = ""


class ToolItem(msgspec.Struct):
    """A tool that the model may call."""

    function: Declaration


class Format(msgspec.Struct):
    """What the answer must look like."""

    type: Literal["text", "json_object"]
    json_schema: dict[str, Any] | None = None


class Thinking(msgspec.Struct):
    """Whether the model thinks."""

    type: Literal["enabled", "disabled"]
    token_budget: int | None = None


class ChatBody(msgspec.Struct):
    """A conversation to go on with."""

    model: str
    messages: list[MessageItem]
    stream: bool = False
    max_tokens: int | None = None
    stop_sequences: list[str] = []
    temperature: float | None = None
    tools: list[ToolItem] = []
    tool_choice: Literal["REQUIRED", "NONE"] | None = None
    response_format: Format | None = None
    thinking: Thinking | None = None


class EmbedBody(msgspec.Struct):
    """Texts to embed."""

    model: str
    input_type: str
    texts: list[str]
    embedding_types: tuple[str, ...] = ("float",)
    output_dimension: int | None = None


def chat_request(wanted: ChatBody) -> chat.ChatRequest:
    """The conversation.

    Raises:
        InvalidRequest: the vendor would refuse it.
    """
    if not wanted.messages:
        raise InvalidRequest("invalid request: at least one message is required")
    if wanted.temperature is not None and not 0 <= wanted.temperature <= 1:
        raise InvalidRequest("invalid request: temperature must be between 0 and 1.0 inclusive.")
    if wanted.tool_choice is not None and not wanted.tools:
        raise InvalidRequest("invalid request: tool_choice needs tools")
    form = wanted.response_format
    thinks = wanted.thinking is not None and wanted.thinking.type == "enabled"
    return chat.ChatRequest(
        model=wanted.model,
        messages=tuple(_messages(wanted.messages)),
        max_tokens=wanted.max_tokens,
        stop=tuple(wanted.stop_sequences),
        tools=tuple(
            chat.Tool(tool.function.name, tool.function.description, tool.function.parameters)
            for tool in wanted.tools
        ),
        tool_choice=_choice(wanted.tool_choice),
        response_format=_format(form),
        reasoning=chat.Reasoning("auto") if thinks else None,
        stream=wanted.stream,
    )


def embedding_request(wanted: EmbedBody) -> EmbeddingRequest:
    """The texts.

    Raises:
        InvalidRequest: there are too many, or vectors are wanted that are not simulated.
    """
    if not 0 < len(wanted.texts) <= 96:
        raise InvalidRequest("invalid request: total number of texts must be at most 96")
    if wanted.embedding_types != ("float",):
        raise InvalidRequest("the simulator gives vectors as float only")
    return EmbeddingRequest(
        model=wanted.model, input=tuple(wanted.texts), dimensions=wanted.output_dimension
    )


def _messages(items: Sequence[MessageItem]) -> Iterator[chat.Message]:
    called: set[str] = set()
    for item in items:
        if item.role == "tool" and item.tool_call_id not in called:
            raise InvalidRequest(
                "invalid request: each tool message must follow the tool call with its tool_call_id"
            )
        called |= {call.id for call in item.tool_calls}
        calls = tuple(
            chat.ToolCall(call.id, call.function.name, call.function.arguments)
            for call in item.tool_calls
        )
        role: chat.Role = "system" if item.role == "developer" else item.role
        yield chat.Message(role, _text(item), calls, tool_call_id=item.tool_call_id)


def _text(item: MessageItem) -> str:
    if item.content is None or isinstance(item.content, str):
        return item.content or item.tool_plan or ""
    for block in item.content:
        if block.type == "image_url" and (block.image_url is None or not block.image_url.url):
            raise InvalidRequest("invalid request: an image has no url")
    return "\n".join(block.text for block in item.content if block.type == "text")


def _choice(wanted: str | None) -> chat.ToolChoice | None:
    if wanted is None:
        return None
    return chat.ToolChoice("required" if wanted == "REQUIRED" else "none")


def _format(form: Format | None) -> chat.ResponseFormat | None:
    if form is None or form.type == "text":
        return None
    kind: Literal["json_object", "json_schema"] = (
        "json_schema" if form.json_schema else "json_object"
    )
    return chat.ResponseFormat(kind, form.json_schema)
