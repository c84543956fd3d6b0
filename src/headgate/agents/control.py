"""What runs are told while they work: to stop, to pause, to go on, and what somebody decided.

Commands lie in the store, so that any process can give them and none is lost with one. The process
that works on a run reads them at once where they were given here, and a moment later elsewhere.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any, TypeVar

from headgate.core.runs import Command, RunStore

T = TypeVar("T")


class RunCancelled(Exception):
    """Somebody does not want the run any more."""


@dataclass(slots=True)
class Control:
    """What one run was told, as far as this process knows."""

    clock: Callable[[], float] = time.time
    _is_paused: bool = False
    _cancelled: asyncio.Event = field(default_factory=asyncio.Event)
    _decisions: dict[str, Command] = field(default_factory=dict)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)
    _last: int = 0

    def take(self, command: Command) -> None:
        """Obey a command; one that was taken before changes nothing."""
        if command.number <= self._last:
            return
        self._last = command.number
        if command.kind == "cancel":
            self._cancelled.set()
        elif command.kind == "decide":
            self._decisions[command.step_id or ""] = command
        else:
            self._is_paused = command.kind == "pause"
        self._changed.set()
        self._changed = asyncio.Event()

    async def go(self) -> float:
        """Return when the run may go on; gives the seconds for which it was paused.

        Raises:
            RunCancelled: it may not.
        """
        began = self.clock()
        while self._is_paused and not self._cancelled.is_set():
            await self._changed.wait()
        if self._cancelled.is_set():
            raise RunCancelled
        return self.clock() - began

    async def decision(self, step_id: str) -> Command:
        """What was decided on a step, once somebody has.

        Raises:
            RunCancelled: nobody needs to any more.
        """
        while step_id not in self._decisions:
            if self._cancelled.is_set():
                raise RunCancelled
            await self._changed.wait()
        return self._decisions[step_id]

    async def unless_cancelled(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`, which is stopped when the run is cancelled.

        Raises:
            RunCancelled: it was.
        """
        task = asyncio.ensure_future(work)
        watcher = asyncio.ensure_future(self._cancelled.wait())
        either: set[asyncio.Future[Any]] = {task, watcher}
        try:
            await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
            if task.done():
                return task.result()
            raise RunCancelled
        finally:
            watcher.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait([task])


@dataclass(slots=True)
class Controls:
    """The controls of all runs that this process works on."""

    store: RunStore
    clock: Callable[[], float] = time.time
    _active: dict[str, Control] = field(default_factory=dict)
    _users: dict[str, int] = field(default_factory=dict)
    _last: int | None = None

    @property
    def count(self) -> int:
        """How many runs this process works on."""
        return len(self._active)

    @contextlib.asynccontextmanager
    async def of(self, run_id: str) -> AsyncIterator[Control]:
        """The control of a run, the same for all of its threads here, kept up to date."""
        control = self._active.setdefault(run_id, Control(self.clock))
        self._users[run_id] = self._users.get(run_id, 0) + 1
        try:
            for command in await self.store.commands_of(run_id):
                control.take(command)
            yield control
        finally:
            self._users[run_id] -= 1
            if not self._users[run_id]:
                del self._users[run_id], self._active[run_id]

    async def update(self) -> None:
        """Hand on the commands that have come since the last time.

        Where nothing is worked on here nobody is asked: a run begins with all commands to it.
        """
        if not self._active:
            self._last = None
            return
        if self._last is None:
            self._last = await self.store.last_command()
            for run_id in list(self._active):
                for command in await self.store.commands_of(run_id):
                    self._hand_on(command)
        for command in await self.store.commands(after=self._last):
            self._last = command.number
            self._hand_on(command)

    def _hand_on(self, command: Command) -> None:
        control = self._active.get(command.run_id)
        if control is not None:
            control.take(command)
