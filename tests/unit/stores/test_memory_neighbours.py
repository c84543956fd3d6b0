"""How many questions a process remembers, and which it gives up first."""

from fakes import FakeClock
from headgate.core.cache import Neighbour
from headgate.stores.memory_neighbours import OVERHEAD_BYTES, MemoryNeighbours

SIZE = OVERHEAD_BYTES + 3


def question(name: str) -> Neighbour:
    return Neighbour(b"\x01\x02", name)


async def test_the_oldest_of_the_group_that_was_used_longest_ago_goes_first() -> None:
    kept = MemoryNeighbours(3600, 3 * SIZE)
    for group, name in (("one", "a"), ("one", "b"), ("two", "c")):
        await kept.add_neighbour(group, question(name))
    await kept.add_neighbour("two", question("d"))
    assert await kept.neighbours("one") == [question("b")]
    await kept.add_neighbour("two", question("e"))
    # It was asked for just now, so the other group had to give way, which it did.
    assert await kept.neighbours("two") == [question("e"), question("d"), question("c")]
    assert not await kept.neighbours("one")
    assert kept._bytes == 3 * SIZE


async def test_a_question_is_forgotten_in_time() -> None:
    clock = FakeClock()
    kept = MemoryNeighbours(60, 10 * SIZE, clock=clock)
    await kept.add_neighbour("one", question("a"))
    clock.advance(30)
    await kept.add_neighbour("one", question("b"))
    clock.advance(30)
    assert await kept.neighbours("one") == [question("b")]
    clock.advance(30)
    assert not await kept.neighbours("one")
    assert (kept._bytes, len(kept._groups)) == (0, 0)


async def test_a_question_that_does_not_fit_pushes_nothing_out() -> None:
    kept = MemoryNeighbours(60, SIZE)
    await kept.add_neighbour("one", question("a"))
    await kept.add_neighbour("one", question("longer"))
    assert await kept.neighbours("one") == [question("a")]
