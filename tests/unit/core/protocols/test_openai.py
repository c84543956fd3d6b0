from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    ChatResponse,
    Document,
    FinishReason,
    Image,
    Message,
    Reasoning,
    ResponseFormat,
    Text,
    Thinking,
    TokenUsage,
    Tool,
    ToolCall,
    ToolCallDelta,
    ToolChoice,
    Wire,
)
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.openai import (
    DONE,
    ChatCompletionRequest,
    ChunkWriter,
    ErrorBody,
    ErrorItem,
    ModelItem,
    ModelList,
    chat_completion,
    chat_request,
)


def body(**fields: Any) -> bytes:
    return msgspec.json.encode(
        {"model": "m", "messages": [{"role": "user", "content": "hello"}]} | fields
    )


def parsed(sent: bytes) -> ChatRequest:
    return chat_request(msgspec.json.decode(sent, type=ChatCompletionRequest), sent).request


def written(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


# What a caller sends.


def test_a_plain_question_is_read_and_its_body_kept() -> None:
    sent = body()
    assert parsed(sent) == ChatRequest(
        model="m", messages=(Message("user", "hello"),), wire=Wire("openai", sent)
    )


def test_everything_that_can_be_asked_is_read() -> None:
    tool = {"type": "function", "function": {"name": "add", "parameters": {"type": "object"}}}
    sent = body(
        messages=[
            {"role": "developer", "content": "be brief"},
            {
                "role": "user",
                "name": "ann",
                "content": [
                    {"type": "text", "text": "look"},
                    {"type": "image_url", "image_url": {"url": "data:x", "detail": "low"}},
                ],
            },
            {
                "role": "assistant",
                "content": None,
                "tool_calls": [
                    {"id": "1", "type": "function", "function": {"name": "add", "arguments": "{}"}}
                ],
            },
            {"role": "tool", "tool_call_id": "1", "content": "2"},
            {"role": "assistant", "content": [{"type": "refusal", "refusal": "no"}]},
        ],
        max_tokens=5,
        temperature=0,
        top_p=0.5,
        stop=["a"],
        n=2,
        logprobs=True,
        tools=[tool],
        tool_choice={"type": "function", "function": {"name": "add"}},
        parallel_tool_calls=False,
        response_format={"type": "json_schema", "json_schema": {"name": "x", "schema": {}}},
        stream=True,
    )
    assert parsed(sent) == ChatRequest(
        model="m",
        messages=(
            Message("system", "be brief"),
            Message("user", (Text("look"), Image("data:x", "low")), name="ann"),
            Message("assistant", "", (ToolCall("1", "add", "{}"),)),
            Message("tool", "2", tool_call_id="1"),
            Message("assistant", (Text("no"),)),
        ),
        max_tokens=5,
        temperature=0,
        top_p=0.5,
        stop=("a",),
        tools=(Tool("add", "", {"type": "object"}),),
        tool_choice=ToolChoice("tool", "add"),
        parallel_tool_calls=False,
        response_format=ResponseFormat("json_schema", {}, "x"),
        stream=True,
        n=2,
        logprobs=True,
        wire=Wire("openai", sent),
    )


def test_fields_that_are_null_or_unknown_change_nothing() -> None:
    nulls = dict.fromkeys(
        ("max_tokens", "temperature", "stop", "n", "tools", "tool_choice", "response_format")
    )
    sent = body(**nulls, stream=None, stream_options=None, unknown={"a": 1})
    assert parsed(sent) == msgspec.structs.replace(parsed(body()), wire=Wire("openai", sent))


def test_the_newer_limit_is_the_one_that_counts() -> None:
    assert parsed(body(max_tokens=5, max_completion_tokens=7)).max_tokens == 7
    assert parsed(body(max_completion_tokens=7)).max_tokens == 7


def test_one_stop_is_a_list_of_one() -> None:
    assert parsed(body(stop="a")).stop == ("a",)


@pytest.mark.parametrize("mode", ["auto", "none", "required"])
def test_a_choice_of_tools_may_be_a_word(mode: str) -> None:
    choice = parsed(body(tool_choice=mode)).tool_choice
    assert choice is not None
    assert (choice.mode, choice.name) == (mode, None)


@pytest.mark.parametrize(
    ("options", "wanted"),
    [
        ({"include_usage": True}, True),
        ({"include_usage": False}, False),
        ({}, False),
        (None, False),
    ],
)
def test_a_stream_tells_its_usage_to_those_who_ask(
    options: dict[str, bool] | None, wanted: bool
) -> None:
    sent = body(stream=True, stream_options=options)
    asked = chat_request(msgspec.json.decode(sent, type=ChatCompletionRequest), sent)
    assert asked.include_usage is wanted


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"messages": [{"role": "tool", "content": "2"}]}, "messages[0].tool_call_id"),
        (
            {"messages": [{"role": "user", "content": "a"}, {"role": "user"}]},
            "messages[1].content",
        ),
        ({"tool_choice": {"type": "function", "function": {"name": "add"}}}, "tool_choice"),
        ({"response_format": {"type": "json_schema"}}, "response_format.json_schema"),
    ],
)
def test_parts_that_do_not_fit_together_are_named(fields: dict[str, Any], param: str) -> None:
    with pytest.raises(InvalidRequest) as refused:
        parsed(body(**fields))
    assert refused.value.param == param


@pytest.mark.parametrize(
    "fields",
    [
        {"messages": []},
        {"messages": [{"role": "robot", "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": "input_audio", "input_audio": {}}]}]},
        {"model": ""},
        {"model": "m" * 257},
        {"max_tokens": 0},
        {"max_tokens": 1.5},
        {"temperature": 2.5},
        {"n": 0},
        {"n": 129},
        {"tools": [{"type": "web_search"}]},
        {"modalities": ["text", "audio"]},
        {"service_tier": "priority"},
        {"web_search_options": {}},
    ],
)
def test_what_cannot_be_done_or_priced_is_no_request(fields: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        parsed(body(**fields))


def test_what_other_vendors_have_too_is_read() -> None:
    asked = parsed(
        body(frequency_penalty=0.5, presence_penalty=-0.5, seed=7, user="u", safety_identifier="s")
    )
    assert (asked.frequency_penalty, asked.presence_penalty, asked.seed) == (0.5, -0.5, 7)
    assert asked.user == "s"
    assert parsed(body(user="u")).user == "u"
    assert parsed(body()).native == ()


@pytest.mark.parametrize(
    ("effort", "reasoning"),
    [("none", Reasoning("off")), ("high", Reasoning("auto", "high")), (None, None)],
)
def test_an_effort_says_how_much_to_think(effort: str | None, reasoning: Reasoning | None) -> None:
    assert parsed(body(reasoning_effort=effort)).reasoning == reasoning


@pytest.mark.parametrize(
    "fields",
    [
        {"logit_bias": {"50256": -100}},
        {"functions": [{"name": "f"}]},
        {"function_call": "auto"},
        {"prediction": {"type": "content", "content": "x"}},
        {"moderation": {"model": "m"}},
        {"verbosity": "low"},
    ],
)
def test_what_only_vendors_of_this_protocol_have_is_named(fields: dict[str, Any]) -> None:
    assert parsed(body(**fields)).native == tuple(fields)
    assert parsed(body(**dict.fromkeys(fields))).native == ()


def test_files_and_marks_for_a_cache_are_read() -> None:
    pdf = "data:application/pdf;base64,AAAA"
    content = [
        {"type": "file", "file": {"file_data": pdf, "filename": "bill.pdf"}},
        {"type": "text", "text": "a", "cache_control": {"type": "ephemeral"}},
        {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
    ]
    (message,) = parsed(body(messages=[{"role": "user", "content": content}])).messages
    assert message.content == (Document(pdf, "bill.pdf"), Text("a", "5m"), Text("b", "1h"))


def test_a_file_that_lies_at_the_vendor_is_refused() -> None:
    """Such files are the whole platform's: one caller could read another's."""
    content = [{"type": "file", "file": {"file_id": "file-1", "file_data": "data:x"}}]
    with pytest.raises(msgspec.ValidationError, match="file_id"):
        parsed(body(messages=[{"role": "user", "content": content}]))


def test_what_was_thought_comes_back_before_what_was_said() -> None:
    thoughts = [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
    ]
    first, second = parsed(
        body(
            messages=[
                {"role": "assistant", "content": "hi", "thinking_blocks": thoughts},
                {"role": "assistant", "content": None, "thinking_blocks": thoughts},
            ]
        )
    ).messages
    read = (Thinking("hm", "sig"), Thinking(sealed="x"))
    assert first.content == (*read, Text("hi"))
    assert second.content == read


# What a caller gets.


def test_a_whole_answer_has_every_field_that_clients_read() -> None:
    response = ChatResponse(
        id="chatcmpl-1",
        model="m",
        content="hi",
        finish_reason="stop",
        usage=TokenUsage(9, 5, cached_input_tokens=4, reasoning_tokens=2),
    )
    assert written(chat_completion(response, created=1_795_000_000)) == {
        "id": "chatcmpl-1",
        "object": "chat.completion",
        "created": 1_795_000_000,
        "model": "m",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": "hi", "refusal": None},
                "finish_reason": "stop",
                "logprobs": None,
            }
        ],
        "usage": {
            "prompt_tokens": 9,
            "completion_tokens": 5,
            "total_tokens": 14,
            "prompt_tokens_details": {"cached_tokens": 4},
            "completion_tokens_details": {"reasoning_tokens": 2},
        },
    }


def test_a_tool_call_has_its_arguments_as_text_and_no_content() -> None:
    response = ChatResponse(
        id="c",
        model="m",
        content="",
        finish_reason="tool_calls",
        usage=TokenUsage(),
        tool_calls=(ToolCall("1", "add", '{"n":1}'),),
    )
    message = written(chat_completion(response, created=0))["choices"][0]["message"]
    assert message["content"] is None
    assert message["tool_calls"] == [
        {"id": "1", "function": {"name": "add", "arguments": '{"n":1}'}, "type": "function"}
    ]


def writer(*, include_usage: bool = False) -> ChunkWriter:
    return ChunkWriter(id="chatcmpl-1", model="m", created=7, include_usage=include_usage)


def chunk(frame: bytes) -> Any:
    assert frame.startswith(b"data: ")
    assert frame.endswith(b"\n\n")
    return msgspec.json.decode(frame[6:])


def test_all_chunks_share_their_head_and_the_first_has_the_role() -> None:
    frames = writer()
    chunks = [
        chunk(frames.delta(delta))
        for delta in (ChatDelta(text="a"), ChatDelta(text="b"), ChatDelta(finish_reason="stop"))
    ]
    assert {tuple(sorted(c)) for c in chunks} == {("choices", "created", "id", "model", "object")}
    heads = {(c["id"], c["object"], c["created"], c["model"]) for c in chunks}
    assert heads == {("chatcmpl-1", "chat.completion.chunk", 7, "m")}
    choices = [c["choices"][0] for c in chunks]
    assert [c["delta"] for c in choices] == [
        {"role": "assistant", "content": "a"},
        {"content": "b"},
        {},
    ]
    assert [c["finish_reason"] for c in choices] == [None, None, "stop"]


def test_a_first_chunk_without_text_has_a_role_and_a_content_all_the_same() -> None:
    first = chunk(writer().delta(ChatDelta(finish_reason="length")))["choices"][0]
    assert first["delta"] == {"role": "assistant", "content": ""}
    call = ChatDelta(tool_calls=(ToolCallDelta(0, "1", "add", ""),))
    first = chunk(writer().delta(call))["choices"][0]
    assert first["delta"]["content"] is None


def test_a_tool_calls_id_and_name_come_once() -> None:
    frames = writer()
    deltas = [
        chunk(frames.delta(ChatDelta(tool_calls=(piece,))))["choices"][0]["delta"]["tool_calls"]
        for piece in (ToolCallDelta(0, "1", "add"), ToolCallDelta(0, arguments='{"n"'))
    ]
    assert deltas == [
        [{"index": 0, "id": "1", "type": "function", "function": {"name": "add", "arguments": ""}}],
        [{"index": 0, "function": {"arguments": '{"n"'}}],
    ]


def test_a_refusal_has_its_own_field() -> None:
    delta = chunk(writer().delta(ChatDelta(refusal="no")))["choices"][0]["delta"]
    assert delta["refusal"] == "no"


def test_thoughts_stand_beside_the_answer() -> None:
    response = ChatResponse(
        id="1",
        model="m",
        content="hi",
        finish_reason="stop",
        usage=TokenUsage(),
        thinking=(Thinking("hm", "sig"), Thinking(sealed="x")),
    )
    message = written(chat_completion(response, created=0))["choices"][0]["message"]
    assert message["reasoning_content"] == "hm"
    assert message["thinking_blocks"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
    ]


def test_a_thought_is_told_as_it_comes_and_once_more_whole() -> None:
    """A client hands back whole ones only."""
    pieces = [Thinking("h"), Thinking("m"), Thinking("", "sig"), Thinking(sealed="x")]
    frames = writer()
    deltas = [
        chunk(frames.delta(ChatDelta(thinking=piece)))["choices"][0]["delta"] for piece in pieces
    ]
    assert [delta.get("reasoning_content") for delta in deltas] == ["h", "m", None, None]
    assert [delta.get("thinking_blocks") for delta in deltas] == [
        None,
        None,
        [{"type": "thinking", "thinking": "hm", "signature": "sig"}],
        [{"type": "redacted_thinking", "data": "x"}],
    ]


def test_the_usage_has_a_chunk_of_its_own_and_is_null_in_the_others() -> None:
    frames = writer(include_usage=True)
    assert chunk(frames.delta(ChatDelta(text="a")))["usage"] is None
    last = chunk(frames.usage(TokenUsage(9, 5)))
    assert last["choices"] == []
    assert (last["usage"]["prompt_tokens"], last["usage"]["total_tokens"]) == (9, 14)


def test_those_who_did_not_ask_get_no_usage() -> None:
    frames = writer()
    assert "usage" not in chunk(frames.delta(ChatDelta(text="a")))
    assert frames.usage(TokenUsage(9, 5)) == b""


@pytest.mark.parametrize("reason", ["stop", "length", "tool_calls", "content_filter"])
def test_reasons_are_told_in_the_protocols_words(reason: FinishReason) -> None:
    frame = writer().delta(ChatDelta(finish_reason=reason))
    assert chunk(frame)["choices"][0]["finish_reason"] == reason


def test_the_end_mark_is_exact() -> None:
    assert DONE == b"data: [DONE]\n\n"


@given(st.text(st.characters(codec="utf-8")))
def test_no_text_breaks_a_frame(text: str) -> None:
    frame = writer().delta(ChatDelta(text=text))
    assert frame.count(b"\n") == 2
    assert chunk(frame)["choices"][0]["delta"]["content"] == text


def test_lists_of_models_and_errors_have_the_clients_shapes() -> None:
    assert written(ModelList([ModelItem("m", 0, "v")])) == {
        "object": "list",
        "data": [{"id": "m", "object": "model", "created": 0, "owned_by": "v"}],
    }
    assert written(ErrorBody(ErrorItem("m", "t"))) == {
        "error": {"message": "m", "type": "t", "code": None, "param": None}
    }
