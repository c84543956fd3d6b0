"""What every store of episodes promises: what begins or ends is told once, by whoever is first."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.episodes import EpisodeStore
from headgate.stores.dynamodb.episodes import DynamoEpisodes
from headgate.stores.memory_episodes import MemoryEpisodes
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.episodes import SqliteEpisodes
from ministack import dynamo_client

NOON = 1_795_435_200.5


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[EpisodeStore]:
    if request.param == "memory":
        yield MemoryEpisodes()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoEpisodes(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteEpisodes(database)
    await database.close()


async def claim(
    store: EpisodeStore, is_open: bool, at: float = NOON, channel: str = "slack"
) -> float | None:
    return await store.claim("errors", channel, is_open=is_open, now=at, until=at + 60)


async def test_of_many_one_tells_it(store: EpisodeStore) -> None:
    claims = await asyncio.gather(*(claim(store, True) for _ in range(8)))
    assert sorted(claims, key=str) == [0.0, *[None] * 7]


async def test_what_was_told_is_not_told_again_until_it_changes(store: EpisodeStore) -> None:
    assert await claim(store, False) is None, "nothing was wrong before"
    assert await claim(store, True) == 0
    await store.told("errors", "slack", is_open=True, now=NOON)
    assert await claim(store, True, NOON + 900) is None
    assert await claim(store, False, NOON + 900) == NOON
    await store.told("errors", "slack", is_open=False, now=NOON + 900)
    assert await claim(store, False, NOON + 999) is None
    assert await claim(store, True, NOON + 999) == NOON + 900


async def test_a_claim_whose_process_died_ends(store: EpisodeStore) -> None:
    assert await claim(store, True) == 0
    assert await claim(store, True, NOON + 59) is None
    assert await claim(store, True, NOON + 60) == 0


async def test_channels_and_episodes_are_told_of_by_themselves(store: EpisodeStore) -> None:
    assert await claim(store, True) == 0
    assert await claim(store, True, channel="email") == 0
    other = await store.claim("other", "slack", is_open=True, now=NOON, until=NOON + 1)
    assert other == 0
