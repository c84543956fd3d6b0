"""What every store of workspaces' settings promises."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from headgate.core.prices import Markup
from headgate.core.workspaces import StoredWorkspace, WorkspaceSettings, WorkspaceStore
from headgate.stores.dynamodb.workspaces import DynamoWorkspaces
from headgate.stores.memory_workspaces import MemoryWorkspaces
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.workspaces import SqliteWorkspaces
from ministack import dynamo_client


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[WorkspaceStore]:
    if request.param == "memory":
        yield MemoryWorkspaces()
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoWorkspaces(client)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteWorkspaces(database)
    await database.close()


def workspace(workspace_id: str, ppm: int = 20_000) -> StoredWorkspace:
    return StoredWorkspace(
        workspace_id=workspace_id,
        settings=WorkspaceSettings(markup=Markup(ppm)),
        changed_at=1000.25,
    )


@pytest.mark.parametrize(
    "settings",
    [
        WorkspaceSettings(),
        WorkspaceSettings(markup=Markup(0)),
        WorkspaceSettings(allowed_hosts=None),
        WorkspaceSettings(allowed_hosts=()),
        WorkspaceSettings(markup=Markup(35_000), allowed_hosts=("a.example", "*.b.example")),
    ],
)
async def test_what_was_set_is_found_as_it_was(
    store: WorkspaceStore, settings: WorkspaceSettings
) -> None:
    """What is unset, what is none and what is empty are three things."""
    stored = StoredWorkspace(workspace_id="acme", settings=settings, changed_at=1000.25)
    assert await store.get("acme") is None
    await store.put(stored)
    assert await store.get("acme") == stored


async def test_the_last_to_be_set_counts(store: WorkspaceStore) -> None:
    await store.put(workspace("acme", 1))
    await store.put(workspace("acme", 2))
    assert await store.get("acme") == workspace("acme", 2)
    assert await store.list(limit=10, after=None) == [workspace("acme", 2)]


async def test_they_are_listed_by_their_ids_page_by_page(store: WorkspaceStore) -> None:
    ids = ["Zoo", "acme", "acme-2", "über", "Ωμέγα"]
    for each in reversed(ids):
        await store.put(workspace(each))
    assert [each.workspace_id for each in await store.list(limit=2, after=None)] == ids[:2]
    assert [each.workspace_id for each in await store.list(limit=10, after="acme")] == ids[2:]
    assert [each.workspace_id for each in await store.list(limit=10, after="acme-1")] == ids[2:]
    assert await store.list(limit=10, after=ids[-1]) == []


async def test_what_was_set_is_forgotten(store: WorkspaceStore) -> None:
    await store.put(workspace("acme"))
    await store.put(workspace("other"))
    await store.drop("acme")
    await store.drop("acme")
    assert await store.get("acme") is None
    assert await store.list(limit=10, after=None) == [workspace("other")]


@pytest.mark.parametrize("name", ["workspaces", "a#b", "settings", "Ωμέγα", "' OR 1=1 --", "a/b"])
async def test_any_name_is_a_workspaces_own(store: WorkspaceStore, name: str) -> None:
    await store.put(workspace(name))
    assert await store.get(name) == workspace(name)
    assert await store.get(f"{name}#") is None
