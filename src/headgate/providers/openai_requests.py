"""A request in OpenAI's words, where it did not come in them, and its output limit in any case.

What the protocol cannot say is refused by name. Left out without a word are hints that change no
meaning: marks for a cache, since OpenAI's works by itself, and what another vendor's model thought,
which only that vendor can read. That a tool failed is told in the text of its result.
"""

from typing import Any, Literal, get_args

from headgate.core import chat
from headgate.core.models import refuse_native, unsupported

# OpenAI knows efforts only; these are the largest budgets of thought that still are a lower one.
_LOW_BUDGET = 4_096
_MEDIUM_BUDGET = 16_384

# Vendors name the field for the output limit differently: OpenAI's reasoning models accept only
# the newer one, many compatible servers know only the older one.
LimitField = Literal["max_completion_tokens", "max_tokens"]
LIMIT_FIELDS: tuple[LimitField, ...] = get_args(LimitField)


def set_limit(fields: dict[str, Any], limit_field: LimitField, tokens: int | None) -> None:
    """Set the output limit once, in a field that the vendor heeds; None leaves it to the vendor.

    All heed the older field, so a body that has only that one is left as it is. A vendor that
    does not know the newer field would answer without a limit, beyond the money that is held.
    """
    if tokens is None:
        return
    sent = [name for name in LIMIT_FIELDS if bytes(fields.get(name, b"null")) != b"null"]
    if sent != ["max_tokens"]:
        for name in LIMIT_FIELDS:
            fields.pop(name, None)
        fields[limit_field] = tokens


def translated(request: chat.ChatRequest, limit_field: LimitField) -> dict[str, Any]:
    """The fields of a chat completion for a request that came in other words.

    Raises:
        ProviderRefused: it asks for something that the protocol has no words for.
    """
    refuse_native(request)
    if request.top_k is not None:
        raise unsupported("top_k", "OpenAI's protocol does not have it")
    messages = [_message_to_wire(index, m) for index, m in enumerate(request.messages)]
    fields: dict[str, Any] = {"messages": messages}
    optional = {
        limit_field: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
        "frequency_penalty": request.frequency_penalty,
        "presence_penalty": request.presence_penalty,
        "seed": request.seed,
        "reasoning_effort": _effort(request.reasoning),
        "user": request.user,
        "stop": list(request.stop) or None,
        "tools": [_tool_to_wire(tool) for tool in request.tools] or None,
        "parallel_tool_calls": request.parallel_tool_calls,
        "n": request.n if request.n > 1 else None,
        "logprobs": request.logprobs or None,
    }
    fields |= {name: value for name, value in optional.items() if value is not None}
    if request.tool_choice is not None:
        choice = request.tool_choice
        fields["tool_choice"] = (
            {"type": "function", "function": {"name": choice.name}}
            if choice.mode == "tool"
            else choice.mode
        )
    if request.response_format is not None:
        wanted = request.response_format
        fields["response_format"] = {"type": wanted.type}
        if wanted.type == "json_schema":
            fields["response_format"]["json_schema"] = {
                "name": wanted.name or "answer",
                "schema": wanted.schema or {},
                "strict": bool(wanted.strict),
            }
    return fields


def _effort(reasoning: chat.Reasoning | None) -> str | None:
    """OpenAI's word for it; None leaves it to the model, as models that do not reason need."""
    if reasoning is None or reasoning.mode == "off":
        return None
    if reasoning.budget_tokens is not None:
        small = "low" if reasoning.budget_tokens <= _LOW_BUDGET else "medium"
        return small if reasoning.budget_tokens <= _MEDIUM_BUDGET else "high"
    return "xhigh" if reasoning.effort == "max" else reasoning.effort


def _message_to_wire(index: int, message: chat.Message) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        where = f"messages[{index}].content"
        parts = [p for p in content if not isinstance(p, chat.Thinking)]
        content = [_part_to_wire(part, message.role, where) for part in parts]
    if message.is_error:
        content = f"Error: {message.text}"
    item: dict[str, Any] = {"role": message.role, "content": content}
    if message.tool_calls:
        item["content"] = content or None
        item["tool_calls"] = [
            {
                "id": call.id,
                "type": "function",
                "function": {"name": call.name, "arguments": call.arguments},
            }
            for call in message.tool_calls
        ]
    if message.tool_call_id is not None:
        item["tool_call_id"] = message.tool_call_id
    if message.name is not None:
        item["name"] = message.name
    return item


def _part_to_wire(part: chat.Part, role: chat.Role, where: str) -> dict[str, Any]:
    if isinstance(part, chat.Text):
        return {"type": "text", "text": part.text}
    if role == "tool":
        raise unsupported(where, "OpenAI's models read a tool's result as text only")
    if isinstance(part, chat.Image):
        detail = {} if part.detail is None else {"detail": part.detail}
        return {"type": "image_url", "image_url": {"url": part.url} | detail}
    if isinstance(part, chat.Document):
        if (text := chat.text_of(part)) is not None:
            return {"type": "text", "text": text}
        if chat.read_data_url(part.url) is None:
            raise unsupported(where, "OpenAI's models read no document by its address")
        name = {"filename": part.name or "document.pdf"}
        return {"type": "file", "file": {"file_data": part.url} | name}
    raise TypeError("thoughts are left out before")


def _tool_to_wire(tool: chat.Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or {}}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}
