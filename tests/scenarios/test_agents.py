"""Agent runs on the real server: they end, whatever dies, and what was done is not done again."""

import asyncio
import random
from pathlib import Path

from agent_runs import (
    CALLS,
    Death,
    assert_nothing_is_lost_or_repeated,
    ended,
    events_of,
    killed,
    moments_of_death,
    run_of,
    start,
    start_teams,
    until_called,
)
from headgate_server import (
    Caller,
    Headgate,
    Simulator,
    eventually,
    running,
    simulating,
)


async def test_runs_survive_deaths_at_any_moment_and_no_finished_call_is_made_again(
    tmp_path: Path,
) -> None:
    chance, deaths = random.Random(7), list[Death]()
    for part in ("simulator", "platform"):
        (tmp_path / part).mkdir()
    with (
        simulating(tmp_path / "simulator", "--tokens-per-second", "400") as vendors,
        running(tmp_path / "platform", environment=vendors.environment) as platform,
    ):
        async with platform.caller() as caller:
            runs = await start_teams(caller)
        for count in moments_of_death(chance):
            await until_called([vendors], count, chance)
            deaths.append(killed(platform))
            platform.start()
        async with platform.caller() as caller:
            finished = [await ended(caller, run["runId"]) for run in runs]
            logs = [await events_of(caller, run["runId"]) for run in runs]
            spent = await caller.events()
        calls = await vendors.calls()
    assert_nothing_is_lost_or_repeated(finished, logs, calls, spent, deaths)


async def test_a_run_is_cancelled_within_two_seconds_in_the_middle_of_a_model_call(
    headgate: Headgate, admin: Caller
) -> None:
    async def seconds_to_cancel() -> float:
        run = await start(admin, "[[delay 60000]]", model="sandbox", tools=[])
        await eventually(lambda: run_of(admin, run["runId"]), lambda found: bool(found["steps"]))
        began = asyncio.get_running_loop().time()
        await admin.post(f"/v1/agents/runs/{run['runId']}/cancel", None)
        assert (await ended(admin, run["runId"]))["status"] == "cancelled"
        return asyncio.get_running_loop().time() - began

    # Others work on this machine too: what is quick enough once is quick enough.
    await eventually(seconds_to_cancel, lambda seconds: seconds < 2)


async def test_a_run_of_a_revoked_key_ends(headgate: Headgate, admin: Caller) -> None:
    async with admin.newcomer("agent:run", "tools:run") as owner:
        run = await start(
            owner,
            f"{CALLS} [[delay 3000]]",
            model="sandbox",
        )
        await eventually(lambda: run_of(owner, run["runId"]), lambda found: bool(found["steps"]))
        await admin.send("DELETE", f"/v1/auth/keys/{owner.key.rpartition('-')[0]}")
        found = await ended(admin, run["runId"])
    assert (found["status"], found["error"]["code"]) == ("failed", "key_revoked")


async def test_an_approval_waits_over_a_restart(headgate: Headgate) -> None:
    async with headgate.caller() as caller:
        run = await start(caller, CALLS, model="sandbox", approvals=["calculator"])
        waiting = await eventually(
            lambda: run_of(caller, run["runId"]),
            lambda found: len(found["pendingApprovals"]) == 3,
        )
        assert waiting["status"] == "waiting"
    headgate.kill()
    headgate.start()
    async with headgate.caller() as caller:
        for pending in waiting["pendingApprovals"]:
            path = f"/v1/agents/runs/{run['runId']}/approvals/{pending['stepId']}"
            answer = await caller.post(
                path, {"approved": pending["arguments"]["expression"] != "1+1"}
            )
            assert answer.status == 200
            assert (await caller.post(path, {"approved": True})).status == 409
        found = await ended(caller, run["runId"])
    assert "Results: 1" in found["output"]["text"]
    assert "the call was not approved" in found["output"]["text"]


async def test_workers_share_the_work_of_one_and_each_follows_it(
    tmp_path: Path, vendors: Simulator
) -> None:
    with running(tmp_path, workers=2) as platform:
        async with platform.caller() as caller:
            close = {"connection": "close"}
            body = {
                "type": "react",
                "model": "sandbox",
                "input": f"Go {CALLS} [[rate 40]]",
                "tools": ["calculator"],
                "waitSeconds": 60,
            }
            answers = await asyncio.gather(
                *(caller.post("/v1/agents/run", body, **close) for _ in range(10))
            )
    assert {answer.status for answer in answers} == {200}
    assert {answer.json["output"]["text"] for answer in answers} == {"Results: 1 2 3"}


async def test_a_gateway_reaches_the_agents_over_http(tmp_path: Path) -> None:
    with running(tmp_path, environment={"HEADGATE_ROLE": "agents"}) as agents:
        near = {"HEADGATE_ROLE": "gateway", "AGENT_ENDPOINT": agents.url}
        gateway = Headgate(agents.directory, environment=near).start()
        try:
            async with gateway.caller(agents.admin_key) as caller:
                body = {"model": "sandbox", "tools": [], "waitSeconds": 60}
                run = await start(caller, "Hi [[rate 40]]", **body)
                assert run["status"] == "succeeded"
                log = await events_of(caller, run["runId"])
                assert log[-1]["type"] == "run.finished"
                refused = await caller.post("/v1/agents/run", {"type": "poet", "input": "x"})
                assert (refused.status, refused.error["param"]) == (400, "type")
                await eventually(
                    lambda: caller.send("GET", "/metrics"),
                    lambda told: b'headgate_agent_runs{status="queued"} 0.0' in told.body,
                )
                agents.kill()
                away = await caller.send("GET", "/v1/agents/runs")
                assert (away.status, away.error["code"]) == (503, "overloaded")
        finally:
            gateway.close()
            agents.start()


async def test_the_engine_is_loaded_with_the_first_run_and_never_by_a_gateway(
    tmp_path: Path,
) -> None:
    def libraries(platform: Headgate) -> str:
        return Path(f"/proc/{platform.command.pid}/maps").read_text()

    (tmp_path / "gateway").mkdir()
    gateway = {"HEADGATE_ROLE": "gateway"}
    with running(tmp_path / "gateway", environment=gateway) as platform:
        async with platform.caller() as caller:
            run = await start(caller, "Go", model="sandbox", tools=[], waitSeconds=2)
        assert run["status"] == "queued"
        assert "sqlalchemy" not in libraries(platform)
    (tmp_path / "all").mkdir()
    with running(tmp_path / "all") as platform:
        assert "sqlalchemy" not in libraries(platform)
        async with platform.caller() as caller:
            await start(caller, "Go", model="sandbox", tools=[], waitSeconds=60)
        assert "sqlalchemy" in libraries(platform)
