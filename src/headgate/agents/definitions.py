"""What kinds of runs there are: the built-in ones, and those that a company declares itself.

A type is a function of a `Work`. In Python it is declared with the decorator:

    from headgate.agents.definitions import agent

    @agent("triage", tools=["search"])
    async def triage(work):
        "Sort a ticket."
        ...
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

import msgspec

from headgate.agents.work import Work
from headgate.core.errors import InvalidRequest

Body: TypeAlias = Callable[[Work, Any], Awaitable[Any]]
"""What a thread does with its input; its result is the run's output, as JSON."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentType:
    """A kind of run.

    Attributes:
        body: what a run does with its input.
        branch: what its branches do with theirs, where it has any.
        check: raises `InvalidRequest` where an input makes no sense.
        tools: those that a run may call whose request lists none.
    """

    name: str
    summary: str
    body: Body
    branch: Body | None = None
    check: Callable[[Any], None] = lambda _: None
    tools: tuple[str, ...] = ()


def text_of(given: Any, *fields: str) -> str:
    """The text of a run's input: the input itself, the first of these fields of it, or its JSON.

    Raises:
        InvalidRequest: there is nothing in it.
    """
    if isinstance(given, Mapping):
        texts = [given.get(field) for field in fields]
        found = next((text for text in texts if isinstance(text, str) and text.strip()), None)
        if found is not None:
            return found
    if isinstance(given, str) and given.strip():
        return given
    if given and isinstance(given, Mapping):
        return msgspec.json.encode(given).decode()
    raise InvalidRequest("the input is empty: give an object or a text", param="input")


_DECLARED = "__headgate_agent__"


def agent(
    name: str, *, tools: Sequence[str] = (), branch: Body | None = None
) -> Callable[[Body], Body]:
    """Declare a function as a type of run; its docstring is the summary."""

    def declare(body: Body) -> Body:
        summary = (body.__doc__ or name).strip().partition("\n")[0]
        declared = AgentType(
            name=name, summary=summary, body=body, branch=branch, tools=tuple(tools)
        )
        setattr(body, _DECLARED, declared)
        return body

    return declare


def declared_in(namespace: Mapping[str, object]) -> list[AgentType]:
    """The types that are declared among a module's names."""
    found = [getattr(value, _DECLARED, None) for value in namespace.values()]
    return [item for item in found if isinstance(item, AgentType)]
