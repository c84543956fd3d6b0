"""An event loop in a thread of its own, so that work goes on while a person thinks.

The platform renews its leases on this loop; were it to stand still at a prompt, other processes
would take this one for dead.
"""

import asyncio
import threading
from collections.abc import Coroutine
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Any, Self, TypeVar

T = TypeVar("T")

CLEANUP_SECONDS = 10


class BackgroundLoop:
    """Runs coroutines for a thread that may block; leaving it closes what was entered."""

    def __enter__(self) -> Self:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._leave = asyncio.Event()
        self._holder: asyncio.Task[None] | None = None
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        try:
            self.run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """The result of `work`; an interrupt of this thread cancels it and is raised again."""
        tasks: list[asyncio.Task[T]] = []
        ended = threading.Event()

        def begin() -> None:
            tasks.append(self._loop.create_task(work))
            tasks[0].add_done_callback(lambda _: ended.set())

        def stop() -> None:
            for task in tasks:
                task.cancel()
            if not tasks:
                ended.set()

        try:
            self._loop.call_soon_threadsafe(begin)
            ended.wait()
        except KeyboardInterrupt:
            self._loop.call_soon_threadsafe(stop)
            # What is cancelled still prints and gives things back; let it, before we go on.
            ended.wait(CLEANUP_SECONDS)
            raise
        return tasks[0].result()

    def enter(self, context: AbstractAsyncContextManager[T]) -> T:
        """Enter a context that stays open until this loop ends; once."""
        return self.run(self._enter(context))

    async def _enter(self, context: AbstractAsyncContextManager[T]) -> T:
        entered: asyncio.Future[T] = self._loop.create_future()
        holder = asyncio.ensure_future(self._hold(context, entered))
        either: set[asyncio.Future[Any]] = {holder, entered}
        await asyncio.wait(either, return_when=asyncio.FIRST_COMPLETED)
        if not entered.done():
            await holder
        self._holder = holder
        return entered.result()

    async def _hold(
        self, context: AbstractAsyncContextManager[T], entered: asyncio.Future[T]
    ) -> None:
        # One task enters and leaves: task groups and time-outs inside refuse anything else.
        async with context as value:
            entered.set_result(value)
            await self._leave.wait()

    async def _close(self) -> None:
        self._leave.set()
        if self._holder is not None:
            await self._holder
