"""Plain text and Markdown: the extracted text is the file's own, to the letter."""

import re
from collections.abc import Iterator

from headgate.documents.readings import Block, Reading, Unreadable, paragraphs, refuse_long

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+\S")
_FENCE = re.compile(r" {0,3}(```|~~~)")
_CONTROLS = re.compile(r"[\x00-\x08\x0e-\x1a\x1c-\x1f\x7f]")
_BYTE_ORDER_MARKS = (b"\xff\xfe", b"\xfe\xff")


def decoded(content: bytes) -> str:
    """The text of a file: UTF-8, UTF-16 with its mark, or else Windows-1252.

    Raises:
        Unreadable: it is not text.
    """
    is_wide = content.startswith(_BYTE_ORDER_MARKS)
    for encoding in ["utf-16"] if is_wide else ["utf-8-sig", "cp1252"]:
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        refuse_long(len(text))
        if _CONTROLS.search(text) is None:
            return text
        break
    raise Unreadable("it is not a text: save it as UTF-8")


def read_text(content: bytes) -> Reading:
    """A plain text, parted by its blank lines.

    Raises:
        Unreadable: it is not text.
    """
    text = decoded(content)
    return Reading(text, [Block(start, end) for start, end in paragraphs(text)])


def read_markdown(content: bytes) -> Reading:
    """A Markdown text, parted by blank lines and headings.

    Raises:
        Unreadable: it is not text.
    """
    text = decoded(content)
    return Reading(text, list(_blocks(text)))


def _blocks(text: str) -> Iterator[Block]:
    in_fence = False
    for start, end in paragraphs(text):
        begin = position = start
        for line in text[start:end].splitlines(keepends=True):
            if _FENCE.match(line):
                in_fence = not in_fence
            heading = None if in_fence else _HEADING.match(line)
            if heading is not None:
                if position > begin:
                    yield _trimmed(text, begin, position, 0)
                begin = position + len(line)
                yield _trimmed(text, position, begin, len(heading[1]))
            position += len(line)
        if end > begin:
            yield _trimmed(text, begin, end, 0)


def _trimmed(text: str, start: int, end: int, level: int) -> Block:
    return Block(start, start + len(text[start:end].rstrip()), level)
