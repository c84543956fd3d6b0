"""A request in OpenAI's words, where it did not come in them, and its output limit in any case."""

from typing import Any, Literal, get_args

from headgate.core import chat

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
    """The fields of a chat completion for a request that came in other words."""
    fields: dict[str, Any] = {"messages": [_message_to_wire(m) for m in request.messages]}
    optional = {
        limit_field: request.max_tokens,
        "temperature": request.temperature,
        "top_p": request.top_p,
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


def _message_to_wire(message: chat.Message) -> dict[str, Any]:
    content: Any = message.content
    if not isinstance(content, str):
        content = [
            {"type": "text", "text": part.text}
            if isinstance(part, chat.Text)
            else {
                "type": "image_url",
                "image_url": {"url": part.url}
                | ({"detail": part.detail} if part.detail is not None else {}),
            }
            for part in content
        ]
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


def _tool_to_wire(tool: chat.Tool) -> dict[str, Any]:
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.parameters or {}}
    if tool.description:
        function["description"] = tool.description
    if tool.strict is not None:
        function["strict"] = tool.strict
    return {"type": "function", "function": function}
