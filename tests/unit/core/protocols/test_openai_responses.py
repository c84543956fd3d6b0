"""What a body of `/v1/responses` asks for, and what is refused by name."""

from typing import Any

import msgspec
import pytest

from headgate.core import chat
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.openai_responses import ResponsesRequest, chat_request, seal

SEARCH = {"type": "function", "name": "search", "parameters": {"type": "object"}}
FETCH = {"type": "function", "name": "fetch", "strict": True}


def read(given: Any = "hello", **fields: Any) -> chat.ChatRequest:
    body = msgspec.json.encode({"model": "small", "input": given, **fields})
    return chat_request(msgspec.json.decode(body, type=ResponsesRequest))


def refused(given: Any = "hello", **fields: Any) -> str:
    with pytest.raises(InvalidRequest) as caught:
        read(given, **fields)
    assert caught.value.param
    return caught.value.param


def test_a_text_is_the_users_and_instructions_stand_before_it() -> None:
    assert read().messages == (chat.Message("user", "hello"),)
    assert read(instructions="be brief").messages == (
        chat.Message("system", "be brief"),
        chat.Message("user", "hello"),
    )


def test_options_have_their_place() -> None:
    request = read(
        max_output_tokens=9,
        temperature=0.5,
        top_p=0.25,
        parallel_tool_calls=False,
        reasoning={"effort": "max"},
        text={"format": {"type": "json_schema", "name": "n", "schema": {}, "strict": True}},
        user="someone",
        stream=True,
    )
    assert (request.max_tokens, request.temperature, request.top_p) == (9, 0.5, 0.25)
    assert (request.parallel_tool_calls, request.user, request.stream) == (False, "someone", True)
    assert request.reasoning == chat.Reasoning("auto", "max")
    assert request.response_format == chat.ResponseFormat("json_schema", {}, "n", strict=True)
    assert read(reasoning={"effort": "none"}).reasoning == chat.Reasoning("off")
    assert read(reasoning={"summary": "auto"}).reasoning is None
    assert read(text={"format": {"type": "text"}}).response_format is None
    json = read(text={"format": {"type": "json_object"}}).response_format
    assert json == chat.ResponseFormat("json_object")


def test_the_assistants_items_make_one_message_and_results_one_each() -> None:
    thought = chat.Thinking("hm", signature="s")
    request = read(
        [
            {"role": "user", "content": "go"},
            {"type": "reasoning", "id": "rs", "summary": [], "encrypted_content": seal(thought)},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "I will"}],
            },
            {"type": "function_call", "call_id": "a", "name": "search", "arguments": "{}"},
            {"type": "function_call", "call_id": "b", "name": "fetch", "arguments": "{}"},
            {"type": "function_call_output", "call_id": "a", "output": "one"},
            {
                "type": "function_call_output",
                "call_id": "b",
                "output": [{"type": "input_text", "text": "two"}],
            },
        ]
    )
    assert request.messages == (
        chat.Message("user", "go"),
        chat.Message(
            "assistant",
            (thought, chat.Text("I will")),
            (chat.ToolCall("a", "search", "{}"), chat.ToolCall("b", "fetch", "{}")),
        ),
        chat.Message("tool", "one", tool_call_id="a"),
        chat.Message("tool", (chat.Text("two"),), tool_call_id="b"),
    )


def test_thoughts_that_nobody_signed_are_texts_and_sealed_ones_of_others_are_left_out() -> None:
    request = read(
        [
            {"type": "reasoning", "summary": [{"type": "summary_text", "text": "hm"}]},
            {"type": "reasoning", "summary": [], "encrypted_content": "gAAAAA=="},
            {"type": "reasoning", "summary": [], "encrypted_content": "not base64!"},
        ]
    )
    assert request.messages == (chat.Message("assistant", (chat.Thinking("hm"),)),)
    sealed = chat.Thinking(sealed="only the vendor reads it")
    again = read([{"type": "reasoning", "encrypted_content": seal(sealed)}])
    assert again.messages == (chat.Message("assistant", (sealed,)),)


def test_images_and_files_are_carried() -> None:
    (message,) = read(
        [
            {
                "role": "user",
                "content": [
                    {"type": "input_image", "image_url": "https://a/b.png", "detail": "low"},
                    {"type": "input_file", "file_url": "https://a/b.pdf"},
                    {
                        "type": "input_file",
                        "filename": "a.pdf",
                        "file_data": "data:application/pdf;base64,AAAA",
                    },
                ],
            },
        ]
    ).messages
    assert message.content == (
        chat.Image("https://a/b.png", "low"),
        chat.Document("https://a/b.pdf"),
        chat.Document("data:application/pdf;base64,AAAA", "a.pdf"),
    )


def test_tools_are_functions_and_a_choice_may_narrow_them() -> None:
    request = read(tools=[SEARCH, FETCH], tool_choice="required")
    assert request.tools == (
        chat.Tool("search", parameters={"type": "object"}),
        chat.Tool("fetch", strict=True),
    )
    assert request.tool_choice == chat.ToolChoice("required")
    one = read(tools=[SEARCH, FETCH], tool_choice={"type": "function", "name": "fetch"})
    assert one.tool_choice == chat.ToolChoice("tool", "fetch")
    allowed = {"type": "allowed_tools", "mode": "required", "tools": [FETCH]}
    some = read(tools=[SEARCH, FETCH], tool_choice=allowed)
    assert [tool.name for tool in some.tools] == ["fetch"]
    assert some.tool_choice == chat.ToolChoice("required")


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("previous_response_id", "resp_1"),
        ("conversation", {"id": "conv_1"}),
        ("background", True),
        ("background_options", {"completion_window": "soonest"}),
        ("context_management", [{"type": "compaction"}]),
        ("prompt", {"id": "pmpt_1"}),
        ("moderation", {"model": "m"}),
        ("image", {"a": 1}),
        ("access_programs", {"cyber": "standard"}),
        ("top_logprobs", 1),
        ("include", ["message.output_text.logprobs"]),
        ("tool_choice", {"type": "web_search"}),
        ("tool_choice", {"type": "function", "name": "unknown"}),
    ],
)
def test_what_cannot_be_done_is_refused_by_name(option: str, value: Any) -> None:
    assert refused(**{option: value}) == option


def test_options_that_say_what_is_done_anyway_are_taken() -> None:
    read(
        background=False,
        store=True,
        truncation="disabled",
        include=["reasoning.encrypted_content"],
        top_logprobs=0,
        text={"verbosity": "medium"},
    )


@pytest.mark.parametrize(
    ("item", "where"),
    [
        ({"type": "item_reference", "id": "msg_1"}, "type"),
        ({"type": "web_search_call", "id": "ws_1"}, "type"),
        ({"type": "function_call", "name": "f", "arguments": "{}"}, "call_id"),
        ({"type": "function_call_output", "output": "x"}, "call_id"),
        ({"type": "function_call_output", "call_id": "x"}, "output"),
        ({"content": "x"}, "role"),
        ({"role": "user"}, "content"),
        ({"role": "user", "content": [{"type": "input_audio"}]}, "content[0].type"),
        ({"role": "user", "content": [{"type": "input_image"}]}, "content[0].image_url"),
        ({"role": "user", "content": [{"type": "input_file"}]}, "content[0].file_data"),
        (
            {"role": "user", "content": [{"type": "input_file", "file_data": "AAAA"}]},
            "content[0].file_data",
        ),
    ],
)
def test_an_item_that_cannot_be_read_is_named_with_its_place(
    item: dict[str, Any], where: str
) -> None:
    assert refused([{"role": "user", "content": "hi"}, item]) == f"input[1].{where}"


def test_other_tools_and_an_empty_input_are_refused() -> None:
    assert refused(tools=[SEARCH, {"type": "web_search"}]) == "tools[1].type"
    assert refused(tools=[{"type": "function"}]) == "tools[0].name"
    assert refused([]) == "input"
    assert refused(text={"format": {"type": "json_schema", "name": "n"}}) == "text.format.schema"
