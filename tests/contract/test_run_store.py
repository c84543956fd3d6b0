"""What every store of agent runs promises."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from headgate.core.runs import (
    Begun,
    Change,
    Command,
    Draft,
    Hold,
    PendingApproval,
    Run,
    RunError,
    RunFilter,
    RunRequest,
    RunStore,
    Tally,
)
from headgate.stores.dynamodb.runs import DynamoRuns
from headgate.stores.memory_runs import MemoryRuns
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.runs import SqliteRuns
from ministack import dynamo_client


@pytest.fixture(params=["memory", "sqlite", "dynamodb"])
async def store(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[RunStore]:
    if request.param == "memory":
        yield MemoryRuns(clock=lambda: 5.5)
        return
    if request.param == "dynamodb":
        async with dynamo_client() as client:
            yield DynamoRuns(client, clock=lambda: 5.5)
        return
    database = Database(tmp_path / "headgate.db")
    yield SqliteRuns(database, clock=lambda: 5.5)
    await database.close()


def run(run_id: str = "run_1", **fields: Any) -> Run:
    request = RunRequest(
        type="react",
        input={"text": "Grüße"},
        model="auto",
        tools=("search",),
        budget=7,
        max_steps=50,
        seconds=60,
        approval_seconds=60,
    )
    owner = {"key_id": "k", "workspace_id": "w", "user_id": "ada"}
    return Run(**{"run_id": run_id, "request": request, "created_at": 1.0, **owner, **fields})


async def test_a_new_run_is_queued_and_its_events_begin(store: RunStore) -> None:
    await store.add(run())
    assert await store.get("run_1") == run()
    assert await store.get("run_2") is None
    (event,) = await store.events("run_1", after=0, limit=10)
    assert (event.seq, event.type, event.at, event.attempt) == (1, "run.queued", 1.0, 1)


async def test_a_run_is_added_once(store: RunStore) -> None:
    assert await store.add(run())
    await store.record("run_1", [Draft(type="run.started")], Change(status="running"))
    assert not await store.add(run(created_at=2.0))
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, found.created_at) == ("running", 1.0)
    assert [event.seq for event in await store.events("run_1", after=0, limit=9)] == [1, 2]


async def test_events_and_a_change_are_written_together(store: RunStore) -> None:
    await store.add(run())
    started = [Draft(type="run.started", once="started")]
    assert await store.record("run_1", started, Change(status="running", started_at=2.0))
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, found.started_at, found.request) == ("running", 2.0, run().request)
    assert [event.seq for event in await store.events("run_1", after=0, limit=9)] == [1, 2]


async def test_what_happens_once_is_written_once_with_what_it_changes(store: RunStore) -> None:
    await store.add(run())
    started = [Draft(type="run.started", once="started")]
    assert await store.record("run_1", started, Change(status="running"))
    assert not await store.record("run_1", started, Change(status="paused"))
    found = await store.get("run_1")
    assert found is not None
    assert found.status == "running"
    assert len(await store.events("run_1", after=0, limit=9)) == 2


async def test_an_ended_run_takes_nothing_more(store: RunStore) -> None:
    await store.add(run())
    ended = Change(status="succeeded", output={"text": "done"}, finished_at=9.0)
    assert await store.record("run_1", [Draft(type="run.finished")], ended)
    assert not await store.record("run_1", [Draft(type="step.delta")])
    assert not await store.record("run_1", [], Change(status="running"))
    assert await store.begin_step("run_1", "s1", {}) is None
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, found.output, found.finished_at) == (
        "succeeded",
        {"text": "done"},
        9.0,
    )
    assert len(await store.events("run_1", after=0, limit=9)) == 2


async def test_a_change_may_expect_a_status(store: RunStore) -> None:
    await store.add(run())
    assert not await store.record("run_1", [], Change(status="paused"), expected="running")
    assert await store.record("run_1", [], Change(status="cancelled"), expected="queued")


async def test_numbers_have_no_gap_whoever_writes(store: RunStore) -> None:
    await store.add(run())

    async def write(who: int) -> None:
        for number in range(10):
            drafts = [Draft(type="step.delta", data={"who": who, "n": [number]})] * 2
            await store.record("run_1", drafts)

    await asyncio.gather(*map(write, range(5)))
    events = await store.events("run_1", after=0, limit=1000)
    assert [event.seq for event in events] == list(range(1, 102))
    assert await store.events("run_1", after=40, limit=7) == events[40:47]
    (only,) = await store.events("run_1", after=0, limit=9, with_deltas=False)
    assert only.type == "run.queued"


async def test_an_event_may_say_when_it_happened(store: RunStore) -> None:
    await store.add(run())
    await store.record("run_1", [Draft(type="run.started", at=2.25), Draft(type="run.paused")])
    events = await store.events("run_1", after=1, limit=9)
    assert [event.at for event in events] == [2.25, 5.5]


async def test_a_step_counts_its_attempts(store: RunStore) -> None:
    await store.add(run())
    await store.record("run_1", [], Change(tally=("1", Tally(1, 2, 3))))
    assert await store.begin_step("run_1", "s1", {"name": "model"}) == Begun(1, Tally(1, 2, 3))
    assert await store.begin_step("run_1", "s2", {}) == Begun(1, Tally(1, 2, 3))
    assert await store.begin_step("run_1", "s1", {"name": "model"}) == Begun(2, Tally(1, 2, 3))
    last = (await store.events("run_1", after=0, limit=9))[-1]
    assert (last.step_id, last.attempt, last.data) == ("s1", 2, {"name": "model"})


async def test_threads_tally_each_for_itself(store: RunStore) -> None:
    await store.add(run())
    await store.record("run_1", [], Change(tally=("", Tally(1, 10, 11))))
    await store.record("run_1", [], Change(tally=("1", Tally(2, 20, 22))))
    await store.record("run_1", [], Change(tally=("", Tally(2, 15, 16))))
    found = await store.get("run_1")
    assert found is not None
    assert found.tally == Tally(4, 35, 38)


async def test_steps_at_once_set_aside_no_more_than_the_budget(store: RunStore) -> None:
    """The budget is 7: of ten steps that want 2 each, three are given it, whoever they are."""
    await store.add(run())
    names = [str(number) for number in range(10)]
    wanted = [Change(hold=(name, Hold(0, 2))) for name in names]
    await asyncio.gather(*(store.record("run_1", [], change) for change in wanted))
    found = await store.get("run_1")
    assert found is not None
    assert list(found.holds.values()) == [Hold(0, 2)] * 3
    held = next(iter(found.holds))
    over = Change(tally=("", Tally(1, 1, 1)), hold=(held, None))
    assert await store.record("run_1", [Draft(type="step.finished")], over)
    found = await store.get("run_1")
    assert found is not None
    assert (held in found.holds, found.tally.billed) == (False, 1)
    await store.record("run_1", [], Change(hold=(held, Hold(0, 3))))
    await store.record("run_1", [], Change(hold=("last", Hold(1, 1))))
    found = await store.get("run_1")
    assert found is not None
    assert (held in found.holds, found.holds["last"]) == (False, Hold(1, 1))


def asked(step_id: str) -> PendingApproval:
    return PendingApproval(
        step_id=step_id, tool="buy", arguments={"n": 1}, requested_at=1.0, expires_at=2.0
    )


async def test_a_run_waits_while_a_call_waits_for_approval(store: RunStore) -> None:
    await store.add(run(status="running"))
    await store.record("run_1", [], Change(asked=asked("s1")))
    await store.record("run_1", [], Change(asked=asked("s1")))
    await store.record("run_1", [], Change(asked=asked("s2")))
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, [item.step_id for item in found.pending]) == ("waiting", ["s1", "s2"])
    await store.record("run_1", [], Change(decided="s1"))
    await store.record("run_1", [], Change(decided="s2"))
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, found.pending) == ("running", ())
    await store.record("run_1", [], Change(asked=asked("s3")))
    failed = Change(status="failed", error=RunError("internal", "no"), finished_at=3.0)
    await store.record("run_1", [], failed)
    found = await store.get("run_1")
    assert found is not None
    assert (found.status, found.pending) == ("failed", ())
    assert found.error == RunError("internal", "no")


async def test_a_page_of_runs_is_the_owners_newest_first(store: RunStore) -> None:
    for number, user in enumerate(["ada", "bob", "ada", "ada"]):
        await store.add(run(f"run_{number}", user_id=user, key_id=f"k{number % 2}"))
    where = RunFilter(user_id="ada", workspace_id="w")
    first = await store.page(where, limit=2, before=None)
    assert [item.run_id for item in first] == ["run_3", "run_2"]
    second = await store.page(where, limit=2, before="run_2")
    assert [item.run_id for item in second] == ["run_0"]
    assert first[0].request.input is None
    assert await store.page(where, limit=2, before="run_x") == []
    assert len(await store.page(RunFilter(), limit=9, before=None)) == 4
    assert len(await store.page(RunFilter(key_id="k1"), limit=9, before=None)) == 2
    assert await store.page(RunFilter(status="paused"), limit=9, before=None) == []


async def test_commands_are_read_in_their_order_and_again(store: RunStore) -> None:
    assert await store.last_command() == 0
    await store.command(Command(run_id="run_1", kind="pause"))
    await store.command(Command(run_id="run_2", kind="cancel"))
    await store.command(Command(run_id="run_1", kind="resume"))
    listed = await store.commands(after=0)
    assert await store.last_command() == listed[-1].number
    assert [command.kind for command in listed] == ["pause", "cancel", "resume"]
    assert [item.kind for item in await store.commands(after=listed[0].number)] == [
        "cancel",
        "resume",
    ]
    assert [command.kind for command in await store.commands_of("run_1")] == ["pause", "resume"]


async def test_a_step_is_decided_once(store: RunStore) -> None:
    yes = Command(run_id="run_1", kind="decide", step_id="s1", approved=True, comment="fine")
    assert await store.command(yes)
    assert not await store.command(msgspec.structs.replace(yes, approved=False))
    assert await store.command(msgspec.structs.replace(yes, step_id="s2"))
    first, _ = await store.commands_of("run_1")
    assert (first.step_id, first.approved, first.comment) == ("s1", True, "fine")


async def test_queued_runs_are_taken_once_oldest_first(store: RunStore) -> None:
    for number in range(3):
        await store.add(run(f"run_{number}"))
    await store.record("run_1", [], Change(status="cancelled", finished_at=1.0))
    assert await store.unsubmitted(1) == ["run_0"]
    await store.submitted(["run_0"])
    assert await store.unsubmitted(9) == ["run_2"]


async def test_a_queued_run_can_be_claimed_until_an_engine_has_it(store: RunStore) -> None:
    await store.add(run())
    assert not await store.claim("run_2")
    assert await store.claim("run_1")
    assert await store.claim("run_1")
    await store.record("run_1", [], Change(status="paused"))
    assert not await store.claim("run_1")
    await store.record("run_1", [], Change(status="queued"))
    assert await store.claim("run_1")
    await store.submitted(["run_1"])
    assert not await store.claim("run_1")


async def test_runs_under_way_are_counted(store: RunStore) -> None:
    for number in range(3):
        await store.add(run(f"run_{number}"))
    await store.record("run_0", [], Change(status="running"))
    await store.record("run_1", [], Change(status="failed", finished_at=1.0))
    assert dict(await store.counts()) == {"queued": 1, "running": 1}


async def test_old_runs_are_forgotten_with_all_of_theirs(store: RunStore) -> None:
    for number in range(3):
        await store.add(run(f"run_{number}"))
        await store.command(Command(run_id=f"run_{number}", kind="cancel"))
    for number in range(2):
        ended = Change(status="cancelled", finished_at=float(number))
        await store.record(f"run_{number}", [Draft(type="run.cancelled", once="end")], ended)
    assert await store.forget(before=1.0, limit=9) == ["run_0"]
    assert await store.get("run_0") is None
    assert await store.events("run_0", after=0, limit=9) == []
    assert await store.commands_of("run_0") == []
    assert await store.get("run_1") is not None
    assert await store.forget(before=0.5, limit=9) == []


async def test_erased_runs_are_gone_whatever_their_state(store: RunStore) -> None:
    for number in range(2):
        await store.add(run(f"run_{number}"))
        await store.command(Command(run_id=f"run_{number}", kind="cancel"))
    await store.erase(["run_0", "run_never"])
    await store.erase(["run_0"])
    assert await store.get("run_0") is None
    assert await store.events("run_0", after=0, limit=9) == []
    assert await store.commands_of("run_0") == []
    assert await store.get("run_1") is not None
    assert not await store.record("run_0", [Draft(type="run.paused")])
