"""A turn at the store: its waiters share a failure, and nothing else."""

import asyncio

import pytest

from fakes import until
from headgate.core.errors import Overloaded
from headgate.gateway.turns import Turn


class Store:
    """Answers, or fails, when it is told to; `asked` counts."""

    def __init__(self) -> None:
        self.turn = Turn()
        self.asked = 0
        self.answer = asyncio.Event()
        self.error: Exception | None = None

    async def ask(self) -> None:
        async with self.turn.taken():
            self.asked += 1
            await self.answer.wait()
            if self.error is not None:
                raise self.error


async def outcomes(store: Store, callers: int) -> list[BaseException | None]:
    """What so many callers at once are told."""
    tasks = [asyncio.create_task(store.ask()) for _ in range(callers)]
    await until(lambda: store.asked == 1)
    store.answer.set()
    return await asyncio.gather(*tasks, return_exceptions=True)


async def test_callers_have_their_turns_one_after_another() -> None:
    store = Store()
    assert await outcomes(store, 3) == [None] * 3
    assert store.asked == 3


async def test_those_who_wait_are_told_of_an_outage_at_once() -> None:
    store = Store()
    store.error = Overloaded("the store is away")
    told = await outcomes(store, 3)
    assert store.asked == 1
    assert [str(each) for each in told] == ["the store is away"] * 3
    assert len({id(each) for each in told}) == 3


async def test_who_comes_after_an_outage_tries_again() -> None:
    store = Store()
    store.error = Overloaded("the store is away")
    await outcomes(store, 2)
    store.error = None
    await store.ask()
    assert store.asked == 2


async def test_a_fault_of_one_is_no_outage_for_the_others() -> None:
    store = Store()
    store.error = LookupError("a fault")
    told = await outcomes(store, 2)
    assert store.asked == 2
    assert {type(each) for each in told} == {LookupError}


async def test_who_leaves_fails_nobody() -> None:
    store = Store()
    tasks = [asyncio.create_task(store.ask()) for _ in range(2)]
    await until(lambda: store.asked == 1)
    tasks[0].cancel()
    store.answer.set()
    await tasks[1]
    with pytest.raises(asyncio.CancelledError):
        await tasks[0]
