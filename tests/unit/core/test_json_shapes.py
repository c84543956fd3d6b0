"""Whether a value has the shape that a schema asks for."""

from typing import Any

import pytest

from headgate.core.json_shapes import misfit

OBJECT = {"type": "object", "required": ["a"], "properties": {"a": {"type": "integer"}}}


@pytest.mark.parametrize(
    ("value", "schema"),
    [
        ({"a": 1}, OBJECT),
        ({"a": 1.0, "b": "more"}, OBJECT),
        ("x", {}),
        (None, {"type": ["string", "null"]}),
        (2.5, {"type": "number"}),
        ([1, 2], {"type": "array", "items": {"type": "integer"}}),
        ("red", {"enum": ["red", "blue"]}),
        (5, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"b": {"a": 1}}, {"properties": {"b": {"$ref": "#/$defs/o"}}, "$defs": {"o": OBJECT}}),
        ({"x": 1}, {"type": "object", "additionalProperties": {"type": "integer"}}),
        (1, {"$ref": "https://elsewhere.example/schema"}),
        (1, {"type": "a type of its own"}),
        (1, {"allOf": "nonsense", "properties": 5, "required": 7}),
    ],
)
def test_what_fits_is_passed(value: Any, schema: dict[str, Any]) -> None:
    assert misfit(value, schema) is None


@pytest.mark.parametrize(
    ("value", "schema", "where"),
    [
        ({}, OBJECT, "$ has no 'a'"),
        ({"a": "1"}, OBJECT, "$.a"),
        ({"a": True}, OBJECT, "$.a"),
        ({"a": 1.5}, OBJECT, "$.a"),
        ([1, "2"], {"items": {"type": "integer"}}, "$[1]"),
        ("green", {"enum": ["red", "blue"]}, "$ is none"),
        (2, {"const": 1}, "$ is not 1"),
        (None, {"anyOf": [{"type": "string"}, {"type": "integer"}]}, "$ fits none"),
        ({"x": 1}, {"additionalProperties": False}, "not allowed"),
        ({"x": "1"}, {"additionalProperties": {"type": "integer"}}, "$.x"),
        (1, {"allOf": [{"type": "integer"}, {"const": 2}]}, "$ is not 2"),
        ({"b": {}}, {"properties": {"b": {"$ref": "#/$defs/o"}}, "$defs": {"o": OBJECT}}, "$.b"),
    ],
)
def test_what_does_not_fit_is_said_with_its_place(
    value: Any, schema: dict[str, Any], where: str
) -> None:
    assert where in (misfit(value, schema) or "")


def test_a_schema_that_refers_to_itself_ends() -> None:
    schema: dict[str, Any] = {"anyOf": [{"$ref": "#"}, {"$ref": "#"}], "items": {"$ref": "#"}}
    deep: Any = []
    for _ in range(50):
        deep = [deep, deep]
    assert misfit(deep[0], schema) is None
    assert misfit(1, {"$ref": "#"}) is None
