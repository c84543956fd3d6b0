"""Agent runs on a server, as scenarios start, follow and judge them."""

import asyncio
import datetime as dt
import itertools
import random
import time
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

from headgate_server import Caller, Headgate, Simulator, eventually, exact

RUNS = 20
DEATHS = 5
MODEL = "openai/gpt-4o"
CALLS = " ".join(f'[[call calculator {{"expression":"{n}+1"}}]]' for n in range(3))


async def start(caller: Caller, text: str, **fields: Any) -> dict[str, Any]:
    body = {"type": "react", "model": MODEL, "input": text, "tools": ["calculator"], **fields}
    answer = await caller.post("/v1/agents/run", body)
    assert answer.status in {200, 202}, answer.body
    run: dict[str, Any] = answer.json
    return run


async def run_of(caller: Caller, run_id: str) -> dict[str, Any]:
    run: dict[str, Any] = await caller.get(f"/v1/agents/runs/{run_id}")
    return run


async def ended(caller: Caller, run_id: str) -> dict[str, Any]:
    over = {"succeeded", "failed", "cancelled"}
    return await eventually(
        lambda: run_of(caller, run_id), lambda run: run["status"] in over, seconds=240
    )


async def events_of(caller: Caller, run_id: str, **query: Any) -> list[dict[str, Any]]:
    answer = await caller.send("GET", f"/v1/agents/runs/{run_id}/events", query=query)
    events = []
    for part in answer.body.decode().split("\n\n"):
        if part and not part.startswith(":"):
            number, data = part.split("\n")
            events.append(exact(data.removeprefix("data: ")))
            assert number == f"id: {events[-1]['seq']}"
    return events


TEAM = [{"name": f"member{number}"} for number in range(3)]
TOOL_CALLS = (
    '[[call calculator {"expression":"0+1"}]] [[call calculator {"expression":"1+1"}]]'
    ' [[call summarize {"text":"Ferries are slow."}]]'
)
# A member asks a model, calls its tools, of which one asks a model too, and asks again.
STEPS = len(TEAM) * 5
MODEL_CALLS = len(TEAM) * 3
# The cache may know the summary, which is the same for all.
VENDOR_CALLS = RUNS * len(TEAM) * 2
# Between a vendor's last byte and the commit of the answer stands no other write, so that what
# passes is the time until a process gets to run: up to 0.46 s were measured on two cores that
# twenty processes waited for. This bounds only what had no time to be recorded; that what was
# recorded is not asked again the ledger says, without a clock.
SETTLED_SECONDS = 2.0


class Death(NamedTuple):
    """A process died after it was `asked` to, and before it was seen to be `over`."""

    asked: float
    over: float

    def is_near(self, ended_at: float) -> bool:
        """Whether a call that ended then may be unknown; its vendor hears of the death as late."""
        return self.asked - SETTLED_SECONDS <= ended_at <= self.over + SETTLED_SECONDS


def killed(platform: Headgate) -> Death:
    """Let it die on the spot; on a busy machine it takes a while to learn that it has."""
    asked = time.time()
    platform.kill()
    return Death(asked, time.time())


async def start_teams(caller: Caller) -> list[dict[str, Any]]:
    """Runs at the same time, each of several models' and tools' calls one after the other."""
    return await asyncio.gather(
        *(
            start(
                caller,
                "",
                type="pipeline",
                input={"task": f"Run {number}. {TOOL_CALLS} [[delay 100]]", "agents": TEAM},
                tools=["calculator", "summarize"],
            )
            for number in range(RUNS)
        )
    )


def moments_of_death(chance: random.Random) -> list[int]:
    """After how many calls of the vendor a process dies: whenever that is, there is work left."""
    return sorted(chance.sample(range(5, VENDOR_CALLS - 10), DEATHS))


async def calls_of(vendors: Sequence[Simulator]) -> list[dict[str, Any]]:
    """All calls that they received."""
    return [call for vendor in vendors for call in await vendor.calls()]


async def until_called(vendors: Sequence[Simulator], count: int, chance: random.Random) -> None:
    """Wait until vendors have been called so often, and up to a call's length longer."""
    await eventually(lambda: calls_of(vendors), lambda calls: len(calls) >= count, seconds=240)
    await asyncio.sleep(chance.uniform(0, 0.2))


async def is_at_work(vendor: Simulator) -> bool:
    """Whether a call is under way there."""
    return any(call["endedAt"] is None for call in await vendor.calls())


def assert_nothing_is_lost_or_repeated(
    runs: list[dict[str, Any]],
    logs: list[list[dict[str, Any]]],
    calls: list[dict[str, Any]],
    spent: list[dict[str, Any]],
    deaths: list[Death],
) -> None:
    """Every run has ended well, every event has come, and what had finished was not done again.

    A vendor's call that had ended and was not recorded yet when a process died is made again,
    under its key. One that was recorded never is: it would have a second row.
    """
    rows = Counter(row["runId"] for row in spent if row["status"] == "ok" and row["runId"])
    assert {rows[run["runId"]] for run in runs} == {MODEL_CALLS}
    for run, log in zip(runs, logs, strict=True):
        assert run["status"] == "succeeded", run["error"]
        assert run["output"]["text"].startswith("Results: 1 2 ")
        assert [event["seq"] for event in log] == list(range(1, len(log) + 1))
        assert [event["type"] for event in log].count("run.finished") == 1
        assert log[-1]["type"] == "run.finished"
        results = Counter(event["stepId"] for event in log if event["type"] == "tool.result")
        assert list(results.values()) == [1] * (3 * len(TEAM))
        assert len({event["stepId"] for event in log if event["type"] == "step.finished"}) == STEPS
    begun = [event for log in logs for event in log if event["type"] == "step.started"]
    assert any(event["attempt"] > 1 for event in begun), "no death hit any work"
    by_key = assert_only_the_dying_are_asked_again(calls, deaths)
    assert VENDOR_CALLS < len(by_key) <= RUNS * MODEL_CALLS


def assert_only_the_dying_are_asked_again(
    calls: list[dict[str, Any]], deaths: list[Death]
) -> dict[str, list[dict[str, Any]]]:
    """No vendor was asked again under a key after it had answered whole, but for a death's moment.

    Gives the calls by their idempotency keys.
    """
    by_key: dict[str, list[dict[str, Any]]] = {}
    for call in calls:
        by_key.setdefault(call["idempotencyKey"], []).append(call)
    for made in by_key.values():
        assert len(made) <= 1 + len(deaths), made
        for later, whole in itertools.permutations(made, 2):
            if whole["finished"] and moment(later["startedAt"]) > moment(whole["endedAt"]):
                ended_at = moment(whole["endedAt"])
                assert any(death.is_near(ended_at) for death in deaths), (whole, later, deaths)
    return by_key


def moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()
