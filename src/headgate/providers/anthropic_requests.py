"""A request in Anthropic's words, where it did not come in them.

What the protocol cannot say is refused by name. Left out without a word are hints that change no
meaning: a `seed`, an image's `detail`, and the names of users. All system texts stand before the
conversation, wherever they stood, and turns of one role that follow each other are one turn.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from headgate.core import chat
from headgate.core.models import refuse_native, unsupported

LEAST_THOUGHT_TOKENS = 1_024
# The share of the output that each effort may spend on thought, where a model wants a number.
_SHARES: Mapping[chat.Effort, float] = {
    "minimal": 0.1,
    "low": 0.2,
    "medium": 0.5,
    "high": 0.8,
    "xhigh": 0.9,
    "max": 0.95,
}
# Models that want a number of tokens to think with; younger ones decide by themselves.
_BY_NUMBER = re.compile(
    r"claude-(?:2|3|v1|instant|(?:opus|sonnet|haiku)-4(?:-[015])?(?:-\d{8}|@\d{8}|-latest)?$)"
)
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def translated(request: chat.ChatRequest, output_tokens: int) -> dict[str, Any]:
    """The fields of a message for a request that came in other words.

    `output_tokens` is the limit to send; the protocol has no request without one.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    refuse_native(request)
    _refuse_unknown(request)
    return {
        **what_is_read(request, output_tokens),
        "max_tokens": output_tokens,
        **_present(
            temperature=request.temperature,
            top_p=request.top_p,
            top_k=request.top_k,
            stop_sequences=list(request.stop) or None,
            metadata=None if request.user is None else {"user_id": request.user},
        ),
    }


def what_is_read(request: chat.ChatRequest, output_tokens: int) -> dict[str, Any]:
    """The fields that say what the model reads, as a count of their tokens takes them.

    Raises:
        ProviderRefused: the protocol has no words for something.
    """
    system, turns = _conversation(request.messages)
    thinking, effort = thinking_of(request.model, request.reasoning, output_tokens)
    form = request.response_format
    output = _present(
        effort=effort,
        format=(
            {"type": "json_schema", "schema": form.schema or {}}
            if form is not None and form.type == "json_schema"
            else None
        ),
    )
    return {
        "messages": turns,
        **_present(
            system=system or None,
            tools=[_tool(tool) for tool in request.tools] or None,
            tool_choice=_tool_choice(request) if request.tools else None,
            thinking=thinking,
            output_config=output or None,
        ),
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _refuse_unknown(request: chat.ChatRequest) -> None:
    has_no = "Anthropic's models do not have it"
    if request.n > 1:
        raise unsupported("n", has_no)
    if request.logprobs:
        raise unsupported("logprobs", has_no)
    if request.frequency_penalty:
        raise unsupported("frequency_penalty", has_no)
    if request.presence_penalty:
        raise unsupported("presence_penalty", has_no)
    if request.temperature is not None and request.temperature > 1:
        raise unsupported("temperature", "Anthropic's models take 0 to 1")
    if request.response_format is not None and request.response_format.type == "json_object":
        reason = "Anthropic's models write JSON by a schema: send a json_schema"
        raise unsupported("response_format", reason)


def thinking_of(
    model: str, wanted: chat.Reasoning | None, output_tokens: int
) -> tuple[dict[str, Any] | None, str | None]:
    """How a model of Anthropic's shall think, and with which effort.

    Raises:
        ProviderRefused: it cannot think within the output's limit.
    """
    if wanted is None:
        return None, None
    if wanted.mode == "off":
        return {"type": "disabled"}, None
    if not _BY_NUMBER.match(model):
        return {"type": "adaptive"}, "low" if wanted.effort == "minimal" else wanted.effort
    if output_tokens <= LEAST_THOUGHT_TOKENS:
        reason = f"this model thinks with at least {LEAST_THOUGHT_TOKENS} tokens of its output"
        raise unsupported("reasoning_effort", f"{reason}, so allow more of it")
    budget = wanted.budget_tokens
    if budget is None:
        budget = int(_SHARES[wanted.effort or "medium"] * output_tokens)
    return {"type": "enabled", "budget_tokens": max(LEAST_THOUGHT_TOKENS, budget)}, None


def _conversation(
    messages: tuple[chat.Message, ...],
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The system's texts and the turns."""
    system: list[dict[str, Any]] = []
    turns: list[dict[str, Any]] = []
    for index, message in enumerate(messages):
        blocks = list(_blocks(message, f"messages[{index}]"))
        role = "assistant" if message.role == "assistant" else "user"
        if message.role == "system":
            system += blocks
        elif turns and turns[-1]["role"] == role:
            turns[-1]["content"] += blocks
        elif blocks:
            turns.append({"role": role, "content": blocks})
    return system, turns


def _blocks(message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
    if message.role == "tool":
        yield _result(message, where)
        return
    yield from _parts(message, where)
    for index, call in enumerate(message.tool_calls):
        at = f"{where}.tool_calls[{index}]"
        block = {"type": "tool_use", "id": call.id, "name": call.name}
        yield {**block, "input": _input(call.arguments, at), **_mark(call.cache)}


def _result(message: chat.Message, where: str) -> dict[str, Any]:
    """A tool's result; a mark for the cache stands at its outer block."""
    content = list(_parts(message, where))
    marks = [mark for block in content if (mark := block.pop("cache_control", None))]
    return {
        "type": "tool_result",
        "tool_use_id": message.tool_call_id,
        "content": content,
        **({"is_error": True} if message.is_error else {}),
        **({"cache_control": marks[-1]} if marks else {}),
    }


def _parts(message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
    content = message.content
    for part in (chat.Text(content),) if isinstance(content, str) else content:
        if isinstance(part, chat.Thinking):
            # What nobody signed, or another vendor, is not Anthropic's, and would be refused.
            is_foreign = ":" in (part.signature or "")
            if not is_foreign and (part.signature or part.sealed is not None):
                yield _thought(part)
        elif isinstance(part, chat.Image):
            yield {"type": "image", "source": _image(part, where), **_mark(part.cache)}
        elif isinstance(part, chat.Document):
            title = _present(title=part.name)
            source = _document(part, where)
            yield {"type": "document", "source": source, **title, **_mark(part.cache)}
        elif part.text:  # A block without text is refused.
            yield {"type": "text", "text": part.text, **_mark(part.cache)}


def _thought(thought: chat.Thinking) -> dict[str, Any]:
    if thought.sealed is not None:
        return {"type": "redacted_thinking", "data": thought.sealed}
    return {"type": "thinking", "thinking": thought.text, "signature": thought.signature or ""}


def _image(image: chat.Image, where: str) -> dict[str, Any]:
    found = chat.read_data_url(image.url)
    if found is not None:
        return {"type": "base64", "media_type": found.media_type, "data": found.data}
    return _remote(image.url, where)


def _document(document: chat.Document, where: str) -> dict[str, Any]:
    if (text := chat.text_of(document)) is not None:
        return {"type": "text", "media_type": "text/plain", "data": text}
    found = chat.read_data_url(document.url)
    if found is None:
        return _remote(document.url, where)
    if found.media_type != "application/pdf":
        raise unsupported(f"{where}.content", "Anthropic's models read PDF and plain text")
    return {"type": "base64", "media_type": found.media_type, "data": found.data}


def _remote(url: str, where: str) -> dict[str, Any]:
    if not _ADDRESS.match(url):
        reason = "send the data as a `data:` URL in base64, or an https address"
        raise unsupported(f"{where}.content", reason)
    return {"type": "url", "url": url}


def _input(arguments: str, where: str) -> msgspec.Raw:
    """A tool's input as it was written."""
    text = arguments.strip().encode() or b"{}"
    try:
        msgspec.json.decode(text, type=dict[str, msgspec.Raw])
    except (msgspec.DecodeError, RecursionError) as error:
        reason = "Anthropic's models take an object in JSON only"
        raise unsupported(f"{where}.function.arguments", reason) from error
    return msgspec.Raw(text)


def _mark(span: chat.CacheSpan | None) -> dict[str, Any]:
    if span is None:
        return {}
    return {"cache_control": {"type": "ephemeral"} | ({"ttl": span} if span != "5m" else {})}


def _tool(tool: chat.Tool) -> dict[str, Any]:
    return {
        "name": tool.name,
        "input_schema": {"type": "object"} | (tool.parameters or {}),
        **_present(description=tool.description or None, strict=tool.strict or None),
        **_mark(tool.cache),
    }


def _tool_choice(request: chat.ChatRequest) -> dict[str, Any] | None:
    choice = request.tool_choice
    one_at_a_time = request.parallel_tool_calls is False
    if choice is None and not one_at_a_time:
        return None
    choice = choice or chat.ToolChoice("auto")
    if choice.mode == "none":
        return {"type": "none"}
    kind = "any" if choice.mode == "required" else choice.mode
    return {
        "type": kind,
        **_present(
            name=choice.name,
            disable_parallel_tool_use=one_at_a_time or None,
        ),
    }
