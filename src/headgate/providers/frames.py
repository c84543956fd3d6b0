"""A stream of server-sent events, cut where frames end, in whichever pieces it arrives.

A frame is one event without the blank line that ends it. Lines end in a line feed, as the frames
that are forwarded do, whatever the vendor's line ends are.
"""

import math
import re

from headgate.core.models import ProviderBroke

BLANK = b"\n\n"
MAX_FRAME_BYTES = 16 * 1024 * 1024
# Vendors send about one token a frame; frames with more text than this hold several.
_MOST_BYTES_OF_A_TOKEN = 8

_BLANKS = re.compile(rb"\n\n\n+")


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
        # One byte is found fifty times faster than two are replaced.
        text = chunk.replace(b"\r\n", b"\n") if b"\r" in chunk else chunk
        if text.startswith(b"\n"):
            text = text.lstrip(b"\n")
        whole, blank, rest = text.rpartition(BLANK)
        if rest:
            self._hold(rest)
        frames = whole + blank
        # `rfind` takes half the time of `in`.
        return frames if frames.rfind(b"\n\n\n") < 0 else _BLANKS.sub(BLANK, frames)

    def _hold(self, part: bytes) -> None:
        self._parts.append(part)
        self._size += len(part)
        if self._size > MAX_FRAME_BYTES:
            raise ProviderBroke("the vendor sent a frame without an end")


def split(frames: bytes) -> list[bytes]:
    """The frames of a block that ends with a whole one."""
    return frames.removesuffix(BLANK).split(BLANK)


def data_of(frame: bytes) -> bytes:
    """A frame's data; empty for comments and the like."""
    return b"\n".join(
        line.removeprefix(b"data:").strip()
        for line in frame.split(b"\n")
        if line.startswith(b"data:")
    )


def tokens_received(frames: int, written_bytes: int, bytes_per_token: float) -> int:
    """About how many tokens there are in frames with so much text, counted by one or the other."""
    if written_bytes <= _MOST_BYTES_OF_A_TOKEN * frames:
        return frames
    return math.ceil(written_bytes / bytes_per_token)
