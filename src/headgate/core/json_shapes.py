"""Whether a JSON value has the shape that a JSON Schema asks for, as far as that is checked here.

Types, members of objects, items of lists, enumerations and constants are; bounds, patterns and
formats are not. The work is bounded, whatever the schema: one may refer to itself.
"""

from collections.abc import Iterator, Mapping
from typing import Any

MOST_STEPS = 50_000
MOST_DEPTH = 60

_TYPES: Mapping[str, tuple[type, ...]] = {
    "object": (dict,),
    "array": (list,),
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "null": (type(None),),
}


def misfit(value: Any, schema: Mapping[str, Any]) -> str | None:
    """Where a value is not as the schema says, and what is wrong there; None where it fits."""
    return _Check(schema).misfit(value, schema, "$")


class _Check:
    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._steps = MOST_STEPS
        self._depth = 0

    def misfit(self, value: Any, schema: Any, place: str) -> str | None:
        self._steps -= 1
        if self._steps < 0 or self._depth > MOST_DEPTH or not isinstance(schema, dict):
            return None
        self._depth += 1
        try:
            return self._misfit(value, schema, place)
        finally:
            self._depth -= 1

    def _misfit(self, value: Any, schema: Mapping[str, Any], place: str) -> str | None:
        schema = self._resolved(schema)
        if "const" in schema and value != schema["const"]:
            return f"{place} is not {schema['const']!r}"
        members = schema.get("enum")
        if isinstance(members, list) and value not in members:
            return f"{place} is none of the values that are allowed"
        kinds = schema.get("type")
        if kinds is not None and not any(_is(value, kind) for kind in _listed(kinds)):
            return f"{place} is not of type {' or '.join(map(str, _listed(kinds)))}"
        return next(self._inner(value, schema, place), None)

    def _inner(self, value: Any, schema: Mapping[str, Any], place: str) -> Iterator[str]:
        """What is wrong in the parts of a value."""
        for part in _listed(schema.get("allOf", [])):
            if found := self.misfit(value, part, place):
                yield found
        options = [
            option for name in ("anyOf", "oneOf") for option in _listed(schema.get(name, []))
        ]
        if options and all(self.misfit(value, option, place) for option in options):
            yield f"{place} fits none of its options"
        if isinstance(value, dict):
            yield from self._members(value, schema, place)
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if found := self.misfit(item, schema.get("items"), f"{place}[{index}]"):
                    yield found

    def _members(
        self, value: Mapping[str, Any], schema: Mapping[str, Any], place: str
    ) -> Iterator[str]:
        """What is wrong with the members of an object."""
        properties = schema.get("properties")
        known = properties if isinstance(properties, dict) else {}
        others = schema.get("additionalProperties")
        for name in _listed(schema.get("required", [])):
            if name not in value:
                yield f"{place} has no {name!r}"
        for name, member in value.items():
            if name not in known and others is False:
                yield f"{place} has {name!r}, which is not allowed"
            elif found := self.misfit(member, known.get(name, others), f"{place}.{name}"):
                yield found

    def _resolved(self, schema: Mapping[str, Any]) -> Mapping[str, Any]:
        """The schema that a reference leads to; only references within the schema are followed."""
        for _ in range(10):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                break
            target: Any = self._root
            for step in filter(None, reference[1:].split("/")):
                target = target.get(step, {}) if isinstance(target, dict) else {}
            schema = target if isinstance(target, dict) else {}
        return schema


def _is(value: Any, kind: object) -> bool:
    if isinstance(value, bool):
        return kind == "boolean"
    if kind == "integer" and isinstance(value, float):
        return value.is_integer()
    return isinstance(value, _TYPES.get(str(kind), (object,)))


def _listed(found: Any) -> list[Any]:
    return found if isinstance(found, list) else [found]
