"""What a template asks to be filled in with, and whether that is what it was given."""

from collections.abc import Mapping
from typing import Any, Literal, TypeAlias

import msgspec

from headgate.core.errors import InvalidRequest

FieldKind: TypeAlias = Literal["string", "integer", "number"]
InputKind: TypeAlias = Literal[
    "string", "integer", "number", "boolean", "strings", "object", "objects"
]
"""`strings` is a list of texts, `objects` a list of tables with the same fields."""

_TYPES: dict[str, Any] = {
    "string": str,
    "integer": int,
    "number": float,
    "boolean": bool,
    "strings": list[str],
    "object": dict[str, Any],
    "objects": list[dict[str, Any]],
}


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of them, as the front matter declares it.

    Attributes:
        default: what stands in for an input that is not given; without one it is nothing, or a
            list without items, which `{% if %}` takes for false.
        fields: the fields that each of `objects` has.
    """

    type: InputKind
    description: str
    required: bool = True
    default: Any = None
    fields: dict[str, FieldKind] | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        if self.required and self.default is not None:
            raise ValueError("an input with a default is not required: say `required = false`")
        if (self.type == "objects") != bool(self.fields):
            raise ValueError('`fields` belong to an input of the type "objects", and it needs them')
        if self.default is not None:
            problem = self.problem(self.default)
            if problem is not None:
                raise ValueError(f"the default {problem}")

    @property
    def is_list(self) -> bool:
        """Whether it is gone through with `{% for %}`."""
        return self.type in {"strings", "objects"}

    def problem(self, value: Any) -> str | None:
        """Why `value` cannot be it, as it follows the input's name; None where it can."""
        try:
            msgspec.convert(value, _TYPES[self.type])
        except msgspec.ValidationError:
            return f"must be {_NOUNS[self.type]}"
        for index, item in enumerate(value if self.type == "objects" else ()):
            for name, kind in (self.fields or {}).items():
                if name not in item:
                    return f"needs `{name}` in each of its objects; number {index + 1} has none"
                try:
                    msgspec.convert(item[name], _TYPES[kind])
                except msgspec.ValidationError:
                    return f"number {index + 1}: `{name}` must be {_NOUNS[kind]}"
        return None


_NOUNS: Mapping[str, str] = {
    "string": "a text",
    "integer": "a whole number",
    "number": "a number",
    "boolean": "true or false",
    "strings": "a list of texts",
    "object": "an object",
    "objects": "a list of objects",
}


def filled(declared: Mapping[str, Input], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each declared input: the given one, else the default, else None.

    Raises:
        InvalidRequest: one is missing, unknown, or of another type; names it.
    """
    for name in given:
        if name not in declared:
            known = ", ".join(f"`{known}`" for known in declared) or "none"
            raise InvalidRequest(
                f"the template has no input {name[:64]!r}; its inputs are {known}", param="inputs"
            )
    values: dict[str, Any] = {}
    for name, wanted in declared.items():
        value = given.get(name)
        if value is None:
            if wanted.required:
                raise InvalidRequest(
                    f"the input `{name}` is missing: {wanted.description}", param=f"inputs.{name}"
                )
            value = [] if wanted.default is None and wanted.is_list else wanted.default
        elif (problem := wanted.problem(value)) is not None:
            raise InvalidRequest(f"the input `{name}` {problem}", param=f"inputs.{name}")
        values[name] = value
    return values
