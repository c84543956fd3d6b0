import msgspec
import pytest

from headgate.core.chat import TokenUsage, ToolCallDelta
from headgate.core.models import ProviderBroke
from headgate.providers.openai_shapes import (
    Call,
    CallNumbers,
    Fault,
    Function,
    Turn,
    Usage,
    read_answer,
    read_fault,
    usage_from,
)


def usage(text: str) -> TokenUsage | None:
    return usage_from(msgspec.json.decode(text, type=Usage))


@pytest.mark.parametrize(
    ("given", "counted"),
    [
        ('{"prompt_tokens":9,"completion_tokens":2}', TokenUsage(9, 2)),
        ('{"prompt_tokens":9,"completion_tokens":2,"total_tokens":11}', TokenUsage(9, 2)),
        ('{"prompt_tokens":9,"completion_tokens":2,"total_tokens":5}', TokenUsage(9, 2)),
        ('{"prompt_tokens":9,"total_tokens":9}', TokenUsage(9)),
        ('{"total_tokens":9}', TokenUsage(9)),
        ('{"completion_tokens":4,"total_tokens":9}', TokenUsage(5, 4)),
        ('{"prompt_tokens":9,"completion_tokens":-2}', TokenUsage(9, 0)),
        ('{"prompt_tokens":9,"prompt_tokens_details":{"cached_tokens":null}}', TokenUsage(9)),
    ],
)
def test_a_vendors_count_is_read(given: str, counted: TokenUsage) -> None:
    assert usage(given) == counted


def test_reasoning_outside_of_the_completion_is_output_all_the_same() -> None:
    """xAI's total holds it, its `completion_tokens` does not."""
    text = (
        '{"prompt_tokens":32,"completion_tokens":9,"total_tokens":135,'
        '"completion_tokens_details":{"reasoning_tokens":94}}'
    )
    assert usage(text) == TokenUsage(32, 103, reasoning_tokens=94)


@pytest.mark.parametrize(
    "given", ["{}", '{"prompt_tokens":0,"completion_tokens":0}', '{"prompt_tokens":null}']
)
def test_a_count_of_nothing_is_no_count(given: str) -> None:
    """Else a vendor that does not count would answer for nothing."""
    assert usage(given) is None
    assert usage_from(None) is None


def test_each_class_of_tokens_is_found() -> None:
    text = (
        '{"prompt_tokens":100,"completion_tokens":50,"prompt_tokens_details":{"cached_tokens":30,'
        '"cache_write_tokens":20},"completion_tokens_details":{"reasoning_tokens":10}}'
    )
    assert usage(text) == TokenUsage(
        100, 50, cached_input_tokens=30, cache_write_tokens=20, reasoning_tokens=10
    )
    assert usage('{"prompt_tokens":9,"prompt_cache_hit_tokens":4}') == TokenUsage(
        9, cached_input_tokens=4
    )


def deltas(*calls: Call) -> list[ToolCallDelta]:
    numbers = CallNumbers()
    return [delta for call in calls for delta in numbers.deltas([call])]


def test_pieces_of_tool_calls_keep_their_numbers_and_name_each_call_once() -> None:
    """A client joins what comes twice: an id with every piece would be doubled."""
    pieces = deltas(
        Call(0, "a", Function("add", "")),
        Call(0, "a", Function("add", '{"n"')),
        Call(0, "", Function(None, ":1}")),
        Call(1, "b", Function("sub", "{")),
        Call(1, None, Function("", "}")),
        Call(0, "other", Function(None, " ")),
    )
    assert pieces == [
        ToolCallDelta(0, "a", "add", ""),
        ToolCallDelta(0, arguments='{"n"'),
        ToolCallDelta(0, arguments=":1}"),
        ToolCallDelta(1, "b", "sub", "{"),
        ToolCallDelta(1, arguments="}"),
        ToolCallDelta(0, arguments=" "),
    ]


def test_tool_calls_without_an_index_are_numbered() -> None:
    pieces = deltas(
        Call(None, "a", Function("add", "{}")),
        Call(None, "b", Function("add", "{")),
        Call(None, "b", Function(None, "1")),
        Call(None, None, Function(None, "}")),
        Call(None, None, Function("sub", "{}")),
    )
    assert [piece.index for piece in pieces] == [0, 1, 1, 1, 2]
    assert [piece.name for piece in pieces] == ["add", "add", None, None, "sub"]
    assert pieces[4].id


def test_calls_that_all_have_index_0_are_told_apart_by_id_and_name() -> None:
    pieces = deltas(Call(0, "a", Function("add", "{}")), Call(0, "b", Function("add", "{}")))
    assert [(piece.index, piece.id) for piece in pieces] == [(0, "a"), (1, "b")]


def test_indexes_with_gaps_become_numbers_without() -> None:
    pieces = deltas(Call(1, "a", Function("add", "{")), Call(1, None, Function(None, "}")))
    assert [piece.index for piece in pieces] == [0, 0]


def test_a_frame_without_tool_calls_has_none() -> None:
    assert CallNumbers().deltas(None) == ()


@pytest.mark.parametrize(
    ("turn", "size"),
    [
        ('{"content":"Grüße"}', 7),
        ('{"reasoning_content":"Hm"}', 2),
        ('{"reasoning":"Hm","content":"a"}', 3),
        ('{"reasoning":{"a":1}}', 7),
        ('{"refusal":"No"}', 2),
        ('{"tool_calls":[{"function":{"arguments":"{}"}},{"function":null}]}', 2),
        ('{"content":null,"role":"assistant"}', 0),
    ],
)
def test_a_turns_size_is_all_that_the_model_wrote(turn: str, size: int) -> None:
    assert msgspec.json.decode(turn, type=Turn).size == size


@pytest.mark.parametrize(
    "body", [b"", b"<html>busy</html>", b"[]", b'{"choices":7}', b"\xff", b"[" * 100_000]
)
def test_what_is_no_answer_is_broken(body: bytes) -> None:
    with pytest.raises(ProviderBroke, match="could not be understood"):
        read_answer(body)


def test_fields_without_a_shape_may_be_anything() -> None:
    answer = read_answer(b'{"created":1.5,"model":7,"object":null,"choices":null,"error":null}')
    assert (answer.choices, answer.error) == (None, None)
    assert read_answer(b'{"error":"no"}').error == "no"
    assert read_answer(b'{"error":{"message":"no"}}').error == {"message": "no"}


@pytest.mark.parametrize(
    ("body", "fault"),
    [
        ('{"error":{"message":"m","type":"t","param":"p","code":"c"}}', Fault("m", "c", "p")),
        ('{"error":{"message":"m","param":["a"],"code":400}}', Fault("m")),
        ('{"error":"m"}', Fault("m")),
        ('{"object":"error","message":"m","param":null,"code":400}', Fault("m")),
        ('{"message":{"detail":[{"loc":["body"],"msg":"a"},{"msg":"b"}]}}', Fault("a; b")),
        ('{"detail":"m"}', Fault("m")),
        ('{"detail":[{"msg":"a"}]}', Fault("a")),
        ('{"error":null}', Fault()),
        ('{"error":{"message":7}}', Fault()),
        ("[]", Fault()),
        ("7", Fault()),
        ("<html><body>502 Bad Gateway</body></html>", Fault()),
        ("", Fault()),
        ("[" * 100_000, Fault()),
    ],
)
def test_an_error_is_read_in_each_shape(body: str, fault: Fault) -> None:
    assert read_fault(body.encode()) == fault
