import json
from typing import Any

import pytest

from headgate.core.errors import InvalidRequest
from headgate.core.smallest_json import smallest_json

NODE = {
    "$defs": {
        "node": {
            "type": "object",
            "properties": {
                "value": {"type": "integer"},
                "next": {"anyOf": [{"$ref": "#/$defs/node"}, {"type": "null"}]},
            },
            "required": ["value", "next"],
        }
    },
    "$ref": "#/$defs/node",
}


def _fields(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties, "required": list(properties)}


@pytest.mark.parametrize(
    ("schema", "text"),
    [
        (None, "{}"),
        ({}, "{}"),
        ({"type": "string"}, '""'),
        ({"type": "integer"}, "0"),
        ({"type": "boolean"}, "true"),
        ({"type": "null"}, "null"),
        ({"type": "array", "items": {"type": "string"}}, "[]"),
        ({"type": ["object", "null"], "required": ["a"]}, "null"),
        (_fields(a={"type": "object", "required": ["long"], "nullable": True}), '{"a":null}'),
        ({"const": {"a": [1]}}, '{"a":[1]}'),
        ({"enum": ["long", 7, "x"]}, "7"),
        (_fields(b={"type": "integer"}, a={"type": "string"}), '{"b":0,"a":""}'),
        ({"type": "object", "properties": {"a": {"type": "string"}}}, "{}"),
        ({"type": "object", "required": ["x"], "additionalProperties": {"type": "null"}}, None),
        ({"type": "object", "minProperties": 2, "properties": {"a": {"type": "integer"}}}, None),
        ({"type": "array", "minItems": 2, "items": {"const": "x"}}, '["x","x"]'),
        (
            {"minItems": 3, "prefixItems": [{"const": 1}, {"const": "b"}], "items": {"const": 2}},
            '[1,"b",2]',
        ),
        ({"type": "string", "minLength": 3}, '"aaa"'),
        ({"type": "string", "format": "date", "minLength": 3}, '"2000-01-01"'),
        ({"type": "string", "pattern": "^[A-Z]{2}$"}, '"AA"'),
        ({"type": "integer", "minimum": 5}, "5"),
        ({"type": "integer", "minimum": 4.5, "maximum": 5}, "5"),
        ({"type": "integer", "exclusiveMinimum": 9}, "10"),
        ({"type": "integer", "maximum": -3}, "-3"),
        ({"type": "integer", "minimum": 5, "multipleOf": 4}, "8"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "0.5"),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True}, "1"),
        ({"anyOf": [{"type": "string", "minLength": 9}, {"type": "boolean"}]}, "true"),
        ({"oneOf": [_fields(kind={"const": "long"}), _fields(kind={"const": "b"})]}, None),
        (
            {"type": "object", "required": ["a"], "anyOf": [_fields(b={"const": 1})]},
            '{"b":1,"a":{}}',
        ),
        (
            {"allOf": [_fields(a={"type": "string"}), _fields(a={"minLength": 2})]},
            '{"a":"aa"}',
        ),
        ({"allOf": [{"type": "number", "minimum": 3}, {"type": "integer", "minimum": 2}]}, "3"),
        ({"allOf": [{"enum": ["a", "b", 1]}, {"const": "b"}]}, '"b"'),
        (NODE, '{"value":0,"next":null}'),
        ({"definitions": {"a/b": {"const": 5}}, "$ref": "#/definitions/a~1b"}, "5"),
    ],
)
def test_the_smallest_value(schema: dict[str, Any] | None, text: str | None) -> None:
    expected = {
        "additionalProperties": '{"x":null}',
        "minProperties": '{"a":0,"property1":{}}',
        "oneOf": '{"kind":"b"}',
    }
    if text is None:
        assert schema is not None
        text = next(expected[key] for key in expected if key in schema)
    assert smallest_json(schema) == text


def test_a_definition_may_be_used_twice_side_by_side() -> None:
    point = _fields(x={"type": "number"})
    schema = {
        "$defs": {"point": point},
        "allOf": [{"$ref": "#/$defs/point"}, _fields(other={"$ref": "#/$defs/point"})],
    }
    assert json.loads(smallest_json(schema)) == {"x": 0, "other": {"x": 0}}


@pytest.mark.parametrize(
    "schema",
    [
        _fields(a=False),
        {"$ref": "#"},
        {"$ref": "#/$defs/missing"},
        {"$ref": "https://example.com/schema"},
        {"allOf": [{"const": 1}, {"const": 2}]},
        {"allOf": [{"type": "string"}, {"type": "null"}]},
        {"type": "integer", "minimum": 2, "maximum": 1},
        {"type": "strin"},
        {"type": "array", "minItems": "two"},
        {"type": "array", "minItems": 10**9},
        {"type": "string", "minLength": 10**9},
        {"type": "array", "minItems": 9000, "items": {"type": "string", "minLength": 9000}},
        {"type": "string", "pattern": "(("},
        {"enum": []},
        {"anyOf": []},
    ],
)
def test_a_schema_that_no_value_fits_is_refused(schema: dict[str, Any]) -> None:
    with pytest.raises(InvalidRequest, match="JSON Schema"):
        smallest_json(schema)


def test_a_schema_that_explodes_is_refused() -> None:
    """Each level doubles the work: ten thousand million values in all."""
    levels = {
        f"l{n}": _fields(a={"$ref": f"#/$defs/l{n + 1}"}, b={"$ref": f"#/$defs/l{n + 1}"})
        for n in range(33)
    }
    schema = {"$defs": {**levels, "l33": {"type": "null"}}, "$ref": "#/$defs/l0"}
    with pytest.raises(InvalidRequest, match="too large"):
        smallest_json(schema)
