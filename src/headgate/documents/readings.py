"""What is read out of a file: its text, and the blocks that its author made of it."""

from collections.abc import Iterator
from typing import NamedTuple

from headgate.core.errors import InvalidRequest

MOST_CHARACTERS = 10_000_000
"""The longest text that is taken from one file."""

_SEPARATOR = "\n\n"


class Unreadable(InvalidRequest):
    """The file is broken, of no known kind, or asks for more work than a document may."""


class Block(NamedTuple):
    """A heading or a paragraph: the text from `start` to before `end`.

    Attributes:
        level: 1 to 6 for a heading, 0 for anything else.
        page: counted from 1, where there are pages.
    """

    start: int
    end: int
    level: int = 0
    page: int | None = None


class Reading(NamedTuple):
    """A whole text and its blocks in their order; what lies between them is white space."""

    text: str
    blocks: list[Block]
    pages: int | None = None


class Composer:
    """Puts a text together block by block, for formats that are not text themselves."""

    def __init__(self) -> None:
        self._parts: list[str] = []
        self._blocks: list[Block] = []
        self._length = 0

    def add(self, text: str, *, level: int = 0, page: int | None = None) -> None:
        """Append a block; nothing where it is blank.

        Raises:
            Unreadable: the text gets too long.
        """
        text = text.strip()
        if not text:
            return
        if self._parts:
            self._parts.append(_SEPARATOR)
            self._length += len(_SEPARATOR)
        refuse_long(self._length + len(text))
        self._blocks.append(Block(self._length, self._length + len(text), level, page))
        self._parts.append(text)
        self._length += len(text)

    def reading(self, *, pages: int | None = None) -> Reading:
        """What came together."""
        return Reading("".join(self._parts), self._blocks, pages)


def refuse_long(length: int) -> None:
    """See that a text of so many characters is taken.

    Raises:
        Unreadable: it is not.
    """
    if length > MOST_CHARACTERS:
        raise Unreadable(
            f"its text is longer than {MOST_CHARACTERS:,} characters: divide it into several files"
        )


def paragraphs(text: str) -> Iterator[tuple[int, int]]:
    """Where the stretches between blank lines begin and end."""
    start = end = position = 0
    for line in text.splitlines(keepends=True):
        bare = line.strip()
        if bare:
            if end == start:
                start = position + line.index(bare[0])
            end = position + len(line.rstrip())
        elif end > start:
            yield start, end
            start = end
        position += len(line)
    if end > start:
        yield start, end
