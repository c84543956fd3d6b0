"""What streams tell: the pieces of an answer, and what happens in a run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, TypeAlias

from headgate_sdk.types import RunError, TokenUsage, ToolCall


@dataclass(frozen=True, slots=True, kw_only=True)
class Delta:
    """The next piece of an answer's text."""

    content: str
    type: Literal["delta"] = "delta"


@dataclass(frozen=True, slots=True, kw_only=True)
class Done:
    """The end of an answer: what it was and what it cost."""

    id: str
    model: str
    provider: str
    finish_reason: Literal["content_filter", "length", "stop", "tool_calls"]
    tool_calls: list[ToolCall] | None = None
    usage: TokenUsage
    latency_ms: int
    type: Literal["done"] = "done"


StreamEvent: TypeAlias = Delta | Done

RunEventType: TypeAlias = Literal[
    "run.queued",
    "run.started",
    "step.started",
    "step.delta",
    "tool.called",
    "tool.result",
    "approval.requested",
    "approval.decided",
    "step.finished",
    "budget.warning",
    "run.paused",
    "run.resumed",
    "run.finished",
    "run.failed",
    "run.cancelled",
]
LAST_RUN_EVENTS = frozenset({"run.finished", "run.failed", "run.cancelled"})


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    """What happened in a run. What a later `attempt` of a step tells replaces an earlier one.

    Attributes:
        seq: its number; the first is 1, and none is left out.
        content: the next piece of a model's answer, of `step.delta`.
        result: what a tool gave, of `tool.result`.
        output: what the run gave, of `run.finished`.
        error: why a tool, a step or the run failed.
        data: all of it as it was sent, with what has no field of its own.
    """

    seq: int
    attempt: int
    at: str
    run_id: str
    step_id: str | None = None
    type: RunEventType
    kind: str | None = None
    name: str | None = None
    content: str | None = None
    tool: str | None = None
    arguments: Any = None
    result: Any = None
    approved: bool | None = None
    comment: str | None = None
    expires_at: str | None = None
    cost: float | None = None
    billed: float | None = None
    budget: float | None = None
    output: Any = None
    error: RunError | str | None = None
    data: Mapping[str, Any] = field(default_factory=dict, repr=False, compare=False)


class Frame(NamedTuple):
    """A server-sent event: its `id`, if it has one, and its data."""

    id: str | None
    data: dict[str, Any]


class FrameReader:
    """Makes events of the lines of a stream, as the platform writes them; comments are skipped."""

    def __init__(self) -> None:
        self._id: str | None = None
        self._data: list[str] = []

    def read(self, line: str) -> Frame | None:
        """The event that ends with this line, if one does."""
        if line:
            name, _, value = line.partition(":")
            if name == "data":
                self._data.append(value.removeprefix(" "))
            elif name == "id":
                self._id = value.removeprefix(" ")
            return None
        if not self._data:
            return None
        frame = Frame(self._id, json.loads("\n".join(self._data)))
        self._id, self._data = None, []
        return frame
