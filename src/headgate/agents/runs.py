"""Runs as their owners deal with them: started, looked at, followed, and told what to do."""

import asyncio
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.agents.definitions import AgentType
from headgate.agents.journal import Journal
from headgate.agents.steps import FORMAT
from headgate.core.errors import (
    Conflict,
    HeadgateError,
    InsufficientScope,
    InvalidRequest,
    NotFound,
)
from headgate.core.ids import new_timed_id
from headgate.core.keys import VirtualKey
from headgate.core.money import NanoUSD
from headgate.core.run_queue import RunQueue
from headgate.core.runs import (
    Change,
    Command,
    Draft,
    Run,
    RunEvent,
    RunFilter,
    RunRequest,
    RunStatus,
    runs_of,
    sees,
    steers,
)
from headgate.core.tools import Toolbox
from headgate.core.tracing import UNTRACED, Tracer

ALL = 100_000

_LOG = logging.getLogger(__name__)


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """What a caller asks for; see `RunRequest`."""

    type: str
    input: Any
    model: str
    tools: tuple[str, ...] | None = None
    budget: NanoUSD | None = None
    approvals: tuple[str, ...] = ()
    session_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunLimits:
    """The platform's limits of every run; see `RunRequest`."""

    max_steps: int = 200
    seconds: float = 7200.0
    approval_seconds: float = 86_400.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """The runs of a platform.

    Attributes:
        nudge: tells whoever works on runs in this process that there is something new.
        queue: tells those who work on runs in other processes.
        tracer: knows what a run is started in.
    """

    journal: Journal
    types: Mapping[str, AgentType]
    toolbox: Toolbox
    limits: RunLimits
    nudge: Callable[[], None]
    queue: RunQueue | None = None
    clock: Callable[[], float] = time.time
    tracer: Tracer = UNTRACED

    async def start(self, key: VirtualKey, order: Order) -> Run:
        """Begin a run; once this returns it will be worked on, whatever process dies.

        Raises:
            InvalidRequest: see `request_of`.
        """
        return await self.begin(key, self.request_of(key, order), self.new_id())

    def new_id(self) -> str:
        """An id for a run; runs are listed by it."""
        return new_timed_id("run", self.clock())

    def request_of(self, key: VirtualKey, order: Order) -> RunRequest:
        """What a run is to do that is ordered so.

        Raises:
            InvalidRequest: there is no such type or tool, or the input makes no sense to it.
        """
        kind = self.types.get(order.type)
        if kind is None:
            known = ", ".join(sorted(self.types))
            raise InvalidRequest(
                f"there is no type {order.type!r}; the types are {known}", param="type"
            )
        known_tools = {spec.name for spec in self.toolbox.specs(key)}
        tools = order.tools
        if tools is None:
            tools = tuple(name for name in kind.tools if name in known_tools)
        for param, names in (("tools", tools), ("approvals", order.approvals)):
            for name in names:
                if name not in known_tools:
                    known = ", ".join(sorted(known_tools)) or "there are none"
                    raise InvalidRequest(
                        f"there is no tool {name!r} for this key; its tools: {known}", param=param
                    )
        kind.check(order.input)
        return RunRequest(
            type=order.type,
            input=order.input,
            model=order.model,
            tools=tuple(dict.fromkeys(tools)),
            budget=order.budget,
            approvals=order.approvals,
            session_id=order.session_id,
            max_steps=self.limits.max_steps,
            seconds=self.limits.seconds,
            approval_seconds=self.limits.approval_seconds,
            trace=self.tracer.parent(),
        )

    async def begin(self, key: VirtualKey, request: RunRequest, run_id: str) -> Run:
        """Begin the run of this id; where it was begun before, it is that one as it stands."""
        run = Run(
            run_id=run_id,
            steps_format=FORMAT,
            key_id=key.key_id,
            workspace_id=key.workspace_id,
            user_id=key.user_id,
            request=request,
            created_at=self.clock(),
        )
        is_new = await self.journal.store.add(run)
        # One that was begun before may not have been announced: its process may have died here.
        await self._announce(run_id)
        return run if is_new else await self.get(key, run_id)

    async def get(self, key: VirtualKey, run_id: str) -> Run:
        """A run that `key` sees.

        Raises:
            NotFound: there is none.
        """
        run = await self.journal.store.get(run_id)
        if run is None or not sees(key, run):
            raise NotFound(f"there is no run {run_id[:64]!r}")
        return run

    async def history(self, run: Run) -> Sequence[RunEvent]:
        """What has happened in a run, without the pieces of answers."""
        return await self.journal.store.events(run.run_id, after=0, limit=ALL, with_deltas=False)

    async def page(
        self,
        key: VirtualKey,
        *,
        status: RunStatus | None,
        limit: int,
        before: str | None,
    ) -> list[Run]:
        """Up to `limit` runs that `key` sees, newest first."""
        where: RunFilter = runs_of(key)._replace(status=status)
        return await self.journal.store.page(where, limit=limit, before=before)

    def follow(self, run: Run, after: int = 0) -> AsyncGenerator[Sequence[RunEvent], None]:
        """See `Journal.follow`."""
        return self.journal.follow(run.run_id, after)

    async def ended(self, run: Run, seconds: float) -> Run:
        """The run as it stands when it has ended, or after so many seconds."""
        try:
            async with asyncio.timeout(seconds), aclosing(self.follow(run)) as pages:
                async for _ in pages:
                    pass
        except TimeoutError:
            pass
        return await self.journal.store.get(run.run_id) or run

    async def cancel(self, key: VirtualKey, run_id: str) -> Run:
        """Stop a run; one that has ended stays as it is.

        Raises:
            NotFound: there is none.
            InsufficientScope: it is not one of `key`'s.
        """
        run = await self._steered(key, run_id)
        if run.has_ended:
            return run
        await self._tell(Command(run_id=run_id, kind="cancel"))
        if run.started_at is None:
            # Nobody works on it yet, and nobody needs to.
            cancelled = [Draft(type="run.cancelled")]
            change = Change(status="cancelled", finished_at=self.clock())
            await self.journal.record(run_id, cancelled, change, expected=run.status)
        return await self.get(key, run_id)

    async def pause(self, key: VirtualKey, run_id: str) -> Run:
        """Have a run stand still before its next step; a paused one stays so.

        Raises:
            NotFound: there is none.
            InsufficientScope: it is not one of `key`'s.
            Conflict: it has ended.
        """
        run = await self._steered(key, run_id)
        if run.has_ended:
            raise Conflict(f"the run has {run.status}")
        if run.status != "paused":
            await self._tell(Command(run_id=run_id, kind="pause"))
            paused = [Draft(type="run.paused")]
            await self.journal.record(run_id, paused, Change(status="paused"), expected=run.status)
        return await self.get(key, run_id)

    async def resume(self, key: VirtualKey, run_id: str) -> Run:
        """Let a paused run go on.

        Raises:
            NotFound: there is none.
            InsufficientScope: it is not one of `key`'s.
            Conflict: it is not paused.
        """
        run = await self._steered(key, run_id)
        if run.status != "paused":
            raise Conflict(f"the run is {run.status}, not paused")
        status: RunStatus = "queued" if run.started_at is None else "running"
        await self._tell(Command(run_id=run_id, kind="resume"))
        resumed = [Draft(type="run.resumed")]
        await self.journal.record(run_id, resumed, Change(status=status), expected="paused")
        if status == "queued":
            # Who took it from the queue while it was paused left it.
            await self._announce(run_id)
        return await self.get(key, run_id)

    async def decide(
        self, key: VirtualKey, run_id: str, step_id: str, *, approved: bool, comment: str | None
    ) -> Run:
        """Decide on a call that waits for approval.

        Raises:
            NotFound: there is no such run, or no such call.
            InsufficientScope: it is not one of `key`'s.
            Conflict: it was decided on before.
        """
        run = await self._steered(key, run_id)
        if all(item.step_id != step_id for item in run.pending):
            asked = {
                event.step_id
                for event in await self.history(run)
                if event.type == "approval.requested"
            }
            if step_id in asked:
                raise Conflict(f"step {step_id} was decided on before")
            raise NotFound(f"no call waits for approval under the step {step_id[:64]!r}")
        command = Command(
            run_id=run_id, kind="decide", step_id=step_id, approved=approved, comment=comment
        )
        if not await self._tell(command):
            raise Conflict(f"step {step_id} was decided on before")
        return await self.get(key, run_id)

    async def _steered(self, key: VirtualKey, run_id: str) -> Run:
        run = await self.get(key, run_id)
        if not steers(key, run):
            raise InsufficientScope(
                "the key may look at this run, and not steer it: that takes a key of the run's user"
                " or the scope `admin`"
            )
        return run

    async def _announce(self, run_id: str) -> None:
        """Tell of a run that waits for somebody to work on it.

        It is in the store, so nothing is lost where the queue is away; it is only found later.
        """
        self.nudge()
        if self.queue is not None:
            try:
                await self.queue.put(run_id)
            except HeadgateError as error:
                _LOG.warning("run %s is not announced: %s", run_id, error.message)

    async def _tell(self, command: Command) -> bool:
        done = await self.journal.store.command(command)
        self.nudge()
        return done
