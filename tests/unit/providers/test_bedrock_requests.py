"""Requests in the words of Converse; what it cannot say is refused by name."""

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
)
from headgate.core.models import ProviderRefused
from headgate.providers.bedrock_requests import converse

CLAUDE = "eu.anthropic.claude-haiku-4-5-20251001-v1:0"
OPUS = "global.anthropic.claude-opus-4-6-v1"
NOVA = "amazon.nova-lite-v1:0"
LLAMA = "meta.llama3-8b-instruct-v1:0"
GPT = "openai.gpt-oss-20b-1:0"
PIXEL = "data:image/png;base64,iVBORw0KGgo="
HELLO = (Message("user", "hello"),)
TOOL = Tool("search", "Looks.", {"properties": {}})
CALL = Message("assistant", "", (ToolCall("t1", "search", '{"q":1.0}'),))


def fields(model: str = CLAUDE, limit: int = 4_096, **options: Any) -> Any:
    """As they are sent."""
    request = ChatRequest(**({"model": model, "messages": HELLO} | options))
    return msgspec.json.decode(msgspec.json.encode(converse(request, limit)))


def test_the_least_request() -> None:
    assert fields() == {
        "messages": [{"role": "user", "content": [{"text": "hello"}]}],
        "inferenceConfig": {"maxTokens": 4_096},
    }


def test_system_texts_stand_apart_and_turns_of_one_role_are_one() -> None:
    found = fields(
        messages=(
            Message("system", "be brief"),
            Message("user", "a"),
            Message("user", (Text("b"), Text(""))),
            Message("assistant", "c"),
            Message("system", "be kind"),
            Message("user", "d"),
        )
    )
    assert found["system"] == [{"text": "be brief"}, {"text": "be kind"}]
    assert [(t["role"], [b["text"] for b in t["content"]]) for t in found["messages"]] == [
        ("user", ["a", "b"]),
        ("assistant", ["c"]),
        ("user", ["d"]),
    ]


def test_how_to_answer() -> None:
    found = fields(temperature=0.5, top_p=0.9, top_k=7, stop=("END",))
    assert found["inferenceConfig"] == {
        "maxTokens": 4_096,
        "temperature": 0.5,
        "topP": 0.9,
        "stopSequences": ["END"],
    }
    assert found["additionalModelRequestFields"] == {"top_k": 7}
    assert found["additionalModelResponseFieldPaths"] == ["/stop_sequence"]
    assert "additionalModelResponseFieldPaths" not in fields(NOVA, stop=("END",))


def test_images_and_documents_are_sent_along() -> None:
    parts = (
        Text("look"),
        Image(PIXEL),
        Document("data:application/pdf;base64,JVBERg==", "bill_no.  7 (final).pdf"),
        Document("data:text/plain;base64,aGk="),
    )
    (turn,) = fields(messages=(Message("user", parts),))["messages"]
    assert turn["content"][1:] == [
        {"image": {"format": "png", "source": {"bytes": "iVBORw0KGgo="}}},
        {
            "document": {
                "name": "bill no 7 (final) pdf",
                "format": "pdf",
                "source": {"bytes": "JVBERg=="},
            }
        },
        {"document": {"name": "document", "format": "txt", "source": {"bytes": "aGk="}}},
    ]


def test_tools_calls_and_results() -> None:
    found = fields(
        tools=(TOOL, Tool("stop")),
        tool_choice=ToolChoice("tool", "search"),
        messages=(
            *HELLO,
            CALL,
            Message("tool", "found", tool_call_id="t1"),
            Message("tool", (Text("no"), Image(PIXEL)), tool_call_id="t2", is_error=True),
            Message("user", "and?"),
        ),
    )
    assert found["toolConfig"]["tools"] == [
        {
            "toolSpec": {
                "name": "search",
                "description": "Looks.",
                "inputSchema": {"json": {"type": "object", "properties": {}}},
            }
        },
        {"toolSpec": {"name": "stop", "inputSchema": {"json": {"type": "object"}}}},
    ]
    assert found["toolConfig"]["toolChoice"] == {"tool": {"name": "search"}}
    _, called, results = found["messages"]
    assert called["content"] == [
        {"toolUse": {"toolUseId": "t1", "name": "search", "input": {"q": 1.0}}}
    ]
    first, second, text = results["content"]
    assert first == {"toolResult": {"toolUseId": "t1", "content": [{"text": "found"}]}}
    assert second["toolResult"]["status"] == "error"
    assert [list(block) for block in second["toolResult"]["content"]] == [["text"], ["image"]]
    assert text == {"text": "and?"}


@pytest.mark.parametrize(
    ("choice", "expected"),
    [(None, None), (ToolChoice("auto"), {"auto": {}}), (ToolChoice("required"), {"any": {}})],
)
def test_whether_a_tool_must_be_called(choice: ToolChoice | None, expected: object) -> None:
    found = fields(tools=(TOOL,), tool_choice=choice)
    assert found["toolConfig"].get("toolChoice") == expected


def test_tools_that_may_not_be_called_are_not_told_of() -> None:
    """Converse has no word for it, and wants the tools where any was called before."""
    assert "toolConfig" not in fields(tools=(TOOL,), tool_choice=ToolChoice("none"))
    with pytest.raises(ProviderRefused) as refusal:
        fields(tools=(TOOL,), tool_choice=ToolChoice("none"), messages=(*HELLO, CALL))
    assert refusal.value.param == "tool_choice"


def test_thoughts_go_back_unchanged_where_something_vouches_for_them() -> None:
    parts = (Thinking("hm", "sig"), Thinking(sealed="c2VhbGVk"), Thinking("unsigned"), Text("hi"))
    found = fields(messages=(*HELLO, Message("assistant", parts)))
    assert found["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "sig"}}},
        {"reasoningContent": {"redactedContent": "c2VhbGVk"}},
        {"text": "hi"},
    ]


def test_thinking_is_asked_for_in_each_makers_words() -> None:
    budget = fields(reasoning=Reasoning("budget", None, 2_000))
    assert budget["additionalModelRequestFields"] == {
        "thinking": {"type": "enabled", "budget_tokens": 2_000}
    }
    adaptive = fields(OPUS, reasoning=Reasoning("auto", "high"))
    assert adaptive["additionalModelRequestFields"] == {"thinking": {"type": "adaptive"}}
    assert adaptive["outputConfig"] == {"effort": "high"}
    gpt = fields(GPT, reasoning=Reasoning("auto", "low"))
    assert gpt["additionalModelRequestFields"] == {"reasoning_effort": "low"}
    assert "additionalModelRequestFields" not in fields(LLAMA, reasoning=Reasoning("off"))


def test_an_answer_under_a_schema() -> None:
    form = ResponseFormat("json_schema", {"type": "object"}, "person")
    (text_format,) = fields(response_format=form)["outputConfig"].values()
    assert text_format == {
        "type": "json_schema",
        "structure": {"jsonSchema": {"schema": '{"type":"object"}', "name": "person"}},
    }
    assert "outputConfig" not in fields(response_format=ResponseFormat("text"))


def test_marks_for_the_cache_stand_after_what_they_are_for() -> None:
    options: dict[str, Any] = {
        "messages": (
            Message("system", (Text("long", cache="1h"),)),
            Message("user", (Text("a", cache="5m"), Text("b"))),
            msgspec.structs.replace(
                CALL, tool_calls=(msgspec.structs.replace(CALL.tool_calls[0], cache="5m"),)
            ),
            Message("tool", (Text("found", cache="5m"),), tool_call_id="t1"),
        ),
        "tools": (msgspec.structs.replace(TOOL, cache="5m"),),
    }
    mark = {"cachePoint": {"type": "default"}}
    found = fields(**options)
    assert found["system"][1] == {"cachePoint": {"type": "default", "ttl": "1h"}}
    assert found["toolConfig"]["tools"][1] == mark
    first, call, result = (turn["content"] for turn in found["messages"])
    assert (first[1], call[-1], result[-1]) == (mark, mark, mark)
    assert "cachePoint" not in msgspec.json.encode(fields(LLAMA, **options)).decode()


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"frequency_penalty": 1.0}, "frequency_penalty"),
        ({"presence_penalty": 1.0}, "presence_penalty"),
        ({"temperature": 1.5}, "temperature"),
        ({"model": NOVA, "top_k": 3}, "top_k"),
        ({"tools": (TOOL,), "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"response_format": ResponseFormat("json_object")}, "response_format"),
        ({"model": NOVA, "response_format": ResponseFormat("json_schema", {})}, "response_format"),
        ({"model": LLAMA, "reasoning": Reasoning("auto", "low")}, "reasoning_effort"),
        ({"native": ("speed",)}, "speed"),
        (
            {"messages": (Message("user", (Image("https://a.example/b.png"),)),)},
            "messages[0].content",
        ),
        (
            {"messages": (Message("user", (Image("data:image/tiff;base64,aGk="),)),)},
            "messages[0].content",
        ),
        (
            {"messages": (Message("user", (Document("https://a.example/b.pdf"),)),)},
            "messages[0].content",
        ),
        ({"messages": (Message("system", (Image(PIXEL),)),)}, "messages[0].content"),
        (
            {"messages": (Message("assistant", "", (ToolCall("t", "a", "[1]"),)),)},
            "messages[0].tool_calls[0].function.arguments",
        ),
    ],
)
def test_what_converse_cannot_say_is_refused_by_name(options: dict[str, Any], named: str) -> None:
    with pytest.raises(ProviderRefused) as refusal:
        fields(**options)
    assert (refusal.value.kind, refusal.value.param) == ("unsupported", named)
