"""Runs in this process's memory, for tests."""

import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from headgate.core.runs import (
    ENDED,
    UNCHANGED,
    Begun,
    Change,
    Command,
    Draft,
    Run,
    RunEvent,
    RunFilter,
    RunStatus,
)


@dataclass(slots=True)
class MemoryRuns:
    """`RunStore` without a disk."""

    clock: Callable[[], float] = time.time
    _runs: dict[str, Run] = field(default_factory=dict)
    _events: dict[str, list[RunEvent]] = field(default_factory=dict)
    _happened: set[tuple[str, str]] = field(default_factory=set)
    _commands: list[Command] = field(default_factory=list)
    _submitted: set[str] = field(default_factory=set)

    async def add(self, run: Run) -> bool:
        """See `RunStore.add`."""
        if run.run_id in self._runs:
            return False
        self._runs[run.run_id] = run
        self._events[run.run_id] = []
        data = {"runType": run.request.type, "model": run.request.model}
        self._append(run.run_id, [Draft(type="run.queued", data=data, at=run.created_at)])
        return True

    async def get(self, run_id: str) -> Run | None:
        """See `RunStore.get`."""
        return self._runs.get(run_id)

    async def page(self, where: RunFilter, *, limit: int, before: str | None) -> list[Run]:
        """See `RunStore.page`."""
        wanted = {name: value for name, value in where._asdict().items() if value is not None}
        if before is not None and before not in self._runs:
            return []
        found = [
            run
            for run_id, run in sorted(self._runs.items(), reverse=True)
            if all(getattr(run, name) == value for name, value in wanted.items())
            and (before is None or run_id < before)
        ]
        return [_small(run) for run in found[:limit]]

    async def record(
        self,
        run_id: str,
        drafts: Sequence[Draft],
        change: Change = UNCHANGED,
        *,
        expected: RunStatus | None = None,
    ) -> bool:
        """See `RunStore.record`."""
        run = self._runs.get(run_id)
        if run is None or run.has_ended or expected not in {None, run.status}:
            return False
        if drafts and not self._append(run_id, drafts):
            return False
        self._runs[run_id] = change.applied(run)
        return True

    async def begin_step(self, run_id: str, step_id: str, data: Mapping[str, Any]) -> Begun | None:
        """See `RunStore.begin_step`."""
        run = self._runs.get(run_id)
        if run is None or run.has_ended:
            return None
        started = [event for event in self._events[run_id] if event.type == "step.started"]
        attempt = 1 + sum(event.step_id == step_id for event in started)
        self._append(
            run_id, [Draft(type="step.started", step_id=step_id, attempt=attempt, data=data)]
        )
        return Begun(attempt, run.tally)

    async def events(
        self, run_id: str, *, after: int, limit: int, with_deltas: bool = True
    ) -> list[RunEvent]:
        """See `RunStore.events`."""
        events = self._events.get(run_id, [])[after:]
        return [event for event in events if with_deltas or event.type != "step.delta"][:limit]

    async def command(self, command: Command) -> bool:
        """See `RunStore.command`."""
        decided = {(item.run_id, item.step_id) for item in self._commands if item.kind == "decide"}
        if command.kind == "decide" and (command.run_id, command.step_id) in decided:
            return False
        number = self._commands[-1].number + 1 if self._commands else 1
        self._commands.append(msgspec.structs.replace(command, number=number))
        return True

    async def commands(self, *, after: int) -> list[Command]:
        """See `RunStore.commands`."""
        return [command for command in self._commands if command.number > after]

    async def last_command(self) -> int:
        """See `RunStore.last_command`."""
        return self._commands[-1].number if self._commands else 0

    async def commands_of(self, run_id: str) -> list[Command]:
        """See `RunStore.commands_of`."""
        return [command for command in self._commands if command.run_id == run_id]

    async def unsubmitted(self, limit: int) -> list[str]:
        """See `RunStore.unsubmitted`."""
        queued = [run_id for run_id, run in sorted(self._runs.items()) if run.status == "queued"]
        return [run_id for run_id in queued if run_id not in self._submitted][:limit]

    async def claim(self, run_id: str) -> bool:
        """See `RunStore.claim`."""
        run = self._runs.get(run_id)
        return run is not None and run.status == "queued" and run_id not in self._submitted

    async def submitted(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.submitted`."""
        self._submitted.update(run_ids)

    async def counts(self) -> Mapping[RunStatus, int]:
        """See `RunStore.counts`."""
        return Counter(run.status for run in self._runs.values() if run.status not in ENDED)

    async def forget(self, *, before: float, limit: int) -> list[str]:
        """See `RunStore.forget`."""
        old = [
            run_id
            for run_id, run in self._runs.items()
            if run.finished_at is not None and run.finished_at < before
        ][:limit]
        await self.erase(old)
        return old

    async def has_erased(self) -> bool:
        """See `RunStore.has_erased`."""
        return any(run.finished_at == 0 for run in self._runs.values())

    async def erase(self, run_ids: Sequence[str]) -> None:
        """See `RunStore.erase`."""
        for run_id in run_ids:
            self._runs.pop(run_id, None)
            self._events.pop(run_id, None)
        self._commands = [command for command in self._commands if command.run_id not in run_ids]

    def _append(self, run_id: str, drafts: Sequence[Draft]) -> bool:
        events = self._events[run_id]
        before = len(events)
        for draft in drafts:
            if draft.once is not None:
                if (run_id, draft.once) in self._happened:
                    continue
                self._happened.add((run_id, draft.once))
            events.append(
                RunEvent(
                    seq=len(events) + 1,
                    run_id=run_id,
                    type=draft.type,
                    at=self.clock() if draft.at is None else draft.at,
                    step_id=draft.step_id,
                    attempt=draft.attempt,
                    data=draft.data,
                )
            )
        return len(events) > before


def _small(run: Run) -> Run:
    request = msgspec.structs.replace(run.request, input=None)
    return msgspec.structs.replace(run, request=request, output=None)
