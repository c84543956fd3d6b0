"""What was asked and answered, for an operator who has switched on that it is logged.

Nothing here is made, held or told unless that switch is on.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

MOST_KEPT_BYTES = 256 * 1024
"""So much of a question, and of an answer, is held until it is told."""


class Kept:
    """The beginning of what passes by."""

    def __init__(self) -> None:
        """Begin with nothing."""
        self._pieces: list[bytes] = []
        self._room = MOST_KEPT_BYTES
        self.is_whole = True

    def add(self, data: bytes) -> None:
        """Keep this too, as far as there is room."""
        if len(data) > self._room:
            data, self.is_whole = data[: self._room], False
        if data:
            self._pieces.append(data)
            self._room -= len(data)

    @property
    def data(self) -> bytes:
        """All that was kept."""
        return b"".join(self._pieces)


class Said(NamedTuple):
    """A text, and whether it is all that was said."""

    text: str
    is_whole: bool


class Content(NamedTuple):
    """What a request asked and what it was answered.

    Attributes:
        method, route, key_id: as in `RequestRecord`.
    """

    request_id: str
    method: str
    route: str
    key_id: str | None
    asked: Said
    answered: Said


ContentEnded: TypeAlias = Callable[[Content], None]
