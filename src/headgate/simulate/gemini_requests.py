"""What a caller of Gemini's API may ask, read strictly where the vendor is strict.

Names are taken in camel case and in snake case, since the vendor's own client writes both.
"""

import hashlib
from collections.abc import Iterator, Mapping
from typing import Any, TypeVar

import msgspec

from headgate.core import chat
from headgate.core.embeddings import EmbeddingRequest
from headgate.core.errors import InvalidRequest

# Stands for the signature of a call that another vendor's model made.
FOREIGN_CALL = "skip_thought_signature_validator"


# What these fields hold is the caller's own, names included.
_OPAQUE = frozenset(
    (
        "args",
        "response",
        "parameters",
        "parametersJsonSchema",
        "responseJsonSchema",
        "responseSchema",
    )
)

Body = TypeVar("Body")


class Blob(msgspec.Struct, rename="camel"):
    """A file, in base64 or by its address."""

    mime_type: str = ""
    data: str = ""
    file_uri: str = ""


class Call(msgspec.Struct):
    """A call of a tool."""

    name: str
    id: str | None = None
    args: dict[str, Any] = {}


class Result(msgspec.Struct):
    """What a tool gave."""

    name: str
    response: dict[str, Any]
    id: str | None = None


class Part(msgspec.Struct, rename="camel"):
    """A piece of a turn."""

    text: str | None = None
    thought: bool = False
    thought_signature: str | None = None
    inline_data: Blob | None = None
    file_data: Blob | None = None
    function_call: Call | None = None
    function_response: Result | None = None


class Content(msgspec.Struct):
    """One turn."""

    parts: list[Part] = []
    role: str | None = None


class Declaration(msgspec.Struct, rename="camel"):
    """A function that the model may call."""

    name: str
    description: str = ""
    parameters: dict[str, Any] | None = None
    parameters_json_schema: dict[str, Any] | None = None


class ToolItem(msgspec.Struct, rename="camel"):
    """Functions that the model may call."""

    function_declarations: list[Declaration] = []


class CallingConfig(msgspec.Struct, rename="camel"):
    """Whether the model must call one."""

    mode: str = "AUTO"
    allowed_function_names: list[str] = []


class ToolConfig(msgspec.Struct, rename="camel"):
    """How functions are called."""

    function_calling_config: CallingConfig | None = None


class ThinkingConfig(msgspec.Struct, rename="camel"):
    """How the model thinks."""

    include_thoughts: bool = False
    thinking_budget: int | None = None
    thinking_level: str | None = None


class GenerationConfig(msgspec.Struct, rename="camel"):
    """Options."""

    max_output_tokens: int | None = None
    stop_sequences: list[str] = []
    candidate_count: int | None = None
    response_logprobs: bool = False
    response_mime_type: str = "text/plain"
    response_schema: dict[str, Any] | None = None
    response_json_schema: dict[str, Any] | None = None
    thinking_config: ThinkingConfig | None = None


class GenerateRequest(msgspec.Struct, rename="camel"):
    """A conversation to go on with."""

    contents: list[Content]
    system_instruction: Content | None = None
    tools: list[ToolItem] = []
    tool_config: ToolConfig | None = None
    generation_config: GenerationConfig = msgspec.field(default_factory=GenerationConfig)


class CountRequest(msgspec.Struct, rename="camel"):
    """What is to be counted."""

    contents: list[Content] = []
    generate_content_request: GenerateRequest | None = None


class EmbedRequest(msgspec.Struct, rename="camel"):
    """A text to embed."""

    content: Content
    output_dimensionality: int | None = None


class BatchRequest(msgspec.Struct):
    """Texts to embed."""

    requests: list[EmbedRequest]


def decode(body: bytes, kind: type[Body]) -> Body:
    """A body, whose names may be written in either case.

    Raises:
        InvalidRequest: it cannot be read.
    """
    try:
        return msgspec.convert(_in_camel_case(msgspec.json.decode(body)), kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as wrong:
        raise InvalidRequest(f"Invalid JSON payload received. {wrong}") from wrong


def _in_camel_case(value: Any) -> Any:
    if isinstance(value, list):
        return [_in_camel_case(item) for item in value]
    if not isinstance(value, dict):
        return value
    found: dict[str, Any] = {}
    for name, item in value.items():
        head, *words = name.split("_")
        camel = head + "".join(word.capitalize() for word in words)
        found[camel] = item if camel in _OPAQUE else _in_camel_case(item)
    return found


def chat_request(wanted: GenerateRequest, model: str, *, stream: bool) -> chat.ChatRequest:
    """The conversation.

    Raises:
        InvalidRequest: the vendor would refuse it.
    """
    if not wanted.contents:
        raise InvalidRequest("* GenerateContentRequest.contents: contents is not specified")
    options = wanted.generation_config
    form = None
    if options.response_mime_type == "application/json":
        schema = options.response_json_schema or _json_schema(options.response_schema)
        form = chat.ResponseFormat("json_schema" if schema else "json_object", schema)
    thinking = options.thinking_config
    thinks = thinking is not None and thinking.include_thoughts
    return chat.ChatRequest(
        model=model,
        messages=tuple(_messages(wanted)),
        max_tokens=options.max_output_tokens,
        stop=tuple(options.stop_sequences),
        tools=tuple(
            chat.Tool(item.name, item.description, _parameters(item))
            for tool in wanted.tools
            for item in tool.function_declarations
        ),
        tool_choice=_choice(wanted.tool_config),
        response_format=form,
        reasoning=chat.Reasoning("auto") if thinks else None,
        n=options.candidate_count or 1,
        logprobs=options.response_logprobs,
        stream=stream,
    )


def count_request(wanted: CountRequest, model: str) -> chat.ChatRequest:
    """The conversation whose tokens are to be counted.

    Raises:
        InvalidRequest: the vendor would refuse it.
    """
    whole = wanted.generate_content_request or GenerateRequest(wanted.contents)
    return chat_request(whole, model, stream=False)


def embedding_request(wanted: list[EmbedRequest], model: str) -> EmbeddingRequest:
    """The texts.

    Raises:
        InvalidRequest: there are too many.
    """
    if not 0 < len(wanted) <= 100:
        raise InvalidRequest(
            "* BatchEmbedContentsRequest.requests: at most 100 requests in a batch"
        )
    return EmbeddingRequest(
        model=model,
        input=tuple(_text(item.content) for item in wanted),
        dimensions=wanted[0].output_dimensionality,
    )


def signature_of(call: chat.ToolCall | None) -> str:
    """What vouches for a call, or for an answer without one."""
    said: Any = None
    if call is not None:
        said = [call.name, msgspec.json.decode(call.arguments)]
    text = msgspec.json.encode(said, order="sorted")
    return hashlib.blake2b(text, digest_size=24).hexdigest()


def _messages(wanted: GenerateRequest) -> Iterator[chat.Message]:
    if wanted.system_instruction is not None:
        yield chat.Message("system", _text(wanted.system_instruction))
    asked = 0
    for content in wanted.contents:
        if content.role not in {None, "user", "model"}:
            raise InvalidRequest("Please use a valid role: user, model.")
        results = [part.function_response for part in content.parts if part.function_response]
        if results and len(results) != asked:
            raise InvalidRequest(
                "Please ensure that the number of function response parts is equal to the number of"
                " function call parts of the function call turn."
            )
        calls = tuple(_calls(content))
        asked = len(calls)
        for result in results:
            yield chat.Message("tool", _said(result.response), tool_call_id=result.id)
        if not results:
            role: chat.Role = "assistant" if content.role == "model" else "user"
            yield chat.Message(role, _text(content), calls)


def _calls(content: Content) -> Iterator[chat.ToolCall]:
    for part in content.parts:
        call: chat.ToolCall | None = None
        if part.function_call is not None:
            given = part.function_call
            call = chat.ToolCall(
                given.id or "", given.name, msgspec.json.encode(given.args).decode()
            )
            yield call
        if part.thought_signature in {None, FOREIGN_CALL}:
            continue
        if part.thought_signature != signature_of(call):
            raise InvalidRequest("Thought signature is not valid")


def _said(response: Mapping[str, Any]) -> str:
    """A function's result: its own words where it is one text."""
    values = list(response.values())
    if len(values) == 1 and isinstance(values[0], str):
        return values[0]
    return msgspec.json.encode(response).decode()


def _text(content: Content) -> str:
    for part in content.parts:
        for blob in (part.inline_data, part.file_data):
            if blob is not None and not (blob.mime_type and (blob.data or blob.file_uri)):
                raise InvalidRequest("Unable to process input image. Please retry or report")
    return "\n".join(part.text for part in content.parts if part.text and not part.thought)


def _parameters(item: Declaration) -> dict[str, Any] | None:
    return item.parameters_json_schema or _json_schema(item.parameters)


def _json_schema(schema: Any) -> Any:
    """A schema in the vendor's dialect, which writes types in capitals."""
    if isinstance(schema, list):
        return [_json_schema(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    return {
        name: value.lower() if name == "type" and isinstance(value, str) else _json_schema(value)
        for name, value in schema.items()
    }


def _choice(config: ToolConfig | None) -> chat.ToolChoice | None:
    if config is None or config.function_calling_config is None:
        return None
    wanted = config.function_calling_config
    match wanted.mode.upper():
        case "NONE":
            return chat.ToolChoice("none")
        case "ANY" if len(wanted.allowed_function_names) == 1:
            return chat.ToolChoice("tool", wanted.allowed_function_names[0])
        case "ANY":
            return chat.ToolChoice("required")
        case "AUTO" | "VALIDATED" | "MODE_UNSPECIFIED":
            return chat.ToolChoice("auto")
    raise InvalidRequest(
        f"Invalid value at 'tool_config.function_calling_config.mode': {wanted.mode}"
    )
