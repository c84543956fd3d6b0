"""Several processes work on the runs of one PostgreSQL database, and take over from the dead."""

import asyncio
import random
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from agent_runs import (
    CALLS,
    RUNS,
    Death,
    assert_nothing_is_lost_or_repeated,
    calls_of,
    ended,
    events_of,
    is_at_work,
    killed,
    moments_of_death,
    start,
    start_teams,
    until_called,
)
from headgate.engine.databases import postgres_database
from headgate.engine.executors import Executors
from headgate_server import Headgate, eventually, running, simulating
from postgres_server import PostgresServer, postgres_running

# Neither process can take all runs.
FOR_BOTH = f"[agents]\nruns_in_memory = {RUNS * 6 // 10}\n"


@pytest.fixture(scope="module")
def postgres() -> Iterator[PostgresServer]:
    with postgres_running() as server:
        yield server


async def test_two_executors_finish_everything_whichever_of_them_dies_for_good(
    tmp_path: Path, postgres: PostgresServer
) -> None:
    chance, deaths = random.Random(11), list[Death]()
    for part in ("near", "far", "platform"):
        (tmp_path / part).mkdir()
    options = ("--tokens-per-second", "400")
    with (
        simulating(tmp_path / "near", *options) as near,
        # Each process has a vendor of its own, so that the test knows who is at work.
        simulating(tmp_path / "far", *options) as far,
        running(
            tmp_path / "platform",
            configuration=FOR_BOTH,
            environment=near.environment | {"HEADGATE_DATABASE_URL": postgres.url},
        ) as first,
    ):
        # Another process on the same data directory and database.
        there = {**first.environment, **far.environment}
        second = Headgate(first.directory, FOR_BOTH, there).start()
        key = first.admin_key
        try:
            async with first.caller() as caller:
                runs = await start_teams(caller)
            *moments, last = moments_of_death(chance)
            for count in moments:
                await until_called([near, far], count, chance)
                both = [(first, near), (second, far)]
                busy = [platform for platform, vendor in both if await is_at_work(vendor)]
                victim = chance.choice(busy or [first, second])
                deaths.append(killed(victim))
                victim.start()
            await until_called([near, far], last, chance)
            deaths.append(killed(first))  # and never comes back
            async with second.caller(key) as caller:
                finished = [await ended(caller, run["runId"]) for run in runs]
                logs = [await events_of(caller, run["runId"]) for run in runs]
                spent = await caller.events()
            calls = await calls_of([near, far])
        finally:
            second.close()
    assert_nothing_is_lost_or_repeated(finished, logs, calls, spent, deaths)


async def test_a_process_that_was_thought_dead_is_watched_again(postgres: PostgresServer) -> None:
    """Else nobody would take over from it when it does die."""
    database = postgres_database(postgres.url)
    found: asyncio.Queue[str] = asyncio.Queue()
    alive = Executors(database, "alive", 0.01).watching(found.put)
    other = Executors(database, "other", 0.01).watching(found.put)
    with database.connect().execution_options(isolation_level="AUTOCOMMIT") as undertaker:
        undertaker.execute(sa.text("SELECT pg_advisory_lock(hashtextextended('alive', 0))"))
        async with alive:
            # It comes back over a new connection while another process buries it.
            undertaker.execute(
                sa.text("DELETE FROM headgate_executors WHERE executor_id = 'alive'")
            )
            undertaker.execute(sa.text("SELECT pg_advisory_unlock(hashtextextended('alive', 0))"))

            async def counts() -> bool:
                rows = sa.text(
                    "SELECT count(*) FROM headgate_executors WHERE executor_id = 'alive'"
                )
                return bool(undertaker.execute(rows).scalar())

            await eventually(counts, bool)
        async with other:
            while await found.get() != "alive":  # others have died here too
                pass
    database.dispose()


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
