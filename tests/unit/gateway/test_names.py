"""Names of what calls begin: chosen once, kept before anything is begun."""

import itertools
from collections.abc import AsyncIterator

import pytest

from headgate.core.answers import answer_key
from headgate.core.errors import IdempotencyConflict
from headgate.gateway.flights import Flights
from headgate.gateway.names import Names
from headgate.stores.memory import MemoryLedger

KEY = answer_key("k", "POST /v1/agents/run", "order-1", b"{}")
OTHER_BODY = answer_key("k", "POST /v1/agents/run", "order-1", b"[]")


@pytest.fixture
async def processes() -> AsyncIterator[list[Names]]:
    """What two processes that share a store choose names with."""
    store = MemoryLedger()
    made = [Flights(store.answers, lambda _: False) for _ in range(2)]
    yield [Names(flights, store.answers) for flights in made]
    for flights in made:
        await flights.aclose()


async def test_a_name_is_chosen_once_for_all_processes(processes: list[Names]) -> None:
    numbers = itertools.count(1)
    names = [
        await one.name(KEY, lambda: f"run_{next(numbers)}") for one in (*processes, *processes)
    ]
    assert {name.text for name in names} == {"run_1"}
    assert [name.is_replayed for name in names] == [False, True, True, True]


async def test_another_body_has_no_name_under_the_same_key(processes: list[Names]) -> None:
    await processes[0].name(KEY, lambda: "run_1")
    with pytest.raises(IdempotencyConflict):
        await processes[1].name(OTHER_BODY, lambda: "run_2")
