"""The types of runs that are built in."""

from typing import Any

from headgate.agents.definitions import AgentType, text_of
from headgate.agents.react import react
from headgate.agents.work import Work
from headgate.core.chat import Message

INSTRUCTIONS = (
    "You work on a task step by step. Use the tools where they help, and only for what you do not"
    " know yet. When you know enough, answer: completely, briefly, and without what you cannot"
    " support."
)
_TEXTS = ("text", "task", "question", "topic", "message")


async def free(work: Work, given: Any) -> Any:
    """A model in a free loop over the run's tools."""
    text = text_of(given, *_TEXTS)
    return {"text": await react(work, INSTRUCTIONS, [Message("user", text)])}


def check_text(given: Any) -> None:
    """Whether there is something to work on.

    Raises:
        InvalidRequest: there is not.
    """
    text_of(given, *_TEXTS)


BUILT_IN = (
    AgentType(
        name="react",
        summary="A model in a free loop over the given tools.",
        body=free,
        check=check_text,
    ),
)
