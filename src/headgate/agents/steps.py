"""The durable steps of one thread of a run, and what must hold before each of them.

Before a step is worked on, the run must be wanted, its key good, its time not over and its budget
not spent; what it took is in the store before the next one begins. Whatever a step looks at besides
is looked at inside of it, so that after the death of a process all decisions between steps come out
the same.
"""

import asyncio
import itertools
import logging
import time
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from headgate.agents.control import Control, RunCancelled
from headgate.agents.journal import Journal
from headgate.agents.outcomes import Observation, Outcome, RunStopped
from headgate.agents.purse import StepPurse
from headgate.core.documents import Library
from headgate.core.durable import Displaced, Diverged, Thread
from headgate.core.errors import (
    BudgetExceeded,
    HeadgateError,
    InsufficientScope,
    InvalidKey,
    Overloaded,
    RateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.keys import VirtualKey
from headgate.core.memory import MemoryStore
from headgate.core.metered import CallLabels, ModelAccess, Models
from headgate.core.money import to_text
from headgate.core.prompts import Prompts
from headgate.core.runs import Change, Draft, EventType, Run, RunError, RunEvent, Tally
from headgate.core.tools import Toolbox
from headgate.core.tracing import UNTRACED, Tracer
from headgate.core.usage import UsageEvent

T = TypeVar("T")

FORMAT = 1
"""The order of the steps that the built-in types take, and the form of what is kept of them.

A release that changes either counts on, and still goes on with runs of earlier formats as they were
begun for as long as there may be some. Recorded runs hold it to that (`tests/recorded_runs`).
"""

WARNING_SHARE = 0.8
# What a later try may mend is tried again after these pauses, on top of the gateway's own retries.
PAUSES_SECONDS = (1.0, 3.0)
TURN_SECONDS = 1.0
MOST_TURNS = 60
MOST_EVENTS = 100_000
MENDABLE = (RateLimited, Overloaded, UpstreamFailed, UpstreamTimedOut)

NOTHING = Tally()

_LOG = logging.getLogger(__name__)
_outcome = msgspec.json.Decoder(Outcome)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What all runs of a process share.

    Attributes:
        key: finds a key by its id, as it is now.
        at_once: how many steps work at a time; those that wait for people do not count.
    """

    journal: Journal
    models: ModelAccess
    toolbox: Toolbox
    prompts: Prompts
    library: Library
    memories: MemoryStore
    key: Callable[[str], Awaitable[VirtualKey | None]]
    at_once: asyncio.Semaphore
    clock: Callable[[], float] = time.time
    tracer: Tracer = UNTRACED
    pause: Callable[[float], Awaitable[object]] = asyncio.sleep


@dataclass(frozen=True, slots=True)
class Attempt:
    """A step while it is worked on.

    Attributes:
        number: 1 for the first; more where a process died, or a vendor failed, in the middle of it.
        call_key: names the step's call for good.
    """

    step_id: str
    number: int
    call_key: str
    key: VirtualKey
    models: Models


@dataclass(frozen=True, slots=True)
class Done:
    """What a piece of work gave; its calls' rows; what is told of it, before and in its ending."""

    value: Any
    events: Sequence[UsageEvent] = ()
    told: Mapping[str, Any] = field(default_factory=dict)
    before: Sequence[Draft] = ()
    seconds_idle: float = 0.0


def tally_of(events: Iterable[UsageEvent]) -> Tally:
    """What calls have cost."""
    rows = list(events)
    return Tally(0, sum(row.cost for row in rows), sum(row.billed for row in rows))


def draft(
    kind: EventType, attempt: Attempt, data: Mapping[str, Any], *, once: str | None = None
) -> Draft:
    """An event of a step that is being worked on."""
    return Draft(type=kind, step_id=attempt.step_id, attempt=attempt.number, data=data, once=once)


def _read(outcome: str) -> Outcome:
    try:
        return _outcome.decode(outcome)
    except msgspec.MsgspecError as error:
        raise Diverged(f"what is kept of a step cannot be read: {error}") from error


@dataclass(slots=True)
class Steps:
    """One thread's steps, in their order."""

    desk: Desk
    run: Run
    thread: Thread
    control: Control
    tally: Tally = NOTHING
    _count: int = 0
    _told: Sequence[RunEvent] | None = None
    seconds_idle: float = 0.0

    async def take(
        self,
        kind: str,
        name: str,
        work: Callable[[Attempt], Coroutine[Any, Any, Done]],
        *,
        is_idle: bool = False,
    ) -> Any:
        """What a step comes to, as JSON; it is worked on where it has not been before.

        Where it `is_idle` it waits for people: it takes nobody's place, and no time.

        Raises:
            RunStopped: the run must end.
            RunCancelled: nobody wants it any more.
        """
        self._count += 1
        place = f"{self.thread.path}." if self.thread.path else ""
        step = _Step(self, f"{place}{self._count}", kind, name, work, is_idle=is_idle)
        outcome = _read(await self.thread.step(f"{kind} {name}", step.worked))
        if not step.was_finished_here:
            self.add(outcome.tally)
        return self.value_of(outcome)

    async def remembered(self, name: str, work: Callable[[], Awaitable[object]]) -> Any:
        """What `work` gives the first time, as JSON; nobody is told.

        Raises:
            Displaced: what it asks is away, so that it is asked another time.
        """

        async def done() -> str:
            try:
                return msgspec.json.encode(await work()).decode()
            except Overloaded:
                raise Displaced from None

        return msgspec.json.decode(await self.thread.step(name, done))

    async def branch(self, number: int, body: object) -> Any:
        """What another thread of the run makes of `body`, as JSON.

        Raises:
            RunStopped: the run must end.
            RunCancelled: nobody wants it any more.
        """
        told = await self.thread.branch(number, msgspec.json.encode(body).decode())
        return self.value_of(_read(told))

    def value_of(self, outcome: Outcome) -> Any:
        """The value of an outcome that has one."""
        self.seconds_idle += outcome.seconds_idle
        if outcome.is_cancelled:
            raise RunCancelled
        if outcome.error is not None:
            raise RunStopped(outcome.error.code, outcome.error.message)
        return outcome.value

    async def told_before(self, step_id: str) -> Mapping[EventType, Mapping[str, Any]]:
        """What a process that is dead has told of a step, where it had come so far."""
        if self.thread.path not in self.run.tallies:
            return {}  # it had finished no step of this thread
        if self._told is None:
            store = self.desk.journal.store
            self._told = await store.events(
                self.run.run_id, after=0, limit=MOST_EVENTS, with_deltas=False
            )
        return {event.type: event.data for event in self._told if event.step_id == step_id}

    def add(self, tally: Tally) -> Tally:
        """Count what a step took; gives what the thread has taken with it."""
        self.tally += tally
        return self.tally


@dataclass(slots=True)
class _Step:
    """A step that has no result yet."""

    steps: Steps
    step_id: str
    kind: str
    name: str
    work: Callable[[Attempt], Coroutine[Any, Any, Done]]
    is_idle: bool
    was_finished_here: bool = False
    _attempt: Attempt | None = None
    _paused: float = 0.0
    _purse: StepPurse = field(init=False)

    def __post_init__(self) -> None:
        run = self.steps.run
        journal = self.steps.desk.journal
        self._purse = StepPurse(journal, run.run_id, self.step_id, run.request.budget)

    async def worked(self) -> str:
        """The outcome of working on it, encoded."""
        steps = self.steps
        with steps.desk.tracer.step(steps.run, self.step_id, self.kind, self.name) as span:
            outcome = await self._outcome()
            if outcome.error is not None:
                span.failed(outcome.error.code)
        return msgspec.json.encode(outcome).decode()

    async def _outcome(self) -> Outcome:
        try:
            self._paused = await self.steps.control.go()
            outcome = await self._tried()
            idle = self._paused + outcome.seconds_idle
            outcome = msgspec.structs.replace(outcome, seconds_idle=idle)
        except RunCancelled:
            outcome = Outcome(is_cancelled=True)
        except RunStopped as stop:
            outcome = await self._failed(stop.error)
        except HeadgateError as error:
            outcome = await self._failed(_run_error(error))
        except Exception:  # noqa: BLE001 - the rim of what agents and tools do; told without a trace
            _LOG.exception("step %s of %s failed", self.step_id, self.steps.run.run_id)
            message = f"step {self.step_id} failed; see the log of the server"
            outcome = await self._failed(RunError("internal", message))
        return outcome

    async def _failed(self, error: RunError) -> Outcome:
        tally = NOTHING
        if self._attempt is not None:
            tally = self._taken()
            told = {"kind": self.kind, "name": self.name, "error": msgspec.to_builtins(error)}
            drafts = [draft("step.finished", self._attempt, told)]
            await self._count(tally, drafts)
        return Outcome(tally=tally, error=error)

    async def _tried(self) -> Outcome:
        """What the work gives, tried again where a later try may mend it."""
        steps, desk = self.steps, self.steps.desk
        if (before := await self._finished_before()) is not None:
            return before
        pauses, turns = iter(PAUSES_SECONDS), itertools.repeat(TURN_SECONDS, MOST_TURNS)
        while True:
            attempt = self._attempt = await self._begun()
            try:
                if self.is_idle:
                    done = await steps.control.unless_cancelled(self.work(attempt))
                else:
                    done = await self._in_time(attempt)
            except MENDABLE as error:
                # Who has to wait for their turn gets it in the end.
                pause = next(turns if isinstance(error, RateLimited) else pauses, None)
                if pause is None:
                    raise
                wanted = getattr(error, "retry_after_seconds", None) or pause
                await steps.control.unless_cancelled(_waited(desk.pause, wanted))
            else:
                return await self._finish(attempt, done)

    async def _finished_before(self) -> Outcome | None:
        """What came of a tool's call whose process died before that was kept, but not untold."""
        told = await self.steps.told_before(self.step_id) if self.kind == "tool" else {}
        result, finished = told.get("tool.result"), told.get("step.finished")
        if result is None or finished is None:
            return None
        tally = Tally(1, finished["cost"], finished["billed"])
        self.steps.add(tally)
        self.was_finished_here = True
        return Outcome(Observation(result.get("result"), result.get("error")), tally)

    async def _begun(self) -> Attempt:
        """The next attempt, if there may be one.

        Raises:
            RunStopped: there may not.
            Displaced: the run has ended, or nobody knows whether its key is good.
        """
        steps, run = self.steps, self.steps.run
        try:
            key = await steps.desk.key(run.key_id)
        except Overloaded:
            raise Displaced from None
        if key is None or not key.is_usable(steps.desk.clock()) or not key.may("agent:run"):
            raise RunStopped("key_revoked", "the key that started the run is no longer good")
        told = {"kind": self.kind, "name": self.name}
        begun = await steps.desk.journal.begin_step(run.run_id, self.step_id, told)
        if begun is None:
            raise Displaced
        if begun.tally.steps >= run.request.max_steps:
            limit = run.request.max_steps
            raise RunStopped("step_limit", f"the run has taken {limit} steps, its limit")
        budget = run.request.budget
        if budget is not None and begun.tally.billed >= budget:
            raise RunStopped(
                "budget_exceeded", f"the run has spent its budget of ${to_text(budget)}"
            )
        if begun.attempt > 1:
            await self._purse.begin_again()
        labels = CallLabels(
            request_id=run.run_id,
            request_type="agent",
            run_id=run.run_id,
            purse=self._purse,
        )
        return Attempt(
            self.step_id,
            begun.attempt,
            f"{run.run_id}:{self.step_id}",
            key,
            steps.desk.models.models(key, labels),
        )

    async def _in_time(self, attempt: Attempt) -> Done:
        steps, run = self.steps, self.steps.run
        over = f"the run has worked for {run.request.seconds:g} s, its limit"
        async with steps.desk.at_once:
            began = run.created_at if run.started_at is None else run.started_at
            idle = steps.seconds_idle + self._paused
            left = began + run.request.seconds + idle - steps.desk.clock()
            if left <= 0:
                raise RunStopped("time_limit", over)
            limit = asyncio.timeout(left)
            try:
                async with limit:
                    return await steps.control.unless_cancelled(self.work(attempt))
            except TimeoutError:
                if not limit.expired():
                    raise
                raise RunStopped("time_limit", over) from None

    async def _finish(self, attempt: Attempt, done: Done) -> Outcome:
        budget = self.steps.run.request.budget
        taken = Tally(1) + self._taken(done.events)
        told = {
            "kind": self.kind,
            "name": self.name,
            **done.told,
            "cost": taken.cost,
            "billed": taken.billed,
        }
        drafts = [*done.before, draft("step.finished", attempt, told)]
        billed = self.steps.tally.billed + taken.billed
        if budget is not None and billed >= budget * WARNING_SHARE:
            data = {"billed": billed, "budget": budget}
            drafts.append(Draft(type="budget.warning", data=data, once="budget.warning"))
        if not await self._count(taken, drafts):
            raise Displaced
        return Outcome(done.value, taken, seconds_idle=done.seconds_idle)

    def _taken(self, events: Sequence[UsageEvent] = ()) -> Tally:
        """What the step's calls took, `events` and those that came to nothing.

        A call may have been made by a process that is dead: then its row alone comes back.
        """
        rows = {event.id: event for event in (*self._purse.events, *events)}
        return tally_of(rows.values())

    async def _count(self, taken: Tally, drafts: Sequence[Draft]) -> bool:
        """Tell what happened in a step that is over, and count what it took."""
        steps = self.steps
        tally = steps.add(taken)
        self.was_finished_here = True
        hold = (self.step_id, None) if steps.run.request.budget is not None else msgspec.UNSET
        change = Change(tally=(steps.thread.path, tally), hold=hold)
        return await steps.desk.journal.record(steps.run.run_id, drafts, change)


async def _waited(pause: Callable[[float], Awaitable[object]], seconds: float) -> None:
    await pause(seconds)


def _run_error(error: HeadgateError) -> RunError:
    if isinstance(error, BudgetExceeded):
        return RunError("budget_exceeded", error.message)
    if isinstance(error, InvalidKey | InsufficientScope):
        return RunError("key_revoked", error.message)
    return RunError("upstream_error", error.message)
