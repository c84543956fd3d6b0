"""OpenAI's responses as a server reads them; `openai_responses_answers` has what it writes.

The conversation comes whole with every call: nothing is kept between calls, so what refers to an
earlier one is refused with what to send instead. Items that follow each other and are the
assistant's make one message, as the other protocols know it: what it thought, what it said, and
the tools it called. An item and a piece of content have one type for all their kinds, since
clients send kinds that are younger than this page.
"""

import base64
import binascii
from collections.abc import Iterator, Sequence
from typing import Annotated, Any, Literal, NoReturn, TypeAlias

import msgspec

from headgate.core import chat
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.openai import Name, Positive, Probability, Temperature

EffortWord: TypeAlias = Literal["none", "minimal", "low", "medium", "high", "xhigh", "max"]

_SEND_ALL = "nothing is kept between calls: send the earlier items in `input`"
_WAIT = "no answer is kept to be fetched later: wait for it, or read it with `stream`"
_NO_PROBABILITIES = "the tokens' probabilities are told by /v1/chat/completions only"
_REFUSED = {
    "access_programs": "the platform takes part in no such program",
    "background": _WAIT,
    "background_options": _WAIT,
    "context_management": "the input is never shortened here: shorten it before it is sent",
    "conversation": _SEND_ALL,
    "image": "images are not made here",
    "moderation": "the answer comes without a vendor's judgement: ask for that by itself",
    "previous_response_id": _SEND_ALL,
    "prompt": "a vendor's stored prompts belong to all callers: send `instructions` and `input`",
    "top_logprobs": _NO_PROBABILITIES,
}
_LOGPROBS = "message.output_text.logprobs"


class Content(msgspec.Struct):
    """A piece of content; which fields it has depends on its `type`."""

    type: str
    text: str | None = None
    refusal: str | None = None
    image_url: str | None = None
    detail: str | None = None
    file_data: str | None = None
    file_url: str | None = None
    filename: str | None = None


class Item(msgspec.Struct):
    """A piece of the conversation; which fields it has depends on its `type`."""

    type: str | None = None
    role: Literal["user", "assistant", "system", "developer"] | None = None
    content: str | list[Content] | None = None
    call_id: str | None = None
    name: str | None = None
    arguments: str | None = None
    output: str | list[Content] | None = None
    summary: list[Content] | None = None
    encrypted_content: str | None = None


class ToolItem(msgspec.Struct):
    """A tool; functions, which the caller runs, are the only kind."""

    type: str
    name: Name | None = None
    description: str | None = None
    parameters: dict[str, Any] | None = None
    strict: bool | None = None


class NamedTool(msgspec.Struct):
    """A tool by its name."""

    type: str
    name: str | None = None


class ToolChoiceItem(msgspec.Struct, omit_defaults=True):
    """The choice of one function, or of some of them."""

    type: str
    name: str | None = None
    mode: Literal["auto", "required"] | None = None
    tools: list[NamedTool] | None = None


class FormatItem(msgspec.Struct, omit_defaults=True):
    """What the answer must look like; the other fields are those of `json_schema`."""

    type: Literal["text", "json_object", "json_schema"]
    name: str | None = None
    description: str | None = None
    schema: dict[str, Any] | None = None
    strict: bool | None = None


class TextOptions(msgspec.Struct):
    """How the answer is written; models of other vendors have no `verbosity`."""

    format: FormatItem | None = None
    verbosity: Literal["medium"] | None = None


class ReasoningOptions(msgspec.Struct):
    """How much a model shall think; what it tells of that is what its vendor tells."""

    effort: EffortWord | None = None
    mode: Literal["standard"] | None = None


class ResponsesRequest(msgspec.Struct):
    """The body of `POST /v1/responses`.

    Options that need what is not kept here are refused. `service_tier` changes what a token costs,
    so only the values whose price is known are taken.
    """

    model: Name
    input: str | list[Item]
    instructions: str | None = None
    max_output_tokens: Positive | None = None
    temperature: Temperature | None = None
    top_p: Probability | None = None
    tools: list[ToolItem] | None = None
    tool_choice: Literal["auto", "none", "required"] | ToolChoiceItem | None = None
    parallel_tool_calls: bool | None = None
    text: TextOptions | None = None
    reasoning: ReasoningOptions | None = None
    include: list[str] | None = None
    metadata: dict[str, str] | None = None
    user: str | None = None
    safety_identifier: str | None = None
    prompt_cache_key: str | None = None
    service_tier: Literal["auto", "default"] | None = None
    truncation: Literal["disabled"] | None = None
    stream: bool | None = None
    access_programs: Any = None
    background: bool | None = None
    background_options: Any = None
    context_management: Any = None
    conversation: Any = None
    image: Any = None
    moderation: Any = None
    previous_response_id: str | None = None
    prompt: Any = None
    top_logprobs: Annotated[int, msgspec.Meta(ge=0, le=20)] | None = None


def chat_request(wanted: ResponsesRequest) -> chat.ChatRequest:
    """The platform's request for a decoded body.

    Raises:
        InvalidRequest: the parts do not fit together, or refer to what is not kept.
    """
    for option, advice in _REFUSED.items():
        if getattr(wanted, option):
            _refuse(option, advice)
    if _LOGPROBS in (wanted.include or ()):
        _refuse("include", _NO_PROBABILITIES)
    tools = [_tool(index, item) for index, item in enumerate(wanted.tools or ())]
    choice, tools = _tool_choice(wanted.tool_choice, tools)
    return chat.ChatRequest(
        model=wanted.model,
        messages=tuple(_messages(wanted)),
        max_tokens=wanted.max_output_tokens,
        temperature=wanted.temperature,
        top_p=wanted.top_p,
        tools=tuple(tools),
        tool_choice=choice,
        parallel_tool_calls=wanted.parallel_tool_calls,
        response_format=_response_format(wanted.text),
        reasoning=_reasoning(wanted.reasoning),
        user=wanted.safety_identifier or wanted.user,
        stream=bool(wanted.stream),
    )


def seal(thought: chat.Thinking) -> str:
    """A thought as the `encrypted_content` by which it is handed back: base64 of its JSON.

    It holds nothing that its vendor did not give to the caller.
    """
    return base64.b64encode(msgspec.json.encode(thought)).decode()


def _unsealed(sealed: str) -> chat.Thinking | None:
    """The thought in an `encrypted_content`, or None where that came from elsewhere."""
    try:
        return msgspec.json.decode(base64.b64decode(sealed, validate=True), type=chat.Thinking)
    except (binascii.Error, UnicodeDecodeError, msgspec.DecodeError):
        return None


def _refuse(param: str, advice: str) -> NoReturn:
    raise InvalidRequest(f"{param} cannot be used: {advice}", param=param)


def _messages(wanted: ResponsesRequest) -> Iterator[chat.Message]:
    if wanted.instructions:
        yield chat.Message("system", wanted.instructions)
    if isinstance(wanted.input, str):
        yield chat.Message("user", wanted.input)
        return
    if not wanted.input:
        raise InvalidRequest("input is empty: give a text or a list of items", param="input")
    turn = _Turn()
    for index, item in enumerate(wanted.input):
        where = f"input[{index}]"
        if turn.takes(item, where):
            continue
        yield from turn.ended()
        yield _message(item, where)
    yield from turn.ended()


class _Turn:
    """The assistant's items that follow each other, gathered into one message."""

    def __init__(self) -> None:
        self._parts: list[chat.Part] = []
        self._calls: list[chat.ToolCall] = []

    def takes(self, item: Item, where: str) -> bool:
        """Gather an item, where it is the assistant's."""
        match item.type or "message":
            case "message" if item.role == "assistant":
                self._parts += _parts(item.content, f"{where}.content")
            case "function_call":
                call = chat.ToolCall(
                    _given(item.call_id, f"{where}.call_id"),
                    _given(item.name, f"{where}.name"),
                    _given(item.arguments, f"{where}.arguments"),
                )
                self._calls.append(call)
            case "reasoning":
                self._parts += _thoughts(item)
            case _:
                return False
        return True

    def ended(self) -> Iterator[chat.Message]:
        """The message, where there is one."""
        parts, self._parts = self._parts, []
        calls, self._calls = self._calls, []
        if parts or calls:
            yield chat.Message("assistant", tuple(parts) or "", tuple(calls))


def _thoughts(item: Item) -> list[chat.Thinking]:
    """What a model thought; nothing where only another platform could read it."""
    if item.encrypted_content:
        thought = _unsealed(item.encrypted_content)
        return [] if thought is None else [thought]
    told = [*(item.summary or ()), *(item.content if isinstance(item.content, list) else ())]
    return [chat.Thinking(piece.text) for piece in told if piece.text]


def _message(item: Item, where: str) -> chat.Message:
    """A turn that is not the assistant's."""
    match item.type or "message":
        case "message":
            role = _given(item.role, f"{where}.role")
            return chat.Message(
                "user" if role == "user" else "system", _content(item.content, f"{where}.content")
            )
        case "function_call_output":
            return chat.Message(
                "tool",
                _content(item.output, f"{where}.output"),
                tool_call_id=_given(item.call_id, f"{where}.call_id"),
            )
        case "item_reference":
            return _refuse(f"{where}.type", f"{_SEND_ALL} (clients do so with `store` false)")
        case kind:
            return _refuse(
                f"{where}.type",
                f"{kind!r} belongs to a tool or a store of the vendor's, which are not served here",
            )


def _content(given: str | list[Content] | None, where: str) -> str | tuple[chat.Part, ...]:
    if given is None:
        raise InvalidRequest(f"{where} is missing", param=where)
    return given if isinstance(given, str) else _parts(given, where) or ""


def _parts(given: str | Sequence[Content] | None, where: str) -> tuple[chat.Part, ...]:
    if isinstance(given, str):
        return (chat.Text(given),) if given else ()
    return tuple([_part(piece, f"{where}[{place}]") for place, piece in enumerate(given or ())])


def _part(piece: Content, where: str) -> chat.Part:
    match piece.type:
        case "input_text" | "output_text" | "text":
            return chat.Text(_given(piece.text, f"{where}.text"))
        case "refusal":
            return chat.Text(_given(piece.refusal, f"{where}.refusal"))
        case "input_image":
            # A file that lies at the vendor is the whole platform's: callers could read another's.
            return chat.Image(_given(piece.image_url, f"{where}.image_url"), piece.detail)
        case "input_file":
            return _document(piece, where)
        case kind:
            return _refuse(f"{where}.type", f"{kind!r} is no kind of content that is taken here")


def _document(piece: Content, where: str) -> chat.Document:
    if piece.file_url is not None:
        return chat.Document(piece.file_url, piece.filename)
    data = _given(piece.file_data, f"{where}.file_data")
    if chat.read_data_url(data) is None:
        raise InvalidRequest(
            f"{where}.file_data is not a `data:` URL in base64, such as"
            " `data:application/pdf;base64,…`",
            param=f"{where}.file_data",
        )
    return chat.Document(data, piece.filename)


def _tool(index: int, item: ToolItem) -> chat.Tool:
    where = f"tools[{index}]"
    if item.type != "function":
        _refuse(
            f"{where}.type",
            f"{item.type!r} is a tool that the vendor runs or defines: offer functions of your own",
        )
    name = _given(item.name, f"{where}.name")
    return chat.Tool(name, item.description or "", item.parameters, item.strict)


def _tool_choice(
    choice: str | ToolChoiceItem | None, tools: list[chat.Tool]
) -> tuple[chat.ToolChoice | None, list[chat.Tool]]:
    """Whether a tool must be called, and those that may be."""
    match choice:
        case None:
            return None, tools
        case "auto" | "none" | "required":
            return chat.ToolChoice(choice), tools
        case ToolChoiceItem(type="function"):
            return chat.ToolChoice("tool", _offered(choice.name, tools)), tools
        case ToolChoiceItem(type="allowed_tools"):
            allowed = [_offered(tool.name, tools) for tool in choice.tools or ()]
            mode = chat.ToolChoice(choice.mode or "auto")
            return mode, [tool for tool in tools if tool.name in allowed]
    return _refuse("tool_choice", "it is a word, `function` or `allowed_tools`")


def _offered(name: str | None, tools: Sequence[chat.Tool]) -> str:
    for tool in tools:
        if tool.name == name:
            return tool.name
    raise InvalidRequest(
        f"tool_choice names {name!r}, which is not among the tools", param="tool_choice"
    )


def _response_format(options: TextOptions | None) -> chat.ResponseFormat | None:
    item = None if options is None else options.format
    if item is None or item.type == "text":
        return None
    if item.type == "json_object":
        return chat.ResponseFormat("json_object")
    if item.schema is None:
        raise InvalidRequest(
            "text.format of type json_schema needs its schema", param="text.format.schema"
        )
    return chat.ResponseFormat("json_schema", item.schema, item.name, item.strict)


def _reasoning(options: ReasoningOptions | None) -> chat.Reasoning | None:
    effort = None if options is None else options.effort
    if effort is None:
        return None
    return chat.Reasoning("off") if effort == "none" else chat.Reasoning("auto", effort)


def _given(value: str | None, where: str) -> str:
    if value is None:
        raise InvalidRequest(f"{where} is missing", param=where)
    return value
