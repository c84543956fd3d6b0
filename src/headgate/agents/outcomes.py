"""What steps come to, in the form in which an engine keeps it."""

from typing import Any

import msgspec

from headgate.core.chat import FinishReason, Message, Text, Thinking, ToolCall
from headgate.core.runs import RunError, RunErrorCode, Tally


class RunStopped(Exception):
    """The run ends here, unfinished."""

    def __init__(self, code: RunErrorCode, message: str) -> None:
        super().__init__(message)
        self.error = RunError(code, message)


class Outcome(msgspec.Struct, frozen=True, omit_defaults=True):
    """How a step ended: with a value, with what ends the run, or with its cancellation.

    Attributes:
        seconds_idle: how long it stood still for people, which no time limit counts.
    """

    value: Any = None
    tally: Tally = Tally()
    error: RunError | None = None
    is_cancelled: bool = False
    seconds_idle: float = 0.0


class Reply(msgspec.Struct, frozen=True, omit_defaults=True, kw_only=True):
    """What a model said."""

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    thinking: tuple[Thinking, ...] = ()
    finish_reason: FinishReason = "stop"
    model: str = ""

    @property
    def message(self) -> Message:
        """This turn, as the model reads it afterwards."""
        if not self.thinking:
            return Message("assistant", self.text, tool_calls=self.tool_calls)
        text = (Text(self.text),) if self.text else ()
        return Message("assistant", (*self.thinking, *text), tool_calls=self.tool_calls)


class Observation(msgspec.Struct, frozen=True, omit_defaults=True):
    """What came of a tool call: a result, or why there is none."""

    result: Any = None
    error: str | None = None

    @property
    def text(self) -> str:
        """As a model reads it."""
        if self.error is not None:
            return f"Error: {self.error}"
        if isinstance(self.result, str):
            return self.result
        return msgspec.json.encode(self.result).decode()


class Decision(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was decided on a call; `reason` says why not."""

    approved: bool
    reason: str = ""
