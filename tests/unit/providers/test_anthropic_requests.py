from typing import Any

import msgspec
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
from headgate.providers.anthropic_requests import translated, what_is_read

HELLO = (Message("user", "hello"),)
PDF = data_url("application/pdf", "AAAA")
YOUNG, OLD = "claude-opus-4-6", "claude-haiku-4-5-20251001"


def written(*messages: Message, model: str = YOUNG, limit: int = 9, **fields: Any) -> Any:
    request = ChatRequest(model=model, messages=messages or HELLO, **fields)
    return msgspec.json.decode(msgspec.json.encode(translated(request, limit)))


def turns(*messages: Message) -> Any:
    return written(*messages)["messages"]


def test_only_what_is_asked_for_is_written() -> None:
    hello = {"role": "user", "content": [{"type": "text", "text": "hello"}]}
    assert written() == {"messages": [hello], "max_tokens": 9}


def test_everything_that_is_asked_for_is_written() -> None:
    fields = written(
        temperature=0.0,
        top_p=0.5,
        top_k=3,
        seed=7,
        frequency_penalty=0.0,
        stop=("a", "b"),
        user="u1",
        tools=(Tool("f", "does", {"properties": {}}, strict=True, cache="1h"), Tool("g")),
        tool_choice=ToolChoice("tool", "f"),
        parallel_tool_calls=False,
        response_format=ResponseFormat("json_schema", {"type": "object"}, "answer"),
    )
    fields.pop("messages")
    assert fields == {
        "max_tokens": 9,
        "temperature": 0.0,
        "top_p": 0.5,
        "top_k": 3,
        "stop_sequences": ["a", "b"],
        "metadata": {"user_id": "u1"},
        "tools": [
            {
                "name": "f",
                "description": "does",
                "input_schema": {"type": "object", "properties": {}},
                "strict": True,
                "cache_control": {"type": "ephemeral", "ttl": "1h"},
            },
            {"name": "g", "input_schema": {"type": "object"}},
        ],
        "tool_choice": {"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        "output_config": {"format": {"type": "json_schema", "schema": {"type": "object"}}},
    }


def test_all_system_texts_stand_before_the_conversation() -> None:
    fields = written(
        Message("system", (Text("a"), Text("b", "5m"))),
        Message("user", "hi"),
        Message("system", "c"),
    )
    assert fields["system"] == [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "c"},
    ]
    assert len(fields["messages"]) == 1


def test_results_of_tools_stand_in_one_turn_with_what_the_user_says_then() -> None:
    call = ToolCall("t1", "f", ' {"n": 1.50} ')
    asked, called, answered = turns(
        Message("user", "go"),
        Message(
            "assistant",
            (Thinking("hm", "sig"), Thinking(sealed="x"), Text("look")),
            (call, ToolCall("t2", "g", "")),
        ),
        Message("tool", "one", tool_call_id="t1"),
        Message("tool", (Text("two"), Image("https://a.example/b", cache="5m")), tool_call_id="t2"),
        Message("tool", "no disk", tool_call_id="t3", is_error=True),
        Message("user", "go on"),
    )
    assert asked["role"] == answered["role"] == "user"
    assert called["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "look"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1.5}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
    ]
    image = {"type": "image", "source": {"type": "url", "url": "https://a.example/b"}}
    assert answered["content"] == [
        {
            "type": "tool_result",
            "tool_use_id": "t1",
            "content": [{"type": "text", "text": "one"}],
        },
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "content": [{"type": "text", "text": "two"}, image],
            "cache_control": {"type": "ephemeral"},
        },
        {
            "type": "tool_result",
            "tool_use_id": "t3",
            "content": [{"type": "text", "text": "no disk"}],
            "is_error": True,
        },
        {"type": "text", "text": "go on"},
    ]


def test_what_another_vendors_model_thought_stays_away() -> None:
    """Its signature says whose it is, and would be refused here."""
    content = (Thinking("hm", "gemini:0:abc"), Thinking("", "cohere:"), Text("look"))
    (turn,) = turns(Message("assistant", content))
    assert turn["content"] == [{"type": "text", "text": "look"}]


def test_a_thought_that_nobody_signed_is_left_out() -> None:
    content = (Thinking("another model's"), Text("hi"))
    (turn,) = turns(Message("assistant", content))
    assert turn["content"] == [{"type": "text", "text": "hi"}]


def test_arguments_arrive_as_they_were_written() -> None:
    """A number keeps all its digits."""
    call = ToolCall("t1", "f", '{"n": 1.50, "big": 12345678901234567890123}')
    request = ChatRequest(model=YOUNG, messages=(Message("assistant", "", (call,)),))
    assert b'{"n": 1.50, "big": 12345678901234567890123}' in msgspec.json.encode(
        translated(request, 9)
    )


def test_images_and_documents_are_written_here_and_by_address() -> None:
    text = data_url("text/plain", "Z3LDvMOfZQ==")
    ((turn),) = turns(
        Message(
            "user",
            (
                Image(data_url("image/png", "AAAA"), "low"),
                Document(PDF, "bill", cache="1h"),
                Document("https://a.example/b.pdf"),
                Document(text),
                Text(""),
            ),
        )
    )
    assert turn["content"] == [
        {
            "type": "image",
            "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"},
        },
        {
            "type": "document",
            "source": {"type": "base64", "media_type": "application/pdf", "data": "AAAA"},
            "title": "bill",
            "cache_control": {"type": "ephemeral", "ttl": "1h"},
        },
        {"type": "document", "source": {"type": "url", "url": "https://a.example/b.pdf"}},
        {
            "type": "document",
            "source": {"type": "text", "media_type": "text/plain", "data": "grüße"},
        },
    ]


@pytest.mark.parametrize(
    ("mode", "choice"),
    [("auto", {"type": "auto"}), ("required", {"type": "any"}), ("none", {"type": "none"})],
)
def test_a_choice_of_tools_is_written_where_there_are_tools(mode: Any, choice: Any) -> None:
    assert written(tools=(Tool("f"),), tool_choice=ToolChoice(mode))["tool_choice"] == choice
    assert "tool_choice" not in written(tool_choice=ToolChoice(mode))
    assert written(tools=(Tool("f"),), parallel_tool_calls=False)["tool_choice"] == {
        "type": "auto",
        "disable_parallel_tool_use": True,
    }
    assert "tool_choice" not in written(tools=(Tool("f"),), parallel_tool_calls=True)


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking", "effort"),
    [
        (YOUNG, Reasoning("off"), {"type": "disabled"}, None),
        (YOUNG, Reasoning("auto"), {"type": "adaptive"}, None),
        (YOUNG, Reasoning("auto", "minimal"), {"type": "adaptive"}, "low"),
        (YOUNG, Reasoning("auto", "xhigh"), {"type": "adaptive"}, "xhigh"),
        (OLD, Reasoning("auto"), {"type": "enabled", "budget_tokens": 5_000}, None),
        (OLD, Reasoning("auto", "high"), {"type": "enabled", "budget_tokens": 8_000}, None),
        (OLD, Reasoning("auto", "minimal"), {"type": "enabled", "budget_tokens": 1_024}, None),
        (
            OLD,
            Reasoning("budget", budget_tokens=3_000),
            {"type": "enabled", "budget_tokens": 3_000},
            None,
        ),
    ],
)
def test_how_much_to_think_is_told_in_the_models_way(
    model: str, reasoning: Reasoning, thinking: Any, effort: str | None
) -> None:
    fields = written(model=model, reasoning=reasoning, limit=10_000)
    assert fields["thinking"] == thinking
    assert fields.get("output_config", {}).get("effort") == effort


@pytest.mark.parametrize(
    ("model", "thinking"),
    [
        ("claude-3-7-sonnet-latest", "enabled"),
        ("claude-sonnet-4-20250514", "enabled"),
        ("claude-opus-4-1", "enabled"),
        ("claude-opus-4-5", "enabled"),
        ("claude-sonnet-4-6", "adaptive"),
        ("claude-opus-4-7-20260401", "adaptive"),
        ("claude-haiku-5-5", "adaptive"),
    ],
)
def test_models_that_want_a_number_are_told_apart(model: str, thinking: str) -> None:
    fields = written(model=model, reasoning=Reasoning("auto", "low"), limit=9_000)
    assert fields["thinking"]["type"] == thinking


@pytest.mark.parametrize(
    ("messages", "fields", "option"),
    [
        (HELLO, {"n": 2}, "n"),
        (HELLO, {"logprobs": True}, "logprobs"),
        (HELLO, {"frequency_penalty": 0.1}, "frequency_penalty"),
        (HELLO, {"presence_penalty": -0.1}, "presence_penalty"),
        (HELLO, {"temperature": 1.1}, "temperature"),
        (HELLO, {"response_format": ResponseFormat("json_object")}, "response_format"),
        (HELLO, {"native": ("logit_bias",)}, "logit_bias"),
        (HELLO, {"reasoning": Reasoning("auto", "low"), "model": OLD}, "reasoning_effort"),
        ((Message("user", (Image("ftp://a/b"),)),), {}, "messages[0].content"),
        ((Message("user", (Document(data_url("text/csv", "AAAA")),)),), {}, "messages[0].content"),
        (
            (Message("assistant", "", (ToolCall("t", "f", '{"n":'),)),),
            {},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_what_the_protocol_cannot_say_is_refused_by_name(
    messages: tuple[Message, ...], fields: dict[str, Any], option: str
) -> None:
    with pytest.raises(ProviderRefused) as refused:
        written(*messages, **fields)
    assert (refused.value.kind, refused.value.param) == ("unsupported", option)


def test_a_count_is_asked_for_with_what_the_model_reads_alone() -> None:
    request = ChatRequest(
        model=YOUNG, messages=HELLO, temperature=0.5, tools=(Tool("f"),), stop=("a",), stream=True
    )
    assert what_is_read(request, 9).keys() == {"messages", "tools"}
