"""Agent runs over HTTP."""

import asyncio
import json
from typing import Any

import pytest

from headgate.core.answers import answer_key
from headgate.tools.declaration import tool
from platform_in_memory import ADMIN, ADMIN_KEY, make_key, platform

BODY = {"type": "react", "model": "sandbox", "input": "Hi", "waitSeconds": 30}


@tool()
async def double(number: int) -> int:
    """Double a number."""
    return number * 2


def events_of(body: bytes) -> list[dict[str, Any]]:
    """The events of a stream, whose ids are their numbers."""
    events = []
    for part in body.decode().split("\n\n"):
        if part and not part.startswith(":"):
            head, data = part.split("\n")
            events.append(json.loads(data.removeprefix("data: ")))
            assert head == f"id: {events[-1]['seq']}"
    return events


async def test_a_run_that_ends_in_time_is_answered_whole() -> None:
    async with platform(tools=[double]) as here:
        body = BODY | {"input": 'Go [[call double {"number": 4}]]', "tools": ["double"]}
        answer = await here.call("POST", "/v1/agents/run", body)
    assert answer.status == 200
    run = answer.json
    assert (run["status"], run["output"]) == ("succeeded", {"text": "Results: 8"})
    assert [(step["kind"], step["name"]) for step in run["steps"]] == [
        ("model", "model"),
        ("tool", "double"),
        ("model", "model"),
    ]
    assert run["billed"] > run["cost"] > 0
    assert run["pendingApprovals"] == []
    assert "error" not in run


async def test_a_run_that_takes_longer_is_answered_with_202() -> None:
    async with platform() as here:
        body = BODY | {"input": "[[delay 60000]]", "waitSeconds": 0}
        answer = await here.call("POST", "/v1/agents/run", body)
        assert answer.status == 202
        path = f"/v1/agents/runs/{answer.json['runId']}"
        assert answer.json["eventsUrl"] == f"{path}/events"
        assert (await here.call("POST", f"{path}/cancel")).status == 200


async def test_a_run_can_be_followed_from_its_first_event_and_read_again() -> None:
    async with platform() as here:
        live = await here.call("POST", "/v1/agents/stream", BODY)
        events = events_of(live.data)
        path = f"/v1/agents/runs/{events[0]['runId']}/events"
        again = await here.call("GET", path)
        rest = await here.call("GET", path, query="after=2")
        resumed = await here.call("GET", path, query="after=0", headers={"last-event-id": "4"})
        wrong = await here.call("GET", path, headers={"last-event-id": "x"})
    assert [event["seq"] for event in events] == list(range(1, len(events) + 1))
    assert (events[0]["type"], events[-1]["type"]) == ("run.queued", "run.finished")
    assert again.data == live.data
    assert events_of(rest.data) == events[2:]
    assert events_of(resumed.data) == events[4:]
    assert wrong.status == 400


NAMED = {"idempotency-key": "order-7"}


async def test_a_run_is_begun_once_under_an_idempotency_key() -> None:
    async with platform() as here:
        first = await here.call("POST", "/v1/agents/run", BODY, headers=NAMED)
        again = await here.call("POST", "/v1/agents/run", BODY, headers=NAMED)
        runs = (await here.call("GET", "/v1/agents/runs")).json["data"]
        events = (await here.call("GET", "/v1/usage/events")).json["data"]
    assert (first.status, again.status) == (200, 200)
    assert again.json == first.json
    assert "idempotency-replayed" not in first.headers
    assert (again.headers["idempotency-replayed"], again.headers["x-cost"]) == ("true", "0")
    assert [run["runId"] for run in runs] == [first.json["runId"]]
    assert len(events) == 1


async def test_a_run_that_is_streamed_again_is_told_from_its_first_event() -> None:
    async with platform() as here:
        first = await here.call("POST", "/v1/agents/stream", BODY, headers=NAMED)
        again = await here.call("POST", "/v1/agents/stream", BODY, headers=NAMED)
        other = await here.call("POST", "/v1/agents/run", BODY, headers=NAMED)
    assert again.data == first.data
    assert again.headers["x-headgate-run-id"] == first.headers["x-headgate-run-id"]
    assert again.headers["idempotency-replayed"] == "true"
    # Another route is another call.
    assert other.json["runId"] != first.headers["x-headgate-run-id"]


async def test_another_run_under_the_same_key_is_409_and_other_callers_have_their_own() -> None:
    async with platform() as here:
        first = await here.call("POST", "/v1/agents/run", BODY, headers=NAMED)
        conflict = await here.call("POST", "/v1/agents/run", BODY | {"input": "Bye"}, headers=NAMED)
        key = await make_key(here, scopes=["agent:run"])
        others = await here.call("POST", "/v1/agents/run", BODY, key=key, headers=NAMED)
    assert (conflict.status, conflict.json["error"]["code"]) == (409, "idempotency_conflict")
    assert conflict.headers["x-should-retry"] == "false"
    assert others.json["runId"] != first.json["runId"]


async def test_runs_that_are_asked_for_at_once_under_one_key_are_one() -> None:
    async with platform() as here:
        answers = await asyncio.gather(
            *(here.call("POST", "/v1/agents/run", BODY, headers=NAMED) for _ in range(20))
        )
        runs = (await here.call("GET", "/v1/agents/runs")).json["data"]
    assert len(runs) == 1
    assert {answer.json["runId"] for answer in answers} == {runs[0]["runId"]}
    assert sum("idempotency-replayed" in answer.headers for answer in answers) == 19


async def test_a_run_whose_process_died_before_it_was_begun_is_begun_under_the_name_it_had() -> (
    None
):
    body = json.dumps(BODY).encode()
    async with platform() as here:
        key = answer_key(ADMIN_KEY.key_id, "POST /v1/agents/run", "order-7", body)
        name = await here.services.names.name(key, here.services.runs.new_id)
        run = await here.call("POST", "/v1/agents/run", body, headers=NAMED)
    assert (run.status, run.json["runId"]) == (200, name.text)


async def test_an_order_that_is_refused_leaves_its_idempotency_key_free() -> None:
    async with platform() as here:
        refused = await here.call("POST", "/v1/agents/run", BODY | {"type": "poet"}, headers=NAMED)
        begun = await here.call("POST", "/v1/agents/run", BODY, headers=NAMED)
    assert (refused.status, begun.status) == (400, 200)


@pytest.mark.parametrize(
    ("fields", "param"),
    [
        ({"type": "poet"}, "type"),
        ({"tools": ["fly"]}, "tools"),
        ({"waitSeconds": 61}, "waitSeconds"),
        ({"waitSeconds": -1}, "waitSeconds"),
        ({"budget": -1}, "budget"),
        ({"budget": "much"}, "budget"),
        ({"input": ""}, "input"),
        ({"input": 3}, "input"),
    ],
)
async def test_what_cannot_be_meant_is_400(fields: dict[str, Any], param: str) -> None:
    async with platform() as here:
        answer = await here.call("POST", "/v1/agents/run", BODY | fields)
    assert answer.status == 400
    assert answer.json["error"]["param"] == param


async def test_an_unknown_model_is_404() -> None:
    async with platform() as here:
        answer = await here.call("POST", "/v1/agents/run", BODY | {"model": "nobody"})
    assert (answer.status, answer.json["error"]["code"]) == (404, "model_not_found")


async def test_a_budget_ends_a_run() -> None:
    async with platform(tools=[double]) as here:
        body = BODY | {
            "input": 'Go [[call double {"number": 4}]]',
            "tools": ["double"],
            "budget": 0.000001,
        }
        run = (await here.call("POST", "/v1/agents/run", body)).json
    assert (run["status"], run["error"]["code"]) == ("failed", "budget_exceeded")


async def test_a_decision_is_made_once() -> None:
    async with platform(tools=[double]) as here:
        body = BODY | {
            "input": 'Go [[call double {"number": 4}]]',
            "tools": ["double"],
            "approvals": ["double"],
            "waitSeconds": 1,
        }
        run = (await here.call("POST", "/v1/agents/run", body)).json
        assert run["status"] == "waiting"
        (pending,) = run["pendingApprovals"]
        assert pending["arguments"] == {"number": 4}
        path = f"/v1/agents/runs/{run['runId']}/approvals"
        step = f"{path}/{pending['stepId']}"
        assert (await here.call("POST", step, {"approved": True})).status == 200
        assert (await here.call("POST", step, {"approved": True})).status == 409
        assert (await here.call("POST", f"{path}/99", {"approved": True})).status == 404
        assert (await here.call("GET", f"/v1/agents/runs/{run['runId']}/events")).status == 200
        run = (await here.call("GET", f"/v1/agents/runs/{run['runId']}")).json
    assert run["output"] == {"text": "Results: 8"}


async def test_runs_are_listed_page_by_page_for_those_who_may_see_them() -> None:
    async with platform() as here:
        other = await make_key(here, scopes=["agent:run"])
        none = await make_key(here, scopes=["ai:complete"])
        for key in (ADMIN, ADMIN, other):
            await here.call("POST", "/v1/agents/run", BODY, key=key)
        first = (await here.call("GET", "/v1/agents/runs", query="limit=2")).json
        cursor = first["nextCursor"]
        second = (await here.call("GET", "/v1/agents/runs", query=f"limit=2&cursor={cursor}")).json
        own = (await here.call("GET", "/v1/agents/runs", key=other)).json
        failed = (await here.call("GET", "/v1/agents/runs", query="status=failed")).json
        refused = await here.call("GET", "/v1/agents/runs", key=none)
        hidden = await here.call("GET", f"/v1/agents/runs/{first['data'][1]['runId']}", key=other)
    assert (len(first["data"]), len(second["data"]), second["nextCursor"]) == (2, 1, None)
    assert len(own["data"]) == 1
    assert failed["data"] == []
    assert refused.status == 403
    assert hidden.status == 404


async def test_a_run_is_paused_and_resumed() -> None:
    async with platform() as here:
        body = BODY | {"input": "[[delay 60000]]", "waitSeconds": 0.3}
        path = f"/v1/agents/runs/{(await here.call('POST', '/v1/agents/run', body)).json['runId']}"
        assert (await here.call("POST", f"{path}/pause")).json["status"] == "paused"
        assert (await here.call("POST", f"{path}/resume")).json["status"] == "running"
        assert (await here.call("POST", f"{path}/resume")).status == 409
        await here.call("POST", f"{path}/cancel")
        answer = await here.call("GET", f"{path}/events")
    assert events_of(answer.data)[-1]["type"] == "run.cancelled"


async def test_a_run_bills_no_more_than_its_budget() -> None:
    """An answer gets as long as the budget covers; a call that would cost more is not made."""
    async with platform() as here:
        long = BODY | {"input": "[[tokens 100000]]", "budget": 0.002}
        run = (await here.call("POST", "/v1/agents/run", long)).json
        assert (run["status"], 0 < run["billed"] <= 0.002) == ("succeeded", True)
        dear = BODY | {"budget": 0.0001}
        run = (await here.call("POST", "/v1/agents/run", dear)).json
    assert (run["status"], run["error"]["code"], run["billed"]) == ("failed", "budget_exceeded", 0)


@pytest.mark.parametrize("words", [1, 100_000])
async def test_calls_at_the_same_time_bill_no_more_than_the_budget_together(words: int) -> None:
    """Short answers come one after the other where not all could be long at once."""
    async with platform() as here:
        team = [{"name": f"m{number}"} for number in range(8)]
        given = {"task": f"[[tokens {words}]]", "agents": team}
        order = BODY | {"type": "parallel", "input": given, "budget": 0.01}
        run = (await here.call("POST", "/v1/agents/run", order)).json
        spent = (await here.call("GET", "/v1/usage/events", query="limit=200")).json["data"]
    billed = sum(row["billed"] for row in spent if row["runId"] == run["runId"])
    assert 0 < billed <= 0.01
    assert run["billed"] == pytest.approx(billed)
    assert run["status"] == ("succeeded" if words == 1 else "failed")
    assert words == 1 or run["error"]["code"] == "budget_exceeded"
