"""From a run's first step to its ending: what an engine performs."""

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from headgate.agents.control import Control, Controls, RunCancelled
from headgate.agents.definitions import AgentType, Body
from headgate.agents.outcomes import Outcome, RunStopped
from headgate.agents.steps import FORMAT, Desk, Steps
from headgate.agents.work import Work
from headgate.core.durable import Displaced, Diverged, Thread
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.core.runs import Change, Draft, Run, RunError

OTHER_STEPS = (
    "the run was begun by another release, or another version of its type, which takes other steps:"
    " start it anew"
)

_LOG = logging.getLogger(__name__)


def unseen(_run: Run) -> None:
    """Nobody wants to know of a run's end."""


@dataclass(frozen=True, slots=True)
class Performer:
    """Does what runs and their branches are for.

    Attributes:
        ended: is told of every run that has ended here.
    """

    desk: Desk
    controls: Controls
    types: Mapping[str, AgentType]
    ended: Callable[[Run], None] = unseen

    async def __call__(self, thread: Thread, body: str) -> str:
        """Perform a thread; `body` is a branch's, as JSON, and empty for a run's own thread.

        Raises:
            Displaced: the store is away, so it goes on another time.
        """
        try:
            return await self._performed(thread, body)
        except Overloaded as error:
            _LOG.warning("run %s goes on another time: %s", thread.run_id, error.message)
            raise Displaced from None

    async def _performed(self, thread: Thread, body: str) -> str:
        run = await self.desk.journal.store.get(thread.run_id)
        if run is None or run.has_ended:
            return ""
        async with self.controls.of(run.run_id) as control:
            if thread.path:
                return msgspec.json.encode(await self._branch(thread, run, control, body)).decode()
            run = await self._started(run, control)
            outcome = await self._outcome(thread, run, control, run.request.input)
            await self._end(run, outcome)
        return ""

    async def _started(self, run: Run, control: Control) -> Run:
        """The run with the moment at which it began, which is once, whatever dies."""
        try:
            await control.go()
        except RunCancelled:
            return run  # its first step ends it
        now = self.desk.clock()
        started = [Draft(type="run.started", once="run.started")]
        change = Change(status="running", started_at=now)
        await self.desk.journal.record(run.run_id, started, change)
        found = await self.desk.journal.store.get(run.run_id)
        return run if found is None else found

    async def _branch(self, thread: Thread, run: Run, control: Control, body: str) -> Outcome:
        return await self._outcome(thread, run, control, msgspec.json.decode(body))

    async def _outcome(self, thread: Thread, run: Run, control: Control, given: object) -> Outcome:
        """What a thread comes to."""
        steps = Steps(self.desk, run, thread, control)
        try:
            body = self._body(thread, run)
            value = msgspec.to_builtins(await body(Work(steps), given))
        except RunCancelled:
            return Outcome(is_cancelled=True)
        except RunStopped as stop:
            return Outcome(error=stop.error)
        except InvalidRequest as error:
            return _failed(error.message)
        except Diverged as error:
            _LOG.warning("run %s cannot go on: %s", run.run_id, error)
            return _failed(OTHER_STEPS)
        except Exception:  # noqa: BLE001 - the rim of agents: logged, and told without a trace
            _LOG.exception("run %s failed", run.run_id)
            return _failed("the agent failed; see the server's log")
        return Outcome(value, seconds_idle=steps.seconds_idle)

    def _body(self, thread: Thread, run: Run) -> Body:
        """What the thread does.

        Raises:
            RunStopped: this release does not know.
        """
        kind = self.types.get(run.request.type)
        if kind is None:
            raise RunStopped("internal", f"there is no type {run.request.type!r} any more")
        if run.steps_format != FORMAT:
            raise RunStopped("internal", OTHER_STEPS)
        return kind.branch if thread.path and kind.branch else kind.body

    async def _end(self, run: Run, outcome: Outcome) -> None:
        now = self.desk.clock()
        if outcome.is_cancelled:
            draft = Draft(type="run.cancelled")
            change = Change(status="cancelled", finished_at=now)
        elif outcome.error is not None:
            told = {"error": msgspec.to_builtins(outcome.error)}
            draft = Draft(type="run.failed", data=told)
            change = Change(status="failed", finished_at=now, error=outcome.error)
        else:
            draft = Draft(type="run.finished", data={"output": outcome.value})
            change = Change(status="succeeded", finished_at=now, output=outcome.value)
        # Nothing is written where the run has ended meanwhile, as one that is cancelled at once.
        await self.desk.journal.record(run.run_id, [draft], change)
        ended = await self.desk.journal.store.get(run.run_id)
        if ended is not None:
            self.desk.tracer.run_ended(ended)
            self.ended(ended)


def _failed(message: str) -> Outcome:
    return Outcome(error=RunError("internal", message))
