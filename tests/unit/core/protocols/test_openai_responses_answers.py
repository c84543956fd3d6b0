"""What a caller of `/v1/responses` is told: whole, and event by event."""

from typing import Any

import msgspec
import pytest

from headgate.core.chat import (
    ChatDelta,
    ChatResponse,
    Thinking,
    TokenUsage,
    ToolCall,
    ToolCallDelta,
)
from headgate.core.models import ProviderBroke
from headgate.core.protocols import openai_responses_answers as answers
from headgate.core.protocols.openai_responses import Item, ResponsesRequest, ToolItem, chat_request

USAGE = TokenUsage(10, 7, cached_input_tokens=4, cache_write_tokens=2, reasoning_tokens=3)
ERROR = {"message": "the vendor broke off", "type": "api_error", "code": "upstream_error"} | {
    "param": None
}


def start(**fields: Any) -> answers.ResponseAnswer:
    wanted = ResponsesRequest("small", "hello", **fields)
    return answers.head(wanted, model="small-1", created_at=5)


def whole(**fields: Any) -> dict[str, Any]:
    given: dict[str, Any] = {"content": "", "finish_reason": "stop"} | fields
    response = ChatResponse(id="x", model="small-1", usage=USAGE, **given)
    body = answers.whole(start(), response, completed_at=6)
    told: dict[str, Any] = msgspec.json.decode(msgspec.json.encode(body))
    return told


def events(body: bytes) -> list[dict[str, Any]]:
    found = [
        msgspec.json.decode(frame.split(b"\ndata: ")[1])
        for frame in body.removesuffix(b"\n\n").split(b"\n\n")
    ]
    assert [event["sequence_number"] for event in found] == list(range(len(found)))
    return found


def streamed(*deltas: ChatDelta) -> list[dict[str, Any]]:
    writer = answers.EventWriter(start())
    pieces = [writer.start(), *map(writer.delta, deltas), writer.ending(USAGE, completed_at=6)]
    return events(b"".join(pieces))


def names(found: list[dict[str, Any]]) -> list[str]:
    return [event["type"].removeprefix("response.") for event in found]


def test_what_was_asked_for_stands_in_the_answer() -> None:
    tool = ToolItem("function", "search")
    told = msgspec.json.decode(
        msgspec.json.encode(start(tools=[tool], metadata={"a": "b"}, parallel_tool_calls=False))
    )
    assert (told["status"], told["store"], told["created_at"]) == ("in_progress", False, 5)
    assert (told["metadata"], told["parallel_tool_calls"]) == ({"a": "b"}, False)
    assert told["tools"][0]["name"] == "search"
    assert told["text"] == {"format": {"type": "text"}, "verbosity": "medium"}
    assert told["reasoning"] == {"effort": None, "mode": None}
    assert told["id"].startswith("resp_")


def test_a_whole_answer_has_its_items_in_order() -> None:
    told = whole(
        content="I will",
        thinking=(Thinking("hm", "s"), Thinking("unsigned")),
        tool_calls=(ToolCall("c", "search", "{}"),),
        finish_reason="tool_calls",
    )
    signed, unsigned, message, call = told["output"]
    assert (told["status"], told["completed_at"]) == ("completed", 6)
    assert signed["summary"] == [{"type": "summary_text", "text": "hm"}]
    assert unsigned["encrypted_content"] is None
    assert message["content"] == [
        {"type": "output_text", "text": "I will", "annotations": [], "logprobs": []}
    ]
    assert (call["type"], call["call_id"], call["arguments"]) == ("function_call", "c", "{}")
    assert told["usage"] == {
        "input_tokens": 10,
        "input_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
        "output_tokens": 7,
        "output_tokens_details": {"reasoning_tokens": 3},
        "total_tokens": 17,
    }


def test_a_thought_comes_back_as_it_went() -> None:
    for thought in (Thinking("hm", "s"), Thinking(sealed="x")):
        (item, _) = whole(thinking=(thought,))["output"]
        wanted = ResponsesRequest("small", [msgspec.convert(item, Item)])
        (message,) = chat_request(wanted).messages
        assert message.content == (thought,)


def test_a_refusal_is_content_of_its_own() -> None:
    (item,) = whole(refusal="no")["output"]
    assert item["content"] == [{"type": "refusal", "refusal": "no"}]


@pytest.mark.parametrize(
    ("finish", "reason"),
    [("length", "max_output_tokens"), ("content_filter", "content_filter")],
)
def test_an_answer_that_is_not_whole_says_why(finish: Any, reason: str) -> None:
    told = whole(content="a", finish_reason=finish)
    assert (told["status"], told["incomplete_details"]) == ("incomplete", {"reason": reason})
    assert told["completed_at"] is None
    *_, last = streamed(ChatDelta(text="a", finish_reason=finish))
    assert last["type"] == "response.incomplete"
    assert last["response"]["output"][0]["status"] == "incomplete"


def test_each_item_begins_comes_in_pieces_and_ends() -> None:
    found = streamed(
        ChatDelta(thinking=Thinking("h")),
        ChatDelta(thinking=Thinking("m", "s")),
        ChatDelta(text="I "),
        ChatDelta(text="will"),
        ChatDelta(tool_calls=(ToolCallDelta(0, "c", "search"),)),
        ChatDelta(tool_calls=(ToolCallDelta(0, arguments="{}"),), finish_reason="tool_calls"),
    )
    assert names(found) == [
        "created",
        "in_progress",
        "output_item.added",
        "reasoning_summary_part.added",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.delta",
        "reasoning_summary_text.done",
        "reasoning_summary_part.done",
        "output_item.done",
        "output_item.added",
        "content_part.added",
        "output_text.delta",
        "output_text.delta",
        "output_text.done",
        "content_part.done",
        "output_item.done",
        "output_item.added",
        "function_call_arguments.delta",
        "function_call_arguments.done",
        "output_item.done",
        "completed",
    ]
    done = [event["item"] for event in found if event["type"] == "response.output_item.done"]
    assert found[-1]["response"]["output"] == done
    assert [item["type"] for item in done] == ["reasoning", "message", "function_call"]
    assert done[0]["encrypted_content"]
    assert {event["output_index"] for event in found if "output_index" in event} == {0, 1, 2}


def test_what_is_thought_twice_or_sealed_are_items_of_their_own() -> None:
    found = streamed(
        ChatDelta(thinking=Thinking("a", "s")),
        ChatDelta(thinking=Thinking("b")),
        ChatDelta(thinking=Thinking("", "t")),
        ChatDelta(thinking=Thinking(sealed="x")),
    )
    output = found[-1]["response"]["output"]
    assert [len(item["summary"]) for item in output] == [1, 1, 0]
    assert all(item["encrypted_content"] for item in output)


def test_a_refusal_has_events_of_its_own() -> None:
    found = streamed(ChatDelta(refusal="n"), ChatDelta(refusal="o"))
    assert names(found)[2:-1] == [
        "output_item.added",
        "content_part.added",
        "refusal.delta",
        "refusal.delta",
        "refusal.done",
        "content_part.done",
        "output_item.done",
    ]
    assert found[-1]["response"]["output"][0]["content"] == [{"type": "refusal", "refusal": "no"}]


def test_an_answer_without_a_word_is_an_empty_message() -> None:
    (item,) = streamed(ChatDelta(finish_reason="stop"))[-1]["response"]["output"]
    assert item["content"][0]["text"] == ""


def test_a_stream_that_breaks_off_tells_what_had_come() -> None:
    writer = answers.EventWriter(start())
    body = writer.start() + writer.delta(ChatDelta(text="a")) + writer.failed(ERROR)
    *_, done, failed, error = events(body)
    assert done["item"]["status"] == "incomplete"
    assert (failed["type"], failed["response"]["status"]) == ("response.failed", "failed")
    assert failed["response"]["error"] == {
        "code": "upstream_error",
        "message": "the vendor broke off",
    }
    assert (error["type"], error["code"], error["error"]) == ("error", "upstream_error", ERROR)


def test_pieces_of_several_calls_are_not_mixed() -> None:
    writer = answers.EventWriter(start())
    writer.delta(ChatDelta(tool_calls=(ToolCallDelta(0, "a", "f"), ToolCallDelta(1, "b", "f"))))
    with pytest.raises(ProviderBroke):
        writer.delta(ChatDelta(tool_calls=(ToolCallDelta(0, arguments="{}"),)))
