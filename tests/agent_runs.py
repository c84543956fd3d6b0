"""Agent runs on a server, as scenarios start, follow and judge them."""

import datetime as dt
from typing import Any

from headgate_server import Caller, eventually, exact

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
        lambda: run_of(caller, run_id), lambda run: run["status"] in over, seconds=120
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


def moment(text: str) -> float:
    return dt.datetime.fromisoformat(text).timestamp()


def assert_calls_were_made_once(calls: list[dict[str, Any]], *, runs: int = RUNS) -> None:
    """No vendor was asked again under a key after it had answered whole, but for the last moment.

    An answer that has come is settled within a moment; who dies in it asks again, by the same key.
    """
    by_key: dict[str, list[dict[str, Any]]] = {}
    for call in calls:
        by_key.setdefault(call["idempotencyKey"], []).append(call)
    assert len(by_key) == 2 * runs
    again = [
        (whole, later)
        for made in by_key.values()
        for whole in made
        if whole["finished"] and whole["status"] == 200
        for later in made
        if moment(later["startedAt"]) > moment(whole["endedAt"])
    ]
    assert len(again) <= DEATHS
