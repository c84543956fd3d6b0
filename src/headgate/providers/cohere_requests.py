"""A request in Cohere's words.

What the protocol cannot say is refused by name. Left out without a word are hints that change no
meaning: marks for a cache, and the names of users. Where one tool must be called, no other is
offered, since the protocol can only ask for a call of any.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from headgate.core import chat
from headgate.core.models import refuse_native, unsupported

# The signature of a thought of Cohere's, which has none of its own.
MARK = "cohere:"
# The most tokens of thought for each effort; more effort has no bound of its own.
_BUDGETS: Mapping[chat.Effort, int] = {"minimal": 512, "low": 2_048, "medium": 8_192}
_ADDRESS = re.compile(r"https?://", re.IGNORECASE)


def translated(request: chat.ChatRequest) -> dict[str, Any]:
    """The fields of a request.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    refuse_native(request)
    _refuse_unknown(request)
    return {
        "model": request.model,
        "stream": request.stream,
        "messages": [
            _message(message, f"messages[{number}]")
            for number, message in enumerate(request.messages)
        ],
        **_tools(request),
        **_present(
            max_tokens=request.max_tokens,
            temperature=request.temperature,
            p=request.top_p,
            k=request.top_k,
            frequency_penalty=request.frequency_penalty,
            presence_penalty=request.presence_penalty,
            seed=request.seed,
            stop_sequences=list(request.stop) or None,
            response_format=_format(request.response_format),
            thinking=_thinking(request.reasoning),
        ),
    }


def _present(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value is not None}


def _refuse_unknown(request: chat.ChatRequest) -> None:
    if request.n > 1:
        raise unsupported("n", "Cohere's models give one answer")
    if request.logprobs:
        raise unsupported("logprobs", "Cohere's models do not have it here")
    if request.tools and request.parallel_tool_calls is False:
        raise unsupported("parallel_tool_calls", "Cohere's models decide by themselves")
    for name in ("temperature", "frequency_penalty", "presence_penalty"):
        value = getattr(request, name)
        if value is not None and not 0 <= value <= 1:
            raise unsupported(name, "Cohere's models take 0 to 1")


def _format(form: chat.ResponseFormat | None) -> dict[str, Any] | None:
    if form is None or form.type == "text":
        return None
    return {"type": "json_object", **_present(json_schema=form.schema)}


def _thinking(wanted: chat.Reasoning | None) -> dict[str, Any] | None:
    if wanted is None:
        return None
    if wanted.mode == "off":
        return {"type": "disabled"}
    budget = wanted.budget_tokens
    if budget is None and wanted.effort is not None:
        budget = _BUDGETS.get(wanted.effort)
    return {"type": "enabled", **_present(token_budget=budget)}


def _tools(request: chat.ChatRequest) -> dict[str, Any]:
    choice = request.tool_choice or chat.ToolChoice("auto")
    offered = request.tools
    if choice.mode == "tool":
        offered = tuple(tool for tool in offered if tool.name == choice.name)
        if not offered:
            raise unsupported("tool_choice", "tools does not offer the tool that it names")
    if not offered:
        return {}
    choices = {"none": "NONE", "required": "REQUIRED", "tool": "REQUIRED"}
    return {
        "tools": [_tool(tool) for tool in offered],
        **_present(
            tool_choice=choices.get(choice.mode),
            strict_tools=True if any(tool.strict for tool in offered) else None,
        ),
    }


def _tool(tool: chat.Tool) -> dict[str, Any]:
    function = {
        "name": tool.name,
        "parameters": tool.parameters or {"type": "object", "properties": {}},
        **_present(description=tool.description or None),
    }
    return {"type": "function", "function": function}


def _message(message: chat.Message, where: str) -> dict[str, Any]:
    match message.role:
        case "tool":
            if _holds(message, chat.Image, chat.Document):
                reason = "Cohere's models take texts as results of tools"
                raise unsupported(f"{where}.content", reason)
            said = f"Error: {message.text}" if message.is_error else message.text
            return {"role": "tool", "tool_call_id": message.tool_call_id or "", "content": said}
        case "assistant":
            return _said(message, where)
        case role:
            parts = list(_parts(message, where))
            if all(part["type"] == "text" for part in parts):
                return {"role": role, "content": "\n".join(part["text"] for part in parts)}
            return {"role": role, "content": parts}


def _holds(message: chat.Message, *kinds: type[chat.Part]) -> bool:
    return not isinstance(message.content, str) and any(
        isinstance(part, kinds) for part in message.content
    )


def _said(message: chat.Message, where: str) -> dict[str, Any]:
    """A turn of the model; what it says before it calls a tool is its plan."""
    if _holds(message, chat.Image, chat.Document):
        raise unsupported(f"{where}.content", "Cohere's models write texts only")
    thoughts = [
        {"type": "thinking", "thinking": part.text}
        for part in (() if isinstance(message.content, str) else message.content)
        if isinstance(part, chat.Thinking) and part.signature == MARK
    ]
    if message.tool_calls:
        calls = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments or "{}"},
            }
            for call in message.tool_calls
        ]
        plan = _present(tool_plan=message.text or None, content=thoughts or None)
        return {"role": "assistant", "tool_calls": calls, **plan}
    if not thoughts:
        return {"role": "assistant", "content": message.text}
    return {"role": "assistant", "content": [*thoughts, {"type": "text", "text": message.text}]}


def _parts(message: chat.Message, where: str) -> Iterator[dict[str, Any]]:
    content = message.content
    for part in (chat.Text(content),) if isinstance(content, str) else content:
        if isinstance(part, chat.Text):
            yield {"type": "text", "text": part.text}
        elif isinstance(part, chat.Image):
            yield {"type": "image_url", "image_url": _image(part, f"{where}.content")}
        elif isinstance(part, chat.Document):
            text = chat.text_of(part)
            if text is None:
                reason = "Cohere's models read texts and images: send the document's text"
                raise unsupported(f"{where}.content", reason)
            yield {"type": "text", "text": text}


def _image(image: chat.Image, where: str) -> dict[str, Any]:
    found = chat.read_data_url(image.url)
    is_image = found is not None and found.media_type.startswith("image/")
    if not is_image and not _ADDRESS.match(image.url):
        reason = "send an image as a `data:` URL in base64, or an https address"
        raise unsupported(where, reason)
    return {"url": image.url, **_present(detail=image.detail)}
