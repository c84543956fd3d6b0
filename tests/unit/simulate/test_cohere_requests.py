from typing import Any

import msgspec
import pytest

from headgate.core.chat import ChatRequest, ToolChoice
from headgate.core.errors import InvalidRequest
from headgate.simulate.cohere_requests import (
    ChatBody,
    EmbedBody,
    chat_request,
    embedding_request,
)


def came(**fields: Any) -> ChatRequest:
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}], **fields}
    return chat_request(msgspec.convert(body, ChatBody))


def test_a_conversation_is_read_with_plans_and_blocks() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    blocks = [{"type": "thinking", "thinking": "hm"}, {"type": "text", "text": "so"}]
    request = came(
        messages=[
            {"role": "developer", "content": "s"},
            {"role": "assistant", "tool_calls": [call], "tool_plan": "look"},
            {"role": "tool", "tool_call_id": "a", "content": [{"type": "text", "text": "x"}]},
            {"role": "assistant", "content": blocks},
        ]
    )
    assert [message.role for message in request.messages] == [
        "system",
        "assistant",
        "tool",
        "assistant",
    ]
    assert [message.text for message in request.messages] == ["s", "look", "x", "so"]


def test_options_are_read() -> None:
    tools = [{"type": "function", "function": {"name": "f", "parameters": {}}}]
    request = came(
        tools=tools,
        tool_choice="REQUIRED",
        response_format={"type": "json_object"},
        thinking={"type": "disabled"},
    )
    assert request.tool_choice == ToolChoice("required")
    assert request.response_format
    assert request.response_format.type == "json_object"
    assert request.reasoning is None
    assert came(tools=tools, tool_choice="NONE").tool_choice == ToolChoice("none")
    assert came(response_format={"type": "text"}).response_format is None


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"temperature": 1.5},
        {"tool_choice": "REQUIRED"},
        {"messages": [{"role": "tool", "tool_call_id": "a", "content": "x"}]},
        {"messages": [{"role": "user", "content": [{"type": "image_url"}]}]},
    ],
)
def test_what_the_vendor_would_refuse_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest):
        came(**fields)


@pytest.mark.parametrize("fields", [{"texts": ["a"] * 97}, {"embedding_types": ["int8"]}])
def test_what_cannot_be_embedded_is_refused(fields: dict[str, Any]) -> None:
    body = {"model": "e", "input_type": "x", "texts": ["a"], **fields}
    with pytest.raises(InvalidRequest):
        embedding_request(msgspec.convert(body, EmbedBody))
