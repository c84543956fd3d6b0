"""A stream of server-sent events, cut where frames end, in whichever pieces it arrives.

A frame is one event without the blank line that ends it. Lines end in a line feed, as the frames
that are forwarded do, whatever the vendor's line ends are.
"""

import re

import msgspec

from headgate.core.models import ProviderBroke

BLANK = b"\n\n"
END = b"[DONE]"
MAX_FRAME_BYTES = 16 * 1024 * 1024

_USAGE = re.compile(rb'"usage"\s*:\s*\{')
_BLANKS = re.compile(rb"\n{3,}")
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


class FrameCutter:
    """Collects what arrives until frames are whole."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    @property
    def rest(self) -> bytes:
        """What came after the last whole frame."""
        return b"".join(self._parts)

    def push(self, chunk: bytes) -> bytes:
        """The frames that are whole now, each with the one blank line that ends it.

        Raises:
            ProviderBroke: a frame grows without an end.
        """
        if b"\n" not in chunk:
            self._hold(chunk)
            return b""
        if self._parts:
            chunk = b"".join((*self._parts, chunk))
            self._parts.clear()
            self._size = 0
        text = chunk.replace(b"\r\n", b"\n")
        if text.startswith(b"\n"):
            text = text.lstrip(b"\n")
        whole, blank, rest = text.rpartition(BLANK)
        if rest:
            self._hold(rest)
        frames = whole + blank
        return _BLANKS.sub(BLANK, frames) if b"\n\n\n" in frames else frames

    def _hold(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_FRAME_BYTES:
            raise ProviderBroke("the vendor sent a frame without an end")


def split(frames: bytes) -> list[bytes]:
    """The frames of a block that ends with a whole one."""
    return frames.removesuffix(BLANK).split(BLANK)


def plain_length(frames: bytes) -> int:
    """How many bytes of a block are whole frames that need no look.

    A frame needs one where it holds a usage, an error or the end mark; in an answer's text the
    quotation marks would be escaped.
    """
    # Three searches for literals are many times faster than one for their alternation.
    usage = _USAGE.search(frames)
    marks = [frames.find(b'"error"'), frames.find(END), usage.start() if usage else -1]
    found = [mark for mark in marks if mark >= 0]
    if not found:
        return len(frames)
    blank = frames.rfind(BLANK, 0, min(found))
    return 0 if blank < 0 else blank + len(BLANK)


def data_of(frame: bytes) -> bytes:
    """A frame's data; empty for comments and the like."""
    return b"\n".join(
        line.removeprefix(b"data:").strip()
        for line in frame.split(b"\n")
        if line.startswith(b"data:")
    )


def without_usage(data: bytes) -> bytes:
    """The frame again, its usage null: the platform settles before a caller sees the usage."""
    return _frame(_FIELDS.decode(data) | {"usage": msgspec.Raw(b"null")})


def only_usage(data: bytes) -> bytes:
    """The frame with the usage alone; clients need its `choices`, present and empty."""
    return _frame(_FIELDS.decode(data) | {"choices": msgspec.Raw(b"[]")})


def _frame(fields: dict[str, msgspec.Raw]) -> bytes:
    return b"data: " + msgspec.json.encode(fields) + BLANK
