"""Several agents on one task."""

import asyncio
from collections.abc import Callable

import pytest

from agent_desk import AgentDesk, Said, agent_desk, in_json, told
from headgate.core.chat import ChatRequest
from headgate.core.errors import InvalidRequest
from headgate.tools.declaration import tool

Answers = dict[str, Said | Callable[[ChatRequest], Said]]


@tool()
async def look(at: str) -> str:
    """Look at something."""
    return f"seen {at}"


def by_template(**answers: Said | Callable[[ChatRequest], Said]) -> Callable[[ChatRequest], Said]:
    """A model that answers by the name of the template it was asked with."""

    def script(request: ChatRequest) -> Said:
        assert request.prompt is not None
        said = answers[request.prompt.name]
        return said(request) if callable(said) else said

    return script


def asked_by(desk: AgentDesk, template: str) -> list[ChatRequest]:
    return [r for r in desk.models.requests if r.prompt and r.prompt.name == template]


TEAM = [
    {"name": "bills", "does": "Invoices.", "instructions": "Be exact."},
    {"name": "goods", "does": "Deliveries.", "tools": ["look"]},
]


async def test_a_request_goes_to_the_agent_it_belongs_to() -> None:
    chosen = in_json({"route": "goods", "reason": "a parcel", "confidence": 1})
    async with agent_desk(by_template(route=chosen, agent="On its way"), look) as desk:
        given = {"task": "Where is it?", "agents": TEAM}
        run = await desk.finish(given, type="route", tools=("look",))
    assert run.output == {"text": "On its way ", "route": "goods"}
    (question,) = asked_by(desk, "route")
    assert question.labels == ("bills", "goods")
    assert [tool.name for tool in asked_by(desk, "agent")[0].tools] == ["look"]


@pytest.mark.parametrize("said", ["bills", in_json({"route": "bills"})])
async def test_a_model_may_name_the_route_alone(said: str) -> None:
    async with agent_desk(by_template(route=said, agent="Paid")) as desk:
        run = await desk.finish({"task": "Paid?", "agents": TEAM}, type="route")
    assert run.output["route"] == "bills"


async def test_a_request_for_nobody_is_said_to_be() -> None:
    async with agent_desk(by_template(route=in_json({"route": None}))) as desk:
        run = await desk.finish({"task": "Sing!", "agents": TEAM}, type="route")
    assert run.output["route"] is None


async def test_in_a_pipeline_each_goes_on_from_the_one_before() -> None:
    turn = iter(["first", "second"])
    async with agent_desk(by_template(agent=lambda _: next(turn))) as desk:
        run = await desk.finish({"task": "Do", "agents": TEAM}, type="pipeline")
    assert run.output["text"] == "second "
    assert [part["agent"] for part in run.output["parts"]] == ["bills", "goods"]
    first, second = asked_by(desk, "agent")
    assert "Be exact." in first.messages[0].text
    assert "What bills has made of the task so far:\nfirst" in second.messages[0].text


async def test_agents_side_by_side_are_merged_and_all_of_it_is_counted() -> None:
    both = asyncio.Barrier(2)
    begun: list[str] = []

    @tool()
    async def meet() -> str:
        """Wait for the other one."""
        await both.wait()
        begun.append("met")
        return "met"

    def member(request: ChatRequest) -> Said:
        return "done" if told(request) == "met" else [("meet", "{}")]

    team = [{"name": "a"}, {"name": "b"}]
    async with agent_desk(by_template(agent=member, merge="together"), meet) as desk:
        given = {"task": "Do", "agents": team}
        run = await desk.finish(given, type="parallel", tools=("meet",))
        steps = [e.step_id for e in await desk.events(run) if e.type == "step.finished"]
    assert run.output["text"] == "together "
    assert [part["text"] for part in run.output["parts"]] == ["done ", "done "]
    assert sorted(str(step) for step in steps) == ["1", "1.1", "1.2", "1.3", "2.1", "2.2", "2.3"]
    assert run.tally.steps == 7


async def test_branches_of_a_dead_process_go_on() -> None:
    reached = asyncio.Event()
    team = [{"name": "a"}, {"name": "b"}]

    def member(request: ChatRequest) -> Said:
        reached.set()
        return asyncio.Event()

    async with agent_desk(by_template(agent=member)) as first:
        run = await first.start({"task": "Do", "agents": team}, type="parallel")
        await reached.wait()
    async with agent_desk(by_template(agent="done", merge="all"), before=first) as second:
        run = await second.ended(run)
    assert run.output["text"] == "all "


async def test_a_supervisor_plans_hands_out_checks_and_plans_again() -> None:
    plans = iter(
        [
            {
                "reached": False,
                "steps": [
                    {"id": "s1", "task": "Count", "needs": []},
                    {"id": "s2", "task": "Weigh", "needs": ["s1"], "done_when": "it is known"},
                ],
            },
            {"reached": False, "steps": [{"id": "s1", "task": "Count again", "needs": ["s9"]}]},
        ]
    )
    verdicts = iter([{"accepted": False, "summary": "miscounted"}, {"accepted": True}])
    script = by_template(
        plan=lambda _: in_json(next(plans)),
        judge=lambda _: in_json(next(verdicts)),
        agent=lambda request: f"did {told(request)[-12:].strip()}",
        merge="the result",
    )
    async with agent_desk(script) as desk:
        run = await desk.finish("How heavy are they?", type="supervise")
    assert run.output["accepted"] is True
    assert run.output["text"] == "the result "
    assert [part["step"] for part in run.output["parts"]] == [
        "Count",
        "Weigh",
        "Check of the result",
        "Count again",
    ]
    weigh = next(r for r in asked_by(desk, "agent") if "Weigh" in told(r))
    assert "Result of s1:" in weigh.messages[0].text
    assert "miscounted" in told(asked_by(desk, "plan")[1])


async def test_a_model_that_cannot_plan_works_on_the_goal_itself() -> None:
    script = by_template(plan="I cannot.", agent="42", judge="Fine.")
    async with agent_desk(script) as desk:
        run = await desk.finish("The answer?", type="supervise")
    assert run.output == {
        "text": "42 ",
        "parts": [{"step": "The answer?", "outcome": "42 "}],
        "accepted": True,
    }


async def test_a_plan_in_a_circle_is_carried_out_all_the_same() -> None:
    steps = [{"id": "a", "task": "A", "needs": ["b"]}, {"id": "b", "task": "B", "needs": ["a"]}]
    script = by_template(plan=in_json({"steps": steps}), agent="ok", merge="m", judge="{}")
    async with agent_desk(script) as desk:
        run = await desk.finish("Go", type="supervise")
    assert len(run.output["parts"]) == 2


@pytest.mark.parametrize(
    "agents", [[], [{"does": "x"}], [{"name": "a"}, {"name": "a"}], "all", [{"name": ""}]]
)
async def test_a_team_that_cannot_work_is_refused(agents: object) -> None:
    async with agent_desk() as desk:
        with pytest.raises(InvalidRequest):
            await desk.start({"task": "Go", "agents": agents}, type="parallel")


async def test_a_result_that_is_never_accepted_is_told_as_such() -> None:
    steps = in_json({"steps": [{"id": "s1", "task": "Try"}]})
    script = by_template(
        plan=steps, agent="tried", merge="so far", judge=in_json({"accepted": False})
    )
    async with agent_desk(script) as desk:
        run = await desk.finish("Go", type="supervise")
    assert (run.output["text"], run.output["accepted"]) == ("so far ", False)
