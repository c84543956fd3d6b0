from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import (
    ChatDelta,
    ChatResponse,
    FinishReason,
    Thinking,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from headgate.core.models import ProviderBroke
from headgate.core.protocols.anthropic_answers import (
    PING,
    EventWriter,
    error_type,
    message,
    usage_item,
)

USAGE = TokenUsage(
    100,
    20,
    cached_input_tokens=50,
    cache_write_tokens=30,
    reasoning_tokens=4,
    cache_write_1h_tokens=10,
)


def written(value: object) -> Any:
    return msgspec.json.decode(msgspec.json.encode(value))


def events_of(text: bytes) -> list[Any]:
    """The events, each of which must be two lines and a blank one."""
    *frames, rest = text.split(b"\n\n")
    assert rest == b""
    events = []
    for frame in frames:
        name, data = frame.split(b"\n")
        event = msgspec.json.decode(data.removeprefix(b"data: "))
        assert name == b"event: " + event["type"].encode()
        events.append(event)
    return events


def streamed(*deltas: ChatDelta) -> list[Any]:
    writer = EventWriter(id="msg_1", model="m")
    text = b"".join((writer.start(), *map(writer.delta, deltas), writer.ending(USAGE)))
    return events_of(text)


def whole(**fields: Any) -> Any:
    given_: dict[str, Any] = {
        "id": "msg_1",
        "model": "m",
        "content": "hi",
        "finish_reason": "stop",
        "usage": USAGE,
    }
    return written(message(ChatResponse(**given_ | fields)))


def test_classes_of_input_are_apart_from_each_other() -> None:
    assert written(usage_item(USAGE)) == {
        "input_tokens": 20,
        "cache_creation_input_tokens": 30,
        "cache_read_input_tokens": 50,
        "cache_creation": {"ephemeral_5m_input_tokens": 20, "ephemeral_1h_input_tokens": 10},
        "output_tokens": 20,
        "output_tokens_details": {"thinking_tokens": 4},
    }


def test_a_whole_answer_has_its_blocks_in_order() -> None:
    answer = whole(
        thinking=(Thinking("hm", "sig"), Thinking(sealed="x")),
        tool_calls=(ToolCall("t1", "f", '{"n":1}'), ToolCall("t2", "g", "")),
        finish_reason="tool_calls",
    )
    assert answer["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "x"},
        {"type": "text", "text": "hi"},
        {"type": "tool_use", "id": "t1", "name": "f", "input": {"n": 1}},
        {"type": "tool_use", "id": "t2", "name": "g", "input": {}},
    ]
    assert (answer["type"], answer["role"], answer["stop_reason"]) == (
        "message",
        "assistant",
        "tool_use",
    )


@pytest.mark.parametrize("arguments", ['{"n":', "[1]"])
def test_arguments_that_broke_off_are_no_input(arguments: str) -> None:
    call = ToolCall("t1", "f", arguments)
    assert whole(content="", tool_calls=(call,))["content"][0]["input"] == {}


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("stop", "end_turn"),
        ("length", "max_tokens"),
        ("tool_calls", "tool_use"),
        ("content_filter", "refusal"),
    ],
)
def test_reasons_are_told_in_the_protocols_words(reason: FinishReason, told: str) -> None:
    assert whole(finish_reason=reason)["stop_reason"] == told
    assert streamed(ChatDelta(finish_reason=reason))[-2]["delta"]["stop_reason"] == told


def test_a_stop_text_that_ended_the_answer_is_named() -> None:
    answer = whole(stop_sequence="END")
    assert (answer["stop_reason"], answer["stop_sequence"]) == ("stop_sequence", "END")
    told = streamed(ChatDelta(text="a"), ChatDelta(finish_reason="stop", stop_sequence="END"))[-2]
    assert told["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}


def test_a_refusal_is_text_and_the_reason() -> None:
    answer = whole(content="", refusal="I will not")
    assert answer["content"] == [{"type": "text", "text": "I will not"}]
    assert answer["stop_reason"] == "refusal"
    *_, piece, _, told, _ = streamed(ChatDelta(refusal="no"), ChatDelta(finish_reason="stop"))
    assert piece["delta"]["text"] == "no"
    assert told["delta"]["stop_reason"] == "refusal"


def test_blocks_begin_come_in_pieces_and_end() -> None:
    events = streamed(
        ChatDelta(thinking=Thinking("h")),
        ChatDelta(thinking=Thinking("m")),
        ChatDelta(thinking=Thinking("", "sig")),
        ChatDelta(thinking=Thinking(sealed="x")),
        ChatDelta(text="one"),
        ChatDelta(text=" two"),
        ChatDelta(tool_calls=(ToolCallDelta(0, "t1", "f"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, arguments='{"n":1}'),)),
        ChatDelta(tool_calls=(ToolCallDelta(1, "t2", "g"),)),
        ChatDelta(finish_reason="tool_calls"),
    )
    assert [event["type"] for event in events] == [
        "message_start",
        *("content_block_start", *["content_block_delta"] * 3, "content_block_stop"),
        *("content_block_start", "content_block_stop"),
        *("content_block_start", *["content_block_delta"] * 2, "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]
    begun = [e["content_block"]["type"] for e in events if e["type"] == "content_block_start"]
    assert begun == ["thinking", "redacted_thinking", "text", "tool_use", "tool_use"]
    indices = [event["index"] for event in events if "index" in event]
    assert indices == sorted(indices)
    assert set(indices) == set(range(5))


def test_two_thoughts_are_two_blocks() -> None:
    events = streamed(
        ChatDelta(thinking=Thinking("a", "1")), ChatDelta(thinking=Thinking("b", "2"))
    )
    assert [e["index"] for e in events if e["type"] == "content_block_start"] == [0, 1]


def test_the_usage_at_the_end_is_the_final_one() -> None:
    events = streamed(ChatDelta(text="a"))
    assert events[0]["message"]["usage"]["input_tokens"] == 0
    assert events[-2]["usage"] == written(usage_item(USAGE))


def test_what_is_known_of_the_input_stands_in_the_first_event() -> None:
    (event,) = events_of(EventWriter(id="1", model="m").start(TokenUsage(7)))
    assert event["message"]["usage"]["input_tokens"] == 7


def test_a_piece_of_a_call_that_has_ended_breaks_the_answer() -> None:
    """No client could tell whose it is."""
    with pytest.raises(ProviderBroke):
        streamed(
            ChatDelta(tool_calls=(ToolCallDelta(0, "t1", "f"),)),
            ChatDelta(tool_calls=(ToolCallDelta(1, "t2", "g"),)),
            ChatDelta(tool_calls=(ToolCallDelta(0, arguments="{}"),)),
        )


@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_no_text_breaks_an_event(text: str) -> None:
    _, _, piece, *_ = streamed(ChatDelta(text=text))
    assert piece["delta"] == {"type": "text_delta", "text": text}


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, "invalid_request_error"), (418, "invalid_request_error"), (502, "api_error")],
)
def test_every_status_has_a_word(status: int, kind: str) -> None:
    assert error_type(status) == kind


def test_a_ping_is_an_event() -> None:
    assert events_of(PING) == [{"type": "ping"}]
