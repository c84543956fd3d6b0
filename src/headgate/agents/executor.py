"""The process's part in working on runs: whether it does, from when on, and what keeps it going.

Where only one process may use the engine's database, whoever holds the office works; the others
write down what is asked of runs, and read what happens in them. The engine, which is heavy, is
loaded when there is something to work on; where runs are all that a process is for, before that.

New runs are found in the store or, where there is a queue, announced by it. The queue only tells of
them: what it loses is found in the store once it has nothing to tell.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field

from headgate.agents.control import Controls
from headgate.agents.performer import Performer
from headgate.core.durable import Engine
from headgate.core.errors import HeadgateError
from headgate.core.run_queue import RunQueue, Ticket
from headgate.core.runs import RunStore

AGAIN_SECONDS = 5.0
BATCH = 200
FORGET_SECONDS = 60.0
FORGET_BATCH = 50
TICKETS = 10
SWEEP_SECONDS = 60.0

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Executor:
    """Works on runs in the background, from `running` on.

    Attributes:
        office: entered once this process may work; it may take long.
        load: makes the engine, outside of the event loop where that takes long.
        is_eager: whether to look for the runs of others; else only one that is submitted here, by
            `nudge`, begins the work.
        is_warm: whether the engine is loaded before there is work for it.
        kept_seconds: how long ended runs are kept; None means for ever.
        round_seconds: how often it looks for what other processes wrote.
        queue: what tells of new runs; without it they are looked for in each round.
        most_at_once: so many runs are worked on here before no more is taken from the queue, which
            leaves them to others.
    """

    store: RunStore
    controls: Controls
    performer: Performer
    office: Callable[[], AbstractAsyncContextManager[None]]
    load: Callable[[], Awaitable[Engine]]
    is_eager: bool = True
    is_warm: bool = False
    kept_seconds: float | None = None
    clock: Callable[[], float] = field(default=lambda: 0.0)
    round_seconds: float = 0.25
    queue: RunQueue | None = None
    most_at_once: int = 1000
    _nudged: asyncio.Event = field(default_factory=asyncio.Event)
    _engine: Engine | None = None
    _forgot_at: float = float("-inf")
    _swept_at: float = float("-inf")

    def nudge(self) -> None:
        """Look now: a run was started or told something here."""
        self._nudged.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Work for the length of the block; what is unfinished then goes on another time."""
        task = asyncio.create_task(self._work())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])

    async def _work(self) -> None:
        if not self.is_eager:
            await self._nudged.wait()
        while True:
            try:
                async with self.office():
                    await self._serve()
            except HeadgateError as error:
                _LOG.warning("agent runs stand still: %s", error.message)
            except Exception:  # noqa: BLE001 - a task's rim: without it no run would ever go on
                _LOG.exception("agent runs stand still")
            await asyncio.sleep(AGAIN_SECONDS)

    async def _serve(self) -> None:
        taking: asyncio.Task[None] | None = None
        try:
            while True:
                self._nudged.clear()
                if self._engine is None and (self.is_warm or await self._has_work()):
                    self._engine = await self.load()
                    await self._engine.start(self.performer)
                    if self.queue is not None:
                        taking = asyncio.create_task(self._take(self._engine, self.queue))
                if self._engine is not None:
                    await self._round(self._engine)
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(self.round_seconds):
                        await self._nudged.wait()
        finally:
            if taking is not None:
                taking.cancel()
                await asyncio.wait([taking])
            if self._engine is not None:
                engine, self._engine = self._engine, None
                await engine.aclose()

    async def _take(self, engine: Engine, queue: RunQueue) -> None:
        """Take from the queue for as long as this process works."""
        while True:
            room = self.most_at_once - self.controls.count
            if room <= 0:
                await asyncio.sleep(self.round_seconds)
                continue
            try:
                tickets = await queue.take(min(room, TICKETS))
                for ticket in tickets:
                    await self._submit(engine, queue, ticket)
                if not tickets:
                    await self._sweep(engine)
            except HeadgateError as error:
                _LOG.warning("the queue of agent runs stands still: %s", error.message)
                await asyncio.sleep(AGAIN_SECONDS)
            except Exception:  # noqa: BLE001 - a task's rim: without it no run would ever be taken
                _LOG.exception("the queue of agent runs stands still")
                await asyncio.sleep(AGAIN_SECONDS)

    async def _submit(self, engine: Engine, queue: RunQueue, ticket: Ticket) -> None:
        """Give a run to the engine, if none has it; until then the queue keeps its ticket."""
        if await self.store.claim(ticket.run_id):
            await engine.submit(ticket.run_id, "")
            await self.store.submitted([ticket.run_id])
        await queue.done(ticket)

    async def _sweep(self, engine: Engine) -> None:
        """Find what the queue has lost: it has nothing to tell, so what still waits is that."""
        now = self.clock()
        if now - self._swept_at >= SWEEP_SECONDS:
            self._swept_at = now
            await self._submit_waiting(engine)

    async def _submit_waiting(self, engine: Engine) -> None:
        while waiting := await self.store.unsubmitted(BATCH):
            for run_id in waiting:
                await engine.submit(run_id, "")
            await self.store.submitted(waiting)

    async def _has_work(self) -> bool:
        return bool(await self.store.counts()) or await self.store.has_erased()

    async def _round(self, engine: Engine) -> None:
        await self.controls.update()
        if self.queue is None:
            await self._submit_waiting(engine)
        now = self.clock()
        if now - self._forgot_at >= FORGET_SECONDS:
            self._forgot_at = now
            # What a user's data are deleted for goes in any case; see `RunStore.has_erased`.
            before = 1.0 if self.kept_seconds is None else now - self.kept_seconds
            if old := await self.store.forget(before=before, limit=FORGET_BATCH):
                await engine.forget(old)
