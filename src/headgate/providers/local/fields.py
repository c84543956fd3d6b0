"""A JSON Schema filled with what a text says.

A property is matched by its name, its description and its type. What was not found is null where
the schema allows null, and left out where it is not required. A required property that may not be
null is answered with the empty value of its type, `""`, `0`, `false` or `[]`: that is how this
model says "not found" there, and an enumeration gets the member that is nearest in words. Bounds
and patterns of a schema are not heeded, since heeding them would mean making values up.
"""

import bisect
from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from headgate.core.sentences import sentences
from headgate.providers.local.extract import facts
from headgate.providers.local.properties import (
    MISSING,
    JSONSchema,
    Page,
    distinct,
    kinds_of,
    labels_in,
    page,
    written,
)

MOST_DEPTH = 8
MOST_VALUES = 2_000
"""How far a schema is followed, deep and wide; one may refer to itself many times over."""

MOST_READ = 40_000_000
LEAST_VALUES = 64
"""Each value reads the text once more: of a long text fewer values are looked for."""

MOST_ROWS = 200


def filled(schema: JSONSchema, text: str, question: str = "") -> object:
    """The value for a whole schema; a property named `answer` quotes the answer to `question`."""
    most = min(MOST_VALUES, max(LEAST_VALUES, MOST_READ // (len(text) + 1)))
    steps = iter(range(most))
    found = _Filler(schema, page(text, question), steps).value(schema, "", 0)
    return _empty(schema) if found is MISSING else found


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills the parts of one schema from one text, or from one sentence of it."""

    root: JSONSchema
    page: Page
    steps: Iterator[int]

    def value(  # noqa: PLR0911 - one return for each form of a schema
        self, schema: JSONSchema, name: str, depth: int
    ) -> object:
        """What the text says for one part of the schema; `MISSING` where it says nothing."""
        schema = self._resolved(schema)
        if "const" in schema:
            return schema["const"]
        if depth > MOST_DEPTH or next(self.steps, None) is None:
            return MISSING
        options = schema.get("anyOf") or schema.get("oneOf")
        if isinstance(options, list) and options:
            return self._first_of(options, schema, name, depth)
        if isinstance(schema.get("enum"), list):
            return self.page.member(cast("list[object]", schema["enum"]), name)
        kind = _type_of(schema)
        if kind == "object":
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "boolean":
            return self.page.boolean(name)
        if kind in {"number", "integer"}:
            value = self.page.number(schema, name)
            return MISSING if value is None else _whole(value) if kind == "integer" else value
        return self.page.string(schema, name) if kind == "string" else MISSING

    def _resolved(self, schema: JSONSchema, depth: int = 0) -> JSONSchema:
        """A schema with its reference followed and the parts of `allOf` laid together."""
        for _ in range(MOST_DEPTH):
            reference = schema.get("$ref")
            if not isinstance(reference, str) or not reference.startswith("#"):
                break
            target: object = self.root
            for step in reference.lstrip("#/").split("/") if reference != "#" else ():
                target = target.get(step) if isinstance(target, dict) else None
            schema = target if isinstance(target, dict) else {}
        parts = schema.get("allOf")
        if isinstance(parts, list) and depth < MOST_DEPTH:
            merged = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                if isinstance(part, dict) and next(self.steps, None) is not None:
                    merged = {**self._resolved(part, depth + 1), **merged}
            return merged
        return schema

    def _first_of(self, options: list[object], schema: JSONSchema, name: str, depth: int) -> object:
        described = {key: schema[key] for key in ("description", "title") if key in schema}
        for option in options:
            if isinstance(option, dict) and _type_of(option) != "null":
                found = self.value({**described, **option}, name, depth + 1)
                if found is not MISSING and found not in ({}, []):
                    return found
        return MISSING

    def _object(self, schema: JSONSchema, depth: int) -> object:
        properties = schema.get("properties")
        if not isinstance(properties, dict):
            return {}
        required = schema.get("required")
        needed = set(required) if isinstance(required, list) else set()
        out: dict[str, object] = {}
        for key, part in properties.items():
            inner = part if isinstance(part, dict) else {}
            found = self.value(inner, str(key), depth + 1)
            if found is not MISSING:
                out[key] = found
            elif key in needed or self._may_be_null(inner):
                out[key] = None if self._may_be_null(inner) else _empty(self._resolved(inner))
        return out

    def _may_be_null(self, schema: JSONSchema, depth: int = 0) -> bool:
        schema = self._resolved(schema)
        kinds = schema.get("type")
        if kinds == "null" or (isinstance(kinds, list) and "null" in kinds):
            return True
        members = schema.get("enum")
        if isinstance(members, list) and None in members:
            return True
        options = schema.get("anyOf") or schema.get("oneOf")
        if not isinstance(options, list) or depth > MOST_DEPTH:
            return False
        return any(
            self._may_be_null(option, depth + 1)
            for option in options[:MOST_DEPTH]
            if isinstance(option, dict) and next(self.steps, None) is not None
        )

    def _array(self, schema: JSONSchema, name: str, depth: int) -> list[object]:
        items = schema.get("items")
        item = self._resolved(items) if isinstance(items, dict) else {}
        if isinstance(item.get("enum"), list):
            members = cast("list[object]", item["enum"])
            return [one for one in members if isinstance(one, str) and self.page.stands(one)]
        kind = _type_of(item)
        if kind == "object":
            return self._rows(item, name, depth)
        if kind in {"number", "integer"}:
            values = self.page.numbers(item, name)
            return [_whole(value) if kind == "integer" else value for value in values]
        return list(self.page.strings(item, name))

    def _rows(self, item: JSONSchema, name: str, depth: int) -> list[object]:
        """One object for each fact that names a row, filled from that fact's own sentence."""
        properties = item.get("properties")
        if not isinstance(properties, dict):
            return []
        leads = ((key, kind) for key in properties for kind in kinds_of(str(key)) or kinds_of(name))
        lead, kind = next(leads, (None, None))
        named = [fact for fact in distinct(self.page.found) if fact.kind == kind][:MOST_ROWS]
        stretches = sentences(self.page.text) if named else []
        starts = [stretch.start for stretch in stretches]
        rows: list[object] = []
        for fact in named:
            stretch = stretches[max(0, bisect.bisect_right(starts, fact.start) - 1)]
            part = self.page.text[stretch.start : stretch.end]
            near = Page(part, facts(part), labels_in(part))
            row = _Filler(self.root, near, self.steps).value(item, "", depth + 1)
            if isinstance(row, dict):
                own = {lead: written(fact, {})} if _is_text(properties[lead]) else {}
                rows.append({**row, **own})
        return rows


def _is_text(schema: object) -> bool:
    return isinstance(schema, dict) and _type_of(schema) == "string" and "enum" not in schema


def _type_of(schema: JSONSchema) -> str:
    """A schema's type, null aside; without one, what its keywords imply."""
    kinds = schema.get("type")
    if isinstance(kinds, list):
        kinds = next((kind for kind in kinds if kind != "null"), "null")
    if isinstance(kinds, str):
        return kinds
    if "properties" in schema:
        return "object"
    return "array" if "items" in schema else "string"


def _whole(value: float) -> int:
    return int(value)


def _empty(schema: JSONSchema) -> object:
    return {
        "object": {},
        "array": [],
        "number": 0,
        "integer": 0,
        "boolean": False,
        "null": None,
    }.get(_type_of(schema), "")
