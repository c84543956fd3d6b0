"""What holds for a workspace, and from when on."""

import asyncio

import pytest

from fakes import FakeClock
from headgate.core.errors import Overloaded
from headgate.core.prices import Markup
from headgate.core.workspaces import StoredWorkspace, WorkspaceSettings
from headgate.identity.workspaces import FRESH_SECONDS, Workspaces
from headgate.stores.memory_workspaces import MemoryWorkspaces

FILE = {
    "acme": WorkspaceSettings(markup=Markup(0), allowed_hosts=("api.example.com",)),
    "mill": WorkspaceSettings(markup=Markup(1)),
}


class CountedWorkspaces(MemoryWorkspaces):
    """A store that counts look-ups, can hold one back after it has looked, and can be away."""

    def __init__(self) -> None:
        super().__init__()
        self.lookups = 0
        self.is_away = False
        self.gate: asyncio.Event | None = None
        self.looked = asyncio.Event()

    async def get(self, workspace_id: str) -> StoredWorkspace | None:
        if self.is_away:
            raise Overloaded("the store is away")
        self.lookups += 1
        found = await super().get(workspace_id)
        self.looked.set()
        if self.gate is not None:
            await self.gate.wait()
        return found


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def store() -> CountedWorkspaces:
    return CountedWorkspaces()


@pytest.fixture
def workspaces(store: CountedWorkspaces, clock: FakeClock) -> Workspaces:
    return Workspaces(store, Markup(20_000), FILE, clock)


async def test_the_file_wins_over_the_platform_for_what_it_sets(workspaces: Workspaces) -> None:
    assert await workspaces.markup_for("acme") == Markup(0)
    assert await workspaces.hosts_for("acme") == ("api.example.com",)
    assert await workspaces.markup_for("mill") == Markup(1)
    assert await workspaces.hosts_for("mill") is None
    assert await workspaces.markup_for("nobody-knows") == Markup(20_000)


async def test_what_is_set_wins_over_the_file_and_the_rest_stays(workspaces: Workspaces) -> None:
    await workspaces.put("acme", WorkspaceSettings(markup=Markup(7)))
    assert await workspaces.markup_for("acme") == Markup(7)
    assert await workspaces.hosts_for("acme") == ("api.example.com",)
    await workspaces.put("acme", WorkspaceSettings(allowed_hosts=None))
    assert await workspaces.markup_for("acme") == Markup(0)
    assert await workspaces.hosts_for("acme") is None
    await workspaces.put("acme", WorkspaceSettings(allowed_hosts=()))
    assert await workspaces.hosts_for("acme") == ()


async def test_what_was_set_can_be_taken_back(workspaces: Workspaces, clock: FakeClock) -> None:
    changed = await workspaces.put("acme", WorkspaceSettings(markup=Markup(7)))
    assert changed.changed_at == clock.now
    assert await workspaces.get("acme") == changed
    back = await workspaces.drop("acme")
    assert (back.markup, back.changed_at) == (Markup(0), None)
    assert await workspaces.of("acme") == back == await workspaces.drop("acme")


async def test_a_change_reaches_other_processes_within_a_second(
    workspaces: Workspaces, store: CountedWorkspaces, clock: FakeClock
) -> None:
    other = Workspaces(store, Markup(20_000), FILE, clock)
    assert await other.markup_for("acme") == Markup(0)
    await workspaces.put("acme", WorkspaceSettings(markup=Markup(7)))
    assert await other.markup_for("acme") == Markup(0)
    clock.now += FRESH_SECONDS
    assert await other.markup_for("acme") == Markup(7)


async def test_the_store_is_not_asked_at_each_call(
    workspaces: Workspaces, store: CountedWorkspaces, clock: FakeClock
) -> None:
    await asyncio.gather(*(workspaces.markup_for("acme") for _ in range(100)))
    await workspaces.hosts_for("acme")
    assert store.lookups == 1
    clock.now += FRESH_SECONDS
    await workspaces.markup_for("acme")
    assert store.lookups == 2


async def test_what_was_read_before_a_change_is_not_remembered_after_it(
    workspaces: Workspaces, store: CountedWorkspaces
) -> None:
    store.gate = asyncio.Event()
    early = asyncio.create_task(workspaces.markup_for("acme"))
    await store.looked.wait()
    await workspaces.put("acme", WorkspaceSettings(markup=Markup(7)))
    store.gate.set()
    assert await early == Markup(0)
    assert await workspaces.markup_for("acme") == Markup(7)


async def test_without_the_store_nobody_is_charged_by_a_guess(
    workspaces: Workspaces, store: CountedWorkspaces, clock: FakeClock
) -> None:
    await workspaces.markup_for("acme")
    store.is_away = True
    clock.now += FRESH_SECONDS
    with pytest.raises(Overloaded):
        await workspaces.markup_for("acme")


async def test_those_of_the_file_and_those_that_were_set_make_one_list(
    workspaces: Workspaces,
) -> None:
    for name in ("zoo", "bay", "mill"):
        await workspaces.put(name, WorkspaceSettings(markup=Markup(9)))
    assert [each.workspace_id for each in await workspaces.list(limit=10, after=None)] == [
        "acme",
        "bay",
        "mill",
        "zoo",
    ]
    second = await workspaces.list(limit=2, after="acme")
    assert [(each.workspace_id, each.markup.ppm) for each in second] == [("bay", 9), ("mill", 9)]
    assert [each.workspace_id for each in await workspaces.list(limit=10, after="mill")] == ["zoo"]
