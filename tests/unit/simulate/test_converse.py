"""What a Converse server reads is what our client writes, and the other way round."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatDelta,
    ChatRequest,
    ChatResponse,
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
)
from headgate.core.errors import InvalidRequest
from headgate.core.protocols.eventstream import MessageCutter
from headgate.providers.bedrock import from_wire, to_wire
from headgate.simulate.converse import (
    ConverseRequest,
    EventWriter,
    answer,
    chat_request,
    exception,
)

MODEL = "eu.anthropic.claude-opus-4-6-v1"
REQUEST = ChatRequest(
    model=MODEL,
    messages=(
        Message("system", "be brief"),
        Message("user", (Text("look"), Image("data:image/png;base64,iVBORw0KGgo="))),
        Message(
            "assistant",
            (Thinking("hm", "sig"), Thinking(sealed="c2VhbGVk"), Text("I will")),
            (ToolCall("t1", "search", '{"q":1}'),),
        ),
        Message("tool", (Text("found"),), tool_call_id="t1", is_error=True),
        Message("user", (Text("and?"),)),
    ),
    max_tokens=9_000,
    temperature=0.5,
    top_p=0.9,
    stop=("END",),
    tools=(Tool("search", "Looks.", {"type": "object"}),),
    tool_choice=ToolChoice("tool", "search"),
    response_format=ResponseFormat("json_schema", {"type": "object"}),
    reasoning=Reasoning("auto"),
)


def read(body: bytes) -> ChatRequest:
    return chat_request(MODEL, msgspec.json.decode(body, type=ConverseRequest), stream=False)


def test_a_request_survives_its_way() -> None:
    assert read(to_wire(REQUEST, 1)) == REQUEST


@pytest.mark.parametrize("mode", ["auto", "required"])
def test_whether_a_tool_must_be_called_survives_too(mode: Any) -> None:
    request = msgspec.structs.replace(REQUEST, tool_choice=ToolChoice(mode))
    assert read(to_wire(request, 1)) == request


@pytest.mark.parametrize(
    "messages",
    [
        [],
        [{"role": "assistant", "content": [{"text": "hi"}]}],
        [{"role": "user", "content": [{"text": "a"}]}, {"role": "user", "content": []}],
        [
            {
                "role": "user",
                "content": [{"toolResult": {"toolUseId": "t", "content": [{"text": "x"}]}}],
            }
        ],
        [{"role": "user", "content": [{"image": {"format": "png", "source": {"s3Location": {}}}}]}],
    ],
)
def test_conversations_that_the_vendor_refuses_are_refused(messages: Any) -> None:
    with pytest.raises(InvalidRequest):
        read(msgspec.json.encode({"messages": messages}))


def test_a_schema_is_a_text_that_holds_an_object() -> None:
    body = msgspec.json.decode(to_wire(REQUEST, 1))
    body["outputConfig"]["textFormat"]["structure"]["jsonSchema"]["schema"] = "[1]"
    with pytest.raises(InvalidRequest):
        read(msgspec.json.encode(body))


def test_an_answer_survives_its_way() -> None:
    response = ChatResponse(
        id="",
        model=MODEL,
        content="hi",
        finish_reason="stop",
        stop_sequence="END",
        usage=TokenUsage(9, 4, cached_input_tokens=2, cache_write_tokens=3),
        thinking=(Thinking("hm", "sig"),),
        tool_calls=(ToolCall("t1", "search", '{"q":1}'),),
    )
    told = answer(response, tells_stop=True, latency_ms=1)
    assert told["usage"]["totalTokens"] == 13
    back = from_wire(REQUEST, msgspec.json.encode(told))
    assert msgspec.structs.replace(back, id="") == response
    silent = answer(response, tells_stop=False, latency_ms=1)
    assert (silent["stopReason"], "additionalModelResponseFields" in silent) == (
        "stop_sequence",
        False,
    )


def test_a_tools_input_that_was_cut_is_empty() -> None:
    cut = ChatResponse(
        id="",
        model=MODEL,
        content="",
        finish_reason="length",
        usage=TokenUsage(),
        tool_calls=(ToolCall("t1", "search", '{"q":'),),
    )
    told = answer(cut, tells_stop=False, latency_ms=1)
    (block,) = msgspec.json.decode(msgspec.json.encode(told))["output"]["message"]["content"]
    assert block["toolUse"]["input"] == {}


def test_blocks_are_numbered_and_only_tools_have_a_head() -> None:
    writer = EventWriter(tells_stop=False)
    deltas = [
        ChatDelta(thinking=Thinking("hm", "sig")),
        ChatDelta(text="a"),
        ChatDelta(text="b"),
        ChatDelta(tool_calls=(ToolCallDelta(0, "t1", "search"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, arguments="{}"),)),
        ChatDelta(finish_reason="tool_calls"),
    ]
    body = writer.start() + b"".join(map(writer.delta, deltas)) + writer.ending(TokenUsage(), 1)
    found = [
        (m.headers[":event-type"], msgspec.json.decode(m.payload).get("contentBlockIndex"))
        for m in MessageCutter().push(body)
    ]
    assert found == [
        ("messageStart", None),
        ("contentBlockDelta", 0),
        ("contentBlockDelta", 0),
        ("contentBlockStop", 0),
        ("contentBlockDelta", 1),
        ("contentBlockDelta", 1),
        ("contentBlockStop", 1),
        ("contentBlockStart", 2),
        ("contentBlockDelta", 2),
        ("contentBlockStop", 2),
        ("messageStop", None),
        ("metadata", None),
    ]


def test_an_exception_has_its_type_in_a_header() -> None:
    (message,) = MessageCutter().push(exception("throttlingException", "no"))
    assert message.headers[":message-type"] == "exception"
    assert message.headers[":exception-type"] == "throttlingException"
    assert message.payload == b'{"message":"no"}'
