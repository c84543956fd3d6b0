"""The smallest JSON value that a JSON Schema accepts, which `[[json]]` answers with.

Understood are types (several at once and `nullable` too), `const`, `enum`, references within the
schema, `allOf`, `anyOf`, `oneOf`, and the bounds of objects, arrays, texts and numbers. Not
understood, and so not always kept: `not`, `if`, `contains`, `uniqueItems`, `patternProperties`.
A recursive schema ends, since the smallest value hardly holds a value of its own definition.
"""

import itertools
import json
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NoReturn, TypeAlias
from urllib.parse import unquote

from headgate.core.errors import InvalidRequest
from headgate.core.smallest_text import smallest_text

Schema: TypeAlias = Mapping[str, Any]
Path: TypeAlias = tuple[str, ...]

MAX_STEPS = 20_000
MAX_LENGTH = 100_000
MAX_BRANCHES = 1_000

_FORMATS = {
    "date": "2000-01-01",
    "time": "00:00:00Z",
    "date-time": "2000-01-01T00:00:00Z",
    "duration": "P1D",
    "email": "a@example.com",
    "hostname": "example.com",
    "ipv4": "192.0.2.1",
    "ipv6": "2001:db8::1",
    "uri": "https://example.com",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_HINTS = (
    ("object", ("properties", "required", "minProperties", "additionalProperties")),
    ("array", ("items", "prefixItems", "minItems")),
    ("string", ("minLength", "maxLength", "pattern", "format")),
    ("number", ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf")),
)
_BOUNDS = ("minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum")


class _Impossible(Exception):
    """No value fits this part of the schema; another branch may have one."""


def smallest_json(schema: Schema | None) -> str:
    """The value as compact JSON text; `{}` where there is no schema.

    Raises:
        InvalidRequest: no value was found, or the schema asks for an unreasonable amount.
    """
    if not schema:
        return "{}"
    try:
        return _text(_Search(schema).value(schema, ()))
    except (_Impossible, RecursionError):
        _refuse("no value fits the schema, or none was found")
    except (AttributeError, LookupError, TypeError, ValueError):
        # A keyword whose value has the wrong type or form: `"minItems": "two"`, `"enum": []`.
        _refuse("it is not a valid JSON Schema")


class _Search:
    """Looks for the smallest value of one whole schema."""

    def __init__(self, root: Schema) -> None:
        self._root = root
        self._steps = 0
        self._length = 0
        self._makers: dict[str, Callable[[Schema, Path], Any]] = {
            "object": self._object,
            "array": self._array,
            "string": lambda schema, _path: self._kept(_string(schema)),
            "number": _number,
            "integer": _integer,
            "boolean": lambda _schema, _path: True,
            "null": lambda _schema, _path: None,
        }

    def value(self, schema: Schema | bool, path: Path) -> Any:
        """The smallest value of `schema`; `path` holds the references that led here."""
        self._steps += 1
        if self._steps > MAX_STEPS:
            _refuse("it is too large")
        if isinstance(schema, bool):
            if not schema:
                raise _Impossible
            return {}
        if "$ref" in schema or "allOf" in schema:
            merged: dict[str, Any] = {}
            path = self._flatten(schema, path, merged)
            return self.value(merged, path)
        for keyword in ("anyOf", "oneOf"):
            if keyword in schema:
                rest = {key: value for key, value in schema.items() if key != keyword}
                wholes = [{"allOf": [rest, branch]} for branch in schema[keyword]]
                return self._smallest(lambda whole: self.value(whole, path), wholes)
        return self._plain(schema, path)

    def _flatten(self, schema: Schema | bool, path: Path, into: dict[str, Any]) -> Path:
        """Put `schema`, what it refers to and all of its `allOf` together in `into`."""
        if isinstance(schema, bool):
            if not schema:
                raise _Impossible
            return path
        _merge(into, {k: v for k, v in schema.items() if k not in {"$ref", "allOf"}})
        if "$ref" in schema:
            reference = schema["$ref"]
            # Twice, since a definition that `allOf` takes up may also stand in a property.
            if path.count(reference) > 1:
                raise _Impossible
            path = self._flatten(self._resolve(reference), (*path, reference), into)
        for part in schema.get("allOf", ()):
            path = self._flatten(part, path, into)
        return path

    def _resolve(self, reference: str) -> Any:
        if not reference.startswith("#"):
            _refuse(f"it refers to {reference[:100]!r}, which is outside of it")
        target: Any = self._root
        for raw in unquote(reference[1:]).split("/")[1:]:
            name = raw.replace("~1", "/").replace("~0", "~")
            try:
                target = target[int(name)] if isinstance(target, list) else target[name]
            except (LookupError, TypeError, ValueError):
                _refuse(f"it refers to {reference[:100]!r}, which it does not define")
        return target

    def _plain(self, schema: Schema, path: Path) -> Any:
        """The value of a schema without branches and references."""
        if "const" in schema:
            return self._kept(schema["const"])
        if "enum" in schema:
            return self._kept(min(schema["enum"], key=_size))
        kinds = schema.get("type") or _hinted(schema)
        kinds = [kinds] if isinstance(kinds, str) else list(kinds)
        if schema.get("nullable") is True:
            kinds.append("null")
        return self._smallest(lambda kind: self._makers[kind](schema, path), kinds)

    def _smallest(self, make: Callable[[Any], Any], choices: Sequence[Any]) -> Any:
        """The smallest of the values that can be made; the earlier of two of the same size."""
        if len(choices) == 1:
            return make(choices[0])
        made: list[Any] = []
        for choice in choices:
            try:
                made.append(make(choice))
            except _Impossible:
                continue
        if not made:
            raise _Impossible
        return min(made, key=_size)

    def _kept(self, value: Any) -> Any:
        """The value itself, its text counted: definitions that are used often must not add up."""
        self._length += _size(value)
        if self._length > MAX_LENGTH:
            _refuse("its values are too long")
        return value

    def _object(self, schema: Schema, path: Path) -> dict[str, Any]:
        properties: Schema = schema.get("properties", {})
        others = schema.get("additionalProperties", True)
        required = set(schema.get("required", ()))
        names = [name for name in properties if name in required]
        names += sorted(required.difference(properties))
        result = {name: self.value(properties.get(name, others), path) for name in names}
        spare = itertools.chain(properties, (f"property{n}" for n in itertools.count(1)))
        while len(result) < schema.get("minProperties", 0):
            name = next(spare)
            if name not in result:
                result[name] = self.value(properties.get(name, others), path)
        return result

    def _array(self, schema: Schema, path: Path) -> list[Any]:
        first: Any = schema.get("prefixItems", ())
        others: Any = schema.get("items", True)
        if isinstance(others, list):  # Before the draft of 2020, `items` could be the first ones.
            first, others = others, schema.get("additionalItems", True)
        return [
            self.value(first[place] if place < len(first) else others, path)
            for place in range(schema.get("minItems", 0))
        ]


def _hinted(schema: Schema) -> str:
    """The type that the keywords are about, where none is said."""
    for kind, keywords in _HINTS:
        if any(keyword in schema for keyword in keywords):
            return kind
    return "object"


def _string(schema: Schema) -> str:
    least: int = schema.get("minLength", 0)
    if least > MAX_LENGTH:
        _refuse(f"minLength is over {MAX_LENGTH}")
    if "pattern" in schema:
        return smallest_text(schema["pattern"], least)
    return _FORMATS.get(schema.get("format", ""), "").ljust(least, "a")


def _integer(schema: Schema, _path: Path) -> float:
    step = schema.get("multipleOf", 1)
    return _nearest(schema, step if step == int(step) else 1)


def _number(schema: Schema, _path: Path) -> float:
    return _nearest(schema, schema.get("multipleOf"))


def _nearest(schema: Schema, step: float | None) -> float:
    """The shortest of the numbers that stand beside the bounds, or 0."""
    bounds = [schema[key] for key in _BOUNDS if not isinstance(schema.get(key, True), bool)]
    near: list[float] = [0]
    for bound in bounds:
        if step is None:
            near += [math.floor(bound) - 1, math.floor(bound), math.ceil(bound)]
            near += [math.floor(bound) + 1, bound, *((bound + other) / 2 for other in bounds)]
        else:
            place = math.floor(bound / step)
            near += [round(number * step, 12) for number in range(place - 1, place + 3)]
    fitting = [number for number in near if _is_within(schema, number)]
    if not fitting:
        raise _Impossible
    return min(fitting, key=lambda number: (_size(number), abs(number)))


def _is_within(schema: Schema, number: float) -> bool:
    low, high = schema.get("minimum", number), schema.get("maximum", number)
    above, below = schema.get("exclusiveMinimum"), schema.get("exclusiveMaximum")
    # In the draft of 2013 these were booleans beside the bound.
    above = low if above is True else None if above is False else above
    below = high if below is True else None if below is False else below
    is_above = above is None or number > above
    is_below = below is None or number < below
    return bool(low <= number <= high and is_above and is_below)


def _merge(into: dict[str, Any], part: Schema) -> None:
    """Make `into` accept only what it and `part` accept."""
    for given, wanted in part.items():
        key, value = given, wanted
        if given == "const":
            key, value = "enum", [wanted]
        elif given == "oneOf":
            key = "anyOf"
        into[key] = _both(key, into[key], value) if key in into else value


def _both(key: str, one: Any, other: Any) -> Any:
    """A keyword's value that says what two values of it say."""
    both: Any = other
    match key:
        case "properties":
            shared = {name: {"allOf": [one[name], other[name]]} for name in one if name in other}
            both = {**one, **other, **shared}
        case "required":
            both = [*one, *other]
        case "items" | "additionalProperties":
            both = {"allOf": [one, other]}
        case "enum":
            texts = {_text(value) for value in other}
            both = [value for value in one if _text(value) in texts] or _impossible()
        case "type":
            both = _shared_types(_listed(one), _listed(other)) or _impossible()
        case "anyOf":
            if len(one) * len(other) > MAX_BRANCHES:
                _refuse("it has too many branches")
            both = [{"allOf": [a, b]} for a in one for b in other]
        case "minimum" | "exclusiveMinimum" | "minItems" | "minLength" | "minProperties":
            both = max(one, other)
        case "maximum" | "exclusiveMaximum":
            both = min(one, other)
    return both


def _listed(kinds: str | list[str]) -> list[str]:
    return [kinds] if isinstance(kinds, str) else kinds


def _shared_types(one: list[str], other: list[str]) -> list[str]:
    shared = [kind for kind in one if kind in other]
    if "integer" not in shared and {"integer", "number"} <= {*one, *other}:
        shared = [kind for kind in shared if kind != "number"] + ["integer"]
    return shared


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _size(value: Any) -> int:
    return len(_text(value))


def _impossible() -> NoReturn:
    raise _Impossible


def _refuse(why: str) -> NoReturn:
    raise InvalidRequest(f"the JSON Schema cannot be followed: {why}")
