"""Fields that are nearly those of a body: `max_tokens` for `maxTokens`.

Bodies may have fields that we do not know, so such a twin would be left out without a word. It is
refused instead, with the name that it should have.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.core.errors import InvalidRequest


@dataclass(frozen=True, slots=True)
class Twins:
    """The twins of a body's fields.

    Attributes:
        names: the field that each of them is meant for.
        decoder: reads both, and passes over everything else.
    """

    names: Mapping[str, str]
    decoder: msgspec.json.Decoder[Any]

    def refuse(self, raw: bytes) -> None:
        """See that a body, which can be decoded, has none of them in place of the field.

        One that is null says nothing, and one beside its field may be meant for another platform.

        Raises:
            InvalidRequest: it has one; says what it is called here.
        """
        found = self.decoder.decode(raw)
        for name, meant in self.names.items():
            if getattr(found, name) is not None and getattr(found, meant) is None:
                raise InvalidRequest(
                    f"there is no field {name!r} here: it is called {meant!r}", param=name
                )


def twins_of(body: Any) -> Twins | None:
    """The twins of a body of this type; None where its fields have none."""
    if not isinstance(body, type) or not issubclass(body, msgspec.Struct):
        return None
    fields = msgspec.structs.fields(body)
    known = {field.encode_name for field in fields}
    names = {
        field.name: field.encode_name
        for field in fields
        if field.encode_name == _camel(field.name) and field.name not in known
    }
    if not names:
        return None
    both = [name for pair in names.items() for name in pair]
    struct = msgspec.defstruct("Twins", [(name, Any, None) for name in both])
    return Twins(names, msgspec.json.Decoder(struct))


def _camel(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
