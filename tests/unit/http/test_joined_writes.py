"""What is written together leaves together, in order, and before the connection closes."""

import asyncio
from typing import cast

import pytest

from headgate.http.joined_writes import MOST_HELD_BYTES, JoinedWrites


class Sent:
    """A transport that notes what it is given."""

    def __init__(self) -> None:
        self.writes: list[bytes] = []
        self.is_closed = False

    def write(self, data: bytes) -> None:
        assert not self.is_closed
        self.writes.append(data)

    def close(self) -> None:
        self.is_closed = True

    def is_closing(self) -> bool:
        return self.is_closed


@pytest.fixture
def sent() -> Sent:
    return Sent()


@pytest.fixture
async def joined(sent: Sent) -> JoinedWrites:
    return JoinedWrites(cast(asyncio.Transport, sent), asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_write(sent: Sent, joined: JoinedWrites) -> None:
    """A head and its body need one packet."""
    joined.write(b"head ")
    joined.write(b"body")
    assert sent.writes == []
    await asyncio.sleep(0)
    assert sent.writes == [b"head body"]


async def test_what_is_written_later_is_another_write(sent: Sent, joined: JoinedWrites) -> None:
    """A stream's piece does not wait for the next one."""
    joined.write(b"one")
    await asyncio.sleep(0)
    joined.write(b"two")
    await asyncio.sleep(0)
    assert sent.writes == [b"one", b"two"]


async def test_much_does_not_wait_for_the_end_of_the_turn(sent: Sent, joined: JoinedWrites) -> None:
    """Else nobody would notice that its reader is slow."""
    joined.write(b"head")
    joined.write(bytes(MOST_HELD_BYTES))
    assert sent.writes == [b"head" + bytes(MOST_HELD_BYTES)]
    joined.write(b"more")
    await asyncio.sleep(0)
    assert sent.writes[1:] == [b"more"]


async def test_a_connection_closes_behind_what_was_written(
    sent: Sent, joined: JoinedWrites
) -> None:
    """The last answer of a connection arrives."""
    joined.write(b"last")
    joined.close()
    assert sent.writes == [b"last"]
    assert joined.is_closing()
