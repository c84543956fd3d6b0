import pytest

from headgate.core.chat import Thinking, TokenUsage
from headgate.core.models import ProviderBroke
from headgate.providers.anthropic_shapes import (
    CacheCreation,
    Usage,
    read_answer,
    read_event,
    read_fault,
    thoughts_in,
)


def test_classes_of_input_are_added_up_and_kept_apart() -> None:
    """Anthropic leaves cached tokens out of `input_tokens`; charging them there too is a bug."""
    usage = Usage(
        input_tokens=10,
        cache_creation_input_tokens=30,
        cache_read_input_tokens=50,
        cache_creation=CacheCreation(20),
        output_tokens=7,
    )
    assert usage.counted() == TokenUsage(
        90, 7, cached_input_tokens=50, cache_write_tokens=30, cache_write_1h_tokens=20
    )


def test_a_later_count_replaces_only_what_it_says() -> None:
    first = Usage(input_tokens=10, cache_read_input_tokens=5, output_tokens=1)
    assert first.updated(Usage(output_tokens=9)).counted() == TokenUsage(
        15, 9, cached_input_tokens=5
    )
    assert first.updated(Usage(input_tokens=20, output_tokens=9)).counted().input_tokens == 25


@pytest.mark.parametrize("count", [-5, None])
def test_a_count_that_makes_no_sense_is_none(count: int | None) -> None:
    assert Usage(input_tokens=count, output_tokens=3).counted() == TokenUsage(0, 3)


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"[" * 100_000, b"{}", b'{"content":1}', b"\xff"]
)
def test_what_is_no_answer_is_told_so(body: bytes) -> None:
    with pytest.raises(ProviderBroke):
        read_answer(body)


def test_fields_and_kinds_that_nobody_here_knows_do_no_harm() -> None:
    answer = read_answer(
        b'{"content":[{"type":"future","x":1},{"type":"redacted_thinking","data":"x"},'
        b'{"type":"thinking","thinking":"hm","signature":""}],"new":{},"container":null}'
    )
    assert thoughts_in(answer.content or []) == (Thinking(sealed="x"), Thinking("hm"))
    assert read_event(b'{"type":"future","delta":{"type":"x","y":1}}').type == "future"


@pytest.mark.parametrize("data", [b"{", b"[]", b'{"index":"a"}'])
def test_what_is_no_event_is_told_so(data: bytes) -> None:
    with pytest.raises(ProviderBroke):
        read_event(data)


def test_an_error_is_read_in_its_shape_or_not_at_all() -> None:
    fault = read_fault(b'{"type":"error","error":{"type":"api_error","message":"m"}}')
    assert (fault.type, fault.message) == ("api_error", "m")
    for body in (b"", b"<html>", b'{"error":"text"}', b"{}"):
        assert read_fault(body).message == ""
