"""The types of runs that are built in."""

from typing import Any

from headgate.agents.analysis import analyse, check_document
from headgate.agents.definitions import AgentType, text_of
from headgate.agents.memory import Memories
from headgate.agents.react import react
from headgate.agents.research import research
from headgate.agents.teams import (
    TASK_FIELDS,
    check_task,
    check_team,
    member_branch,
    parallel,
    pipeline,
    route,
    supervise,
)
from headgate.agents.work import Work

RESEARCH_TOOLS = ("search", "summarize", "extract")


async def free(work: Work, given: Any) -> Any:
    """A model in a free loop over the run's tools."""
    goal, desk = text_of(given, *TASK_FIELDS), work.steps.desk
    memories = Memories(desk.memories, desk.clock)
    context = await memories.recall(work, goal)
    text = await react(work, {"goal": goal, **({"context": context} if context else {})})
    await memories.learn(work, goal, text)
    return {"text": text}


BUILT_IN = (
    AgentType(
        name="react",
        summary="A model in a free loop over the given tools.",
        body=free,
        check=check_task,
    ),
    AgentType(
        name="research",
        summary="A report on a topic from the workspace's documents, with citations.",
        body=research,
        check=check_task,
        tools=RESEARCH_TOOLS,
    ),
    AgentType(
        name="document-analysis",
        summary="What a document is about: themes, tags, a summary, related documents.",
        body=analyse,
        check=check_document,
        tools=("summarize", "search"),
    ),
    *(
        AgentType(
            name=body.__name__,
            summary=(body.__doc__ or "").strip(),
            body=body,
            branch=member_branch,
            check=check_team,
        )
        for body in (route, pipeline, parallel, supervise)
    ),
)
