"""The platform's own routes to models: complete, stream, embed, classify."""

from typing import Annotated, Any, Literal, TypeAlias

import msgspec

from headgate.core import chat
from headgate.core.classification import USE_CASE, question, verdict
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import InvalidRequest
from headgate.core.ids import new_id
from headgate.core.money import Dollars, to_json
from headgate.gateway.calls import Caller, Receipt
from headgate.gateway.gateway import Answer
from headgate.gateway.streams import StreamedAnswer
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.receipts import written_reply
from headgate.http.resuming import resumable
from headgate.http.streams import event, stream_reply

ModelName: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=256)]
Label: TypeAlias = Annotated[str, msgspec.Meta(min_length=1, max_length=200)]
Tags: TypeAlias = list[Annotated[str, msgspec.Meta(min_length=1, max_length=64)]]

_encode = msgspec.json.Encoder().encode


class TextPart(msgspec.Struct, tag_field="type", tag="text"):
    """A text in a message."""

    text: str


class ImagePart(msgspec.Struct, tag_field="type", tag="image"):
    """An image in a message, by address or as a `data:` URL."""

    url: str
    detail: str | None = None


class ToolCallItem(msgspec.Struct, frozen=True):
    """A tool call; `arguments` is JSON text."""

    id: str
    name: str
    arguments: str


class MessageItem(msgspec.Struct, rename="camel"):
    """A turn of the conversation."""

    role: chat.Role
    content: str | list[TextPart | ImagePart] | None = None
    name: str | None = None
    tool_calls: list[ToolCallItem] | None = None
    tool_call_id: str | None = None


class FunctionItem(msgspec.Struct):
    """A function, as OpenAI's clients write a tool."""

    name: str
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class ToolItem(msgspec.Struct):
    """A tool: its fields by themselves, or inside `function` as OpenAI's clients write them."""

    name: str | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None
    type: Literal["function"] = "function"
    function: FunctionItem | None = None


class SchemaItem(msgspec.Struct):
    """A JSON Schema with its name, as OpenAI's clients write it."""

    schema: dict[str, Any]
    name: str | None = None
    strict: bool | None = None


class ResponseFormatItem(msgspec.Struct):
    """What the answer must look like; the schema stands in `schema` or in `json_schema.schema`."""

    type: Literal["text", "json_object", "json_schema"]
    schema: dict[str, Any] | None = None
    name: str | None = None
    strict: bool | None = None
    json_schema: SchemaItem | None = None


class PromptCall(msgspec.Struct):
    """A prompt template, the latest unless a version is named, and what it is filled in with."""

    name: str
    inputs: dict[str, Any] = {}
    version: int | None = None


class CompleteRequest(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/complete` and `/v1/stream`: `messages`, or a `prompt`, or both.

    A prompt's messages come before the others. Its policy holds where the body says nothing else.
    """

    messages: list[MessageItem] = []
    prompt: PromptCall | None = None
    model: ModelName | None = None
    temperature: Annotated[float, msgspec.Meta(ge=0, le=2)] | None = None
    top_p: Annotated[float, msgspec.Meta(ge=0, le=1)] | None = None
    max_tokens: Annotated[int, msgspec.Meta(ge=1, le=10_000_000)] | None = None
    stop: str | list[str] | None = None
    stream: bool | None = None
    resumable: bool | None = None
    system_prompt: str | None = None
    use_case: Annotated[str, msgspec.Meta(max_length=64)] | None = None
    tools: list[ToolItem] | None = None
    tool_choice: str | None = None
    response_format: ResponseFormatItem | None = None
    tags: Tags | None = None


class UsageItem(msgspec.Struct, frozen=True, rename="camel"):
    """What a call used: `cost` is the vendor's price, `billed` what the caller is charged."""

    input_tokens: int
    output_tokens: int
    total_tokens: int
    cached_input_tokens: int
    reasoning_tokens: int
    cost: Dollars
    billed: Dollars


class CompleteAnswer(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """The answer of `POST /v1/complete`."""

    id: str
    model: str
    provider: str
    content: str
    finish_reason: chat.FinishReason
    tool_calls: list[ToolCallItem] | msgspec.UnsetType = msgspec.UNSET
    usage: UsageItem
    latency_ms: int


class EmbedRequest(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/embed`."""

    input: str | list[str]
    model: ModelName | None = None
    dimensions: Annotated[int, msgspec.Meta(ge=1, le=65_536)] | None = None
    tags: Tags | None = None


class EmbedAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of `POST /v1/embed`: one vector per input."""

    embeddings: tuple[tuple[float, ...], ...]
    model: str
    provider: str
    usage: UsageItem


class ClassifyRequest(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/classify`."""

    input: Annotated[str, msgspec.Meta(min_length=1)]
    labels: Annotated[list[Label], msgspec.Meta(min_length=1, max_length=200)]
    model: ModelName | None = None
    tags: Tags | None = None


class ClassifyAnswer(msgspec.Struct, frozen=True, rename="camel"):
    """The answer of `POST /v1/classify`: `scores` has every label and adds up to 1."""

    label: str
    confidence: float
    scores: dict[str, float]
    model: str
    provider: str
    usage: UsageItem


async def complete(call: Call[CompleteRequest]) -> Reply | StreamReply:
    """`POST /v1/complete`."""
    if call.body.stream:
        return await stream(call)
    caller, request = _asked(call, stream=False)
    return written_reply(await call.services.replays.complete(caller, request, _completion))


def _completion(answer: Answer[chat.ChatResponse]) -> bytes:
    response, receipt = answer.response, answer.receipt
    calls = [ToolCallItem(item.id, item.name, item.arguments) for item in response.tool_calls]
    return _encode(
        CompleteAnswer(
            id=response.id,
            model=receipt.route.model,
            provider=receipt.route.provider.provider,
            content=response.content or response.refusal or "",
            finish_reason=response.finish_reason,
            tool_calls=calls or msgspec.UNSET,
            usage=_usage(receipt),
            latency_ms=receipt.latency_ms,
        )
    )


async def stream(call: Call[CompleteRequest]) -> StreamReply:
    """`POST /v1/stream`."""
    caller, request = _asked(call, stream=True)
    reply = await stream_reply(
        call.services.replays,
        caller,
        request,
        _Frames,
        lambda error: event({"type": "error", **error}),
        heartbeat_seconds=call.services.heartbeat_seconds,
    )
    return await resumable(call, reply, wanted=bool(call.body.resumable))


class _Frames:
    """Writes an answer as the events of `POST /v1/stream`."""

    def __init__(self, answer: StreamedAnswer) -> None:
        self._answer = answer
        self._answer_id = new_id("cmpl")
        self._finish_reason: chat.FinishReason = "stop"
        self._calls: dict[int, ToolCallItem] = {}

    def piece(self, piece: chat.ChatDelta | chat.WireDelta) -> bytes:
        """The text of a piece; tool calls are told at the end."""
        if isinstance(piece, chat.WireDelta):
            raise TypeError("a provider forwarded frames to a caller of another protocol")
        self._finish_reason = piece.finish_reason or self._finish_reason
        for part in piece.tool_calls:
            known = self._calls.get(part.index, ToolCallItem(part.id or "", part.name or "", ""))
            self._calls[part.index] = msgspec.structs.replace(
                known, arguments=known.arguments + part.arguments
            )
        text = piece.text or piece.refusal
        return event({"type": "delta", "content": text}) if text else b""

    def end(self) -> bytes:
        """What it was and what it cost."""
        receipt = self._answer.receipt
        done: dict[str, object] = {
            "type": "done",
            "id": self._answer_id,
            "model": receipt.route.model,
            "provider": receipt.route.provider.provider,
            "finishReason": self._finish_reason,
            "usage": _usage(receipt),
            "latencyMs": receipt.latency_ms,
        }
        if self._calls:
            done["toolCalls"] = [self._calls[index] for index in sorted(self._calls)]
        return event(done)


async def embed(call: Call[EmbedRequest]) -> Reply:
    """`POST /v1/embed`."""
    body = call.body
    texts = (body.input,) if isinstance(body.input, str) else tuple(body.input)
    if not texts:
        raise InvalidRequest("input is empty: give a text or a list of texts", param="input")
    request = EmbeddingRequest(
        model=call.services.embedding_model(body.model),
        input=texts,
        dimensions=body.dimensions,
    )
    caller = call.caller(tags=body.tags)
    return written_reply(await call.services.replays.embed(caller, request, _embedding))


def _embedding(answer: Answer[EmbeddingResponse]) -> bytes:
    receipt = answer.receipt
    return _encode(
        EmbedAnswer(
            answer.response.vectors,
            receipt.route.model,
            receipt.route.provider.provider,
            _usage(receipt),
        )
    )


async def classify(call: Call[ClassifyRequest]) -> Reply:
    """`POST /v1/classify`."""
    body = call.body
    labels = list(dict.fromkeys(body.labels))
    services, model = call.services, body.model or call.services.default_model
    style = services.gateway.catalog.style(model, call.key)
    request = question(services.prompts, body.input, labels, model, style)
    caller = call.caller(tags=body.tags, use_case=USE_CASE)

    def write(answer: Answer[chat.ChatResponse]) -> bytes:
        found, receipt = verdict(answer.response.content, labels), answer.receipt
        return _encode(
            ClassifyAnswer(
                found.label,
                found.confidence,
                found.scores,
                receipt.route.model,
                receipt.route.provider.provider,
                _usage(receipt),
            )
        )

    return written_reply(await call.services.replays.complete(caller, request, write))


def _asked(call: Call[CompleteRequest], *, stream: bool) -> tuple[Caller, chat.ChatRequest]:
    """Who asks, and what; what they do not label is labelled as the prompt that they use."""
    prompted = _prompted(call)
    caller = call.caller(tags=call.body.tags, use_case=call.body.use_case)
    if caller.use_case is None and prompted.use_case is not None:
        caller = msgspec.structs.replace(caller, use_case=prompted.use_case)
    return caller, _request(call, caller, prompted, stream=stream)


def _prompted(call: Call[CompleteRequest]) -> chat.ChatRequest:
    """The request that the body's prompt makes; an empty one where it has none."""
    body, services = call.body, call.services
    item = body.prompt
    if item is None:
        return chat.ChatRequest(model=body.model or services.default_model, messages=())
    template = services.prompts.shelf(item.name).version(item.version)
    model = body.model or template.front.model.model or services.default_model
    style = services.gateway.catalog.style(model, call.key)
    prompt = services.prompts.render(item.name, item.inputs, style=style, version=item.version)
    return prompt.request(model)


def _request(
    call: Call[CompleteRequest], caller: Caller, prompted: chat.ChatRequest, *, stream: bool
) -> chat.ChatRequest:
    body = call.body
    messages = [_message(index, item) for index, item in enumerate(body.messages)]
    messages = [*prompted.messages, *messages]
    if not messages:
        raise InvalidRequest("there are no messages: give some, or a prompt", param="messages")
    if body.system_prompt:
        messages.insert(0, chat.Message("system", body.system_prompt))
    stop = body.stop
    max_tokens, temperature = body.max_tokens, body.temperature
    return msgspec.structs.replace(
        prompted,
        messages=tuple(messages),
        max_tokens=prompted.max_tokens if max_tokens is None else max_tokens,
        temperature=prompted.temperature if temperature is None else temperature,
        top_p=body.top_p,
        stop=() if stop is None else (stop,) if isinstance(stop, str) else tuple(stop),
        tools=tuple(_tool(index, item) for index, item in enumerate(body.tools or ())),
        tool_choice=_tool_choice(body),
        response_format=_response_format(body.response_format) or prompted.response_format,
        stream=stream,
        use_case=caller.use_case,
    )


def _message(index: int, item: MessageItem) -> chat.Message:
    if item.content is None and item.role != "assistant":
        raise InvalidRequest(
            f"messages[{index}] has no content", param=f"messages[{index}].content"
        )
    if item.role == "tool" and not item.tool_call_id:
        raise InvalidRequest(
            f"messages[{index}] answers a tool call: give its toolCallId",
            param=f"messages[{index}].toolCallId",
        )
    content = item.content or ""
    return chat.Message(
        role=item.role,
        content=(
            content
            if isinstance(content, str)
            else tuple(
                chat.Text(part.text)
                if isinstance(part, TextPart)
                else chat.Image(part.url, part.detail)
                for part in content
            )
        ),
        tool_calls=tuple(
            chat.ToolCall(made.id, made.name, made.arguments) for made in item.tool_calls or ()
        ),
        tool_call_id=item.tool_call_id,
        name=item.name,
    )


def _tool(index: int, item: ToolItem) -> chat.Tool:
    given = item.function or item
    if not given.name:
        raise InvalidRequest(f"tools[{index}] has no name", param=f"tools[{index}].name")
    return chat.Tool(given.name, given.description or "", given.parameters, given.strict)


def _tool_choice(body: CompleteRequest) -> chat.ToolChoice | None:
    choice = body.tool_choice
    if choice is None or choice in {"auto", "none", "required"}:
        return None if choice is None else chat.ToolChoice(choice)  # type: ignore[arg-type]
    names = {
        item.name or (item.function.name if item.function else "") for item in body.tools or ()
    }
    if choice not in names:
        raise InvalidRequest(
            "toolChoice is `auto`, `none`, `required` or the name of one of the tools",
            param="toolChoice",
        )
    return chat.ToolChoice("tool", choice)


def _response_format(item: ResponseFormatItem | None) -> chat.ResponseFormat | None:
    if item is None:
        return None
    given = item.json_schema or item
    if item.type == "json_schema" and given.schema is None:
        raise InvalidRequest(
            "responseFormat of type json_schema needs a schema", param="responseFormat.schema"
        )
    return chat.ResponseFormat(item.type, given.schema, given.name, given.strict)


def _usage(receipt: Receipt) -> UsageItem:
    event_row = receipt.event
    if event_row is None:
        raise RuntimeError("an answer was told before it was settled")
    return UsageItem(
        input_tokens=event_row.input_tokens,
        output_tokens=event_row.output_tokens,
        total_tokens=event_row.input_tokens + event_row.output_tokens,
        cached_input_tokens=event_row.cached_input_tokens,
        reasoning_tokens=event_row.reasoning_tokens,
        cost=to_json(event_row.cost),
        billed=to_json(event_row.billed),
    )
