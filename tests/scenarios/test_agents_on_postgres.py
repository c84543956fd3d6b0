"""Several processes work on the runs of one PostgreSQL database, and take over from the dead."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from agent_runs import CALLS, DEATHS, RUNS, assert_calls_were_made_once, ended, events_of, start
from headgate_server import Headgate, running, simulating
from postgres_server import PostgresServer, postgres_running


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_running() as server:
        yield server


async def test_two_executors_finish_everything_whichever_of_them_dies(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    chance = random.Random(11)
    for part in ("simulator", "platform"):
        (tmp_path / part).mkdir()
    with (
        simulating(tmp_path / "simulator", "--tokens-per-second", "40") as vendors,
        running(
            tmp_path / "platform",
            environment=vendors.environment | {"HEADGATE_DATABASE_URL": postgres.url},
        ) as first,
    ):
        # Another process on the same data directory and database.
        second = Headgate(first.directory, environment=first.environment).start()
        try:
            async with first.caller() as caller:
                await ended(caller, (await start(caller, f"Go {CALLS}"))["runId"])
                await vendors.forget()
                runs = await asyncio.gather(
                    *(start(caller, f"Run {n}. {CALLS} [[delay 100]]") for n in range(RUNS))
                )
            for _ in range(DEATHS):
                await asyncio.sleep(chance.uniform(0.2, 3.0))
                victim = chance.choice([first, second])
                victim.kill()
                victim.start()
            async with first.caller() as caller:
                finished = [await ended(caller, run["runId"]) for run in runs]
                logs = [await events_of(caller, run["runId"]) for run in runs]
            calls = await vendors.calls()
        finally:
            second.close()
    for run, log in zip(finished, logs, strict=True):
        assert run["status"] == "succeeded", run["error"]
        assert run["output"] == {"text": "Results: 1 2 3"}
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    assert_calls_were_made_once(calls)


async def test_who_stays_takes_over_from_who_dies(tmp_path: Path, postgres: PostgresServer) -> None:
    with running(tmp_path, environment={"HEADGATE_DATABASE_URL": postgres.url}) as first:
        async with first.caller() as caller:
            run = await start(caller, f"{CALLS} [[delay 4000]]", model="sandbox")
            await start(caller, "warm", model="sandbox", tools=[], waitSeconds=30)
        second = Headgate(first.directory, environment=first.environment).start()
        try:
            first.kill()
            key = first.admin_key
            async with second.caller(key) as caller:
                # The engine is loaded where there is something unfinished, and finds the dead one.
                assert (await ended(caller, run["runId"]))["status"] == "succeeded"
        finally:
            second.close()
            first.start()
