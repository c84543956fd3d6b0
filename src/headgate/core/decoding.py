"""What a caller is told of values that are not of the shape that is asked for."""

import re

import msgspec

from headgate.core.errors import InvalidRequest

# Both name a field of the object that stands at the place.
_FIELD = re.compile("Object (?:missing required|contains unknown) field `(.+)`")


def invalid_value(error: msgspec.ValidationError) -> InvalidRequest:
    """The refusal that says what is wrong, and where."""
    what, _, where = str(error).partition(" - at `")
    where = where.rstrip("`").removeprefix("$").removeprefix(".")
    field = _FIELD.fullmatch(what)
    path = [where, field[1]] if field else [where]
    param = ".".join(filter(None, path)) or None
    return InvalidRequest(f"{what} at `{where or 'body'}`", param=param)
