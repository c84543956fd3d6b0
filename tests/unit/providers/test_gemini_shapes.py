"""What Gemini writes."""

import pytest

from headgate.core.chat import TokenUsage
from headgate.core.models import ProviderBroke
from headgate.providers.gemini_shapes import read_answer, read_fault


def usage(text: str) -> TokenUsage:
    found = read_answer(f'{{"usageMetadata":{text}}}'.encode()).usage_metadata
    assert found
    return found.counted()


def test_thoughts_are_output_and_what_tools_read_is_input() -> None:
    counted = usage(
        '{"promptTokenCount":100,"cachedContentTokenCount":40,"toolUsePromptTokenCount":7,'
        '"candidatesTokenCount":10,"thoughtsTokenCount":5,"totalTokenCount":122}'
    )
    assert counted == TokenUsage(107, 15, 40, 0, 5)
    assert usage('{"promptTokenCount":-1,"thoughtsTokenCount":null}') == TokenUsage()


def test_arguments_stand_on_one_line_and_keep_their_numbers() -> None:
    body = b"""{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","args":{
        "a": 1.0,
        "b": 123456789012345678901234567890
    }}}]}}]}"""
    (candidate,) = read_answer(body).candidates or []
    (part,) = candidate.parts
    assert part.function_call
    assert part.function_call.arguments == '{"a":1.0,"b":123456789012345678901234567890}'


@pytest.mark.parametrize("body", [b"", b"[]", b"\xff", b"[" * 100_000, b'{"candidates":1}'])
def test_what_is_no_answer_breaks(body: bytes) -> None:
    with pytest.raises(ProviderBroke):
        read_answer(body)
    assert read_fault(body).message == ""


@pytest.mark.parametrize(
    ("delay", "seconds"),
    [('"23s"', 23.0), ('"0.5s"', 0.5), ('"s"', None), ('"1e9s"', None), ("null", None)],
)
def test_when_to_come_back_may_stand_in_the_body(delay: str, seconds: float | None) -> None:
    kind = "type.googleapis.com/google.rpc.RetryInfo"
    body = f'{{"error":{{"code":429,"details":[{{"@type":"{kind}","retryDelay":{delay}}}]}}}}'
    assert read_fault(body.encode()).retry_after_seconds == seconds
