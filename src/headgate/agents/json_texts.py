"""JSON in what models write."""

from typing import Any

import msgspec


def object_in(text: str) -> dict[str, Any]:
    """The JSON object that a text is or, for models that cannot help it, holds; empty where none.

    Models without schemas put it into a code block, or a sentence before it.
    """
    start, end = text.find("{"), text.rfind("}")
    if start < 0 or end < start:
        return {}
    try:
        found = msgspec.json.decode(text[start : end + 1])
    except msgspec.DecodeError:
        return {}
    return found if isinstance(found, dict) else {}
