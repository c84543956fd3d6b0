import base64
from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatRequest,
    Document,
    Effort,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    Wire,
    data_url,
)
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.anthropic import (
    CountTokensRequest,
    MessagesRequest,
    chat_request,
    count_request,
)

PNG = {"type": "base64", "media_type": "image/png", "data": "AAAA"}
PDF = {"type": "base64", "media_type": "application/pdf", "data": "AAAA"}


def body(**fields: Any) -> bytes:
    return msgspec.json.encode(
        {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]} | fields
    )


def parsed(headers: dict[str, str] | None = None, /, **fields: Any) -> ChatRequest:
    sent = body(**fields)
    return chat_request(msgspec.json.decode(sent, type=MessagesRequest), sent, headers)


def user(*content: Any) -> dict[str, Any]:
    return {"role": "user", "content": list(content)}


def parts(*content: Any) -> Any:
    (message,) = parsed(messages=[user(*content)]).messages
    return message.content


def test_a_plain_question_is_read_and_its_body_kept() -> None:
    assert parsed() == ChatRequest(
        model="m",
        messages=(Message("user", "hello"),),
        max_tokens=9,
        wire=Wire("anthropic", body()),
    )


def test_everything_that_can_be_asked_is_read() -> None:
    schema: dict[str, object] = {"type": "object"}
    asked = parsed(
        system="be brief",
        stop_sequences=["a", "b"],
        stream=True,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        metadata={"user_id": "u1"},
        tools=[
            {"name": "f", "description": "does", "input_schema": schema, "strict": True},
            {"name": "g", "type": "custom", "cache_control": {"type": "ephemeral"}},
        ],
        tool_choice={"type": "tool", "name": "f", "disable_parallel_tool_use": True},
        thinking={"type": "enabled", "budget_tokens": 2048},
        output_config={"effort": "low", "format": {"type": "json_schema", "schema": schema}},
        service_tier="standard_only",
        speed="standard",
        cache_control={"type": "ephemeral"},
    )
    assert msgspec.structs.replace(asked, wire=None) == ChatRequest(
        model="m",
        messages=(Message("system", "be brief"), Message("user", "hello")),
        max_tokens=9,
        temperature=0.5,
        top_p=0.9,
        top_k=5,
        stop=("a", "b"),
        stream=True,
        user="u1",
        tools=(Tool("f", "does", schema, strict=True), Tool("g", cache="5m")),
        tool_choice=ToolChoice("tool", "f"),
        parallel_tool_calls=False,
        reasoning=Reasoning("budget", "low", 2048),
        response_format=ResponseFormat("json_schema", schema),
    )


def test_several_system_texts_keep_their_marks() -> None:
    system = [
        {"type": "text", "text": "a"},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    first, *_ = parsed(system=system).messages
    assert first == Message("system", (Text("a"), Text("b", "1h")))
    middle = [{"role": "user", "content": "hi"}, {"role": "system", "content": "be brief"}]
    assert parsed(messages=middle).messages[1] == Message("system", "be brief")


def test_images_and_documents_are_read_here_and_by_address() -> None:
    address = {"type": "url", "url": "https://a.example/x"}
    text = {"type": "text", "media_type": "text/plain", "data": "grüße"}
    packed = base64.b64encode("grüße".encode()).decode()
    mark = {"type": "ephemeral"}
    assert parts(
        {"type": "image", "source": PNG, "cache_control": mark},
        {"type": "image", "source": address},
        {"type": "document", "source": PDF, "title": "bill", "citations": {"enabled": False}},
        {"type": "document", "source": address},
        {"type": "document", "source": text},
    ) == (
        Image(data_url("image/png", "AAAA"), cache="5m"),
        Image("https://a.example/x"),
        Document(data_url("application/pdf", "AAAA"), "bill"),
        Document("https://a.example/x"),
        Document(data_url("text/plain", packed)),
    )


def test_a_turn_with_results_becomes_one_turn_a_result() -> None:
    turn = user(
        {"type": "tool_result", "tool_use_id": "t1", "content": "one"},
        {
            "type": "tool_result",
            "tool_use_id": "t2",
            "is_error": True,
            "content": [{"type": "text", "text": "two"}, {"type": "image", "source": PNG}],
            "cache_control": {"type": "ephemeral"},
        },
        {"type": "tool_result", "tool_use_id": "t3"},
        {"type": "text", "text": "go on"},
    )
    image = Image(data_url("image/png", "AAAA"), cache="5m")
    assert parsed(messages=[turn]).messages == (
        Message("tool", "one", tool_call_id="t1"),
        Message("tool", (Text("two"), image), tool_call_id="t2", is_error=True),
        Message("tool", "", tool_call_id="t3"),
        Message("user", (Text("go on"),)),
    )


def test_an_assistants_turn_keeps_its_thoughts_and_its_calls_as_they_were_written() -> None:
    turn = {
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": "hm", "signature": "sig"},
            {"type": "redacted_thinking", "data": "x"},
            {"type": "text", "text": "look"},
            {"type": "tool_use", "id": "t1", "name": "f", "input": msgspec.Raw(b'{"n": 1.50}')},
        ],
    }
    message, _ = parsed(messages=[turn, user({"type": "text", "text": "?"})]).messages
    assert message == Message(
        "assistant",
        (Thinking("hm", "sig"), Thinking(sealed="x"), Text("look")),
        (ToolCall("t1", "f", '{"n": 1.50}'),),
    )


@pytest.mark.parametrize(
    ("thinking", "effort", "reasoning"),
    [
        (None, None, None),
        (None, "high", Reasoning("auto", "high")),
        ({"type": "disabled"}, "high", Reasoning("off")),
        ({"type": "adaptive"}, "max", Reasoning("auto", "max")),
        ({"type": "enabled", "budget_tokens": 1024}, None, Reasoning("budget", None, 1024)),
    ],
)
def test_how_much_to_think_is_read(
    thinking: Any, effort: Effort | None, reasoning: Reasoning | None
) -> None:
    assert parsed(thinking=thinking, output_config={"effort": effort}).reasoning == reasoning


@pytest.mark.parametrize(
    ("choice", "mode"), [("auto", "auto"), ("any", "required"), ("none", "none")]
)
def test_a_choice_of_tools_has_openais_meaning(choice: str, mode: str) -> None:
    found = parsed(tool_choice={"type": choice}).tool_choice
    assert found is not None
    assert found.mode == mode


@pytest.mark.parametrize(
    ("fields", "native"),
    [
        ({"tools": [{"name": "bash", "type": "bash_20250124"}]}, "tools[0].type"),
        ({"thinking": {"type": "between_tools"}}, "thinking.type"),
        (
            {"context_management": {"edits": [{"type": "clear_tool_uses_20250919"}]}},
            "context_management",
        ),
        (
            {"messages": [user({"type": "search_result", "source": {"type": "x"}})]},
            "messages[0].content[0].type",
        ),
        (
            {
                "messages": [
                    user({"type": "document", "source": PDF, "citations": {"enabled": True}})
                ]
            },
            "messages[0].content[0].citations",
        ),
        (
            {"messages": [user({"type": "document", "source": PDF, "context": "c"})]},
            "messages[0].content[0].context",
        ),
        (
            {"messages": [user({"type": "document", "source": {"type": "content"}})]},
            "messages[0].content[0].source.type",
        ),
        (
            {"messages": [*[user()] * 2, {"role": "assistant", "content": "The answer"}]},
            "messages[2], the beginning of the answer",
        ),
    ],
)
def test_what_only_anthropics_models_have_is_named(fields: dict[str, Any], native: str) -> None:
    assert parsed(**fields).native == (native,)


@pytest.mark.parametrize(
    "fields",
    [
        {"speed": "fast"},
        {"inference_geo": "us"},
        {"service_tier": "priority"},
        {"container": "container_1"},
        {"mcp_servers": [{"url": "https://a.example"}]},
        {"max_tokens": -1},
        {"max_tokens": None},
        {"temperature": 1.5},
        {"messages": []},
    ],
)
def test_what_cannot_be_done_or_priced_is_no_request(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parsed(**fields)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        (
            {"tools": [{"name": "web_search", "type": "web_search_20250305"}]},
            "tools[0].type",
        ),
        (
            {"context_management": {"edits": [{"type": "compact_20260112"}]}},
            "context_management.edits[0].type",
        ),
        ({"tool_choice": {"type": "tool", "name": "f"}}, "tool_choice"),
        ({"thinking": {"type": "enabled"}}, "thinking.budget_tokens"),
        ({"messages": [user({"type": "text"})]}, "messages[0].content[0].text"),
        ({"messages": [user({"type": "image"})]}, "messages[0].content[0].source"),
        (
            {"messages": [user({"type": "image", "source": {"type": "file", "file_id": "f"}})]},
            "messages[0].content[0].source.type",
        ),
        ({"messages": [user({"type": "tool_result"})]}, "messages[0].content[0].tool_use_id"),
        ({"messages": [user({"type": "tool_use", "id": "t"})]}, "messages[0].content[0]"),
        (
            {
                "messages": [
                    {
                        "role": "assistant",
                        "content": [{"type": "tool_use", "id": "t", "name": "f", "input": [1]}],
                    }
                ]
            },
            "messages[0].content[0].input",
        ),
    ],
)
def test_parts_that_do_not_fit_together_are_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parsed(**fields)
    assert refused.value.param == param


@pytest.mark.parametrize(
    ("headers", "kept"),
    [
        (
            {"anthropic-version": "2023-06-01", "anthropic-beta": "a-1, b-2"},
            (("anthropic-version", "2023-06-01"), ("anthropic-beta", "a-1, b-2")),
        ),
        ({"anthropic-version": "latest", "anthropic-beta": "a\r\nx: y"}, ()),
        ({"x-api-key": "k"}, ()),
    ],
)
def test_headers_that_say_how_the_body_is_read_are_kept(
    headers: dict[str, str], kept: tuple[tuple[str, str], ...]
) -> None:
    wire = parsed(headers).wire
    assert wire is not None
    assert wire.headers == kept


def test_a_count_is_asked_for_without_a_limit() -> None:
    sent = b'{"model":"m","messages":[{"role":"user","content":"a"}],"system":"b"}'
    request = count_request(msgspec.json.decode(sent, type=CountTokensRequest), sent)
    assert request.max_tokens is None
    assert [message.text for message in request.messages] == ["b", "a"]
