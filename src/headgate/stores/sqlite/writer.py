"""The one thread of a process that writes to the database.

Greedy group commit: the thread takes whatever is waiting, runs it in one transaction, commits, and
only then tells those who wait; what arrives meanwhile is the next batch. So an idle process commits
at once and a busy one commits rarely, and no timer is involved. What one turn of the event loop
brings is handed over together, since waking the thread costs more than most commands.

A batch runs without savepoints first, since they cost more than most commands. If one of its
commands fails, nothing of it is kept and the batch runs again with a savepoint around each, so that
only the guilty one fails; a command must therefore do nothing but use the connection it is given.

A command runs even when nobody waits for it any more: the work it records was done.
"""

import asyncio
import logging
import queue
import sqlite3
import threading
import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

from headgate.core.errors import Overloaded
from headgate.stores.sqlite.connection import BUSY_SECONDS, is_busy, is_outage, overloaded

T = TypeVar("T")
Item = TypeVar("Item")

LARGEST_BATCH = 512
"""A transaction takes no more once it has so many commands: other processes get their turn."""

_log = logging.getLogger(__name__)
_ALONE = object()


class _Command(NamedTuple):
    """`work(connection)`, or `work(connection, items)` with its neighbours' items."""

    work: Callable[..., Any]
    item: Any
    future: asyncio.Future[Any]


class _Outcome(NamedTuple):
    result: Any = None
    error: Exception | None = None


_DONE = _Outcome()


class Writer:
    """Runs commands on a connection of its own, many in one transaction."""

    def __init__(
        self, connection: sqlite3.Connection, *, busy_seconds: float = BUSY_SECONDS
    ) -> None:
        """Take over `connection`, which nobody else may use from now on.

        Args:
            connection: where to write.
            busy_seconds: how long a batch waits for writers of other processes.
        """
        self._connection = connection
        self._busy_seconds = busy_seconds
        # `_begin` waits in its own way, and no other statement of a writer meets a lock.
        connection.execute("PRAGMA busy_timeout = 0")
        self._queue: queue.SimpleQueue[list[_Command] | None] = queue.SimpleQueue()
        # What has come in the running turn of each event loop.
        self._arrived: dict[asyncio.AbstractEventLoop, list[_Command]] = {}
        self._closed = False
        # Keeps a command from slipping in behind the last one that the thread takes.
        self._entrance = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="sqlite-writer", daemon=True)
        self._thread.start()

    async def run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns, once it is committed.

        Raises:
            Overloaded: the database failed, or the writer is closed.
        """
        result: T = await self._submit(work, _ALONE)
        return result

    def append(
        self, work: Callable[[sqlite3.Connection, Sequence[Item]], None], item: Item
    ) -> asyncio.Future[None]:
        """Commit `item`, in one call of `work` with all its neighbours that name the same `work`.

        The future raises `Overloaded` where the database failed, or the writer is closed.
        """
        return self._submit(work, item)

    async def close(self) -> None:
        """Commit what is waiting, then end the thread; calling again does nothing."""
        with self._entrance:
            if not self._closed:
                self._closed = True
                for loop in list(self._arrived):
                    self._queue.put(self._arrived.pop(loop))
                self._queue.put(None)
        await asyncio.to_thread(self._thread.join)

    def _submit(self, work: Callable[..., Any], item: object) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future = loop.create_future()
        with self._entrance:
            if self._closed:
                future.set_exception(Overloaded("The database is closed; the server is stopping."))
                return future
            arrived = self._arrived.get(loop)
            if arrived is None:
                arrived = self._arrived[loop] = []
                loop.call_soon(self._hand_over, loop)
            arrived.append(_Command(work, item, future))
        return future

    def _hand_over(self, loop: asyncio.AbstractEventLoop) -> None:
        with self._entrance:
            commands = self._arrived.pop(loop, [])
            for start in range(0, len(commands), LARGEST_BATCH):
                self._queue.put(commands[start : start + LARGEST_BATCH])

    def _run(self) -> None:
        batch: list[_Command] = []
        try:
            while self._take(batch):
                _tell(batch, self._commit(batch))
                batch = []
        finally:
            # Reached with work left only when something broke that no command can cause, such as
            # a lack of memory. Nobody may wait for a thread that is gone.
            with self._entrance:
                self._closed = True
                for loop in list(self._arrived):
                    batch += self._arrived.pop(loop)
            while not self._queue.empty():
                batch += self._queue.get() or ()
            _tell(batch, [_Outcome(error=_stopped()) for _ in batch])
            self._connection.close()

    def _take(self, batch: list[_Command]) -> bool:
        """Fill `batch` with what is waiting, at least one command; False at the end of all."""
        while (commands := self._queue.get()) is not None:
            batch += commands
            if len(batch) >= LARGEST_BATCH or self._queue.empty():
                return True
        if batch:
            # The end was behind this batch: meet it again after it.
            self._queue.put(None)
        return bool(batch)

    def _commit(self, batch: list[_Command]) -> list[_Outcome]:
        """Run `batch` durably, or as much of it as can be; one outcome per command."""
        try:
            self._begin()
            try:
                outcomes = self._together(batch)
            except Exception as error:  # noqa: BLE001 - a command may raise anything; see below
                self._roll_back()
                if len(batch) == 1 or is_outage(error):
                    return _all_failed(batch, error)
                self._begin()
                outcomes = self._one_by_one(batch)
            self._connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - the thread's rim: whoever waits is told
            self._roll_back()
            return _all_failed(batch, error)
        return outcomes

    def _begin(self) -> None:
        """Take the write lock of the file.

        SQLite's own waiting sleeps up to 100 ms between two tries, which would starve a process
        beside a busy one; and it does not wait at all where that might be a deadlock.
        """
        deadline = time.monotonic() + self._busy_seconds
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
            except sqlite3.OperationalError as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.0005)
            else:
                return

    def _together(self, batch: list[_Command]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        while len(outcomes) < len(batch):
            start = end = len(outcomes)
            work, item, _ = batch[start]
            if item is _ALONE:
                outcomes.append(_Outcome(work(self._connection)))
                continue
            while end < len(batch) and batch[end].work is work and batch[end].item is not _ALONE:
                end += 1
            work(self._connection, [command.item for command in batch[start:end]])
            outcomes.extend([_DONE] * (end - start))
        return outcomes

    def _one_by_one(self, batch: list[_Command]) -> list[_Outcome]:
        outcomes: list[_Outcome] = []
        for command in batch:
            self._connection.execute("SAVEPOINT command")
            try:
                outcomes += self._together([command])
            except Exception as error:
                # An outage may have undone the commands before this one as well.
                if is_outage(error) or not self._connection.in_transaction:
                    raise
                self._connection.execute("ROLLBACK TO command")
                outcomes.append(_Outcome(error=error))
            self._connection.execute("RELEASE command")
        return outcomes

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            try:
                self._connection.execute("ROLLBACK")
            except sqlite3.Error:
                _log.exception("A transaction could not be rolled back")


def _all_failed(batch: list[_Command], error: Exception) -> list[_Outcome]:
    if len(batch) == 1 and not is_outage(error):
        return [_Outcome(error=error)]
    _log.error("A batch of %d writes failed", len(batch), exc_info=error)
    # An error of its own for each: they are raised in different tasks.
    return [_Outcome(error=overloaded(error)) for _ in batch]


def _stopped() -> Overloaded:
    return Overloaded("The database stopped unexpectedly; see the log of the server.")


def _tell(batch: list[_Command], outcomes: list[_Outcome]) -> None:
    """Wake everybody who waits, with one call into each event loop."""
    waiting: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[Any], _Outcome]]] = {}
    for command, outcome in zip(batch, outcomes, strict=True):
        waiting.setdefault(command.future.get_loop(), []).append((command.future, outcome))
    for loop, pairs in waiting.items():
        try:
            loop.call_soon_threadsafe(_deliver, pairs)
        except RuntimeError:
            # The loop is closed, and with it everybody who could have waited.
            for _, outcome in pairs:
                _log_unheard(outcome)


def _deliver(pairs: list[tuple[asyncio.Future[Any], _Outcome]]) -> None:
    for future, (result, error) in pairs:
        if future.done():
            _log_unheard(_Outcome(result, error))
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)


def _log_unheard(outcome: _Outcome) -> None:
    if outcome.error is not None:
        _log.error("A write failed after its caller had left", exc_info=outcome.error)
