"""Engines for tests: one in memory, and the real one on SQLite and PostgreSQL."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from headgate.core.durable import Diverged, Perform


@dataclass
class MemoryEngine:
    """`Engine` whose checkpoints outlive it when they are handed to another one.

    Closing it stands for the death of its process.
    """

    results: dict[tuple[str, str, int, str], str] = field(default_factory=dict)
    submitted: dict[str, str] = field(default_factory=dict)
    finished: dict[str, str] = field(default_factory=dict)
    _tasks: dict[str, asyncio.Task[None]] = field(default_factory=dict)
    forgot: asyncio.Event = field(default_factory=asyncio.Event)
    _perform: Perform | None = None

    async def start(self, perform: Perform) -> None:
        self._perform = perform
        for run_id in self.submitted:
            self._begin(run_id)

    async def submit(self, run_id: str, body: str) -> None:
        if run_id not in self.submitted:
            self.submitted[run_id] = body
            self._begin(run_id)

    async def forget(self, run_ids: list[str]) -> None:
        for run_id in run_ids:
            self.submitted.pop(run_id, None)
        self.forgot.set()

    async def aclose(self) -> None:
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def ended(self, run_id: str) -> str:
        """What a run's own thread returned, once it has."""
        await self._tasks[run_id]
        return self.finished[run_id]

    async def perform(self, run_id: str, path: str, body: str) -> str:
        assert self._perform is not None
        return await self._perform(MemoryThread(run_id, path, self), body)

    def _begin(self, run_id: str) -> None:
        if run_id not in self.finished:
            self._tasks[run_id] = asyncio.create_task(self._run(run_id))

    async def _run(self, run_id: str) -> None:
        self.finished[run_id] = await self.perform(run_id, "", self.submitted[run_id])


@dataclass
class MemoryThread:
    run_id: str
    path: str
    engine: MemoryEngine
    _steps: int = 0

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> str:
        self._steps += 1
        key = (self.run_id, self.path, self._steps, name)
        if key not in self.engine.results:
            if any(key[:3] == other[:3] for other in self.engine.results):
                raise Diverged(name)
            self.engine.results[key] = await work()
        return self.engine.results[key]

    async def branch(self, number: int, body: str) -> str:
        path = f"{self.path}.{number}" if self.path else str(number)
        key = (self.run_id, path, 0, "")
        if key not in self.engine.results:
            self.engine.results[key] = await self.engine.perform(self.run_id, path, body)
        return self.engine.results[key]
