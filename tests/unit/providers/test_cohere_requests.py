"""Requests in Cohere's words."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatRequest,
    Document,
    Image,
    Message,
    Part,
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
from headgate.providers.cohere_requests import MARK, translated

SEARCH = Tool("search", "Looks things up.", {"type": "object"})
PNG = data_url("image/png", "cGl4ZWw=")


def sent(*messages: Message, **fields: Any) -> Any:
    request = ChatRequest(model="command", messages=messages or (Message("user", "hi"),), **fields)
    return msgspec.json.decode(msgspec.json.encode(translated(request)))


def refused(*messages: Message, **fields: Any) -> str | None:
    with pytest.raises(ProviderRefused) as refusal:
        sent(*messages, **fields)
    assert refusal.value.kind == "unsupported"
    return refusal.value.param


def test_a_plain_question_holds_nothing_else() -> None:
    plain = {"model": "command", "messages": [{"role": "user", "content": "hi"}], "stream": False}
    assert sent() == plain
    assert sent(stream=True) == plain | {"stream": True}


def test_every_option_has_its_name() -> None:
    body = sent(
        max_tokens=9,
        temperature=0.5,
        top_p=0.4,
        top_k=3,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        seed=7,
        stop=("x",),
        response_format=ResponseFormat("json_schema", {"type": "object"}, "n"),
    )
    assert body == sent() | {
        "max_tokens": 9,
        "temperature": 0.5,
        "p": 0.4,
        "k": 3,
        "frequency_penalty": 0.1,
        "presence_penalty": 0.2,
        "seed": 7,
        "stop_sequences": ["x"],
        "response_format": {"type": "json_object", "json_schema": {"type": "object"}},
    }
    loose = sent(response_format=ResponseFormat("json_object"))
    assert loose["response_format"] == {"type": "json_object"}
    assert "response_format" not in sent(response_format=ResponseFormat("text"))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"temperature": 1.5}, "temperature"),
        ({"frequency_penalty": -0.5}, "frequency_penalty"),
        ({"presence_penalty": 2.0}, "presence_penalty"),
        ({"tools": (SEARCH,), "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"tools": (SEARCH,), "tool_choice": ToolChoice("tool", "other")}, "tool_choice"),
        ({"native": ("container",)}, "container"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields) == param


@pytest.mark.parametrize(
    ("choice", "told", "names"),
    [
        (None, None, ["search", "now"]),
        (ToolChoice("auto"), None, ["search", "now"]),
        (ToolChoice("none"), "NONE", ["search", "now"]),
        (ToolChoice("required"), "REQUIRED", ["search", "now"]),
        (ToolChoice("tool", "now"), "REQUIRED", ["now"]),
    ],
)
def test_tools_and_whether_they_must_be_called(
    choice: ToolChoice | None, told: str | None, names: list[str]
) -> None:
    """The protocol can only ask for a call of any tool: one that is named is offered alone."""
    body = sent(tools=(SEARCH, Tool("now")), tool_choice=choice)
    functions = [tool["function"] for tool in body["tools"]]
    assert [function["name"] for function in functions] == names
    assert functions[-1]["parameters"] == {"type": "object", "properties": {}}
    assert body.get("tool_choice") == told
    assert "strict_tools" not in body
    strict = sent(tools=(msgspec.structs.replace(SEARCH, strict=True),))
    assert strict["strict_tools"] is True


@pytest.mark.parametrize(
    ("reasoning", "thinking"),
    [
        (Reasoning("off"), {"type": "disabled"}),
        (Reasoning("auto"), {"type": "enabled"}),
        (Reasoning("auto", "low"), {"type": "enabled", "token_budget": 2_048}),
        (Reasoning("auto", "max"), {"type": "enabled"}),
        (Reasoning("budget", budget_tokens=7), {"type": "enabled", "token_budget": 7}),
    ],
)
def test_how_much_a_model_thinks(reasoning: Reasoning, thinking: dict[str, Any]) -> None:
    assert sent(reasoning=reasoning)["thinking"] == thinking


def test_turns_with_plans_calls_results_and_thoughts() -> None:
    thought, foreign = Thinking("hm", MARK), Thinking("secret", "gemini::x")
    call = ToolCall("a", "search", "")
    body = sent(
        Message("system", (Text("one"), Text("two"))),
        Message("assistant", (thought, Text("look"), foreign), (call,)),
        Message("tool", "found", tool_call_id="a"),
        Message("tool", "too late", tool_call_id="a", is_error=True),
        Message("assistant", (thought, Text("so"))),
        Message("assistant", (foreign, Text("plain"))),
    )
    thinking = {"type": "thinking", "thinking": "hm"}
    function = {"name": "search", "arguments": "{}"}
    assert body["messages"] == [
        {"role": "system", "content": "one\ntwo"},
        {
            "role": "assistant",
            "tool_calls": [{"id": "a", "type": "function", "function": function}],
            "tool_plan": "look",
            "content": [thinking],
        },
        {"role": "tool", "tool_call_id": "a", "content": "found"},
        {"role": "tool", "tool_call_id": "a", "content": "Error: too late"},
        {"role": "assistant", "content": [thinking, {"type": "text", "text": "so"}]},
        {"role": "assistant", "content": "plain"},
    ]


def test_pictures_and_texts_of_documents() -> None:
    content: tuple[Part, ...] = (
        Text("see"),
        Image(PNG, "low"),
        Image("https://example.com/a"),
        Document(data_url("text/plain", "aGVsbG8=")),
    )
    (turn,) = sent(Message("user", content))["messages"]
    assert turn["content"] == [
        {"type": "text", "text": "see"},
        {"type": "image_url", "image_url": {"url": PNG, "detail": "low"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a"}},
        {"type": "text", "text": "hello"},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image("file:///a.png"),
        Image(data_url("video/mp4", "AAAA")),
        Document(data_url("application/pdf", "AAAA")),
        Document("https://example.com/a.pdf"),
    ],
)
def test_other_files_are_refused(part: Part) -> None:
    assert refused(Message("user", (part,))) == "messages[0].content"
    assert refused(Message("assistant", (part,))) == "messages[0].content"
    assert refused(Message("tool", (part,), tool_call_id="a")) == "messages[0].content"
