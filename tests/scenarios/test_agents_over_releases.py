"""Runs that one release begins and the next one goes on with."""

import asyncio
import re
import shutil
from collections import Counter
from pathlib import Path
from typing import Any

import headgate
from agent_runs import CALLS, ended, events_of, run_of, start
from headgate_server import Caller, Headgate, Simulator, eventually, running, simulating

NEXT = "9.9.9"


def next_release(directory: Path) -> dict[str, str]:
    """The settings of a process that runs a later release: other files, another version."""
    package = directory / "headgate"
    shutil.copytree(Path(headgate.__file__).parent, package)
    version = package / "__init__.py"
    version.write_text(re.sub('"[0-9.]+"', f'"{NEXT}"', version.read_text()))
    for source in ("engine/dbos.py", "agents/performer.py"):
        with (package / source).open("a") as file:
            file.write(f"\n\nRELEASE = '{NEXT}'\n")
    return {"PYTHONPATH": str(directory)}


async def waiting(caller: Caller) -> dict[str, Any]:
    """A run whose model has been asked, and whose calls wait for somebody."""
    run = await start(caller, f"Wait. {CALLS}", approvals=["calculator"])
    return await eventually(
        lambda: run_of(caller, run["runId"]), lambda found: len(found["pendingApprovals"]) == 3
    )


async def in_a_step(caller: Caller, vendors: Simulator) -> dict[str, Any]:
    """A run in its second call of a model, behind three calls of a tool."""
    run = await start(caller, f"Go. {CALLS} [[delay 2500]]")
    found = await eventually(
        lambda: run_of(caller, run["runId"]),
        lambda found: sum(step["kind"] == "model" for step in found["steps"]) == 2,
    )
    await eventually(
        vendors.calls, lambda calls: any(call["model"] and not call["endedAt"] for call in calls)
    )
    return found


async def approve(caller: Caller, run: dict[str, Any]) -> None:
    for pending in run["pendingApprovals"]:
        path = f"/v1/agents/runs/{run['runId']}/approvals/{pending['stepId']}"
        assert (await caller.post(path, {"approved": True})).status == 200


async def version_of(platform: Headgate) -> str:
    async with platform.caller() as caller:
        return str((await caller.get("/health"))["version"])


async def test_runs_go_on_under_the_next_release_and_nothing_finished_is_repeated(
    tmp_path: Path,
) -> None:
    for part in ("simulator", "platform", "release"):
        (tmp_path / part).mkdir()
    with (
        simulating(tmp_path / "simulator") as vendors,
        running(tmp_path / "platform", environment=vendors.environment) as platform,
    ):
        assert await version_of(platform) == headgate.__version__
        async with platform.caller() as caller:
            stopped, killed = await waiting(caller), await waiting(caller)
            cut = await in_a_step(caller, vendors)
        finished = {call["idempotencyKey"] for call in await vendors.calls() if call["finished"]}
        platform.kill()
        platform.environment = vendors.environment | next_release(tmp_path / "release")
        platform.start()
        assert await version_of(platform) == NEXT
        async with platform.caller() as caller:
            await approve(caller, killed)
            runs = [await ended(caller, run["runId"]) for run in (killed, cut)]
            # And from one process of the new release to the next, in good order.
            assert platform.stop() == 0
            platform.start()
        async with platform.caller() as caller:
            await approve(caller, stopped)
            runs.append(await ended(caller, stopped["runId"]))
            logs = await asyncio.gather(*(events_of(caller, run["runId"]) for run in runs))
        calls = await vendors.calls()
    for run, log in zip(runs, logs, strict=True):
        assert (run["status"], run["output"]) == ("succeeded", {"text": "Results: 1 2 3"})
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        results = Counter(event["stepId"] for event in log if event["type"] == "tool.result")
        assert sorted(results.values()) == [1, 1, 1]
    made = Counter(call["idempotencyKey"] for call in calls)
    assert len(finished) == 3
    assert {made[key] for key in finished} == {1}
    assert len(made) == 6
    assert sum(made.values()) == 7  # the one that was cut in the middle is asked again
