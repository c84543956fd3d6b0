"""The frames of a stream in OpenAI's protocol: which need a look, and where the usage stands."""

import msgspec

from headgate.providers.frames import BLANK

END = b"[DONE]"

# Every count in a usage has a name that ends so.
_MARKS = (b'_tokens"', b'"error"', END)
_FIELDS = msgspec.json.Decoder(dict[str, msgspec.Raw])


def plain_end(frames: bytes, start: int) -> int:
    """Up to where a block holds, from `start` on, whole frames that need no look.

    A frame needs one where it holds a count of tokens, an error or the end mark; in an answer's
    text the quotation marks would be escaped.
    """
    first = len(frames)
    for mark in _MARKS:
        # Backwards, since `rfind` takes half the time of `find`.
        while (found := frames.rfind(mark, start, first)) >= 0:
            first = found
    if first == len(frames):
        return first
    blank = frames.rfind(BLANK, start, first)
    return start if blank < 0 else blank + len(BLANK)


def without_usage(data: bytes) -> bytes:
    """The frame again, its usage null: the platform settles before a caller sees the usage."""
    return _frame(_FIELDS.decode(data) | {"usage": msgspec.Raw(b"null")})


def only_usage(data: bytes) -> bytes:
    """The frame with the usage alone; clients need its `choices`, present and empty."""
    return _frame(_FIELDS.decode(data) | {"choices": msgspec.Raw(b"[]")})


def _frame(fields: dict[str, msgspec.Raw]) -> bytes:
    return b"data: " + msgspec.json.encode(fields) + BLANK
