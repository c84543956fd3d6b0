"""What a caller is told of a value that has another shape."""

import msgspec
import pytest

from headgate.core.decoding import invalid_value


class Inner(msgspec.Struct, forbid_unknown_fields=True):
    number: int


class Outer(msgspec.Struct):
    inner: Inner


@pytest.mark.parametrize(
    ("value", "param"),
    [
        ({}, "inner"),
        ({"inner": {}}, "inner.number"),
        ({"inner": {"number": "1"}}, "inner.number"),
        ({"inner": {"number": 1, "colour": "red"}}, "inner.colour"),
    ],
)
def test_it_is_said_where_the_mistake_is(value: object, param: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert(value, Outer)
    refusal = invalid_value(caught.value)
    assert refusal.param == param
    assert refusal.code == "invalid_request"


def test_a_value_that_is_wrong_as_a_whole_is_the_body() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.convert([], Outer)
    assert "at `body`" in invalid_value(caught.value).message
    assert invalid_value(caught.value).param is None
