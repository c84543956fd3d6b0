"""What Cohere writes."""

import pytest

from headgate.core.chat import TokenUsage
from headgate.core.models import ProviderBroke
from headgate.providers.cohere_shapes import read_answer, read_event, read_fault


def counted(text: str) -> TokenUsage | None:
    usage = read_answer(f'{{"usage":{text}}}'.encode()).usage
    assert usage
    return usage.counted()


def test_what_is_billed_counts_and_else_what_was_read() -> None:
    tokens = '"tokens":{"input_tokens":500.0,"output_tokens":7.0},"cached_tokens":4'
    billed = '"billed_units":{"input_tokens":10.0,"output_tokens":3.0,"search_units":1}'
    assert counted(f"{{{tokens},{billed}}}") == TokenUsage(10, 3, 4)
    assert counted(f"{{{tokens}}}") == TokenUsage(500, 7, 4)
    assert counted(f'{{{billed},"cached_tokens":400}}') == TokenUsage(10, 3, 10)
    assert counted("{}") is None
    assert counted('{"billed_units":{}}') is None


def test_an_event_holds_one_piece_or_an_empty_list() -> None:
    empty = '{"type":"message-start","delta":{"message":{"content":[],"tool_calls":[]}}}'
    delta = read_event(empty.encode()).delta
    assert delta
    assert (delta.content, delta.call, delta.size) == (None, None, 0)
    piece = (
        '{"type":"x","delta":{"message":{"content":{"text":"ab","thinking":"c"},"tool_plan":"d",'
        '"tool_calls":{"function":{"arguments":"ef"}}}}}'
    )
    delta = read_event(piece.encode()).delta
    assert delta
    assert delta.size == 6


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"message":1,"delta":1}'])
def test_what_is_no_answer_breaks(body: bytes) -> None:
    for read in (read_answer, read_event):
        with pytest.raises(ProviderBroke):
            read(body)
    assert read_fault(body) == ""
