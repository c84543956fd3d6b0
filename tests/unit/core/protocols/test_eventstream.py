"""AWS's event streams, compared with the parser of AWS's own library."""

import importlib
import itertools
import struct
import zlib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.protocols.eventstream import Garbled, Message, MessageCutter, encode

names = st.text("abc:-", min_size=1, max_size=20)
headers = st.dictionaries(names, st.text(max_size=40), max_size=4)
messages = st.lists(st.tuples(headers, st.binary(max_size=200)), min_size=1, max_size=4)
ONE = encode({":event-type": "x"}, b"{}")


def cut(data: bytes, *places: int) -> list[Message]:
    cutter = MessageCutter()
    bounds = [0, *sorted(places), len(data)]
    pieces = [data[a:b] for a, b in itertools.pairwise(bounds)]
    return [message for piece in pieces for message in cutter.push(piece)]


@given(sent=messages)
def test_awss_own_parser_reads_what_is_written(sent: list[tuple[dict[str, str], bytes]]) -> None:
    eventstream: Any = importlib.import_module("botocore.eventstream")
    buffer = eventstream.EventStreamBuffer()
    buffer.add_data(b"".join(itertools.starmap(encode, sent)))
    assert [(found.headers, found.payload) for found in buffer] == sent


@given(sent=messages, data=st.data())
def test_any_cut_means_the_same(
    sent: list[tuple[dict[str, str], bytes]], data: st.DataObject
) -> None:
    body = b"".join(itertools.starmap(encode, sent))
    places = data.draw(st.lists(st.integers(0, len(body)), max_size=12))
    assert cut(body, *places) == [Message(*message) for message in sent]
    assert cut(body, *range(len(body))) == [Message(*message) for message in sent]


@given(place=st.integers(0, len(ONE) - 1), bit=st.integers(0, 7))
def test_no_changed_bit_passes(place: int, bit: int) -> None:
    changed = bytearray(ONE)
    changed[place] ^= 1 << bit
    with pytest.raises(Garbled):
        cut(bytes(changed))


def test_what_came_before_a_broken_message_is_given_first() -> None:
    cutter = MessageCutter()
    found = cutter.push(ONE + ONE[:-1] + b"\0")
    assert next(found).payload == b"{}"
    with pytest.raises(Garbled):
        next(found)


def framed(head: bytes, *, payload: bytes = b"", total: int | None = None) -> bytes:
    """A message with any headers, and with checksums that are right."""
    size = 16 + len(head) + len(payload) if total is None else total
    prelude = struct.pack(">II", size, len(head))
    body = prelude + struct.pack(">I", zlib.crc32(prelude)) + head + payload
    return body + struct.pack(">I", zlib.crc32(body))


def test_headers_of_every_type_are_passed_over() -> None:
    values = [
        b"\x00",
        b"\x01",
        b"\x02\x07",
        b"\x03\0\1",
        b"\x04\0\0\0\1",
        b"\x05" + bytes(8),
        b"\x06\0\2ab",
        b"\x08" + bytes(8),
        b"\x09" + bytes(16),
    ]
    head = b"".join(b"\1" + bytes([65 + i]) + value for i, value in enumerate(values))
    (message,) = cut(framed(head + b"\1z\x07\0\2hi", payload=b"p"))
    assert message == Message({"z": "hi"}, b"p")


@pytest.mark.parametrize(
    "head",
    [
        b"\1",
        b"\1a",
        b"\1a\x0a",
        b"\1a\x07",
        b"\1a\x07\0\5hi",
        b"\1\xff\x07\0\0",
        b"\1a\x07\0\1\xff",
        b"\1a\x05\0",
    ],
)
def test_headers_that_cannot_be_read_are_garbled(head: bytes) -> None:
    with pytest.raises(Garbled):
        cut(framed(head))


@pytest.mark.parametrize("total", [0, 15, 2**31, 2**32 - 1])
def test_a_length_that_none_has_is_garbled_at_once(total: int) -> None:
    with pytest.raises(Garbled):
        cut(framed(b"", total=total)[:12])
