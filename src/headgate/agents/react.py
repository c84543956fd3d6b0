"""The free loop: a model thinks, calls tools, reads what came of it, and goes on until it answers.

A model that makes the same call again and again, and learns the same from it, will not stop by
itself: after three times in a row the run ends.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.agents.outcomes import Observation, RunStopped
from headgate.agents.work import Work
from headgate.core.chat import Message, Tool, ToolCall
from headgate.core.tools import ToolSpec

MOST_REPEATS = 3


async def react(
    work: Work, inputs: Mapping[str, Any], *, tools: Sequence[str] | None = None
) -> str:
    """What a model comes to, with `tools` or all of the run's at hand.

    `inputs` are those of the template `agent`: a `goal`, and what it should know.
    """
    prompt = await work.prompt("agent", inputs)
    request = prompt.request(work.run.request.model)
    specs = [spec for spec in await work.specs() if tools is None or spec.name in tools]
    request = msgspec.structs.replace(request, tools=tuple(tool_of(spec) for spec in specs))
    talk = list(request.messages)
    repeats = Repeats()
    while True:
        reply = await work.ask(msgspec.structs.replace(request, messages=tuple(talk)))
        if not reply.tool_calls:
            return reply.text
        calls = [named(call, place) for place, call in enumerate(reply.tool_calls, len(talk))]
        observations = await work.call_all(calls, tools)
        repeats.see(calls, observations)
        turn = reply.message
        talk.append(Message(turn.role, turn.content, tool_calls=tuple(calls)))
        talk += [
            Message(
                "tool",
                observation.text,
                tool_call_id=call.id,
                name=call.name,
                is_error=observation.error is not None,
            )
            for call, observation in zip(calls, observations, strict=True)
        ]


def named(call: ToolCall, place: int) -> ToolCall:
    """The call with an id, which some vendors leave out."""
    return call if call.id else ToolCall(f"call_{place}", call.name, call.arguments)


def tool_of(spec: ToolSpec) -> Tool:
    """What a model is told of a tool."""
    return Tool(spec.name, spec.description, dict(spec.parameters))


@dataclass(slots=True)
class Repeats:
    """Counts calls in a row that are the same and come to the same."""

    _last: tuple[str, str, str] | None = None
    _count: int = 0

    def see(self, calls: Sequence[ToolCall], observations: Sequence[Observation]) -> None:
        """Take note of calls.

        Raises:
            RunStopped: one was made too often.
        """
        for call, observation in zip(calls, observations, strict=True):
            seen = (call.name, call.arguments, observation.text)
            self._count = self._count + 1 if seen == self._last else 1
            self._last = seen
            if self._count >= MOST_REPEATS:
                raise RunStopped(
                    "repeated_call",
                    f"{call.name} was called {MOST_REPEATS} times in a row with the same arguments"
                    " and gave the same result each time",
                )
