"""What a caller is told of values that are not of the shape that is asked for."""

import re

import msgspec

from headgate.core.errors import InvalidRequest

_MISSING = re.compile("Object missing required field `(.+)`")


def invalid_value(error: msgspec.ValidationError) -> InvalidRequest:
    """The refusal that says what is wrong, and where."""
    what, _, where = str(error).partition(" - at `")
    where = where.rstrip("`").removeprefix("$").removeprefix(".")
    missing = _MISSING.fullmatch(what)
    path = [where, missing[1]] if missing else [where]
    param = ".".join(filter(None, path)) or None
    return InvalidRequest(f"{what} at `{where or 'body'}`", param=param)
