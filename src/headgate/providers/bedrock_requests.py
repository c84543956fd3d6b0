"""A request in the words of Bedrock's Converse.

What it cannot say is refused by name. Left out without a word are hints that change no meaning: a
`seed`, an image's `detail`, the names of users, and marks for a cache where the model has none.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.models import refuse_native, unsupported
from headgate.providers.anthropic_requests import thinking_of
from headgate.providers.bedrock_models import base_name, claude_name

_IMAGES = {"image/png": "png", "image/jpeg": "jpeg", "image/gif": "gif", "image/webp": "webp"}
_DOCUMENTS = {"application/pdf": "pdf", "text/plain": "txt"}
# A document's name may hold these alone, and no two blanks in a row.
_NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9()\[\]-]+")
_MOST_NAME = 200
# The makers whose models remember input.
_REMEMBERING = ("anthropic.", "amazon.nova")
# The makers whose models write under a schema no more than they are asked to in words.
_FORMLESS = ("amazon.", "meta.")


def converse(request: chat.ChatRequest, output_tokens: int) -> dict[str, Any]:
    """The fields of a Converse call; `output_tokens` is the limit to send.

    Raises:
        ProviderRefused: it asks for something that Converse has no words for.
    """
    refuse_native(request)
    _refuse_unknown(request)
    conversation = _Conversation(request)
    additional, effort = _additional(request, output_tokens)
    text_format = _text_format(request)
    output = _present(textFormat=text_format, effort=effort)
    inference = _present(
        maxTokens=output_tokens,
        temperature=request.temperature,
        topP=request.top_p,
        stopSequences=list(request.stop) or None,
    )
    asks_for_stop = request.stop and claude_name(request.model) is not None
    return {
        "messages": conversation.turns,
        "inferenceConfig": inference,
        **_present(
            system=conversation.system or None,
            toolConfig=_tools(request),
            outputConfig=output or None,
            additionalModelRequestFields=additional or None,
            additionalModelResponseFieldPaths=["/stop_sequence"] if asks_for_stop else None,
        ),
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _refuse_unknown(request: chat.ChatRequest) -> None:
    has_no = "Bedrock does not have it"
    if request.n > 1:
        raise unsupported("n", has_no)
    if request.logprobs:
        raise unsupported("logprobs", has_no)
    if request.frequency_penalty:
        raise unsupported("frequency_penalty", has_no)
    if request.presence_penalty:
        raise unsupported("presence_penalty", has_no)
    if request.temperature is not None and request.temperature > 1:
        raise unsupported("temperature", "Bedrock takes 0 to 1")
    if request.parallel_tool_calls is False and request.tools:
        raise unsupported("parallel_tool_calls", has_no)
    if request.top_k is not None and claude_name(request.model) is None:
        raise unsupported("top_k", "Bedrock has it for Anthropic's models only")


def _text_format(request: chat.ChatRequest) -> dict[str, Any] | None:
    form = request.response_format
    if form is None or form.type == "text":
        return None
    if form.type == "json_object":
        reason = "Bedrock's models write JSON by a schema: send a json_schema"
        raise unsupported("response_format", reason)
    if base_name(request.model).startswith(_FORMLESS):
        raise unsupported("response_format", "this model does not write under a schema")
    schema = msgspec.json.encode(form.schema or {}).decode()
    named = {"schema": schema, "name": form.name or "answer"}
    return {"type": "json_schema", "structure": {"jsonSchema": named}}


def _additional(request: chat.ChatRequest, output_tokens: int) -> tuple[dict[str, Any], str | None]:
    """The model's own fields, and the effort, for which Converse has a word."""
    fields: dict[str, Any] = _present(top_k=request.top_k)
    wanted = request.reasoning
    if wanted is None:
        return fields, None
    claude = claude_name(request.model)
    if claude is not None:
        thinking, effort = thinking_of(claude, wanted, output_tokens)
        return fields | _present(thinking=thinking), effort
    if wanted.mode == "off":
        return fields, None
    if base_name(request.model).startswith("openai."):
        return fields | {"reasoning_effort": wanted.effort or "medium"}, None
    raise unsupported("reasoning_effort", "this model takes no wish about it")


def _tools(request: chat.ChatRequest) -> dict[str, Any] | None:
    choice = request.tool_choice
    if not request.tools:
        return None
    if choice is not None and choice.mode == "none":
        if any(message.tool_calls or message.role == "tool" for message in request.messages):
            reason = "Bedrock cannot forbid tools that the conversation has called"
            raise unsupported("tool_choice", reason)
        return None
    remembers = _remembers(request.model)
    tools: list[dict[str, Any]] = []
    for tool in request.tools:
        tools.append({"toolSpec": _tool(tool)})
        tools += _mark(tool.cache if remembers else None)
    wanted: dict[str, Any] | None = None
    if choice is not None:
        kind = "any" if choice.mode == "required" else choice.mode
        wanted = {kind: {"name": choice.name} if kind == "tool" else {}}
    return {"tools": tools, **_present(toolChoice=wanted)}


def _tool(tool: chat.Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "inputSchema": {"json": {"type": "object"} | (tool.parameters or {})},
        **_present(description=tool.description or None, strict=tool.strict or None),
    }


def _remembers(model: str) -> bool:
    return base_name(model).startswith(_REMEMBERING)


def _mark(span: chat.CacheSpan | None) -> list[dict[str, Any]]:
    """A mark for the cache, which stands after what it is for."""
    if span is None:
        return []
    return [{"cachePoint": {"type": "default"} | ({"ttl": span} if span != "5m" else {})}]


class _Conversation:
    """The system's texts and the turns; those of one role that follow each other are one."""

    def __init__(self, request: chat.ChatRequest) -> None:
        self.system: list[dict[str, Any]] = []
        self.turns: list[dict[str, Any]] = []
        self._remembers = _remembers(request.model)
        for index, message in enumerate(request.messages):
            self._add(message, f"messages[{index}]")

    def _add(self, message: chat.Message, where: str) -> None:
        blocks = list(self._blocks(message, where))
        role = "assistant" if message.role == "assistant" else "user"
        if message.role == "system":
            if not all(block.keys() <= {"text", "cachePoint"} for block in blocks):
                raise unsupported(f"{where}.content", "Bedrock reads a system's texts only")
            self.system += blocks
        elif self.turns and self.turns[-1]["role"] == role:
            self.turns[-1]["content"] += blocks
        elif blocks:
            self.turns.append({"role": role, "content": blocks})

    def _blocks(self, message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
        if message.role == "tool":
            yield from self._result(message, where)
            return
        yield from self._parts(message, where)
        for index, call in enumerate(message.tool_calls):
            at = f"{where}.tool_calls[{index}]"
            tool = {"toolUseId": call.id, "name": call.name, "input": _input(call.arguments, at)}
            yield {"toolUse": tool}
            yield from self._marks(call.cache)

    def _result(self, message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
        parts = list(self._parts(message, where))
        status = {"status": "error"} if message.is_error else {}
        content = [part for part in parts if "cachePoint" not in part]
        yield {"toolResult": {"toolUseId": message.tool_call_id, "content": content, **status}}
        yield from [part for part in parts if "cachePoint" in part][-1:]

    def _parts(self, message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
        content = message.content
        for part in (chat.Text(content),) if isinstance(content, str) else content:
            if isinstance(part, chat.Thinking):
                yield from _thought(part)
                continue
            if isinstance(part, chat.Image):
                yield {"image": _image(part, where)}
            elif isinstance(part, chat.Document):
                yield {"document": _document(part, where)}
            elif part.text:  # A block without text is refused.
                yield {"text": part.text}
            else:
                continue
            yield from self._marks(part.cache)

    def _marks(self, span: chat.CacheSpan | None) -> list[dict[str, Any]]:
        return _mark(span) if self._remembers else []


def _thought(thought: chat.Thinking) -> Iterator[dict[str, Any]]:
    """A thought as it was given; nobody wants one back that nothing vouches for."""
    if thought.sealed is not None:
        yield {"reasoningContent": {"redactedContent": thought.sealed}}
    elif thought.signature is not None:
        text = {"text": thought.text, "signature": thought.signature}
        yield {"reasoningContent": {"reasoningText": text}}


def _image(image: chat.Image, where: str) -> dict[str, Any]:
    return _media(image.url, _IMAGES, where, "images as PNG, JPEG, GIF or WebP")


def _document(document: chat.Document, where: str) -> dict[str, Any]:
    name = _NOT_IN_NAMES.sub(" ", document.name or "").strip()[:_MOST_NAME] or "document"
    found = _media(document.url, _DOCUMENTS, where, "documents as PDF or plain text")
    return {"name": name, **found}


def _media(url: str, formats: Mapping[str, str], where: str, known: str) -> dict[str, Any]:
    found = chat.read_data_url(url)
    if found is None or found.media_type not in formats:
        reason = f"Bedrock takes {known}, sent along as a `data:` URL in base64"
        raise unsupported(f"{where}.content", reason)
    return {"format": formats[found.media_type], "source": {"bytes": found.data}}


def _input(arguments: str, where: str) -> msgspec.Raw:
    """A tool's input as it was written."""
    text = arguments.strip().encode() or b"{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "Bedrock takes an object in JSON only"
        raise unsupported(f"{where}.function.arguments", reason) from error
    return msgspec.Raw(text)
