"""Requests in Gemini's words."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatRequest,
    Document,
    Effort,
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
from headgate.providers.gemini_requests import (
    FOREIGN_CALL,
    Signed,
    marked,
    read_mark,
    translated,
)

SEARCH = Tool("search", "Looks things up.", {"type": "object"})
PNG = data_url("image/png", "cGl4ZWw=")


def sent(*messages: Message, model: str = "gemini-3.5-flash", **fields: Any) -> Any:
    request = ChatRequest(model=model, messages=messages or (Message("user", "hi"),), **fields)
    return msgspec.json.decode(msgspec.json.encode(translated(request)))


def refused(*messages: Message, **fields: Any) -> str | None:
    with pytest.raises(ProviderRefused) as refusal:
        sent(*messages, **fields)
    assert refusal.value.kind == "unsupported"
    return refusal.value.param


def test_a_plain_question_holds_nothing_else() -> None:
    assert sent() == {"contents": [{"role": "user", "parts": [{"text": "hi"}]}]}


def test_system_texts_are_one_instruction_and_turns_alternate() -> None:
    body = sent(
        Message("system", "one"),
        Message("user", "a"),
        Message("user", "b"),
        Message("assistant", "c"),
        Message("system", (Text("two"),)),
    )
    assert body["systemInstruction"] == {"parts": [{"text": "one"}, {"text": "two"}]}
    assert body["contents"] == [
        {"role": "user", "parts": [{"text": "a"}, {"text": "b"}]},
        {"role": "model", "parts": [{"text": "c"}]},
    ]


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
        response_format=ResponseFormat("json_schema", {"type": "object"}),
    )
    assert body["generationConfig"] == {
        "maxOutputTokens": 9,
        "temperature": 0.5,
        "topP": 0.4,
        "topK": 3,
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
        "seed": 7,
        "stopSequences": ["x"],
        "responseMimeType": "application/json",
        "responseJsonSchema": {"type": "object"},
    }
    plain = sent(response_format=ResponseFormat("json_object"))
    assert plain["generationConfig"] == {"responseMimeType": "application/json"}
    assert "generationConfig" not in sent(response_format=ResponseFormat("text"))


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"n": 2}, "n"),
        ({"logprobs": True}, "logprobs"),
        ({"tools": (SEARCH,), "parallel_tool_calls": False}, "parallel_tool_calls"),
        ({"reasoning": Reasoning("off")}, "reasoning_effort"),
        ({"native": ("container",)}, "container"),
    ],
)
def test_what_cannot_be_said_is_refused_by_name(fields: dict[str, Any], param: str) -> None:
    assert refused(**fields) == param


@pytest.mark.parametrize(
    ("choice", "mode", "names"),
    [
        (None, None, None),
        (ToolChoice("auto"), None, None),
        (ToolChoice("none"), "NONE", None),
        (ToolChoice("required"), "ANY", None),
        (ToolChoice("tool", "search"), "ANY", ["search"]),
    ],
)
def test_tools_and_whether_they_must_be_called(
    choice: ToolChoice | None, mode: str | None, names: list[str] | None
) -> None:
    body = sent(tools=(SEARCH, Tool("now")), tool_choice=choice)
    declared = {
        "name": "search",
        "description": "Looks things up.",
        "parametersJsonSchema": {"type": "object"},
    }
    assert body["tools"] == [{"functionDeclarations": [declared, {"name": "now"}]}]
    calling = body.get("toolConfig", {}).get("functionCallingConfig", {})
    assert (calling.get("mode"), calling.get("allowedFunctionNames")) == (mode, names)


def test_a_strict_tool_is_called_with_what_its_schema_allows() -> None:
    body = sent(tools=(msgspec.structs.replace(SEARCH, strict=True),))
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "VALIDATED"}}


@pytest.mark.parametrize(
    ("model", "reasoning", "thinking"),
    [
        ("gemini-2.5-flash", Reasoning("off"), {"thinkingBudget": 0}),
        ("gemini-2.5-flash", Reasoning("auto"), {"includeThoughts": True, "thinkingBudget": -1}),
        (
            "gemini-2.5-flash",
            Reasoning("auto", "high"),
            {"includeThoughts": True, "thinkingBudget": 24_576},
        ),
        ("gemini-3.5-flash", Reasoning("auto"), {"includeThoughts": True}),
        ("gemini-pro-latest", Reasoning("auto"), {"includeThoughts": True}),
        (
            "gemini-3.5-flash",
            Reasoning("auto", "max"),
            {"includeThoughts": True, "thinkingLevel": "high"},
        ),
        (
            "gemini-flash-latest",
            Reasoning("budget", budget_tokens=512),
            {"includeThoughts": True, "thinkingBudget": 512},
        ),
    ],
)
def test_how_much_a_model_thinks(
    model: str, reasoning: Reasoning, thinking: dict[str, Any]
) -> None:
    body = sent(model=model, reasoning=reasoning)
    assert body["generationConfig"]["thinkingConfig"] == thinking


@pytest.mark.parametrize("effort", ["minimal", "low", "medium", "high", "xhigh", "max"])
def test_every_effort_has_a_level(effort: Effort) -> None:
    for model in ("gemini-2.5-pro", "gemini-4-argon"):
        thinking = sent(model=model, reasoning=Reasoning("auto", effort))["generationConfig"]
        assert len(thinking["thinkingConfig"]) == 2


CALLS = (ToolCall("a", "search", '{"q": 1.0}'), ToolCall("b", "now", ""))


def test_results_of_tools_bear_the_names_of_their_calls() -> None:
    body = sent(
        Message("user", "hi"),
        Message("assistant", "", CALLS),
        Message("tool", "found", tool_call_id="a"),
        Message("tool", "too late", tool_call_id="b", is_error=True),
        Message("user", "and?"),
        model="gemini-2.5-flash",
    )
    _, asked, given, last = body["contents"]
    assert asked["parts"] == [
        {"functionCall": {"id": "a", "name": "search", "args": {"q": 1.0}}},
        {"functionCall": {"id": "b", "name": "now", "args": {}}},
    ]
    assert given["role"] == "user"
    assert [part["functionResponse"] for part in given["parts"]] == [
        {"id": "a", "name": "search", "response": {"output": "found"}},
        {"id": "b", "name": "now", "response": {"error": "too late"}},
    ]
    assert last == {"role": "user", "parts": [{"text": "and?"}]}


def test_results_that_cannot_be_given_are_refused() -> None:
    call = Message("assistant", "", CALLS[:1])
    assert refused(Message("tool", "x", tool_call_id="?")) == "messages[0].tool_call_id"
    picture = Message("tool", (Image(PNG),), tool_call_id="a")
    assert refused(call, picture) == "messages[1].content"
    broken = Message("assistant", "", (ToolCall("a", "search", "[1]"),))
    assert refused(broken) == "messages[0].tool_calls[0].function.arguments"


@pytest.mark.parametrize("signed", [Signed("abc+/=", None), Signed("a:b", 0), Signed("x", 12)])
def test_a_mark_finds_its_signature_again(signed: Signed) -> None:
    assert read_mark(marked(signed)) == signed


@pytest.mark.parametrize("text", [None, "", "EqQBabc", "gemini:", "gemini:x:abc", "gemini:1:"])
def test_what_is_no_mark_signs_nothing(text: str | None) -> None:
    assert read_mark(text) is None


def thought(text: str, signature: str, call: int | None) -> Thinking:
    return Thinking(text, marked(Signed(signature, call)))


def test_signatures_go_back_on_the_parts_that_they_came_with() -> None:
    content: tuple[Part, ...] = (
        thought("hm", "sig-text", None),
        Text("one"),
        thought("", "sig-0", 0),
        thought("", "sig-1", 1),
    )
    (turn,) = sent(Message("assistant", content, CALLS))["contents"]
    assert turn["parts"][:2] == [
        {"text": "hm", "thought": True},
        {"text": "one", "thoughtSignature": "sig-text"},
    ]
    assert [part["thoughtSignature"] for part in turn["parts"][2:]] == ["sig-0", "sig-1"]
    (empty,) = sent(Message("assistant", content[:1]))["contents"]
    assert empty["parts"][-1] == {"text": "", "thoughtSignature": "sig-text"}


def test_what_another_model_did_is_told_without_its_thoughts() -> None:
    content: tuple[Part, ...] = (Thinking("secret", "EqQB"), Thinking(sealed="x"), Text("one"))
    (turn,) = sent(Message("assistant", content, CALLS))["contents"]
    assert turn["parts"][0] == {"text": "one"}
    assert [part.get("thoughtSignature") for part in turn["parts"][1:]] == [FOREIGN_CALL, None]
    (older,) = sent(Message("assistant", content, CALLS), model="gemini-2.5-pro")["contents"]
    assert "secret" not in f"{older}"
    assert FOREIGN_CALL not in f"{older}"


def test_pictures_and_documents_here_and_elsewhere() -> None:
    content: tuple[Part, ...] = (
        Image(PNG, "high"),
        Image("https://example.com/a/b.JPG?size=1"),
        Document(data_url("application/pdf", "JVBERg=="), "a.pdf"),
        Document(data_url("text/plain", "aGVsbG8=")),
        Document("https://example.com/a.pdf"),
        Text("", None),
    )
    (turn,) = sent(Message("user", content))["contents"]
    assert turn["parts"] == [
        {"inlineData": {"mimeType": "image/png", "data": "cGl4ZWw="}},
        {
            "fileData": {
                "mimeType": "image/jpeg",
                "fileUri": "https://example.com/a/b.JPG?size=1",
            }
        },
        {"inlineData": {"mimeType": "application/pdf", "data": "JVBERg=="}},
        {"text": "hello"},
        {"fileData": {"mimeType": "application/pdf", "fileUri": "https://example.com/a.pdf"}},
    ]


@pytest.mark.parametrize(
    "part",
    [
        Image("https://generativelanguage.googleapis.com/v1beta/files/a.png"),
        Image("https://storage.googleapis.com/bucket/a.png"),
        Image("https://youtu.be/a.png"),
        Image("https://www.youtube.com/watch?v=a.png"),
        Image("gs://bucket/a.png"),
        Image("http://example.com/a.png"),
        Image("https://example.com/a"),
        Image("https://example.com/a.mp4"),
        Image("https://[a.png"),
        Image("file:///etc/a.png"),
        Image(data_url("video/mp4", "AAAA")),
        Document(data_url("video/mp4", "AAAA")),
        Document("https://example.com/a.mp4"),
    ],
)
def test_files_of_other_kinds_or_of_the_platforms_own_account_are_refused(part: Part) -> None:
    """A film costs more than was held for a picture; a stored file may be another caller's."""
    assert refused(Message("user", (part,))) == "messages[0].content"


def test_an_empty_turn_has_a_part_all_the_same() -> None:
    assert sent(Message("user", ""))["contents"] == [{"role": "user", "parts": [{"text": ""}]}]
