"""AWS's event streams: binary messages with headers, each guarded by two checksums.

A message is its length, its headers' length, a CRC-32 of both, the headers, the payload, and a
CRC-32 of all before it; numbers are big-endian. AWS describes the form under "Event stream
encoding"; its media type is `application/vnd.amazon.eventstream`.
"""

import struct
import zlib
from collections.abc import Iterator, Mapping
from typing import NamedTuple

MEDIA_TYPE = "application/vnd.amazon.eventstream"
MOST_HEADER_BYTES = 128 * 1024
MOST_PAYLOAD_BYTES = 24 * 1024 * 1024

_PRELUDE = struct.Struct(">II")
_CRC = struct.Struct(">I")
_SHORT = struct.Struct(">H")
_HEAD_BYTES = _PRELUDE.size + _CRC.size
# The least message: a prelude and the last checksum.
_FRAME_BYTES = _HEAD_BYTES + _CRC.size
_STRING = 7
# The sizes of header values that are no text; what they say is not needed here.
_FIXED_SIZES = {0: 0, 1: 0, 2: 1, 3: 2, 4: 4, 5: 8, 8: 8, 9: 16}
_SIZED = frozenset({6, _STRING})


class Garbled(Exception):
    """The bytes are no event stream, or were changed on their way."""


class Message(NamedTuple):
    """One message; of its headers only those that are text."""

    headers: Mapping[str, str]
    payload: bytes


def encode(headers: Mapping[str, str], payload: bytes) -> bytes:
    """A message as it is sent."""
    head = b"".join(_header(name, value) for name, value in headers.items())
    prelude = _PRELUDE.pack(_FRAME_BYTES + len(head) + len(payload), len(head))
    body = b"".join((prelude, _CRC.pack(zlib.crc32(prelude)), head, payload))
    return body + _CRC.pack(zlib.crc32(body))


def _header(name: str, value: str) -> bytes:
    key, text = name.encode(), value.encode()
    return bytes((len(key),)) + key + bytes((_STRING,)) + _SHORT.pack(len(text)) + text


class MessageCutter:
    """Collects what arrives until messages are whole."""

    def __init__(self) -> None:
        self._held = bytearray()

    def push(self, chunk: bytes) -> Iterator[Message]:
        """The messages that are whole now; those before a broken one come first.

        Raises:
            Garbled: a checksum is wrong, or a length makes no sense.
        """
        self._held += chunk
        while (size := self._size()) is not None and len(self._held) >= size:
            frame = bytes(self._held[:size])
            del self._held[:size]
            yield _message(frame)

    def _size(self) -> int | None:
        """The bytes of the first message, once its prelude has come."""
        if len(self._held) < _HEAD_BYTES:
            return None
        size, head = _PRELUDE.unpack_from(self._held)
        (crc,) = _CRC.unpack_from(self._held, _PRELUDE.size)
        if crc != zlib.crc32(self._held[: _PRELUDE.size]):
            raise Garbled("the checksum of a prelude is wrong")
        if head > MOST_HEADER_BYTES or not 0 <= size - head - _FRAME_BYTES <= MOST_PAYLOAD_BYTES:
            raise Garbled("a message has a length that none has")
        return int(size)


def _message(frame: bytes) -> Message:
    end = len(frame) - _CRC.size
    if _CRC.unpack_from(frame, end)[0] != zlib.crc32(frame[:end]):
        raise Garbled("the checksum of a message is wrong")
    head_end = _HEAD_BYTES + _PRELUDE.unpack_from(frame)[1]
    return Message(_headers(frame[_HEAD_BYTES:head_end]), frame[head_end:end])


def _headers(data: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    place = 0
    try:
        while place < len(data):
            name_end = place + 1 + data[place]
            name, kind = data[place + 1 : name_end].decode(), data[name_end]
            place = name_end + 1
            if kind in _SIZED:
                (size,) = _SHORT.unpack_from(data, place)
                place += _SHORT.size
            else:
                size = _FIXED_SIZES[kind]
            value = data[place : place + size]
            place += size
            if kind == _STRING:
                found[name] = value.decode()
    except (IndexError, KeyError, UnicodeDecodeError, struct.error) as error:
        raise Garbled("the headers of a message cannot be read") from error
    if place != len(data):
        raise Garbled("the headers of a message cannot be read")
    return found
