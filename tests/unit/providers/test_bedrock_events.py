from typing import Any

import msgspec
import pytest

from headgate.core.chat import ChatDelta, Thinking, ToolCallDelta
from headgate.core.models import ProviderBroke
from headgate.providers.bedrock_events import EventReader
from headgate.providers.bedrock_shapes import read_event


def deltas(*events: tuple[str, dict[str, Any]]) -> list[ChatDelta]:
    reader = EventReader()
    found = [reader.delta(kind, read_event(msgspec.json.encode(body))) for kind, body in events]
    return [delta for delta in found if delta is not None]


def piece(index: int, **delta: Any) -> tuple[str, dict[str, Any]]:
    return "contentBlockDelta", {"contentBlockIndex": index, "delta": delta, "p": "abc"}


def tool(index: int, name: str) -> tuple[str, dict[str, Any]]:
    start = {"toolUse": {"toolUseId": f"t{index}", "name": name}}
    return "contentBlockStart", {"contentBlockIndex": index, "start": start}


def end(index: int) -> tuple[str, dict[str, Any]]:
    return "contentBlockStop", {"contentBlockIndex": index}


def test_texts_thoughts_and_the_end() -> None:
    assert deltas(
        ("messageStart", {"role": "assistant"}),
        piece(0, reasoningContent={"text": "hm"}),
        piece(0, reasoningContent={"signature": "sig"}),
        piece(0, reasoningContent={"redactedContent": "c2VhbGVk"}),
        piece(0, reasoningContent={}),
        end(0),
        piece(1, text="hi"),
        piece(1, citation={"title": "unknown here"}),
        end(1),
        (
            "messageStop",
            {
                "stopReason": "stop_sequence",
                "additionalModelResponseFields": {"stop_sequence": "END"},
            },
        ),
        ("metadata", {"usage": {"inputTokens": 1}}),
        ("somethingYounger", {}),
    ) == [
        ChatDelta(thinking=Thinking("hm")),
        ChatDelta(thinking=Thinking("", "sig")),
        ChatDelta(thinking=Thinking(sealed="c2VhbGVk")),
        ChatDelta(text="hi"),
        ChatDelta(finish_reason="stop", stop_sequence="END"),
    ]


def test_tools_are_numbered_from_0_and_one_without_input_is_called_with_an_object() -> None:
    calls = [
        call
        for delta in deltas(
            piece(0, text="look"),
            end(0),
            tool(1, "search"),
            piece(1, toolUse={"input": ""}),
            piece(1, toolUse={"input": '{"q": '}),
            piece(1, toolUse={"input": "1}"}),
            end(1),
            tool(2, "stop"),
            end(2),
        )
        for call in delta.tool_calls
    ]
    assert calls == [
        ToolCallDelta(0, "t1", "search"),
        ToolCallDelta(0, arguments='{"q": '),
        ToolCallDelta(0, arguments="1}"),
        ToolCallDelta(1, "t2", "stop"),
        ToolCallDelta(1, arguments="{}"),
    ]


def test_a_tools_input_that_is_no_text_breaks_the_answer() -> None:
    with pytest.raises(ProviderBroke):
        deltas(tool(0, "a"), piece(0, toolUse={"input": {"q": 1}}))
