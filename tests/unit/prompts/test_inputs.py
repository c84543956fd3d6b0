"""What a template is filled in with."""

from typing import Any

import pytest

from headgate.core.errors import InvalidRequest
from headgate.prompts.inputs import Input, InputKind, filled


def declared(kind: InputKind, **fields: Any) -> Input:
    return Input(type=kind, description="What it is.", **fields)


def test_what_is_not_given_is_its_default_or_nothing() -> None:
    inputs = {
        "words": declared("integer", required=False, default=120),
        "focus": declared("string", required=False),
        "tags": declared("strings", required=False),
    }
    assert filled(inputs, {}) == {"words": 120, "focus": None, "tags": []}
    assert filled(inputs, {"words": None}) == {"words": 120, "focus": None, "tags": []}


@pytest.mark.parametrize(
    ("kind", "good", "bad"),
    [
        ("string", "", 1),
        ("integer", 3, 3.5),
        ("integer", 0, True),
        ("number", 3, "3"),
        ("boolean", False, 0),
        ("strings", ["a"], ["a", 1]),
        ("strings", [], "a"),
        ("object", {"a": [1]}, [1]),
    ],
)
def test_an_input_has_its_type_or_is_refused_by_name(
    kind: InputKind, good: object, bad: object
) -> None:
    inputs = {"it": declared(kind)}
    assert filled(inputs, {"it": good}) == {"it": good}
    with pytest.raises(InvalidRequest, match="the input `it` must be ") as caught:
        filled(inputs, {"it": bad})
    assert caught.value.param == "inputs.it"


def test_objects_have_their_fields() -> None:
    inputs = {"all": declared("objects", fields={"id": "string", "size": "integer"})}
    given = [{"id": "a", "size": 1, "more": None}]
    assert filled(inputs, {"all": given}) == {"all": given}
    with pytest.raises(InvalidRequest, match=r"needs `size` in each .* number 2 has none"):
        filled(inputs, {"all": [*given, {"id": "b"}]})
    with pytest.raises(InvalidRequest, match="number 1: `id` must be a text"):
        filled(inputs, {"all": [{"id": 1, "size": 1}]})


def test_a_missing_input_is_told_with_what_it_is_for() -> None:
    with pytest.raises(InvalidRequest, match=r"`it` is missing: What it is\."):
        filled({"it": declared("string")}, {})


def test_an_unknown_input_is_told_with_those_that_there_are() -> None:
    with pytest.raises(InvalidRequest, match="no input 'tixt'; its inputs are `text`"):
        filled({"text": declared("string")}, {"text": "", "tixt": ""})


@pytest.mark.parametrize(
    "fields",
    [
        {"kind": "string", "default": "a"},
        {"kind": "string", "required": False, "default": 1},
        {"kind": "string", "fields": {"id": "string"}},
        {"kind": "objects"},
    ],
)
def test_a_declaration_that_contradicts_itself_is_refused(fields: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"default|fields"):
        declared(**fields)
