"""What is read out of bodies and streams, in all the dialects that are spoken."""

import json
from typing import Any

import pytest

from headgate.core.contents import MOST_KEPT_BYTES, Kept, Said
from headgate.http.texts import said_in_body, said_in_stream


def kept(data: bytes) -> Kept:
    found = Kept()
    found.add(data)
    return found


def stream(*events: Any) -> Kept:
    return kept(b"".join(b"data: " + json.dumps(event).encode() + b"\n\n" for event in events))


def test_a_body_is_spelled_in_one_way() -> None:
    assert said_in_body(kept(rb'{"a": "\u0073k \/ \u00e9"}')) == Said('{"a":"sk / é"}', True)


@pytest.mark.parametrize("data", [b"no JSON", b'{"a": "\\u0', b"[" * 5000])
def test_what_is_no_json_is_told_as_it_came(data: bytes) -> None:
    assert said_in_body(kept(data)).text == data.decode()


def test_a_body_that_was_cut_off_says_so() -> None:
    said = said_in_body(kept(b"\xff" * (MOST_KEPT_BYTES + 1)))
    assert not said.is_whole
    assert "\ufffd" in said.text


@pytest.mark.parametrize(
    "events",
    [
        [{"type": "delta", "content": "one "}, {"type": "delta", "content": "two"}],
        [
            {"choices": [{"delta": {"role": "assistant", "content": "one "}}]},
            {"choices": [{"delta": {"content": "two"}}]},
            {"choices": [], "usage": {"total_tokens": 2}},
        ],
        [
            {"type": "content_block_delta", "delta": {"type": "text_delta", "text": "one "}},
            {"type": "content_block_delta", "delta": {"partial_json": "two"}},
            {"type": "message_delta", "delta": {"stop_reason": "end_turn"}},
        ],
        [
            {"type": "response.output_text.delta", "delta": "one "},
            {"type": "response.output_text.delta", "delta": "two"},
            {"type": "response.completed", "response": {"output": "one two"}},
        ],
    ],
)
def test_a_stream_is_told_as_its_text(events: list[Any]) -> None:
    assert said_in_stream(stream(*events)) == Said("one two", True)


def test_what_a_stream_broke_off_with_stands_behind_its_text() -> None:
    events = {"type": "delta", "content": "one"}, {"type": "error", "error": {"code": "overloaded"}}
    assert said_in_stream(stream(*events)).text == (
        'one\n{"type":"error","error":{"code":"overloaded"}}'
    )


def test_a_stream_without_text_is_told_as_its_events() -> None:
    data = b': ping\n\nid: 1\ndata: {"seq":1}\n\ndata: [1]\n\ndata: [DONE]\n\ndata: {"seq"'
    assert said_in_stream(kept(data)).text == '{"seq":1}'


def test_nothing_in_a_stream_is_taken_for_granted() -> None:
    odd = [{"choices": [1, {"delta": 2}], "delta": {"text": 3}}, {"choices": 4, "content": 5}]
    assert said_in_stream(stream(*odd)).text == "\n".join(
        json.dumps(event, separators=(",", ":")) for event in odd
    )
