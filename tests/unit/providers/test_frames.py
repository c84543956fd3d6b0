import pytest

from headgate.core.models import ProviderBroke
from headgate.providers.frames import (
    MAX_FRAME_BYTES,
    FrameCutter,
    data_of,
    split,
    tokens_received,
)


def test_frames_are_given_when_they_are_whole() -> None:
    cutter = FrameCutter()
    assert cutter.push(b"data: 1") == b""
    assert cutter.push(b"\n") == b""
    assert cutter.push(b"\ndata: 2\n\nda") == b"data: 1\n\ndata: 2\n\n"
    assert cutter.rest == b"da"
    assert cutter.push(b"ta: 3\n\n") == b"data: 3\n\n"
    assert cutter.rest == b""


def test_a_line_end_that_is_cut_in_two_is_one_line_end() -> None:
    cutter = FrameCutter()
    pieces = [b"data: 1\r", b"\n\r", b"\ndata: 2\r\n\r\n"]
    assert [cutter.push(piece) for piece in pieces] == [b"", b"", b"data: 1\n\ndata: 2\n\n"]


def test_blank_lines_too_many_are_left_out() -> None:
    cutter = FrameCutter()
    assert cutter.push(b"\n\ndata: 1\n\n\n\n") == b"data: 1\n\n"
    assert cutter.push(b"\n\n\ndata: 2\n\n\ndata: 3\n\n") == b"data: 2\n\ndata: 3\n\n"


@pytest.mark.parametrize("end_of_piece", [b"", b"\n"])
def test_a_frame_without_an_end_is_not_kept_without_end(end_of_piece: bytes) -> None:
    cutter = FrameCutter()
    piece = b"x" * (MAX_FRAME_BYTES // 4) + end_of_piece
    for _ in range(4 if not end_of_piece else 3):
        assert cutter.push(piece) == b""
    with pytest.raises(ProviderBroke):
        cutter.push(piece)


def test_a_block_is_split_into_its_frames() -> None:
    assert split(b"data: 1\n\n: comment\n\n") == [b"data: 1", b": comment"]


@pytest.mark.parametrize(
    ("frame", "data"),
    [
        (b"data: {}", b"{}"),
        (b"data:{}", b"{}"),
        (b'event: message\ndata: {"a":\ndata: 1}\nid: 3', b'{"a":\n1}'),
        (b": data: {}", b""),
        (b"event: ping", b""),
        (b"", b""),
    ],
)
def test_a_frames_data_are_its_data_lines(frame: bytes, data: bytes) -> None:
    assert data_of(frame) == data


@pytest.mark.parametrize(("frames", "written", "tokens"), [(3, 24, 3), (3, 25, 7), (0, 0, 0)])
def test_received_tokens_are_frames_unless_these_hold_more(
    frames: int, written: int, tokens: int
) -> None:
    assert tokens_received(frames, written, 4) == tokens
