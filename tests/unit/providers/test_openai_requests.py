from typing import Any

import pytest

from headgate.core.chat import (
    ChatRequest,
    Image,
    Message,
    ResponseFormat,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
)
from headgate.providers.openai_requests import LimitField, set_limit, translated

HELLO = (Message("user", "hello"),)


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_a_limit_stands_in_the_vendors_field(field: LimitField) -> None:
    fields: dict[str, Any] = {}
    set_limit(fields, field, 64)
    assert fields == {field: 64}


@pytest.mark.parametrize("field", ["max_tokens", "max_completion_tokens"])
def test_no_limit_leaves_a_body_alone(field: LimitField) -> None:
    fields: dict[str, Any] = {"max_tokens": b"null"}
    set_limit(fields, field, None)
    assert fields == {"max_tokens": b"null"}


def test_only_what_is_asked_for_is_written() -> None:
    assert translated(ChatRequest(model="m", messages=HELLO), "max_tokens") == {
        "messages": [{"role": "user", "content": "hello"}]
    }


def test_everything_that_is_asked_for_is_written() -> None:
    request = ChatRequest(
        model="m",
        messages=(
            Message("system", "be brief"),
            Message("user", (Text("look"), Image("data:x", "low"), Image("data:y")), name="ann"),
            Message("assistant", "", tool_calls=(ToolCall("call_1", "add", '{"n":1}'),)),
            Message("tool", "2", tool_call_id="call_1"),
        ),
        max_tokens=9,
        temperature=0,
        top_p=0.5,
        stop=("a", "b"),
        tools=(Tool("add", "adds", {"type": "object"}, strict=True), Tool("sub")),
        tool_choice=ToolChoice("tool", "add"),
        parallel_tool_calls=False,
        response_format=ResponseFormat("json_schema", {"type": "object"}, "answer", strict=True),
        n=2,
        logprobs=True,
    )
    assert translated(request, "max_completion_tokens") == {
        "messages": [
            {"role": "system", "content": "be brief"},
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}},
                    {"type": "image_url", "image_url": {"url": "data:y"}},
                ],
                "name": "ann",
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {
                        "id": "call_1",
                        "type": "function",
                        "function": {"name": "add", "arguments": '{"n":1}'},
                    }
                ],
            },
            {"role": "tool", "content": "2", "tool_call_id": "call_1"},
        ],
        "max_completion_tokens": 9,
        "temperature": 0,
        "top_p": 0.5,
        "stop": ["a", "b"],
        "tools": [
            {
                "type": "function",
                "function": {
                    "name": "add",
                    "parameters": {"type": "object"},
                    "description": "adds",
                    "strict": True,
                },
            },
            {"type": "function", "function": {"name": "sub", "parameters": {}}},
        ],
        "parallel_tool_calls": False,
        "n": 2,
        "logprobs": True,
        "tool_choice": {"type": "function", "function": {"name": "add"}},
        "response_format": {
            "type": "json_schema",
            "json_schema": {"name": "answer", "schema": {"type": "object"}, "strict": True},
        },
    }


def test_a_choice_of_mode_and_a_format_without_schema_are_words() -> None:
    request = ChatRequest(
        model="m",
        messages=HELLO,
        tool_choice=ToolChoice("required"),
        response_format=ResponseFormat("json_object"),
    )
    fields = translated(request, "max_tokens")
    assert (fields["tool_choice"], fields["response_format"]) == (
        "required",
        {"type": "json_object"},
    )
