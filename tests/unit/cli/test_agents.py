"""`headgate agents`."""

from typing import Any

import pytest

from fake_installation import FakeConnection, FakeInstallation, answering, invoke, refusal, reply

AT = "2026-11-23T14:00:0{}.000Z"
SUMMARY = {
    "runId": "run_1",
    "type": "react",
    "status": "succeeded",
    "stepCount": 1,
    "billed": 0.000012,
    "createdAt": AT.format(0),
}
RUN = SUMMARY | {
    "steps": [
        {
            "stepId": "1",
            "kind": "model",
            "name": "model",
            "attempt": 1,
            "startedAt": AT.format(0),
            "billed": 0.000012,
        }
    ],
    "pendingApprovals": [],
    "output": {"text": "It is 42.", "citations": [{"title": "a.md", "start": 1, "end": 9}]},
}


def event(what: str, step_id: str | None = None, /, **data: Any) -> dict[str, object]:
    return {"type": what, "stepId": step_id, "runId": "run_1", "at": AT.format(1)} | data


EVENTS = [
    event("run.queued"),
    event("run.started"),
    event("step.started", "1", kind="model", name="model"),
    event("step.delta", "1", content="hm"),
    event("step.finished", "1", kind="model", name="model", billed=0.5),
    event("step.started", "1.1", kind="tool", name="search"),
    event("tool.called", "1.1", tool="search", arguments={"query": "ferries"}),
    event("approval.requested", "1.1", tool="search"),
    event("step.finished", "1.1", kind="tool", name="search", failed=True, billed=0),
]


def run_with(*last: dict[str, object]) -> FakeInstallation:
    return FakeInstallation(connection=FakeConnection([[*EVENTS, *last]]))


def test_a_run_is_started_and_what_came_of_it_is_printed() -> None:
    installation = run_with(event("run.finished", output=RUN["output"]))
    arguments = ("--input", "What?", "--tool", "search", "--budget", "$0.5", "--session", "s")
    result = invoke(installation, "agents", "run", "react", *arguments)
    assert result.exit_code == 0
    assert result.stdout == "It is 42.\n\n[1] a.md, 1-9\n"
    assert result.stderr == ""
    asked = installation.connection.asked[0]
    assert asked.path == "/v1/agents/stream"
    assert asked.body == {
        "type": "react",
        "input": "What?",
        "tools": ["search"],
        "budget": 0.5,
        "sessionId": "s",
    }


def test_a_run_can_be_watched_step_by_step() -> None:
    installation = run_with(event("run.finished", output=3))
    result = invoke(installation, "agents", "run", "react", "--input", "What?", "--watch")
    assert result.stdout == "3\n"
    for line in (
        "✓ model model  0.0 s  $0.5  hm",
        "headgate agents approve run_1 1.1",
        "  ✗ tool search  0.0 s",
        "run_1  finished",
    ):
        assert line in result.stderr


@pytest.mark.parametrize(
    ("last", "said"),
    [
        ([event("run.failed", error={"code": "internal", "message": "it broke"})], "it broke"),
        ([event("run.cancelled")], "cancelled"),
        ([], "broke off"),
    ],
)
def test_a_run_without_a_result_is_exit_code_1(last: list[dict[str, object]], said: str) -> None:
    result = invoke(run_with(*last), "agents", "run", "react", "--input", "What?")
    assert (result.exit_code, said in result.stderr) == (1, True)


def test_an_input_may_be_an_object_and_come_from_elsewhere() -> None:
    installation = run_with(event("run.finished", output=None))
    invoke(installation, "agents", "run", "research", "--input", '{"topic": "x"}')
    assert installation.connection.asked[0].body["input"] == {"topic": "x"}
    assert invoke(run_with(), "agents", "run", "react", "--input", "{x").exit_code == 2


def test_runs_are_listed() -> None:
    installation = answering(reply({"data": [SUMMARY], "nextCursor": None}))
    result = invoke(installation, "agents", "list", "--status", "succeeded")
    for word in ("run_1", "react", "succeeded", "$0.000012"):
        assert word in result.stdout
    assert installation.connection.asked[0].query == [("limit", "20"), ("status", "succeeded")]


def test_a_run_is_shown_with_its_steps_and_its_result() -> None:
    result = invoke(answering(reply(RUN)), "agents", "show", "run_1")
    for word in ("react run_1: succeeded", "model", "It is 42.", "[1] a.md"):
        assert word in result.stdout


def test_a_run_that_waits_says_for_what() -> None:
    pending = [{"stepId": "4", "tool": "buy", "arguments": {"what": "horse"}}]
    run = RUN | {"status": "waiting", "pendingApprovals": pending, "output": None}
    result = invoke(answering(reply(run)), "agents", "show", "run_1")
    assert 'buy {"what": "horse"}' in result.stdout
    assert "headgate agents approve run_1 4" in result.stdout


def test_a_run_that_failed_says_why() -> None:
    run = RUN | {"status": "failed", "error": {"code": "internal", "message": "it broke"}}
    assert "failed: it broke" in invoke(answering(reply(run)), "agents", "show", "run_1").stdout


def test_a_run_is_cancelled() -> None:
    installation = answering(reply(RUN | {"status": "cancelled"}))
    result = invoke(installation, "agents", "cancel", "run_1")
    assert result.stdout == "run_1 is cancelled.\n"
    assert installation.connection.asked[0].path == "/v1/agents/runs/run_1/cancel"


@pytest.mark.parametrize(
    ("options", "body", "said"),
    [
        ((), {"approved": True}, "approved"),
        (("--reject", "--comment", "no"), {"approved": False, "comment": "no"}, "rejected"),
    ],
)
def test_a_call_is_decided_on(options: tuple[str, ...], body: object, said: str) -> None:
    installation = answering(reply(RUN))
    result = invoke(installation, "agents", "approve", "run_1", "4", *options)
    assert said in result.stdout
    assert installation.connection.asked[0].body == body


@pytest.mark.parametrize(
    "arguments", [("show", "x"), ("cancel", "x"), ("approve", "x", "1"), ("list",)]
)
def test_programs_get_json_and_refusals_are_plain(arguments: tuple[str, ...]) -> None:
    result = invoke(answering(reply(RUN)), "agents", *arguments, "--json")
    assert '"runId": "run_1"' in result.stdout
    refused = invoke(answering(refusal(404, "not_found", "there is no run")), "agents", *arguments)
    assert (refused.exit_code, "there is no run" in refused.stderr) == (1, True)
