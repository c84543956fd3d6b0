"""Agent runs as items of DynamoDB: several processes at once, long values, what is interrupted."""

import asyncio
from typing import Any

import pytest

from dynamo_wire import wired
from headgate.core.errors import Overloaded
from headgate.core.runs import Begun, Change, Command, Draft, Run, RunFilter, RunRequest
from headgate.stores.dynamodb import bodies
from headgate.stores.dynamodb.client import DynamoClient
from headgate.stores.dynamodb.runs import DynamoRuns
from headgate.stores.dynamodb.schema import RUNS
from ministack import account_of, dynamo_client

LONG = "Grüße " * 60_000
ENDED = Change(status="succeeded", finished_at=9.0)


def run(run_id: str = "run_1", given: Any = "Go") -> Run:
    request = RunRequest(
        type="react", input=given, model="auto", max_steps=9, seconds=60, approval_seconds=60
    )
    return Run(
        run_id=run_id,
        key_id="k",
        workspace_id="w",
        user_id="ada",
        request=request,
        created_at=1.0,
    )


async def items(client: DynamoClient) -> list[str]:
    return sorted(
        f"{item['part']['S']} {item['place']['S']}" for item in await client.scan(RUNS, {})
    )


async def test_processes_that_write_at_once_leave_no_gap_and_lose_nothing() -> None:
    async with dynamo_client() as client:
        first, second = DynamoRuns(client), DynamoRuns(client)
        await first.add(run())

        async def write(store: DynamoRuns, who: int) -> None:
            for number in range(8):
                assert await store.record("run_1", [Draft(type="step.delta", data={"n": number})])
                await store.begin_step("run_1", f"{who}", {})

        await asyncio.gather(*(write(store, n) for n, store in enumerate([first, second])))
        events = await first.events("run_1", after=0, limit=99)
        assert [event.seq for event in events] == list(range(1, 34))
        assert await second.begin_step("run_1", "0", {}) == Begun(9, run().tally)


async def test_what_happens_once_happens_once_in_all_processes() -> None:
    async with dynamo_client() as client:
        stores = [DynamoRuns(client) for _ in range(4)]
        await stores[0].add(run())
        draft = Draft(type="run.started", once="started")
        done = await asyncio.gather(*(store.record("run_1", [draft]) for store in stores))
        assert sum(done) == 1
        assert len(await stores[0].events("run_1", after=0, limit=9)) == 2


async def test_what_is_longer_than_an_item_is_kept_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "PIECE_BYTES", 100_000)
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        await store.add(run(given={"text": LONG}))
        told = Draft(type="run.finished", data={"output": LONG})
        change = Change(status="succeeded", finished_at=9.0, output=LONG)
        await store.record("run_1", [told], change)
        found = await store.get("run_1")
        assert found is not None
        assert (found.request.input, found.output) == ({"text": LONG}, LONG)
        assert (await store.events("run_1", after=1, limit=1))[0].data == {"output": LONG}
        assert await store.forget(before=10.0, limit=9) == ["run_1"]
        assert await items(client) == []


async def test_a_piece_that_is_gone_is_said_and_not_left_out() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        await store.add(run(given=LONG))
        piece = next(place for place in await items(client) if "piece#" in place)
        part, _, place = piece.partition(" ")
        await client.delete_all(RUNS, [{"part": {"S": part}, "place": {"S": place}}])
        with pytest.raises(Overloaded):
            await store.get("run_1")


async def test_a_queued_run_is_given_to_one_engine_until_that_has_it() -> None:
    async with dynamo_client() as client:
        first, second = DynamoRuns(client, "here"), DynamoRuns(client, "there")
        for number in range(12):
            await first.add(run(f"run_{number:02}"))
        given = await asyncio.gather(*(store.unsubmitted(20) for store in (first, second)))
        assert sorted(given[0] + given[1]) == [f"run_{number:02}" for number in range(12)]
        assert not any(await asyncio.gather(*map(first.claim, given[1])))
        for store, runs in zip((first, second), given, strict=True):
            # One that died before it had submitted them is given them again.
            assert await store.unsubmitted(20) == runs
            assert all(await asyncio.gather(*map(store.claim, runs)))
            await store.submitted(runs)
            assert await store.unsubmitted(20) == []


async def test_a_run_that_stood_still_before_it_was_taken_is_taken_when_it_goes_on() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        await store.add(run())
        await store.record("run_1", [], Change(status="paused"))
        assert await store.unsubmitted(9) == []
        await store.record("run_1", [], Change(status="queued"))
        assert await store.unsubmitted(9) == ["run_1"]
        await store.submitted(["run_1"])
        await store.record("run_1", [], Change(status="paused"))
        await store.record("run_1", [], Change(status="queued"))
        assert await store.unsubmitted(9) == []


async def test_commands_that_come_at_once_leave_no_number_out() -> None:
    async with dynamo_client() as client:
        stores = [DynamoRuns(client) for _ in range(5)]
        commands = [Command(run_id=f"run_{n}", kind="pause") for n in range(15)]
        await asyncio.gather(*(stores[n % 5].command(each) for n, each in enumerate(commands)))
        listed = await stores[0].commands(after=0)
        assert [command.number for command in listed] == list(range(1, 16))
        assert {command.run_id for command in listed} == {each.run_id for each in commands}


async def test_a_command_behind_a_missing_one_waits_for_it() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        for number in range(4):
            await store.command(Command(run_id=f"run_{number}", kind="cancel"))
        await client.delete_all(RUNS, [{"part": {"S": "commands"}, "place": {"S": f"{3:012d}"}}])
        assert [command.number for command in await store.commands(after=0)] == [1, 2]


async def test_an_event_behind_a_missing_one_waits_for_it() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        await store.add(run())
        await store.record("run_1", [Draft(type="step.delta")] * 3)
        place = {"part": {"S": "run#run_1"}, "place": {"S": "event#000000003"}}
        await client.delete_all(RUNS, [place])
        assert [event.seq for event in await store.events("run_1", after=0, limit=9)] == [1, 2]
        assert [event.seq for event in await store.events("run_1", after=1, limit=9)] == [2]
        assert await store.events("run_1", after=2, limit=9) == []


async def test_a_decision_counts_once_whoever_decides() -> None:
    async with dynamo_client() as client:
        stores = [DynamoRuns(client) for _ in range(4)]
        yes = Command(run_id="run_1", kind="decide", step_id="1", approved=True)
        assert sum(await asyncio.gather(*(store.command(yes) for store in stores))) == 1
        assert len(await stores[0].commands_of("run_1")) == 1


async def test_a_forgetting_that_was_interrupted_is_finished_the_next_time() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        await store.add(run())
        await store.command(Command(run_id="run_1", kind="cancel"))
        await store.record("run_1", [], ENDED)
        async with wired(await account_of(client), patience=0.1) as (broken, wire):

            async def cut() -> None:
                wire.is_cut = True

            # Between the run's own and the last item, by which it is found.
            async def after_the_first() -> None:
                wire.before["BatchWriteItem"] = cut

            wire.before["BatchWriteItem"] = after_the_first
            with pytest.raises(Overloaded):
                await DynamoRuns(broken).forget(before=10.0, limit=9)
        assert await store.get("run_1") is None
        assert await store.forget(before=10.0, limit=9) == ["run_1"]
        # What is left is the list of commands, which ends by itself.
        assert {place.partition(" ")[0] for place in await items(client)} == {
            "commands",
            "counter",
        }


async def test_a_page_goes_on_where_a_status_is_rare() -> None:
    async with dynamo_client() as client:
        store = DynamoRuns(client)
        for number in range(120):
            await store.add(run(f"run_{number:03}"))
        await store.record("run_003", [], ENDED)
        where = RunFilter(status="succeeded")
        assert [one.run_id for one in await store.page(where, limit=5, before=None)] == ["run_003"]


async def test_an_answer_that_is_lost_leaves_one_event() -> None:
    async with dynamo_client() as client:
        await DynamoRuns(client).add(run())
        async with wired(await account_of(client)) as (losing, wire):
            wire.lost["TransactWriteItems"] = 1
            assert await DynamoRuns(losing).record("run_1", [Draft(type="step.delta")])
        events = await DynamoRuns(client).events("run_1", after=0, limit=9)
        assert [event.seq for event in events] == [1, 2]
