from typing import Any

import msgspec
import pytest

from headgate.core.chat import ChatRequest, ToolCall, ToolChoice
from headgate.core.errors import InvalidRequest
from headgate.simulate.gemini_requests import (
    FOREIGN_CALL,
    CountRequest,
    GenerateRequest,
    chat_request,
    count_request,
    decode,
    embedding_request,
    signature_of,
)


def came(**body: Any) -> ChatRequest:
    whole = {"contents": [{"parts": [{"text": "hi"}]}], **body}
    return chat_request(decode(msgspec.json.encode(whole), GenerateRequest), "m", stream=False)


def test_names_are_read_in_either_case_and_a_callers_own_are_left_alone() -> None:
    schema = {"type": "object", "properties": {"a_b": {"type": "string"}}}
    one = came(
        systemInstruction={"parts": [{"text": "s"}]},
        generationConfig={
            "maxOutputTokens": 3,
            "responseMimeType": "application/json",
            "responseJsonSchema": schema,
        },
    )
    other = came(
        system_instruction={"parts": [{"text": "s"}]},
        generation_config={
            "max_output_tokens": 3,
            "response_mime_type": "application/json",
            "response_json_schema": schema,
        },
    )
    assert one == other
    assert (one.max_tokens, one.messages[0].role) == (3, "system")
    assert one.response_format
    assert one.response_format.schema == schema


def test_types_in_capitals_are_types_all_the_same() -> None:
    declared = {"name": "f", "parameters": {"type": "ARRAY", "items": [{"type": "STRING"}]}}
    (tool,) = came(tools=[{"functionDeclarations": [declared]}]).tools
    assert tool.parameters == {"type": "array", "items": [{"type": "string"}]}


@pytest.mark.parametrize(
    ("config", "choice"),
    [
        ({"mode": "any"}, ToolChoice("required")),
        ({"mode": "ANY", "allowedFunctionNames": ["f"]}, ToolChoice("tool", "f")),
        ({"mode": "ANY", "allowedFunctionNames": ["f", "g"]}, ToolChoice("required")),
        ({"mode": "VALIDATED"}, ToolChoice("auto")),
        ({"mode": "NONE"}, ToolChoice("none")),
    ],
)
def test_whether_tools_must_be_called(config: dict[str, Any], choice: ToolChoice) -> None:
    assert came(toolConfig={"functionCallingConfig": config}).tool_choice == choice
    assert came(toolConfig={}).tool_choice is None


def turns(signature: str) -> list[dict[str, Any]]:
    call = {"functionCall": {"name": "f", "args": {"b": 1, "a": 2}}}
    result = {"functionResponse": {"name": "f", "response": {"found": 1}}}
    return [
        {"role": "model", "parts": [{**call, "thoughtSignature": signature}]},
        {"role": "user", "parts": [result]},
    ]


def test_a_signature_vouches_for_its_call_alone() -> None:
    good = signature_of(ToolCall("x", "f", '{"a":2,"b":1}'))
    for signature in (good, FOREIGN_CALL):
        request = came(contents=turns(signature))
        assert [message.role for message in request.messages] == ["assistant", "tool"]
        assert request.messages[1].text == '{"found":1}'
    with pytest.raises(InvalidRequest, match="signature"):
        came(contents=turns(signature_of(None)))


def test_what_is_counted_is_a_conversation_alone_or_with_all_around_it() -> None:
    contents = [{"parts": [{"text": "one two"}]}]
    for body in ({"contents": contents}, {"generateContentRequest": {"contents": contents}}):
        wanted = decode(msgspec.json.encode(body), CountRequest)
        assert count_request(wanted, "m").last_user_text == "one two"


def test_there_is_a_most_that_is_embedded_at_once() -> None:
    with pytest.raises(InvalidRequest):
        embedding_request([], "m")
