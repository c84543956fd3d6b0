"""A gateway takes orders for runs, tasks take them from the queue, and all share the stores.

As on AWS: DynamoDB and SQS by MiniStack, the engine's PostgreSQL, one process a task.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import NamedTuple

import pytest

import ministack
import sqs
from agent_runs import (
    CALLS,
    assert_only_the_dying_are_asked_again,
    ended,
    events_of,
    killed,
    run_of,
    start,
)
from headgate_server import Caller, Headgate, Simulator, eventually, running, simulating
from postgres_server import postgres_running

ADMIN_KEY = "sk-proj-queue-0123456789abcdef"
RUNS = 8


class Split(NamedTuple):
    """The platform's parts, each a process."""

    gateway: Headgate
    tasks: list[Headgate]
    vendors: Simulator
    queues: sqs.Queues

    def caller(self) -> Caller:
        return self.gateway.caller(ADMIN_KEY)


@pytest.fixture(scope="module")
def split(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Split]:
    account = ministack.new_account()
    queues = sqs.make_queues(account)
    with contextlib.ExitStack() as stack:
        postgres = stack.enter_context(postgres_running())
        vendors = stack.enter_context(
            simulating(tmp_path_factory.mktemp("vendors"), "--tokens-per-second", "40")
        )
        shared = vendors.environment | {
            "AWS_ACCESS_KEY_ID": account,
            "AWS_REGION": ministack.REGION,
            "AWS_SECRET_ACCESS_KEY": ministack.SECRET,
            "BEDROCK_ENDPOINT": "http://127.0.0.1:9",
            "DYNAMODB_ENDPOINT": ministack.endpoint(),
            "HEADGATE_ADMIN_KEY": ADMIN_KEY,
            "HEADGATE_RUN_QUEUE_URL": queues.url,
            "HEADGATE_STORE": "dynamodb",
            "SQS_ENDPOINT": ministack.endpoint(),
        }

        def process(name: str, **environment: str) -> Headgate:
            directory = tmp_path_factory.mktemp(name)
            return stack.enter_context(running(directory, environment=shared | environment))

        gateway = process("gateway", HEADGATE_ROLE="gateway")
        role = {"HEADGATE_ROLE": "agents", "HEADGATE_DATABASE_URL": postgres.url}
        yield Split(gateway, [process("task", **role) for _ in range(2)], vendors, queues)


async def test_a_run_goes_through_the_queue_to_a_task_and_is_followed_at_the_gateway(
    split: Split,
) -> None:
    async with split.caller() as caller:
        run = await start(caller, CALLS)
        log = await events_of(caller, run["runId"])
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        assert log[-1]["type"] == "run.finished"
        assert log[-1]["output"] == {"text": "Results: 1 2 3"}
        headers = {"Last-Event-ID": "3"}
        answer = await caller.send("GET", f"/v1/agents/runs/{run['runId']}/events", headers=headers)
        assert answer.body.decode().startswith("id: 4\n")
        assert await events_of(caller, run["runId"], after=3) == log[3:]
        await eventually(
            lambda: asyncio.to_thread(split.queues.in_flight), lambda count: count == 0
        )
        assert split.queues.count(split.queues.dead_url) == 0


async def test_what_a_run_is_told_at_the_gateway_reaches_the_task(split: Split) -> None:
    async with split.caller() as caller:
        slow = await start(caller, "[[delay 60000]] x", tools=[])
        await eventually(
            lambda: run_of(caller, slow["runId"]), lambda run: run["status"] == "running"
        )
        assert (await caller.post(f"/v1/agents/runs/{slow['runId']}/cancel", {})).status == 200
        assert (await ended(caller, slow["runId"]))["status"] == "cancelled"
        asking = await start(caller, CALLS, approvals=["calculator"])
        waiting = await eventually(
            lambda: run_of(caller, asking["runId"]), lambda run: len(run["pendingApprovals"]) == 3
        )
        await caller.post(f"/v1/agents/runs/{asking['runId']}/pause", {})
        for one in waiting["pendingApprovals"]:
            path = f"/v1/agents/runs/{asking['runId']}/approvals/{one['stepId']}"
            assert (await caller.post(path, {"approved": True})).status == 200
        assert (await caller.post(f"/v1/agents/runs/{asking['runId']}/resume", {})).status == 200
        run = await ended(caller, asking["runId"])
        assert (run["status"], run["output"]) == ("succeeded", {"text": "Results: 1 2 3"})


async def test_the_runs_of_a_task_that_dies_are_finished_by_another(split: Split) -> None:
    """And no step of them that was finished is made again."""
    await split.vendors.forget()
    async with split.caller() as caller:
        runs = await asyncio.gather(
            *(start(caller, f"Run {n}. {CALLS} [[delay 100]]") for n in range(RUNS))
        )
        await eventually(
            lambda: asyncio.gather(*(run_of(caller, run["runId"]) for run in runs)),
            lambda found: sum(len(run["steps"]) for run in found) > RUNS,
        )
        death = killed(split.tasks[0])
        finished = [await ended(caller, run["runId"]) for run in runs]
        logs = [await events_of(caller, run["runId"]) for run in runs]
    for run, log in zip(finished, logs, strict=True):
        assert run["status"] == "succeeded", run["error"]
        assert run["output"] == {"text": "Results: 1 2 3"}
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
    by_key = assert_only_the_dying_are_asked_again(await split.vendors.calls(), [death])
    assert len(by_key) == 2 * RUNS
