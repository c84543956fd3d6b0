import sys
from collections.abc import Iterator

import pytest

from headgate.core.models import ProviderBroke
from headgate.providers.received import MOST_KEPT_BYTES, Received


def size_of(frame: bytes) -> Iterator[int]:
    if frame == b"garbage":
        raise ProviderBroke("it is none")
    yield len(frame)


@pytest.mark.parametrize("blocks", [1, 3, MOST_KEPT_BYTES])
def test_pieces_are_counted_whether_they_are_kept_or_not(blocks: int) -> None:
    received = Received(size_of, bytes_per_token=4)
    for _ in range(blocks):
        received.add(b"word\n\ngarbage\n\n\n\nword\n\n")
    assert (received.tokens(), received.blocks) == (2 * blocks, blocks)
    received.add(b"word\n\n")
    assert received.tokens() == 2 * blocks + 1


def test_long_pieces_count_by_their_size() -> None:
    received = Received(size_of, bytes_per_token=4)
    received.add(b"x" * 400 + b"\n\n")
    assert received.tokens() == 100


def test_an_answer_of_any_length_is_kept_in_bounded_memory() -> None:
    received = Received(size_of, bytes_per_token=4)
    most = 0
    for _ in range(100):
        received.add(b"word\n\n" * 10_000)
        kept: list[bytes] = received._kept
        most = max(most, sum(map(sys.getsizeof, kept)))
    assert most < MOST_KEPT_BYTES
    assert received.tokens() == 1_000_000
