"""Agent runs: what is kept of them, what happens in them, and what they are told to do."""

from collections.abc import Mapping, Sequence
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from headgate.core.keys import VirtualKey
from headgate.core.money import NanoUSD

RunStatus: TypeAlias = Literal[
    "queued", "running", "waiting", "paused", "succeeded", "failed", "cancelled"
]
ENDED: frozenset[RunStatus] = frozenset({"succeeded", "failed", "cancelled"})
RunErrorCode: TypeAlias = Literal[
    "budget_exceeded",
    "step_limit",
    "time_limit",
    "repeated_call",
    "tool_not_allowed",
    "key_revoked",
    "upstream_error",
    "internal",
]
EventType: TypeAlias = Literal[
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
LAST_EVENTS: frozenset[EventType] = frozenset({"run.finished", "run.failed", "run.cancelled"})
CommandKind: TypeAlias = Literal["cancel", "pause", "resume", "decide"]


class RunError(msgspec.Struct, frozen=True):
    """Why a run failed, for a program and for a person."""

    code: RunErrorCode
    message: str


class PendingApproval(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """A tool call that waits for somebody's yes; times are Unix seconds."""

    step_id: str
    tool: str
    arguments: Any
    requested_at: float
    expires_at: float


class Tally(msgspec.Struct, frozen=True):
    """What work took: steps, the vendors' price, and what is charged."""

    steps: int = 0
    cost: NanoUSD = 0
    billed: NanoUSD = 0

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.steps + other.steps, self.cost + other.cost, self.billed + other.billed)


class Hold(NamedTuple):
    """What a step under way has been billed, and what its calls may be billed yet."""

    billed: NanoUSD
    held: NanoUSD

    @property
    def total(self) -> NanoUSD:
        """The most that it takes of the run's budget."""
        return self.billed + self.held


class RunRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What was asked for.

    Attributes:
        input: an object or a text, as the type wants it.
        tools: the only tools the run may call.
        budget: the most that may be billed.
        approvals: the tools of which every call needs a yes, besides those that say so themselves.
        session_id: the conversation that the run belongs to and remembers.
        seconds: how long the run may work, without the time that it waits for people.
        trace: the span that the run was started in, as a `traceparent`, where it is traced.
    """

    type: str
    input: Any
    model: str
    tools: tuple[str, ...] = ()
    budget: NanoUSD | None = None
    approvals: tuple[str, ...] = ()
    session_id: str | None = None
    max_steps: int
    seconds: float
    approval_seconds: float
    trace: str | None = None


class Run(msgspec.Struct, frozen=True, kw_only=True):
    """A run as it stands; times are Unix seconds.

    Attributes:
        steps_format: the order of its steps and the form of what is kept of them, by number;
            whoever goes on with the run must take and read them so.
        tallies: what each of its threads has taken, by their paths.
        holds: what steps under way take of the budget, where there is one, by their ids.
        pending: the calls that wait for a decision.
    """

    run_id: str
    steps_format: int = 1
    key_id: str
    workspace_id: str
    user_id: str | None
    request: RunRequest
    status: RunStatus = "queued"
    created_at: float
    started_at: float | None = None
    finished_at: float | None = None
    tallies: Mapping[str, Tally] = {}
    holds: Mapping[str, Hold] = {}
    pending: tuple[PendingApproval, ...] = ()
    output: Any = None
    error: RunError | None = None

    @property
    def tally(self) -> Tally:
        """What all of it has taken."""
        return sum(self.tallies.values(), Tally())

    @property
    def has_ended(self) -> bool:
        """Whether nothing more will happen."""
        return self.status in ENDED


class Draft(msgspec.Struct, frozen=True, kw_only=True):
    """An event before it has its number.

    Attributes:
        once: names what happened; a second event of this name is left out.
        at: when it happened, in Unix seconds, where that is not now.
    """

    type: EventType
    step_id: str | None = None
    attempt: int = 1
    data: Mapping[str, Any] = {}
    once: str | None = None
    at: float | None = None


class RunEvent(msgspec.Struct, frozen=True, kw_only=True):
    """Something that happened in a run. Numbers begin at 1 and leave none out.

    Attributes:
        attempt: how often its step had been begun; what a later attempt tells replaces what an
            earlier one told.
        at: Unix seconds.
        data: the fields that its type has besides.
    """

    seq: int
    run_id: str
    type: EventType
    at: float
    step_id: str | None = None
    attempt: int = 1
    data: Mapping[str, Any] = {}


class Change(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What becomes different in a run; what is UNSET stays.

    Attributes:
        tally: a thread's path with all that it has taken so far.
        hold: a step's id with what it takes of the budget; None where it is over. One that is
            larger than before is left as it was where the budget has no room for it.
        asked: a call that now waits for a decision. `decided`: the step of one that no longer does.
    """

    status: RunStatus | msgspec.UnsetType = msgspec.UNSET
    started_at: float | msgspec.UnsetType = msgspec.UNSET
    finished_at: float | msgspec.UnsetType = msgspec.UNSET
    output: Any | msgspec.UnsetType = msgspec.UNSET
    error: RunError | msgspec.UnsetType = msgspec.UNSET
    tally: tuple[str, Tally] | msgspec.UnsetType = msgspec.UNSET
    hold: tuple[str, Hold | None] | msgspec.UnsetType = msgspec.UNSET
    asked: PendingApproval | msgspec.UnsetType = msgspec.UNSET
    decided: str | msgspec.UnsetType = msgspec.UNSET

    def applied(self, run: Run) -> Run:
        """The run with this change."""
        fields: dict[str, Any] = {}
        for name in ("status", "started_at", "finished_at", "output", "error"):
            if (value := getattr(self, name)) is not msgspec.UNSET:
                fields[name] = value
        if self.tally is not msgspec.UNSET:
            path, tally = self.tally
            fields["tallies"] = {**run.tallies, path: tally}
        if self.hold is not msgspec.UNSET:
            fields["holds"] = _held(run, *self.hold)
        pending = run.pending
        if self.decided is not msgspec.UNSET:
            pending = tuple(item for item in pending if item.step_id != self.decided)
        if self.asked is not msgspec.UNSET:
            step_id = self.asked.step_id
            pending = (*(item for item in pending if item.step_id != step_id), self.asked)
        if fields.get("status") in ENDED:
            pending, fields["holds"] = (), {}
        elif fields.get("status", run.status) in {"running", "waiting"}:
            fields["status"] = "waiting" if pending else "running"
        return msgspec.structs.replace(run, pending=pending, **fields)


def _held(run: Run, step_id: str, hold: Hold | None) -> Mapping[str, Hold]:
    """The run's holds with this one, where there is room for it."""
    others = {name: value for name, value in run.holds.items() if name != step_id}
    if hold is None:
        return others
    before = run.holds.get(step_id, Hold(0, 0))
    taken = run.tally.billed + sum(other.total for other in others.values()) + hold.total
    budget = run.request.budget
    if hold.total > before.total and budget is not None and taken > budget:
        return run.holds
    return {**others, step_id: hold}


UNCHANGED = Change()


class Begun(NamedTuple):
    """A step that was begun: for the how-manieth time, and what its run had taken until then."""

    attempt: int
    tally: Tally


class Command(msgspec.Struct, frozen=True, kw_only=True):
    """What somebody wants of a run; `number` is its place among all commands.

    Attributes:
        step_id: the step that is decided on. `approved`: yes or no.
    """

    run_id: str
    kind: CommandKind
    step_id: str | None = None
    approved: bool = False
    comment: str | None = None
    number: int = 0


class RunFilter(NamedTuple):
    """Whose runs count; None means everybody's."""

    key_id: str | None = None
    user_id: str | None = None
    workspace_id: str | None = None
    status: RunStatus | None = None


def runs_of(key: VirtualKey) -> RunFilter:
    """The runs that `key` sees: all where it may look at everything, else those that it steers."""
    return RunFilter() if key.may("admin:read") else _steered_by(key)


def sees(key: VirtualKey, run: Run) -> bool:
    """Whether `key` sees this run."""
    return _is_among(runs_of(key), run)


def steers(key: VirtualKey, run: Run) -> bool:
    """Whether `key` may stop this run, hold it, and decide on what it asks for."""
    return _is_among(_steered_by(key), run)


def _steered_by(key: VirtualKey) -> RunFilter:
    """An administrator has all, or a workspace's; a user's key the user's, any other its own."""
    if key.may("admin"):
        return RunFilter()
    if key.may("workspace:admin"):
        return RunFilter(workspace_id=key.workspace_id)
    if key.user_id is not None:
        return RunFilter(user_id=key.user_id, workspace_id=key.workspace_id)
    return RunFilter(key_id=key.key_id)


def _is_among(where: RunFilter, run: Run) -> bool:
    return (
        (where.key_id is None or where.key_id == run.key_id)
        and (where.user_id is None or where.user_id == run.user_id)
        and (where.workspace_id is None or where.workspace_id == run.workspace_id)
    )


class RunStore(Protocol):
    """Where runs are kept. Every method may raise `Overloaded` when the store is away."""

    async def add(self, run: Run) -> bool:
        """Keep a new run, and its event `run.queued`; False where there is a run of this id."""
        ...

    async def get(self, run_id: str) -> Run | None:
        """The run with this id."""
        ...

    async def page(self, where: RunFilter, *, limit: int, before: str | None) -> list[Run]:
        """Up to `limit` runs, newest first, older than the run whose id is `before`.

        Without their inputs and outputs. Empty where there is no such run.
        """
        ...

    async def record(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        change: Change = UNCHANGED,
        *,
        expected: RunStatus | None = None,
    ) -> bool:
        """Add events and change the run, both or neither; says whether it was done.

        It is not where the run has ended, or has another status than the `expected` one, or where
        each of the events has happened before.
        """
        ...

    async def begin_step(self, run_id: str, step_id: str, data: Mapping[str, Any]) -> Begun | None:
        """Add the event `step.started`; None where the run has ended."""
        ...

    async def events(
        self, run_id: str, *, after: int, limit: int, with_deltas: bool = True
    ) -> list[RunEvent]:
        """Up to `limit` events in their order, from behind the one numbered `after`."""
        ...

    async def command(self, command: Command) -> bool:
        """Keep what somebody wants; False where this step was decided on before."""
        ...

    async def commands(self, *, after: int) -> list[Command]:
        """All commands from behind the one numbered `after`, in their order."""
        ...

    async def last_command(self) -> int:
        """The number of the latest command; 0 where there was none."""
        ...

    async def commands_of(self, run_id: str) -> list[Command]:
        """All commands to one run, in their order."""
        ...

    async def unsubmitted(self, limit: int) -> list[str]:
        """Up to `limit` queued runs that no engine has taken yet, the oldest first.

        Where the engines of several machines ask, what one of them was given is no other's.
        """
        ...

    async def claim(self, run_id: str) -> bool:
        """Whether this run is queued and no engine has it; no other one is given it from then on.

        It stays so until it is `submitted`.
        """
        ...

    async def submitted(self, run_ids: Sequence[str]) -> None:
        """Note that an engine has taken these."""
        ...

    async def counts(self) -> Mapping[RunStatus, int]:
        """How many runs have each status; those that have ended are left out."""
        ...

    async def forget(self, *, before: float, limit: int) -> list[str]:
        """Delete up to `limit` runs that ended before a moment; gives their ids."""
        ...

    async def has_erased(self) -> bool:
        """Whether there are runs of which nothing may be kept: they ended in 1970."""
        ...

    async def erase(self, run_ids: Sequence[str]) -> None:
        """Delete runs, with their events and what they were told; what is not there is passed."""
        ...
