"""Several processes work on the runs of one PostgreSQL database, and take over from the dead."""

import asyncio
import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from agent_runs import (
    CALLS,
    RUNS,
    assert_nothing_is_lost_or_repeated,
    ended,
    events_of,
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
    chance, deaths = random.Random(11), list[float]()
    for part in ("simulator", "platform"):
        (tmp_path / part).mkdir()
    with (
        simulating(tmp_path / "simulator", "--tokens-per-second", "400") as vendors,
        running(
            tmp_path / "platform",
            configuration=FOR_BOTH,
            environment=vendors.environment | {"HEADGATE_DATABASE_URL": postgres.url},
        ) as first,
    ):
        # Another process on the same data directory and database.
        second = Headgate(first.directory, FOR_BOTH, first.environment).start()
        key = first.admin_key
        try:
            async with first.caller() as caller:
                runs = await start_teams(caller)
            *moments, last = moments_of_death(chance)
            for count in moments:
                await until_called(vendors, count, chance)
                victim = chance.choice([first, second])
                victim.kill()
                deaths.append(time.time())
                victim.start()
            await until_called(vendors, last, chance)
            first.kill()  # and never comes back
            deaths.append(time.time())
            async with second.caller(key) as caller:
                finished = [await ended(caller, run["runId"]) for run in runs]
                logs = [await events_of(caller, run["runId"]) for run in runs]
            calls = await vendors.calls()
        finally:
            second.close()
    assert_nothing_is_lost_or_repeated(finished, logs, calls, deaths)


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
