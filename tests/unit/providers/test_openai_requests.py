from typing import Any

import pytest

from headgate.core.chat import (
    ChatRequest,
    Document,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    data_url,
)
from headgate.core.models import ProviderRefused
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


PDF = data_url("application/pdf", "AAAA")


def written(*messages: Message, **fields: Any) -> dict[str, Any]:
    request = ChatRequest(model="m", messages=messages or HELLO, **fields)
    return translated(request, "max_tokens")


def test_options_of_other_protocols_are_written_in_openais_words() -> None:
    fields = written(frequency_penalty=0.5, presence_penalty=-1.0, seed=7, user="u1")
    fields.pop("messages")
    assert fields == {"frequency_penalty": 0.5, "presence_penalty": -1.0, "seed": 7, "user": "u1"}


@pytest.mark.parametrize(
    ("reasoning", "effort"),
    [
        (Reasoning("off"), None),
        (Reasoning("auto"), None),
        (Reasoning("auto", "medium"), "medium"),
        (Reasoning("auto", "max"), "xhigh"),
        (Reasoning("budget", budget_tokens=1_024), "low"),
        (Reasoning("budget", budget_tokens=16_384), "medium"),
        (Reasoning("budget", budget_tokens=16_385), "high"),
    ],
)
def test_how_much_to_think_becomes_an_effort(reasoning: Reasoning, effort: str | None) -> None:
    assert written(reasoning=reasoning).get("reasoning_effort") == effort


def test_documents_are_files_and_plain_text_is_text() -> None:
    text = data_url("text/plain", "Z3LDvMOfZQ==")
    content = (Document(PDF, "bill.pdf"), Document(PDF), Document(text), Text("?", cache="5m"))
    (message,) = written(Message("user", content))["messages"]
    assert message["content"] == [
        {"type": "file", "file": {"file_data": PDF, "filename": "bill.pdf"}},
        {"type": "file", "file": {"file_data": PDF, "filename": "document.pdf"}},
        {"type": "text", "text": "grüße"},
        {"type": "text", "text": "?"},
    ]


def test_a_failed_tools_result_says_so_in_its_text() -> None:
    (message,) = written(Message("tool", "no disk", tool_call_id="c1", is_error=True))["messages"]
    assert message == {"role": "tool", "content": "Error: no disk", "tool_call_id": "c1"}


def test_what_another_vendors_model_thought_is_left_out() -> None:
    thoughts = (Thinking("hm", "sig"), Thinking(sealed="x"))
    said, called = written(
        Message("assistant", (*thoughts, Text("hi"))),
        Message("assistant", thoughts, tool_calls=(ToolCall("c1", "f", "{}"),)),
    )["messages"]
    assert said["content"] == [{"type": "text", "text": "hi"}]
    assert called["content"] is None


@pytest.mark.parametrize(
    ("messages", "fields", "option"),
    [
        (HELLO, {"top_k": 5}, "top_k"),
        (HELLO, {"native": ("tools[0].type", "x")}, "tools[0].type"),
        (
            (Message("tool", (Text("a"), Image("data:x")), tool_call_id="c"),),
            {},
            "messages[0].content",
        ),
        ((Message("user", (Document("https://a.example/b.pdf"),)),), {}, "messages[0].content"),
    ],
)
def test_what_the_protocol_cannot_say_is_refused_by_name(
    messages: tuple[Message, ...], fields: dict[str, Any], option: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        written(*messages, **fields)
    assert (refused.value.kind, refused.value.param) == ("unsupported", option)
    assert option in refused.value.message
