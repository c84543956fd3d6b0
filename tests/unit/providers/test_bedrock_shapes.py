import pytest

from headgate.core.chat import TokenUsage
from headgate.core.models import ProviderBroke
from headgate.providers.bedrock_shapes import (
    CacheDetail,
    Usage,
    read_answer,
    read_event,
    read_fault,
)


def test_classes_of_input_are_apart_from_each_other() -> None:
    usage = Usage(
        input_tokens=10,
        output_tokens=5,
        cache_read_input_tokens=100,
        cache_write_input_tokens=50,
        cache_details=[CacheDetail("1h", 30), CacheDetail("5m", 20)],
    )
    assert usage.counted() == TokenUsage(160, 5, 100, 50, 0, 30)


def test_a_count_without_classes_is_the_whole() -> None:
    assert Usage(input_tokens=10, output_tokens=5).counted() == TokenUsage(10, 5)
    assert Usage(input_tokens=-1).counted() == TokenUsage()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"output":{}}', b'{"output":{"message":1}}'])
def test_an_answer_that_is_none_is_broken(body: bytes) -> None:
    with pytest.raises(ProviderBroke):
        read_answer(body)


def test_fields_of_younger_editions_are_left_aside() -> None:
    answer = read_answer(
        b'{"output":{"message":{"content":[{"searchResult":{}},{"text":"hi"}],"x":1}},'
        b'"metrics":{"latencyMs":1},"trace":{}}'
    )
    assert answer.output
    assert answer.output.message
    assert [block.text for block in answer.output.message.content or ()] == [None, "hi"]


@pytest.mark.parametrize("data", [b"", b"\xff", b"[" * 100_000, b'{"delta":1}'])
def test_an_event_that_is_none_is_broken(data: bytes) -> None:
    with pytest.raises(ProviderBroke):
        read_event(data)


def test_an_error_in_another_shape_is_empty() -> None:
    assert read_fault(b"<html>").message is None
    assert read_fault(b'{"__type":"a#B","message":"no"}').type == "a#B"
