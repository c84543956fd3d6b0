"""A text cut into chunks: parts that are found, read and cited as a whole.

A chunk holds whole paragraphs of one section and of one page, up to a size; a longer paragraph is
cut between sentences. Headings begin a chunk, and those above it help to find it. A chunk is
always a stretch of the text, so that its offsets say exactly where it stands.
"""

from collections.abc import Iterator
from typing import NamedTuple

import msgspec

from headgate.core.sentences import sentences
from headgate.core.words import terms, token_count
from headgate.documents.readings import Block, Reading

MOST_TOKENS = 220
"""Words (or characters of scripts without spaces) after which a chunk takes no more."""

MOST_LENGTH = 1_600
"""Characters after which a chunk takes no more, however few words they are."""

_PATH_SEPARATOR = " > "


class Cut(msgspec.Struct, frozen=True, array_like=True):
    """A chunk as it was cut.

    Attributes:
        headings: those above it, from the outermost, as one line.
        terms: what it is looked up by, with spaces between; those of the headings first.
    """

    start: int
    end: int
    page: int | None
    headings: str
    terms: str


class _Piece(NamedTuple):
    """A block, or a part of a long one; `size` counts as 1 where it fills a chunk."""

    block: Block
    size: float


def cuts(reading: Reading, title: str) -> Iterator[Cut]:
    """The chunks of a text in their order; the words of its title help to find each of them."""
    text = reading.text
    path: list[tuple[int, str]] = []
    section = ""
    taken: list[_Piece] = []
    for piece in _pieces(reading):
        block = piece.block
        if taken and not _fits(taken, piece):
            yield _cut(text, taken, title, section)
            taken = []
        if block.level:
            path = [(level, heading) for level, heading in path if level < block.level]
            path.append((block.level, _heading(text, block)))
        if block.level or not taken:
            section = _PATH_SEPARATOR.join(heading for _, heading in path)
        taken.append(piece)
    if taken:
        yield _cut(text, taken, title, section)


def _fits(taken: list[_Piece], piece: _Piece) -> bool:
    """Whether a piece belongs to the chunk that is being put together."""
    if piece.block.page != taken[-1].block.page:
        return False
    if piece.block.level and any(not one.block.level for one in taken):
        return False
    return sum(one.size for one in taken) + piece.size <= 1


def _pieces(reading: Reading) -> Iterator[_Piece]:
    for block in reading.blocks:
        size = _size(reading.text[block.start : block.end])
        if size <= 1:
            yield _Piece(block, size)
            continue
        for start, end in _parts(reading.text[block.start : block.end]):
            part = block._replace(start=block.start + start, end=block.start + end)
            yield _Piece(part, _size(reading.text[part.start : part.end]))


def _parts(text: str) -> Iterator[tuple[int, int]]:
    """Stretches of a long paragraph, each of whole sentences and small enough for a chunk."""
    begin = end = 0
    size = 0.0
    for sentence in sentences(text):
        more = _size(text[sentence.start : sentence.end])
        if size and size + more > 1:
            yield begin, end
            begin, size = sentence.start, 0.0
        elif not size:
            begin = sentence.start
        end = sentence.end
        size += more
    if size:
        yield begin, end


def _size(text: str) -> float:
    return max(token_count(text) / MOST_TOKENS, len(text) / MOST_LENGTH)


def _cut(text: str, taken: list[_Piece], title: str, section: str) -> Cut:
    start, end = taken[0].block.start, taken[-1].block.end
    found = terms(f"{title}\n{section}\n{text[start:end]}")
    return Cut(start, end, taken[0].block.page, section, " ".join(found))


def _heading(text: str, block: Block) -> str:
    return " ".join(text[block.start : block.end].split()).strip("# ")[:200]
