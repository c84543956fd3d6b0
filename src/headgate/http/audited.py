"""What a row of the route table says of how the audit log tells of it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from headgate.http.calls import Call, Handler, Reply


def the_answer(_call: Call[Any], reply: Reply) -> Any:
    """The target as the answer shows it."""
    return reply.body


@dataclass(frozen=True, slots=True)
class Audited:
    """An act, as the log has it.

    Attributes:
        action: its name there.
        target: the id of what it is done to; empty where the act makes it.
        before: the handler that shows the target, asked before the act; None where there is
            nothing to show.
        after: what the log keeps of the target as it is then; never what a person or a model
            wrote. What holds secrets is left out by the names of its fields.
        made: the id of what the act has made, where it makes something.
        workspace: the one to which it is done; None where that is the platform as a whole. It may
            raise what the handler would.
    """

    action: str
    target: Callable[[Call[Any]], str]
    before: Handler | None = None
    after: Callable[[Call[Any], Reply], Any] = the_answer
    made: Callable[[Reply], str] | None = None
    workspace: Callable[[Call[Any]], Awaitable[str | None]] | None = None


def param(name: str) -> Callable[[Call[Any]], str]:
    """The target is named by a part of the path."""
    return lambda call: call.params[name]
