"""What every store of the audit log promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.audit import (
    START,
    Actor,
    AuditFilter,
    AuditStore,
    Intent,
    Outcome,
    chained,
    opened,
)
from headgate.stores.dynamodb.audit import DynamoAudit
from headgate.stores.memory_audit import MemoryAudit
from headgate.stores.sqlite.audit import SqliteAudit
from headgate.stores.sqlite.database import Database
from ministack import dynamo_client

ALL = AuditFilter()
ADA = Actor(key_id="sk-proj-ada", name="Ada's", user_id="ada", means="key")
BOB = Actor(key_id="sk-proj-bob", name="Bob's", means="session")


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[AuditStore]:
    if request.param == "memory":
        yield MemoryAudit()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoAudit(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteAudit(database)
    await database.close()


def intent(
    act_id: str,
    *,
    at: float = 1000.5,
    actor: Actor = ADA,
    action: str = "key.change",
    target: str = "k1",
    workspace_id: str | None = None,
) -> Intent:
    return Intent(
        act_id=act_id,
        at=at,
        actor=actor,
        action=action,
        target=target,
        request_id="req_1",
        address="192.0.2.1",
        before={"name": "née", "scopes": ["admin"]},
        workspace_id=workspace_id,
    )


def outcome(act_id: str, *, target: str = "k1", code: str | None = None) -> Outcome:
    return Outcome(act_id=act_id, at=1001.25, target=target, code=code, after={"name": "Ωμέγα"})


async def found(store: AuditStore, where: AuditFilter = ALL) -> list[str]:
    return [act.intent.act_id for act in await store.acts(where, limit=50, before=None)]


async def test_an_act_is_there_from_its_intent_on_and_has_its_outcome_later(
    store: AuditStore,
) -> None:
    """A process that dies in between leaves an act of which nobody knows what became of it."""
    await store.append(intent("act_1"))
    (act,) = await store.acts(ALL, limit=10, before=None)
    assert (act.number, act.intent, act.outcome) == (1, intent("act_1"), None)
    assert act.result == "unknown"
    await store.append(outcome("act_1"))
    (act,) = await store.acts(ALL, limit=10, before=None)
    assert (act.number, act.intent, act.outcome) == (1, intent("act_1"), outcome("act_1"))
    assert act.result == "done"


async def test_acts_are_listed_newest_first_page_by_page(store: AuditStore) -> None:
    for name in ("a", "b", "c"):
        await store.append(intent(name))
    await store.append(outcome("a"))
    await store.append(intent("d"))
    first = await store.acts(ALL, limit=2, before=None)
    assert [act.intent.act_id for act in first] == ["d", "c"]
    await store.append(intent("e"))
    rest = await store.acts(ALL, limit=10, before=first[-1].number)
    assert [act.intent.act_id for act in rest] == ["b", "a"]
    assert await store.acts(ALL, limit=10, before=rest[-1].number) == []


async def test_acts_are_found_by_time_actor_action_and_target(store: AuditStore) -> None:
    await store.append(intent("a", at=10, action="key.change"))
    await store.append(intent("b", at=20, actor=BOB, action="key.create", target=""))
    await store.append(outcome("b", target="k2"))
    await store.append(intent("c", at=30, action="keyring.open", target="k2", actor=BOB))
    assert await found(store, AuditFilter(start=10, end=30)) == ["b", "a"]
    assert await found(store, AuditFilter(actor="ada")) == ["a"]
    assert await found(store, AuditFilter(actor="sk-proj-ada")) == ["a"]
    assert await found(store, AuditFilter(actor="sk-proj-bob", action="key.create")) == ["b"]
    assert await found(store, AuditFilter(action="key")) == ["b", "a"]
    assert await found(store, AuditFilter(action="key.")) == []
    assert await found(store, AuditFilter(target="k2")) == ["c", "b"]
    assert await found(store, AuditFilter(target="' OR 1=1 --")) == []


async def test_acts_are_found_by_the_workspace_to_which_they_were_done(store: AuditStore) -> None:
    await store.append(intent("a", workspace_id="acme"))
    await store.append(intent("b", workspace_id="beta"))
    await store.append(intent("c"))
    await store.append(outcome("a"))
    await store.append(intent("d", workspace_id="acme"))
    assert await found(store, AuditFilter(workspace_id="acme")) == ["d", "a"]
    assert await found(store, AuditFilter(workspace_id="acme", action="budget")) == []
    assert await found(store, AuditFilter(workspace_id="none")) == []
    assert await found(store) == ["d", "c", "b", "a"]


async def test_a_filter_that_finds_little_looks_behind_the_newest(store: AuditStore) -> None:
    await store.append(intent("wanted", target="k2"))
    for number in range(30):
        await store.append(intent(f"other_{number}"))
    assert await found(store, AuditFilter(target="k2")) == ["wanted"]


async def test_records_are_chained_without_a_gap_however_many_write_at_once(
    store: AuditStore,
) -> None:
    await asyncio.gather(*(store.append(intent(f"act_{number}")) for number in range(12)))
    await store.append(outcome("act_3"))
    first = await store.records(after=0, limit=5)
    records = first + await store.records(after=5, limit=50)
    assert [record.number for record in records] == list(range(1, 14))
    before = START
    for record in records:
        assert record.hash == chained(before, record.text)
        before = record.hash
    assert len({opened(record.text).act_id for record in records}) == 12
    assert await store.records(after=13, limit=5) == []
