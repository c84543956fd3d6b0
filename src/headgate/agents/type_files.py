"""Types of runs that are declared in files, one in each: TOML, without any Python.

name = "support"
summary = "Answers customers."
pattern = "route"                # react, route, pipeline, parallel or supervise
tools = ["search"]

[[agents]]
name = "bills"
does = "Invoices and payments."
instructions = "Quote the number of the invoice."
"""

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import msgspec

from headgate.agents.definitions import AgentType, Body, text_of
from headgate.agents.teams import (
    TASK_FIELDS,
    Assignment,
    Member,
    check_task,
    check_team,
    member_branch,
    parallel,
    perform,
    pipeline,
    route,
    supervise,
)
from headgate.agents.work import Work
from headgate.core.errors import InvalidRequest

_TEAMS: dict[str, Body] = {
    "route": route,
    "pipeline": pipeline,
    "parallel": parallel,
    "supervise": supervise,
}


class TypeFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What stands in a file.

    Attributes:
        instructions: what a `react` agent shall keep to.
        agents: who is in the team, for the other patterns.
    """

    name: Annotated[str, msgspec.Meta(pattern=r"^[a-z][a-z0-9_-]{0,63}$")]
    summary: str = ""
    pattern: Literal["react", "route", "pipeline", "parallel", "supervise"] = "react"
    instructions: str = ""
    tools: tuple[str, ...] = ()
    agents: tuple[Member, ...] = ()


def read_types(directory: Path) -> list[AgentType]:
    """The types in a directory's `.toml` files; none where it is not there.

    Raises:
        InvalidRequest: a file cannot be used; says which, and why.
    """
    return [_read(path) for path in sorted(directory.glob("*.toml"))]


def _read(path: Path) -> AgentType:
    try:
        declared = msgspec.convert(tomllib.loads(path.read_text("utf-8")), TypeFile)
    except (OSError, ValueError) as error:
        raise InvalidRequest(f"{path} declares no type of runs: {error}") from None
    if declared.pattern == "react":
        if declared.agents:
            raise InvalidRequest(f"{path}: a react agent works alone; choose another pattern")
        return AgentType(
            name=declared.name,
            summary=declared.summary,
            body=_alone(declared),
            check=check_task,
            tools=declared.tools,
        )
    if not declared.agents:
        raise InvalidRequest(f"{path}: a {declared.pattern} needs [[agents]]")
    check_team(_given(declared, "x"))
    return AgentType(
        name=declared.name,
        summary=declared.summary,
        body=_team(declared),
        branch=member_branch,
        check=check_task,
        tools=declared.tools,
    )


def _alone(declared: TypeFile) -> Body:
    member = Member(declared.name, instructions=declared.instructions)

    async def body(work: Work, given: Any) -> Any:
        return {"text": await perform(work, Assignment(member, text_of(given, *TASK_FIELDS)))}

    return body


def _team(declared: TypeFile) -> Body:
    pattern = _TEAMS[declared.pattern]

    async def body(work: Work, given: Any) -> Any:
        return await pattern(work, _given(declared, text_of(given, *TASK_FIELDS)))

    return body


def _given(declared: TypeFile, task: str) -> dict[str, Any]:
    return {"task": task, "agents": msgspec.to_builtins(declared.agents)}
