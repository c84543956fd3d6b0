"""The tools of a process: found by their names, called in bounded numbers and within their time."""

import asyncio
import contextlib
import logging
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec

from headgate.core.errors import (
    HeadgateError,
    InvalidRequest,
    NotFound,
    Overloaded,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.keys import VirtualKey
from headgate.core.measurements import Measurement, Metric
from headgate.core.tools import Tool, ToolContext, ToolOutcome, ToolSpec
from headgate.core.tracing import UNTRACED, Tracer
from headgate.tools.noting import NotingModels

MOST_WAITING = 1_000
"""Beyond so many waiting calls of one tool, further ones are refused."""

QUEUE_DEPTH = Metric(
    "headgate_tool_queue_depth", "gauge", "Calls of a tool that wait for a place.", ("tool",)
)
RUNNING = Metric(
    "headgate_tool_calls_running", "gauge", "Calls of a tool that are under way.", ("tool",)
)
SECONDS = Metric(
    "headgate_tool_seconds",
    "counter",
    "The time that calls of a tool have taken together.",
    ("tool",),
)
CALLS = Metric(
    "headgate_tool_calls", "counter", "Calls of a tool that have ended.", ("tool", "outcome")
)

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class _Lane:
    """The calls of one tool in this process."""

    places: asyncio.Semaphore
    running: int = 0
    waiting: int = 0
    outcomes: dict[str, int] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass(slots=True)
class ProcessTools:
    """`Toolbox` over the tools of this process.

    Attributes:
        tools: those that never change.
        sources: give others that come and go, such as those of MCP servers.
    """

    tools: Sequence[Tool]
    sources: Sequence[Callable[[], Iterable[Tool]]] = ()
    tracer: Tracer = UNTRACED
    _lanes: dict[str, _Lane] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Refuse two tools of one name."""
        names = [tool.spec.name for tool in self.tools]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"there are two tools of the name {name}")

    @property
    def metrics(self) -> Sequence[Metric]:
        """See `Measured.metrics`."""
        return (QUEUE_DEPTH, RUNNING, SECONDS, CALLS)

    def specs(self, key: VirtualKey) -> Sequence[ToolSpec]:
        """See `Toolbox.specs`."""
        return [tool.spec for tool in self._all().values() if tool.is_for(key)]

    def spec(self, name: str, key: VirtualKey) -> ToolSpec:
        """See `Toolbox.spec`."""
        return self._find(name, key).spec

    def check(self, name: str, arguments: Mapping[str, Any], key: VirtualKey) -> None:
        """See `Toolbox.check`."""
        self._find(name, key).check(arguments)

    async def call(
        self, name: str, arguments: Mapping[str, Any], context: ToolContext
    ) -> ToolOutcome:
        """See `Toolbox.call`."""
        tool = self._find(name, context.key)
        models = NotingModels(context.models)
        lane = self._lanes.get(name)
        if lane is None:
            lane = self._lanes[name] = _Lane(asyncio.Semaphore(tool.most_at_once))
        with self.tracer.tool(name, context.call_key) as span:
            try:
                noting = replace(context, models=models)
                result = await _called(tool, lane, noting, arguments)
            finally:
                span.took(models.events)
        return ToolOutcome(result, tuple(models.events))

    def measurements(self) -> Iterable[Measurement]:
        """How many calls of each tool wait, run and have ended."""
        for name, lane in sorted(self._lanes.items()):
            yield QUEUE_DEPTH.at(lane.waiting, name)
            yield RUNNING.at(lane.running, name)
            yield SECONDS.at(lane.seconds, name)
            for outcome, count in sorted(lane.outcomes.items()):
                yield CALLS.at(count, name, outcome)

    def _all(self) -> dict[str, Tool]:
        found = {tool.spec.name: tool for tool in self.tools}
        for source in self.sources:
            for tool in source():
                found.setdefault(tool.spec.name, tool)
        return found

    def _find(self, name: str, key: VirtualKey) -> Tool:
        tool = self._all().get(name)
        if tool is None or not tool.is_for(key):
            raise NotFound(f"there is no tool {name[:64]!r}; GET /v1/tools lists those there are")
        return tool


async def _called(
    tool: Tool, lane: _Lane, context: ToolContext, arguments: Mapping[str, Any]
) -> Any:
    """What a call gives, once it has its place; it is counted."""
    async with _place(lane, tool.spec):
        began, outcome = time.perf_counter(), "error"
        try:
            result = await _run(tool, context, arguments)
            outcome = "ok"
        finally:
            lane.outcomes[outcome] = lane.outcomes.get(outcome, 0) + 1
            lane.seconds += time.perf_counter() - began
    return result


@contextlib.asynccontextmanager
async def _place(lane: _Lane, spec: ToolSpec) -> AsyncIterator[None]:
    """A place among the running calls; who waits longer than a call may take is refused."""
    if lane.waiting >= MOST_WAITING:
        raise _busy(spec)
    lane.waiting += 1
    try:
        async with asyncio.timeout(spec.timeout_seconds):
            await lane.places.acquire()
    except TimeoutError:
        raise _busy(spec) from None
    finally:
        lane.waiting -= 1
    lane.running += 1
    try:
        yield
    finally:
        lane.running -= 1
        lane.places.release()


def _busy(spec: ToolSpec) -> Overloaded:
    return Overloaded(
        f"too many calls of {spec.name} are waiting: try again", retry_after_seconds=1
    )


async def _run(tool: Tool, context: ToolContext, arguments: Mapping[str, Any]) -> Any:
    """What the tool gives, as values that JSON has; whatever fails in it is told as a failure."""
    spec = tool.spec
    deadline = asyncio.timeout(spec.timeout_seconds)
    try:
        async with deadline:
            return msgspec.to_builtins(await tool.run(context, arguments), str_keys=True)
    except HeadgateError:
        raise
    except RecursionError:
        raise InvalidRequest(f"the arguments of {spec.name} are nested too deeply") from None
    except Exception as error:  # noqa: BLE001 - the rim to other people's code, logged
        if isinstance(error, TimeoutError) and deadline.expired():
            raise UpstreamTimedOut(
                f"{spec.name} took longer than {spec.timeout_seconds:g} s"
            ) from None
        _LOG.exception("the tool %s failed", spec.name)
        raise UpstreamFailed(f"the tool {spec.name} failed; the platform's log has why") from None
