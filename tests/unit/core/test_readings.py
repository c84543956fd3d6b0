"""Which callers share a look-up, and which make their own."""

import asyncio

import pytest

from headgate.core.readings import Readings

FRESH = 0.5


class Store:
    """Gives how many look-ups there were, once the test lets it."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.looked = 0

    async def find(self) -> int:
        self.looked += 1
        mine = self.looked
        await self.gate.wait()
        return mine


async def ask(
    store: Store, *places: tuple[str, float, object], leaving: int | None = None
) -> list[int]:
    """What callers get who ask, one after another, for a name, at a time, with what they know."""
    readings: Readings[int] = Readings(FRESH)
    asking = []
    for name, now, known in places:
        shared = readings.shared(name, store.find, now=now, known=known)
        asking.append(asyncio.create_task(shared))
        await asyncio.sleep(0)
    if leaving is not None:
        asking.pop(leaving).cancel()
    store.gate.set()
    found = await asyncio.gather(*asking)
    await asyncio.sleep(0)
    assert not readings._begun
    return found


KNOWN, CHANGED = object(), object()


@pytest.mark.parametrize(
    ("second", "found"),
    [
        (("a", 0.0, KNOWN), [1, 1]),
        (("a", FRESH - 0.01, KNOWN), [1, 1]),
        (("a", FRESH, KNOWN), [1, 2]),
        (("a", -0.01, KNOWN), [1, 2]),
        (("a", 0.0, CHANGED), [1, 2]),
        (("b", 0.0, KNOWN), [1, 2]),
    ],
)
async def test_a_look_up_is_shared_while_it_can_be_trusted(
    second: tuple[str, float, object], found: list[int]
) -> None:
    assert await ask(Store(), ("a", 0.0, KNOWN), second) == found


async def test_who_leaves_does_not_take_it_along() -> None:
    first = ("a", 0.0, KNOWN)
    assert await ask(Store(), first, first, first, leaving=0) == [1, 1]


async def test_a_failure_is_everybodys_who_waited_for_it() -> None:
    async def fail() -> int:
        await asyncio.sleep(0)
        raise LookupError

    readings: Readings[int] = Readings(FRESH)
    asked = (readings.shared("a", fail, now=0.0, known=KNOWN) for _ in range(3))
    outcomes = await asyncio.gather(*asked, return_exceptions=True)
    assert [type(outcome) for outcome in outcomes] == [LookupError] * 3
