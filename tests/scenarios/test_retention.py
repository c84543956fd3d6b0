"""Old calls are deleted behind a running platform's back; what they add up to stays."""

import contextlib
import datetime as dt
import sqlite3
import subprocess
from pathlib import Path
from typing import Any

from headgate.core.times import iso
from headgate_server import COMMAND, Caller, Headgate, eventually, running

KEPT_DAYS = 7
DIMENSIONS = ("model", "user", "key", "workspace", "day", "hour", "tag")


def seed(platform: Headgate) -> None:
    """Load thirty days of sample calls beside the running server."""
    subprocess.run(
        [str(COMMAND), "seed", "--data", str(platform.data)],
        check=True,
        capture_output=True,
        cwd=platform.directory,
    )


async def sums(admin: Caller, start: str) -> list[Any]:
    return [await admin.get("/v1/usage", **{"from": start}, groupBy=by) for by in DIMENSIONS]


def rows(platform: Headgate, before: dt.datetime) -> int:
    """How many events from before a moment are in the file."""
    with contextlib.closing(sqlite3.connect(platform.data / "headgate.db")) as connection:
        sql = "SELECT count(*) FROM events WHERE timestamp < ?"
        count: int = connection.execute(sql, (before.timestamp() * 1000,)).fetchone()[0]
        return count


async def test_old_calls_go_and_their_sums_stay(tmp_path: Path) -> None:
    """Two workers, of which one deletes; budgets and sums are what they were before."""
    now = dt.datetime.now(dt.UTC)
    start = iso((now - dt.timedelta(days=40)).replace(minute=0, second=0, microsecond=0))
    edge = now - dt.timedelta(days=KEPT_DAYS, hours=1)
    with running(tmp_path, workers=2) as platform:
        seed(platform)
        assert rows(platform, edge) > 0
        async with platform.caller() as admin:
            before = await sums(admin, start)
            budget = await admin.get("/v1/usage/budget", scope="user", id="ben")
        platform.stop()
        platform.configuration = f"[usage]\nretention_days = {KEPT_DAYS}\n"
        platform.start()
        async with platform.caller() as admin:

            async def left() -> int:
                return rows(platform, edge)

            await eventually(left, lambda count: count == 0)
            assert await sums(admin, start) == before
            listed = await admin.events(**{"from": start})
            after = await admin.get("/v1/usage/budget", scope="user", id="ben")
        assert len(listed) == rows(platform, now + dt.timedelta(hours=1)) > 0
    # In the first hours of a month nobody may have spent anything.
    assert after["spent"] == budget["spent"] > 0 or now.day == 1
    assert budget["spent"] <= budget["projectedLow"] <= budget["projected"]
    assert budget["projected"] <= budget["projectedHigh"] > budget["projectedLow"]
