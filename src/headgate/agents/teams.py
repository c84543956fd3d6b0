"""Several agents on one task: one of them, one after the other, side by side, or led by a planner.

Who is in a team stands in the run's input, or in the file that declares the type:

    {"task": "…", "agents": [{"name": "…", "does": "…", "instructions": "…", "tools": ["…"]}]}

A team may work without being named: then it has the members that are given here.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from headgate.agents.definitions import text_of
from headgate.agents.json_texts import object_in
from headgate.agents.outcomes import RunStopped
from headgate.agents.react import react
from headgate.agents.work import Work, together
from headgate.core.errors import InvalidRequest

TASK_FIELDS = ("task", "text", "question", "topic", "message", "goal")
MOST_MEMBERS = 20
MOST_ROUNDS = 3
MOST_TASKS = 6


class Member(msgspec.Struct, frozen=True, omit_defaults=True):
    """One of a team.

    Attributes:
        does: what it is for, in words that others choose it by.
        instructions: what it shall keep to.
        tools: those of the run's tools that it has; None means all.
    """

    name: str
    does: str = ""
    instructions: str = ""
    tools: tuple[str, ...] | None = None


class Assignment(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a branch of a team's run works on."""

    member: Member
    task: str
    context: str = ""


EXPERTS = (
    Member("answers", "Questions that want a fact, an explanation or a judgement."),
    Member("writes", "Texts to be written or rewritten for a purpose."),
    Member("computes", "Numbers to be worked out, compared or estimated."),
)
STAGES = (
    Member("draft", instructions="Work out a first version of what the task asks for."),
    Member("check", instructions="Find what is wrong or missing in the context; name each thing."),
    Member("finish", instructions="Make the final version, with everything mended that was found."),
)
VIEWS = (
    Member("for", instructions="Work out what speaks for it, and how it could be done well."),
    Member("against", instructions="Work out what speaks against it, and what could go wrong."),
    Member("neutral", instructions="Work out the facts that both sides would have to accept."),
)
WORKERS = (Member("worker", "Carries out one piece of work."),)


def members_of(given: Any, default: Sequence[Member]) -> tuple[Member, ...]:
    """The team that an input names.

    Raises:
        InvalidRequest: it names none that could work.
    """
    listed = given.get("agents") if isinstance(given, Mapping) else None
    if listed is None:
        return tuple(default)
    try:
        members = msgspec.convert(listed, tuple[Member, ...])
    except msgspec.ValidationError as error:
        raise InvalidRequest(f"input.agents: {error}", param="input") from None
    names = [member.name for member in members]
    if not 0 < len(members) <= MOST_MEMBERS or len(set(names)) < len(names) or not all(names):
        raise InvalidRequest(
            f"input.agents are 1 to {MOST_MEMBERS}, each with a name of its own", param="input"
        )
    return members


def check_task(given: Any) -> None:
    """Whether there is something to work on.

    Raises:
        InvalidRequest: there is not.
    """
    text_of(given, *TASK_FIELDS)


def check_team(given: Any) -> None:
    """Whether a team could work on an input.

    Raises:
        InvalidRequest: it could not; says why.
    """
    check_task(given)
    members_of(given, ())


async def member_branch(work: Work, given: Any) -> Any:
    """A member works on its assignment."""
    return await perform(work, msgspec.convert(given, Assignment))


async def perform(work: Work, assignment: Assignment) -> str:
    """What a member makes of its assignment."""
    member = assignment.member
    inputs = {"goal": assignment.task}
    context = "\n\n".join(filter(None, (member.instructions, assignment.context)))
    if context:
        inputs["context"] = context
    return await react(work, inputs, tools=member.tools)


async def route(work: Work, given: Any) -> Any:
    """The one agent of several that a request belongs to."""
    task, members = text_of(given, *TASK_FIELDS), members_of(given, EXPERTS)
    reply = await work.answer(
        "route",
        {
            "request": task,
            "routes": [{"name": item.name, "description": item.does} for item in members],
        },
        labels=[member.name for member in members],
    )
    by_name = {member.name: member for member in members}
    chosen = by_name.get(str(object_in(reply.text).get("route", reply.text.strip())))
    if chosen is None:
        return {"text": "None of the agents is for this request.", "route": None}
    return {"text": await perform(work, Assignment(chosen, task)), "route": chosen.name}


async def pipeline(work: Work, given: Any) -> Any:
    """Agents one after the other; each goes on from what the one before it made."""
    task, context, made = text_of(given, *TASK_FIELDS), "", []
    for member in members_of(given, STAGES):
        text = await perform(work, Assignment(member, task, context))
        made.append({"agent": member.name, "text": text})
        context = f"What {member.name} has made of the task so far:\n{text}"
    return {"text": made[-1]["text"], "parts": made}


async def parallel(work: Work, given: Any) -> Any:
    """Agents side by side, and their results made into one."""
    task = text_of(given, *TASK_FIELDS)
    assignments = [Assignment(member, task) for member in members_of(given, VIEWS)]
    texts = await together(work.branch(assignment) for assignment in assignments)
    parts = [
        {"agent": assignment.member.name, "text": text}
        for assignment, text in zip(assignments, texts, strict=True)
    ]
    return {"text": await merged(work, task, parts), "parts": parts}


async def merged(work: Work, task: str, parts: Sequence[Mapping[str, str]]) -> str:
    """Partial results made into one."""
    if len(parts) == 1:
        return parts[0]["text"]
    listed = [{"id": part["agent"], "text": part["text"]} for part in parts]
    return (await work.answer("merge", {"task": task, "parts": listed})).text


class Planned(msgspec.Struct, frozen=True):
    """A piece of work in a plan; `needs` are the ids of those whose results it uses."""

    id: str
    task: str
    tool: str | None = None
    needs: tuple[str, ...] = ()
    done_when: str = ""


async def supervise(work: Work, given: Any) -> Any:
    """A planner that hands out work, checks what comes back, and plans again what is left."""
    task, members = text_of(given, *TASK_FIELDS), members_of(given, WORKERS)
    progress: list[dict[str, str]] = []
    text = None
    for _ in range(MOST_ROUNDS):
        planned = await plan(work, task, progress)
        if not planned:
            break
        results = await _carried_out(work, task, planned, members)
        progress += [
            {"step": item.task, "outcome": results[item.id]}
            for item in planned
            if item.id in results
        ]
        text = await merged(
            work, task, [{"agent": str(n), "text": p["outcome"]} for n, p in enumerate(progress, 1)]
        )
        verdict = object_in((await work.answer("judge", {"task": task, "work": text})).text)
        if verdict.get("accepted", True):
            return {"text": text, "parts": progress, "accepted": True}
        progress.append({"step": "Check of the result", "outcome": str(verdict.get("summary"))})
    if text is None:
        raise RunStopped("internal", "the task cannot be planned: say more exactly what is wanted")
    return {"text": text, "parts": progress, "accepted": False}


async def plan(work: Work, goal: str, progress: Sequence[Mapping[str, str]] = ()) -> list[Planned]:
    """The pieces of work that are left to do towards a goal; none where it is reached.

    A model that cannot plan gets the goal as its only piece of work.
    """
    tools = [{"name": item.name, "description": item.description} for item in await work.specs()]
    inputs: dict[str, Any] = {"goal": goal, "tools": tools, "max_steps": MOST_TASKS}
    if progress:
        inputs["progress"] = [dict(entry) for entry in progress]
    told = object_in((await work.answer("plan", inputs)).text)
    try:
        planned = msgspec.convert(told.get("steps", ()), list[Planned])[:MOST_TASKS]
    except msgspec.ValidationError:
        planned = []
    if not planned and not progress and not told.get("reached"):
        return [Planned("s1", goal)]
    return planned


async def _carried_out(
    work: Work, goal: str, planned: Sequence[Planned], members: Sequence[Member]
) -> dict[str, str]:
    """What came of each piece of work; those that need no others are done at the same time."""
    results: dict[str, str] = {}
    left = list(planned)
    while left:
        known = {item.id for item in planned}
        # A circle, or a need for nothing that there is, must not stop the work.
        ready = [i for i in left if all(n in results or n not in known for n in i.needs)] or left[
            :1
        ]
        texts = await together(
            work.branch(
                Assignment(
                    members[index % len(members)],
                    item.task,
                    _context(goal, item, results),
                )
            )
            for index, item in enumerate(ready)
        )
        results.update({item.id: text for item, text in zip(ready, texts, strict=True)})
        left = [item for item in left if item.id not in results]
    return results


def _context(goal: str, item: Planned, results: Mapping[str, str]) -> str:
    parts = [f"This is a part of the work towards: {goal}"]
    if item.done_when:
        parts.append(f"It is done when {item.done_when}")
    parts += [f"Result of {name}:\n{results[name]}" for name in item.needs if name in results]
    return "\n\n".join(parts)
