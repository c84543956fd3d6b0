"""What every store of agents' memory promises."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.memory import Fact, MemoryStore, Person, Turn
from headgate.stores.dynamodb.memories import DynamoMemories
from headgate.stores.memory_memories import MemoryMemories
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.memories import SqliteMemories
from ministack import dynamo_client

ADA, BOB = Person("w", "ada"), Person("w", "bob")
ELSEWHERE = Person("w2", "ada")


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[MemoryStore]:
    if request.param == "memory":
        yield MemoryMemories()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoMemories(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteMemories(database)
    await database.close()


def turns(*texts: str) -> list[Turn]:
    return [Turn("user", text, 1.5) for text in texts]


async def test_a_conversation_is_its_sessions_and_in_its_order(store: MemoryStore) -> None:
    await store.say(ADA, "s", turns("a", "b"), once="1")
    await store.say(ADA, "s", turns("c"), once="2")
    await store.say(ADA, "t", turns("x"), once="1")
    await store.say(BOB, "s", turns("y"), once="1")
    assert await store.conversation(ADA, "s", limit=9) == turns("a", "b", "c")
    assert await store.conversation(ADA, "s", limit=2) == turns("b", "c")
    assert await store.conversation(ELSEWHERE, "s", limit=9) == []


async def test_what_was_said_once_is_there_once(store: MemoryStore) -> None:
    for _ in range(2):
        await store.say(ADA, "s", turns("a", "b"), once="1")
    assert await store.conversation(ADA, "s", limit=9) == turns("a", "b")


async def test_a_conversation_is_forgotten(store: MemoryStore) -> None:
    await store.say(ADA, "s", turns("a"), once="1")
    await store.say(ADA, "t", turns("b"), once="1")
    await store.end(ADA, "s")
    assert await store.conversation(ADA, "s", limit=9) == []
    assert await store.conversation(ADA, "t", limit=9) == turns("b")


def fact(id_: str, at: float = 1.0, expires_at: float | None = None) -> Fact:
    return Fact(id=id_, text=f"text of {id_}", created_at=at, expires_at=expires_at)


async def test_facts_are_their_persons_newest_first_until_they_expire(store: MemoryStore) -> None:
    await store.keep(ADA, [fact("f1", 1.0), fact("f2", 2.0, 10.0)])
    await store.keep(BOB, [fact("f3")])
    assert await store.facts(ADA, now=5.0, limit=9) == [fact("f2", 2.0, 10.0), fact("f1", 1.0)]
    assert await store.facts(ADA, now=10.0, limit=9) == [fact("f1", 1.0)]
    assert await store.facts(ADA, now=5.0, limit=1) == [fact("f2", 2.0, 10.0)]
    assert await store.facts(ELSEWHERE, now=5.0, limit=9) == []


async def test_a_fact_is_replaced_and_forgotten(store: MemoryStore) -> None:
    await store.keep(ADA, [fact("f1")])
    await store.keep(BOB, [fact("f1")])
    await store.keep(ADA, [fact("f1", 3.0)])
    assert await store.facts(ADA, now=0.0, limit=9) == [fact("f1", 3.0)]
    assert await store.forget(ADA, "f1")
    assert not await store.forget(ADA, "f1")
    assert await store.facts(BOB, now=0.0, limit=9) == [fact("f1")]
