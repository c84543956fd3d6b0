"""OpenAI's chat completions and models, as a server reads and writes them.

Facts from the official clients' sources: clients read only `error` of an error body; `usage`
comes in a chunk of its own whose `choices` is present and empty; the first piece of a tool call
alone carries `id` and `name`.

What a model thought has no place in OpenAI's protocol. It stands where clients of other vendors
look for it: the text in `reasoning_content`, and in `thinking_blocks` what such a vendor wants back
unchanged in the assistant's message. `cache_control` marks are read for the same reason.
"""

import operator
from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from headgate.core import chat
from headgate.core.errors import InvalidRequest

PROTOCOL = "openai"
DONE = b"data: [DONE]\n\n"

Temperature: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=2)]
Probability: TypeAlias = Annotated[float, msgspec.Meta(ge=0, le=1)]
Penalty: TypeAlias = Annotated[float, msgspec.Meta(ge=-2, le=2)]
Positive: TypeAlias = Annotated[int, msgspec.Meta(ge=1, le=10_000_000)]
EffortWord: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh"]
Name: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


# What a caller sends.


class CacheControl(msgspec.Struct):
    """A mark up to which a vendor with such marks shall remember the input."""

    type: Literal["ephemeral"] = "ephemeral"
    ttl: chat.CacheSpan | None = None


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    """A text in a message."""

    text: str
    cache_control: CacheControl | None = None


class ImageAddress(msgspec.Struct):
    """Where an image is, or the image itself as a `data:` URL."""

    url: str
    detail: str | None = None


class ImagePart(msgspec.Struct, tag_field="type", tag="image_url"):
    """An image in a message."""

    image_url: ImageAddress


class FileItem(msgspec.Struct):
    """A file as a `data:` URL; files that lie at the vendor are the whole platform's."""

    file_data: str
    filename: str | None = None
    file_id: None = None


class FilePart(msgspec.Struct, tag_field="type", tag="file"):
    """A file in a message."""

    file: FileItem


class ThinkingItem(msgspec.Struct, omit_defaults=True):
    """What a model thought: `thinking` with its `signature`, or `data` that is sealed."""

    type: Literal["thinking", "redacted_thinking"]
    thinking: str | None = None
    signature: str | None = None
    data: str | None = None


class RefusalPart(msgspec.Struct, tag_field="type", tag="refusal"):
    """An earlier refusal of the assistant, sent back as history."""

    refusal: str


class FunctionCall(msgspec.Struct):
    """A called function; `arguments` is JSON text."""

    name: str
    arguments: str


class CallItem(msgspec.Struct):
    """A tool call in an assistant's message."""

    id: str
    function: FunctionCall
    type: Literal["function"] = "function"


ContentPart: TypeAlias = TextPart | ImagePart | FilePart | RefusalPart


class MessageItem(msgspec.Struct):
    """A turn of the conversation."""

    role: Literal["system", "developer", "user", "assistant", "tool"]
    content: str | list[ContentPart] | None = None
    name: str | None = None
    tool_calls: list[CallItem] | None = None
    tool_call_id: str | None = None
    refusal: str | None = None
    thinking_blocks: list[ThinkingItem] | None = None


class FunctionItem(msgspec.Struct):
    """A function that the model may call."""

    name: Name
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolItem(msgspec.Struct):
    """A tool; functions are the only kind."""

    function: FunctionItem
    type: Literal["function"] = "function"


class NamedFunction(msgspec.Struct):
    """A function that must be called."""

    name: str


class ToolChoiceItem(msgspec.Struct):
    """The choice of one function."""

    function: NamedFunction
    type: Literal["function"] = "function"


class SchemaItem(msgspec.Struct):
    """A JSON Schema with its name."""

    name: str
    schema: dict[str, Any] | None = None
    strict: bool | None = None
    description: str | None = None


class ResponseFormatItem(msgspec.Struct):
    """What the answer must look like."""

    type: Literal["text", "json_object", "json_schema"]
    json_schema: SchemaItem | None = None


class StreamOptions(msgspec.Struct):
    """How a stream is written."""

    include_usage: bool | None = None


class ChatCompletionRequest(msgspec.Struct):
    """The body of `POST /v1/chat/completions`; fields that are not named here are passed on.

    `modalities`, `service_tier` and `web_search_options` change what a token costs, so only the
    values whose price is known are taken. The fields of `NATIVE` are for vendors of this protocol
    alone.
    """

    model: Name
    messages: Annotated[list[MessageItem], msgspec.Meta(min_length=1)]
    max_tokens: Positive | None = None
    max_completion_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    frequency_penalty: Penalty | None = None
    presence_penalty: Penalty | None = None
    seed: int | None = None
    stop: str | list[str] | None = None
    n: Annotated[int, msgspec.Meta(ge=1, le=128)] | None = None
    logprobs: bool | None = None
    tools: list[ToolItem] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoiceItem | None = None
    parallel_tool_calls: bool | None = None
    response_format: ResponseFormatItem | None = None
    reasoning_effort: EffortWord | None = None
    user: str | None = None
    safety_identifier: str | None = None
    logit_bias: dict[str, float] | None = None
    functions: list[Any] | None = None
    function_call: Any = None
    moderation: Any = None
    prediction: Any = None
    verbosity: str | None = None
    stream: bool | None = None
    stream_options: StreamOptions | None = None
    modalities: list[Literal["text"]] | None = None
    service_tier: Literal["auto", "default"] | None = None
    web_search_options: None = None


NATIVE = ("logit_bias", "functions", "function_call", "moderation", "prediction", "verbosity")
_native_fields = operator.attrgetter(*NATIVE)


class ParsedChat(msgspec.Struct, frozen=True):
    """A chat request, and whether a stream of its answer shall tell the usage."""

    request: chat.ChatRequest
    include_usage: bool


def chat_request(wanted: ChatCompletionRequest, body: bytes) -> ParsedChat:
    """The platform's request for a decoded body; `body` is kept for vendors that speak it too.

    Raises:
        InvalidRequest: the parts do not fit together.
    """
    options = wanted.stream_options
    stop = wanted.stop
    request = chat.ChatRequest(
        model=wanted.model,
        messages=tuple([_message(index, item) for index, item in enumerate(wanted.messages)]),
        max_tokens=wanted.max_completion_tokens or wanted.max_tokens,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        frequency_penalty=wanted.frequency_penalty,
        presence_penalty=wanted.presence_penalty,
        seed=wanted.seed,
        stop=() if stop is None else (stop,) if isinstance(stop, str) else tuple(stop),
        tools=tuple([_tool(item.function) for item in wanted.tools]) if wanted.tools else (),
        tool_choice=_tool_choice(wanted),
        parallel_tool_calls=wanted.parallel_tool_calls,
        response_format=_response_format(wanted.response_format),
        reasoning=_reasoning(wanted.reasoning_effort),
        user=wanted.safety_identifier or wanted.user,
        native=_native(wanted),
        stream=bool(wanted.stream),
        n=wanted.n or 1,
        logprobs=bool(wanted.logprobs),
        wire=chat.Wire(PROTOCOL, body),
    )
    return ParsedChat(request, bool(options and options.include_usage))


def _native(wanted: ChatCompletionRequest) -> tuple[str, ...]:
    """The fields that only vendors of this protocol know; most requests have none of them."""
    given = _native_fields(wanted)
    if not any(given):
        return ()
    return tuple([name for name, value in zip(NATIVE, given, strict=True) if value])


def _message(index: int, item: MessageItem) -> chat.Message:
    content = item.content
    if item.role == "tool" and not item.tool_call_id:
        raise InvalidRequest(
            f"messages[{index}] answers a tool call: give its tool_call_id",
            param=f"messages[{index}].tool_call_id",
        )
    if content is None and item.role != "assistant":
        raise InvalidRequest(
            f"messages[{index}] has no content", param=f"messages[{index}].content"
        )
    return chat.Message(
        role="system" if item.role == "developer" else item.role,
        content=_content(content, item.thinking_blocks),
        tool_calls=_tool_calls(item.tool_calls) if item.tool_calls else (),
        tool_call_id=item.tool_call_id,
        name=item.name,
    )


def _tool_calls(items: list[CallItem]) -> tuple[chat.ToolCall, ...]:
    return tuple(
        [chat.ToolCall(call.id, call.function.name, call.function.arguments) for call in items]
    )


def _content(
    given: str | list[ContentPart] | None, thoughts: list[ThinkingItem] | None
) -> str | tuple[chat.Part, ...]:
    if isinstance(given, str) and not thoughts:
        return given
    parts = [
        chat.Thinking(item.thinking or "", item.signature, item.data) for item in thoughts or ()
    ]
    if isinstance(given, str):
        return (*parts, chat.Text(given)) if given else tuple(parts)
    return (*parts, *map(_part, given or ())) or ""


def _part(item: ContentPart) -> chat.Part:
    if isinstance(item, TextPart):
        mark = item.cache_control
        return chat.Text(item.text, None if mark is None else mark.ttl or "5m")
    if isinstance(item, ImagePart):
        return chat.Image(item.image_url.url, item.image_url.detail)
    if isinstance(item, FilePart):
        return chat.Document(item.file.file_data, item.file.filename)
    return chat.Text(item.refusal)


def _reasoning(effort: EffortWord | None) -> chat.Reasoning | None:
    if effort is None:
        return None
    return chat.Reasoning("off") if effort == "none" else chat.Reasoning("auto", effort)


def _tool(item: FunctionItem) -> chat.Tool:
    return chat.Tool(item.name, item.description or "", item.parameters, item.strict)


def _tool_choice(wanted: ChatCompletionRequest) -> chat.ToolChoice | None:
    choice = wanted.tool_choice
    if choice is None:
        return None
    if isinstance(choice, str):
        return chat.ToolChoice(choice)
    if not any(tool.function.name == choice.function.name for tool in wanted.tools or ()):
        raise InvalidRequest(
            f"tool_choice names {choice.function.name!r}, which is not among the tools",
            param="tool_choice",
        )
    return chat.ToolChoice("tool", choice.function.name)


def _response_format(item: ResponseFormatItem | None) -> chat.ResponseFormat | None:
    if item is None:
        return None
    if item.type != "json_schema":
        return chat.ResponseFormat(item.type)
    if item.json_schema is None:
        raise InvalidRequest(
            "response_format of type json_schema needs json_schema",
            param="response_format.json_schema",
        )
    schema = item.json_schema
    return chat.ResponseFormat(item.type, schema.schema, schema.name, schema.strict)


# What a caller gets.


class PromptDetails(msgspec.Struct, frozen=True):
    """Classes of input tokens."""

    cached_tokens: int | None = 0


class CompletionDetails(msgspec.Struct, frozen=True):
    """Classes of output tokens."""

    reasoning_tokens: int | None = 0


class UsageItem(msgspec.Struct, frozen=True):
    """Tokens; `prompt_tokens` includes the cached ones."""

    prompt_tokens: int = 0
    completion_tokens: int = 0
    total_tokens: int = 0
    prompt_tokens_details: PromptDetails | None = None
    completion_tokens_details: CompletionDetails | None = None


class AnswerMessage(msgspec.Struct, frozen=True):
    """The assistant's turn; `tool_calls` and what was thought are left out where there are none."""

    role: Literal["assistant"]
    content: str | None = None
    refusal: str | None = None
    tool_calls: list[CallItem] | msgspec.UnsetType = msgspec.UNSET
    reasoning_content: str | msgspec.UnsetType = msgspec.UNSET
    thinking_blocks: list[ThinkingItem] | msgspec.UnsetType = msgspec.UNSET


class Choice(msgspec.Struct, frozen=True):
    """One answer."""

    index: int
    message: AnswerMessage
    finish_reason: str | None
    logprobs: None = None


class ChatCompletion(msgspec.Struct, frozen=True, kw_only=True):
    """The body of an answer."""

    id: str
    object: Literal["chat.completion"] = "chat.completion"
    created: int
    model: str
    choices: list[Choice]
    usage: UsageItem


class FunctionDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a function call."""

    name: str | None = None
    arguments: str | msgspec.UnsetType = msgspec.UNSET


class CallDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of a tool call; everything but `arguments` comes once."""

    index: int
    id: str | None = None
    type: str | None = None
    function: FunctionDelta | None = None


class MessageDelta(msgspec.Struct, frozen=True, omit_defaults=True):
    """A piece of the assistant's turn."""

    role: str | None = None
    content: str | msgspec.UnsetType | None = msgspec.UNSET
    refusal: str | None = None
    tool_calls: list[CallDelta] | None = None
    reasoning_content: str | None = None
    thinking_blocks: list[ThinkingItem] | None = None


class ChunkChoice(msgspec.Struct, frozen=True):
    """A piece of one answer."""

    index: int
    delta: MessageDelta
    finish_reason: str | None = None
    logprobs: None = None


class Chunk(msgspec.Struct, frozen=True, kw_only=True):
    """One frame of a stream."""

    id: str
    object: Literal["chat.completion.chunk"] = "chat.completion.chunk"
    created: int
    model: str
    choices: list[ChunkChoice]
    usage: UsageItem | msgspec.UnsetType | None = msgspec.UNSET


class ModelItem(msgspec.Struct, frozen=True):
    """A model that can be called."""

    id: str
    created: int
    owned_by: str
    object: Literal["model"] = "model"


class ModelList(msgspec.Struct, frozen=True):
    """The models that can be called."""

    data: list[ModelItem]
    object: Literal["list"] = "list"


class ErrorItem(msgspec.Struct, frozen=True):
    """What went wrong."""

    message: str
    type: str
    code: str | None = None
    param: str | None = None


class ErrorBody(msgspec.Struct, frozen=True):
    """The body of every error."""

    error: ErrorItem


def usage_item(usage: chat.TokenUsage) -> UsageItem:
    """Tokens in OpenAI's words."""
    return UsageItem(
        prompt_tokens=usage.input_tokens,
        completion_tokens=usage.output_tokens,
        total_tokens=usage.total_tokens,
        prompt_tokens_details=PromptDetails(usage.cached_input_tokens),
        completion_tokens_details=CompletionDetails(usage.reasoning_tokens),
    )


def chat_completion(response: chat.ChatResponse, *, created: int) -> ChatCompletion:
    """A whole answer in OpenAI's words; `created` is in Unix seconds."""
    calls = [CallItem(c.id, FunctionCall(c.name, c.arguments)) for c in response.tool_calls]
    message = AnswerMessage(
        role="assistant",
        content=None if calls and not response.content else response.content,
        refusal=response.refusal,
        tool_calls=calls or msgspec.UNSET,
        reasoning_content="".join(t.text for t in response.thinking) or msgspec.UNSET,
        thinking_blocks=[_thinking(t) for t in response.thinking] or msgspec.UNSET,
    )
    return ChatCompletion(
        id=response.id,
        created=created,
        model=response.model,
        choices=[Choice(0, message, response.finish_reason)],
        usage=usage_item(response.usage),
    )


def _thinking(thought: chat.Thinking) -> ThinkingItem:
    if thought.sealed is not None:
        return ThinkingItem("redacted_thinking", data=thought.sealed)
    return ThinkingItem("thinking", thought.text, thought.signature)


class ChunkWriter:
    """Writes one answer's frames: all share `id`, `created` and `model`, the first has the role."""

    def __init__(self, *, id: str, model: str, created: int, include_usage: bool) -> None:  # noqa: A002 - OpenAI's own name
        self._id = id
        self._model = model
        self._created = created
        self._usage = None if include_usage else msgspec.UNSET
        self._include_usage = include_usage
        self._role: str | None = "assistant"
        self._thought = ""

    def delta(self, delta: chat.ChatDelta) -> bytes:
        """The frame for a piece of the answer."""
        first, self._role = self._role, None
        content: str | msgspec.UnsetType | None = delta.text or msgspec.UNSET
        if first and not delta.text:
            content = None if delta.tool_calls else ""
        item = MessageDelta(
            role=first,
            content=content,
            refusal=delta.refusal,
            tool_calls=[_call_delta(call) for call in delta.tool_calls] or None,
            reasoning_content=(delta.thinking.text or None) if delta.thinking else None,
            thinking_blocks=self._whole_thought(delta.thinking) if delta.thinking else None,
        )
        return self._frame([ChunkChoice(0, item, delta.finish_reason)], self._usage)

    def _whole_thought(self, piece: chat.Thinking) -> list[ThinkingItem] | None:
        """The thought that `piece` is the last of; a part of one could not be handed back."""
        self._thought += piece.text
        if piece.signature is None and piece.sealed is None:
            return None
        thought, self._thought = self._thought, ""
        return [_thinking(chat.Thinking(thought, piece.signature, piece.sealed))]

    def usage(self, usage: chat.TokenUsage) -> bytes:
        """The frame with the usage, or nothing where the caller did not ask for it."""
        return self._frame([], usage_item(usage)) if self._include_usage else b""

    def _frame(
        self, choices: list[ChunkChoice], usage: UsageItem | msgspec.UnsetType | None
    ) -> bytes:
        chunk = Chunk(
            id=self._id, created=self._created, model=self._model, choices=choices, usage=usage
        )
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"


def _call_delta(call: chat.ToolCallDelta) -> CallDelta:
    if call.id is None:
        return CallDelta(call.index, function=FunctionDelta(arguments=call.arguments))
    return CallDelta(call.index, call.id, "function", FunctionDelta(call.name, call.arguments))
