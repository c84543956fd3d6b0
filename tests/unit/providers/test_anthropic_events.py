from typing import Any

import msgspec
import pytest

from headgate.core.chat import ChatDelta, Thinking, ToolCallDelta
from headgate.providers.anthropic_events import EventReader
from headgate.providers.anthropic_shapes import read_event


def read(*events: dict[str, Any]) -> list[ChatDelta]:
    reader = EventReader()
    found = [reader.delta(read_event(msgspec.json.encode(event))) for event in events]
    return [delta for delta in found if delta is not None]


def begun(index: int, **block: Any) -> dict[str, Any]:
    return {"type": "content_block_start", "index": index, "content_block": block}


def piece(index: int, **delta: Any) -> dict[str, Any]:
    return {"type": "content_block_delta", "index": index, "delta": delta}


def ended(index: int) -> dict[str, Any]:
    return {"type": "content_block_stop", "index": index}


def test_texts_are_pieces_wherever_they_stand() -> None:
    assert read(
        begun(0, type="text", text="a"), piece(0, type="text_delta", text="b"), ended(0)
    ) == [ChatDelta(text="a"), ChatDelta(text="b")]


def test_tools_are_numbered_from_0_whatever_blocks_stand_between_them() -> None:
    assert read(
        begun(0, type="text", text=""),
        begun(1, type="tool_use", id="t1", name="f", input={}),
        piece(1, type="input_json_delta", partial_json=""),
        piece(1, type="input_json_delta", partial_json='{"n":1}'),
        ended(1),
        begun(3, type="tool_use", id="t2", name="g", input={}),
        ended(3),
    ) == [
        ChatDelta(tool_calls=(ToolCallDelta(0, "t1", "f"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, arguments='{"n":1}'),)),
        ChatDelta(tool_calls=(ToolCallDelta(1, "t2", "g"),)),
        ChatDelta(tool_calls=(ToolCallDelta(1, arguments="{}"),)),
    ]


def test_thoughts_come_in_pieces_and_are_signed_at_their_end() -> None:
    assert read(
        begun(0, type="thinking", thinking="", signature=""),
        piece(0, type="thinking_delta", thinking="hm"),
        piece(0, type="signature_delta", signature="sig"),
        ended(0),
        begun(1, type="redacted_thinking", data="x"),
    ) == [
        ChatDelta(thinking=Thinking("hm")),
        ChatDelta(thinking=Thinking("", "sig")),
        ChatDelta(thinking=Thinking(sealed="x")),
    ]


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("end_turn", "stop"),
        ("max_tokens", "length"),
        ("tool_use", "tool_calls"),
        ("refusal", "content_filter"),
        ("a_future_one", "stop"),
    ],
)
def test_the_reason_for_the_end_is_a_piece(reason: str, told: str) -> None:
    (delta,) = read({"type": "message_delta", "delta": {"stop_reason": reason}, "usage": {}})
    assert delta.finish_reason == told


def test_the_text_that_stopped_the_answer_is_told() -> None:
    told = {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    assert read({"type": "message_delta", "delta": told}) == [
        ChatDelta(finish_reason="stop", stop_sequence="END")
    ]


def test_what_is_no_content_is_no_piece() -> None:
    assert not read(
        {"type": "message_start", "message": {"content": []}},
        {"type": "ping"},
        {"type": "message_delta", "delta": {"stop_reason": None}},
        piece(0, type="citations_delta", citation={}),
        piece(5, type="input_json_delta", partial_json="{}"),
        {"type": "message_stop"},
        {"type": "future"},
    )
