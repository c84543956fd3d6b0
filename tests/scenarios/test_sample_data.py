"""Sample data beside real data: loaded, and taken out again as if it had never been there."""

import contextlib
import json
import sqlite3
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from headgate_server import COMMAND, Headgate, chat, eventually, running

# Kept answers end by themselves within a day, and counters only grow. A budget's alert was told,
# the audit log has what people did, and processes have measured what they did themselves.
PASSING = {"answers", "alerts", "audit", "episodes", "open_hour", "service_levels", "shelves"}
PASSING |= {"sqlite_sequence"}
CALLS = 7


def headgate_seed(platform: Headgate, *options: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(COMMAND), "seed", "--json", "--data", str(platform.data), *options],
        stdout=subprocess.PIPE,
        cwd=platform.directory,
    )


def told(command: subprocess.Popen[bytes]) -> Mapping[str, int]:
    """What a command that ended well printed."""
    output, _ = command.communicate(timeout=120)
    assert command.returncode == 0
    summary: Mapping[str, int] = json.loads(output)
    return summary


def contents(platform: Headgate) -> dict[str, list[Any]]:
    """Every row of every table that lasts."""
    found = {}
    for file in ("headgate.db", "documents.db"):
        with contextlib.closing(sqlite3.connect(platform.data / file)) as connection:
            names = connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")
            for (name,) in names.fetchall():
                if name not in PASSING:
                    rows = connection.execute(f"SELECT * FROM {name}").fetchall()
                    found[name] = sorted(rows, key=repr)
    return found


def events(platform: Headgate) -> int:
    with contextlib.closing(sqlite3.connect(platform.data / "headgate.db")) as connection:
        count: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
        return count


async def live_a_little(platform: Headgate) -> None:
    """Real calls, a run, a document and budgets, all of them close to what samples are called."""
    async with platform.caller() as admin:
        key = await admin.new_key(
            "ai:complete", "agent:run", "tools:run", userId="ada", workspaceId="support"
        )
        own = {"scope": "user", "id": "ben", "monthlyBudget": 3}
        assert (await admin.send("PUT", "/v1/usage/budget", own)).status == 200
    async with platform.caller(key["apiKey"]) as caller:
        for _ in range(CALLS):
            answer = await caller.send("POST", "/v1/complete", chat("Hello", tags=["sample"]))
            assert answer.status == 200
        order: dict[str, Any] = {
            "type": "react",
            "model": "sandbox",
            "input": "Hello",
            "sessionId": "sample",
        }
        order |= {"waitSeconds": 30, "tools": []}
        assert (await caller.post("/v1/agents/run", order)).json["status"] == "succeeded"
        document = {"name": "sample-of-ours.txt", "text": "Hotels cost at most 140 euros."}
        assert (await caller.post("/v1/documents", document)).status == 201


async def left_by_a_removal_that_died(platform: Headgate) -> int:
    """How many events there are after it."""
    full = events(platform)

    async def left() -> int:
        return events(platform)

    command = headgate_seed(platform, "--remove")
    await eventually(left, lambda count: count < full)
    command.kill()
    command.communicate()
    return events(platform)


async def test_it_is_taken_out_beside_a_server_also_by_a_command_that_died(tmp_path: Path) -> None:
    """What is left is what there was before, row by row."""
    with running(tmp_path) as platform:
        await live_a_little(platform)
        platform.stop()
        before, real = contents(platform), events(platform)
        platform.start()
        loaded = told(headgate_seed(platform))
        assert (loaded["keys"], loaded["documents"], loaded["runs"]) == (6, 4, 3)
        assert events(platform) >= real + loaded["calls"]
        async with platform.caller() as admin:
            rotated = await admin.post("/v1/auth/keys/sk-proj-samplesupportbot/rotate", {})
            budget = await admin.get("/v1/usage/budget", scope="user", id="ben")
            assert budget["monthlyBudget"] == 3
            while await left_by_a_removal_that_died(platform) == real:
                # It was done before anybody looked.
                told(headgate_seed(platform))
            removed = told(headgate_seed(platform, "--remove"))
            assert (removed["keys"], removed["runs"]) == (6, 3)
            nothing = {"keys": 0, "calls": 0, "documents": 0, "runs": 0}
            assert told(headgate_seed(platform, "--remove")) == nothing
            assert (await admin.get("/v1/usage"))["totals"]["requests"] == real
        async with platform.caller(rotated.json["apiKey"]) as stranger:
            await eventually(lambda: stranger.ask("Hello"), lambda answer: answer.status == 401)
        platform.stop()
        assert contents(platform) == before
