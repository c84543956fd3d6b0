from hypothesis import given
from hypothesis import strategies as st

from headgate.stores.dynamodb import attributes


@given(st.text())
def test_an_escaped_part_holds_no_separator_and_comes_back(part: str) -> None:
    assert "#" not in attributes.escaped(part)
    assert attributes.unescaped(attributes.escaped(part)) == part


@given(st.integers())
def test_whole_numbers_of_any_size_stay_exact(value: int) -> None:
    assert attributes.integer_of({"n": attributes.number(value)}, "n") == value


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_other_numbers_stay_exact(value: float) -> None:
    assert attributes.float_of({"n": attributes.number(value)}, "n") == value


def test_numbers_are_written_without_what_says_nothing() -> None:
    assert attributes.number(1002.0) == {"N": "1002"}


def test_what_is_not_there_counts_nothing() -> None:
    assert attributes.integer_of(None, "n") == 0
    assert attributes.integer_of({}, "n") == 0
