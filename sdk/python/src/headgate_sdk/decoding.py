"""JSON to the SDK's dataclasses, and back.

What the SDK does not know is left out, so that a newer platform can be asked; what it needs and
does not find is an error that says so.
"""

import dataclasses
import datetime as dt
import functools
import json
import types
from collections.abc import Callable, Mapping
from typing import Any, TypeVar, Union, get_args, get_origin, get_type_hints

from headgate_sdk.errors import UnexpectedAnswerError

T = TypeVar("T")
DECIMALS = 9
"""Of a dollar; amounts with more are rounded, halves to the even one."""
Decoder = Callable[[Any], Any]


def decode(kind: type[T], value: Any) -> T:
    """A value of `kind`.

    Raises:
        UnexpectedAnswerError: it lacks what every such value has.
    """
    try:
        make: Decoder = _decoder(kind)  # type: ignore[arg-type]  # a type is hashable
        decoded: T = make(value)
    except (KeyError, TypeError, AttributeError) as error:
        raise UnexpectedAnswerError(kind.__name__) from error
    return decoded


def encode(body: Any) -> bytes:
    """A body as JSON; the SDK's own values go under the names of the wire."""
    return json.dumps(body, default=_plain, ensure_ascii=False, separators=(",", ":")).encode()


def given(fields: Mapping[str, Any]) -> dict[str, Any]:
    """The fields that are not None."""
    return {name: value for name, value in fields.items() if value is not None}


def moment(time: str | dt.datetime | None) -> str | None:
    """A time as the platform reads it: ISO 8601; one without a zone is taken as UTC."""
    if not isinstance(time, dt.datetime):
        return time
    return (time if time.tzinfo else time.replace(tzinfo=dt.UTC)).isoformat()


def dollars(amount: float | None) -> float | None:
    """An amount to the nano-dollar, as exact as the platform counts.

    What is computed in binary is often a little beside what was meant: `10 * 0.0003` is
    0.0029999999999999996, and goes as 0.003.
    """
    return None if amount is None else round(amount, DECIMALS)


def _plain(value: Any) -> Any:
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = {_wire(field): getattr(value, field.name) for field in dataclasses.fields(value)}
        return given(fields)
    if isinstance(value, dt.datetime):
        return moment(value)
    raise TypeError(f"{type(value).__name__} is no JSON")


def _wire(field: dataclasses.Field[Any]) -> str:
    """A field's name on the wire: `input_tokens` is `inputTokens` there."""
    odd: str | None = field.metadata.get("wire")
    first, *rest = field.name.split("_")
    return odd or first + "".join(part.capitalize() for part in rest)


@functools.cache
def _decoder(kind: Any) -> Decoder:
    if dataclasses.is_dataclass(kind):
        return _fields_decoder(kind)
    origin, arguments = get_origin(kind), get_args(kind)
    if origin is list and (inner := _decoder(arguments[0])) is not _as_it_is:
        return lambda values: [inner(value) for value in values]
    if origin is dict and (inner := _decoder(arguments[1])) is not _as_it_is:
        return lambda values: {name: inner(value) for name, value in values.items()}
    if origin in (types.UnionType, Union):
        return _union_decoder(arguments)
    return _as_it_is


def _as_it_is(value: Any) -> Any:
    return value


def _union_decoder(kinds: tuple[Any, ...]) -> Decoder:
    """Of a union's kinds at most one is made of an object or a list; others are plain values."""
    made = [decoder for kind in kinds if (decoder := _decoder(kind)) is not _as_it_is]
    if not made:
        return _as_it_is
    (decoder,) = made
    return lambda value: decoder(value) if isinstance(value, dict | list) else value


def _fields_decoder(kind: Any) -> Decoder:
    hints = get_type_hints(kind)
    plan = [
        (field.name, _wire(field), _decoder(hints[field.name]), _is_required(field))
        for field in dataclasses.fields(kind)
    ]

    def decoded(value: Any) -> Any:
        return kind(
            **{
                name: read(value[wire])
                for name, wire, read, required in plan
                if required or wire in value
            }
        )

    return decoded


def _is_required(field: dataclasses.Field[Any]) -> bool:
    missing = dataclasses.MISSING
    return field.default is missing and field.default_factory is missing
