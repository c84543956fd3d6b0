"""What every store of counts of how well the platform serves promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.service_levels import ALL, LENGTHS, MOST_SLOTS, ServiceStore
from headgate.stores.dynamodb.service_levels import DynamoServiceLevels
from headgate.stores.memory_service_levels import MemoryServiceLevels
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.service_levels import SqliteServiceLevels
from ministack import dynamo_client

NOON = 1_795_435_200
SERIES = "openai/gpt#4o %"


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[ServiceStore]:
    if request.param == "memory":
        yield MemoryServiceLevels()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoServiceLevels(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteServiceLevels(database)
    await database.close()


async def sums(store: ServiceStore, length: int, start: int, end: int) -> dict[str, dict[str, int]]:
    found = await store.sums(length, start, end)
    return {series: dict(counts) for series, counts in found.items()}


async def test_counts_are_added_up_in_slots_of_every_length(store: ServiceStore) -> None:
    await store.add(NOON + 1, {SERIES: {"calls": 2, "whole 7": 1}, ALL: {"requests": 1}})
    await store.add(NOON + 299, {SERIES: {"calls": 3, "errors": 1}})
    whole = {SERIES: {"calls": 5, "whole 7": 1, "errors": 1}, ALL: {"requests": 1}}
    for length in LENGTHS:
        start = NOON // length * length
        assert await sums(store, length, start, start + 1) == whole


async def test_a_window_has_its_first_slot_and_not_the_one_at_its_end(store: ServiceStore) -> None:
    for slot in range(4):
        await store.add(NOON + slot * 300, {SERIES: {"calls": 10**slot}})
    assert await sums(store, 300, NOON + 300, NOON + 900) == {SERIES: {"calls": 110}}
    assert await sums(store, 300, NOON + 1200, NOON + 9000) == {}


async def test_many_who_add_at_once_lose_nothing(store: ServiceStore) -> None:
    await asyncio.gather(*(store.add(NOON, {SERIES: {"calls": 1}}) for _ in range(20)))
    assert await sums(store, 300, NOON, NOON + 1) == {SERIES: {"calls": 20}}


async def test_slots_that_are_too_old_are_dropped(store: ServiceStore) -> None:
    await store.add(NOON, {SERIES: {"calls": 1}})
    later = NOON + 3 * MOST_SLOTS * 300
    await store.add(NOON + 2 * MOST_SLOTS * 300, {SERIES: {"calls": 1}})
    await store.add(later, {SERIES: {"calls": 1}})
    assert await sums(store, 300, NOON, NOON + 1) == {}
    assert await sums(store, 300, later, later + 1) == {SERIES: {"calls": 1}}
    day = NOON // 86_400 * 86_400
    assert (await sums(store, 86_400, day, later))[SERIES]["calls"] == 3
