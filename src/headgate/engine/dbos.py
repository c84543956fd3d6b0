"""DBOS behind the port of durable execution: in this process, on SQLite or PostgreSQL.

A run's own thread is a workflow under the run's id, which DBOS's queue hands to one of the
processes that share the database; its branches are child workflows. Every workflow is one and the
same function, and what it works on is its input, so that a later release goes on with the runs of
an earlier one. Checkpoints are JSON, not pickles, for the same reason.

DBOS begins again by itself what a process of the same name had begun. Where several processes
share a database, `engine/executors.py` finds out which of them are gone.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import sqlalchemy as sa
from dbos import DBOS, DBOSClient, DBOSConfig, DBOSPortableJSONSerializer, SetWorkflowID
from dbos import error as dbos_errors

from headgate.core.durable import Displaced, Diverged, Perform
from headgate.core.errors import Overloaded

NAME = "headgate"
WORKFLOW = "headgate.thread"
QUEUE = "headgate.runs"
# Runs of any release go on under any other, which sees for itself whether it can.
APPLICATION_VERSION = "1"
POLL_SECONDS = 0.1
REAP_SECONDS = 30.0
# Each call is short: a read or a write of a checkpoint.
THREADS = 8

_LOG = logging.getLogger(__name__)
_ENGINE_FAILURES = (
    dbos_errors.DBOSException,
    dbos_errors.DBOSBaseException,
    sa.exc.SQLAlchemyError,
)
# Who raises these lets go of a workflow, and waits for what its new owner makes of it.
_TAKEN = (dbos_errors.DBOSWorkflowConflictIDError, dbos_errors.DBOSWorkflowCancelledError)

ThreadFunction: TypeAlias = Callable[[str, str, str], Coroutine[Any, Any, str]]
Recover: TypeAlias = Callable[[str], Awaitable[None]]
Fellows: TypeAlias = Callable[[Recover], AbstractAsyncContextManager[None]]
"""While it is entered, calls its argument with the name of each process that is found dead."""


@contextlib.asynccontextmanager
async def no_fellows(_recover: Recover) -> AsyncIterator[None]:
    """For a process that has the database to itself."""
    yield


@dataclass(slots=True)
class DbosEngine:
    """`Engine` by DBOS, of which there is one in a process.

    Attributes:
        database: where checkpoints are kept.
        executor_id: this process's name among those that use the database; what a dead process of
            the same name had begun goes on here.
        most_at_once: how many runs are in memory at a time; others stay queued.
        fellows: finds dead processes among those that share the database.
        reap_seconds: how often it is looked for threads that have ended without an ending.
    """

    database: sa.Engine
    executor_id: str
    most_at_once: int
    fellows: Fellows = no_fellows
    reap_seconds: float = REAP_SECONDS
    _thread: ThreadFunction | None = None
    # Two may be at one thread here: one that has lost it and does not know yet, and its successor.
    _tasks: dict[asyncio.Task[Any], str] = field(default_factory=dict)
    _stack: contextlib.AsyncExitStack = field(default_factory=contextlib.AsyncExitStack)
    _is_closing: bool = False

    async def start(self, perform: Perform) -> None:
        """See `Engine.start`."""

        async def thread(run_id: str, path: str, body: str) -> str:
            task = asyncio.current_task()
            if task is None or self._is_closing:
                raise asyncio.CancelledError  # nothing is recorded: it goes on another time
            self._tasks[task] = _workflow_id(run_id, path)
            try:
                return await perform(DbosThread(run_id, path, self), body)
            except Displaced as displaced:
                if isinstance(displaced.__cause__, _TAKEN):
                    raise displaced.__cause__ from None
                # Any other failure DBOS would keep as what came of the thread: nobody went on.
                raise asyncio.CancelledError from None
            finally:
                del self._tasks[task]

        config: DBOSConfig = {
            "name": NAME,
            "system_database_url": self.database.url.render_as_string(hide_password=False),
            "system_database_engine": self.database,
            "executor_id": self.executor_id,
            "application_version": APPLICATION_VERSION,
            "serializer": DBOSPortableJSONSerializer(),
            "max_executor_threads": THREADS,
            "log_level": "CRITICAL",  # what fails is told by those who asked for it
        }
        try:
            await asyncio.to_thread(self._prepare)
            DBOS(config=config)
            self._thread = DBOS.workflow(name=WORKFLOW, max_recovery_attempts=None)(thread)
            DBOS.launch()
        except _ENGINE_FAILURES as error:
            raise _unusable(error) from error
        reaper = asyncio.create_task(self._reap())
        self._stack.callback(reaper.cancel)
        await self._stack.enter_async_context(self.fellows(self._recover))

    async def submit(self, run_id: str, body: str) -> None:
        """See `Engine.submit`."""
        try:
            with SetWorkflowID(run_id):
                await DBOS.enqueue_workflow_async(QUEUE, self._function, run_id, "", body)
        except _ENGINE_FAILURES as error:
            raise _unusable(error) from error

    async def forget(self, run_ids: Sequence[str]) -> None:
        """See `Engine.forget`."""
        try:
            await DBOS.delete_workflows_async(list(run_ids), delete_children=True)
        except _ENGINE_FAILURES as error:
            raise _unusable(error) from error

    async def aclose(self) -> None:
        """See `Engine.aclose`."""
        self._is_closing = True
        await self._stack.aclose()
        if self._thread is None:
            return
        tasks = list(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        # Its threads may be waiting for this loop.
        await asyncio.to_thread(DBOS.destroy, destroy_registry=True)
        # It had put its own in this place.
        asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor())
        await asyncio.to_thread(self.database.dispose)

    async def begin(self, run_id: str, path: str, body: str) -> str:
        """What another thread returns, which becomes a child of the workflow that calls this."""
        with SetWorkflowID(_workflow_id(run_id, path)):
            handle = await DBOS.start_workflow_async(self._function, run_id, path, body)
        return await handle.get_result(polling_interval_sec=POLL_SECONDS)

    def _prepare(self) -> None:
        """Make DBOS's tables and our queue; blocks.

        DBOS would make the tables when it is launched, which is to happen in the event loop. A
        queue that is there by then is served at once, a later one when DBOS looks for new ones.
        """
        DBOS.migrate(self.database.url.render_as_string(hide_password=False))
        client = DBOSClient(system_database_engine=self.database, application_name=NAME)
        try:
            client.register_queue(
                QUEUE, worker_concurrency=self.most_at_once, polling_interval_sec=POLL_SECONDS
            )
        finally:
            client.destroy()

    @property
    def _function(self) -> ThreadFunction:
        if self._thread is None:
            raise RuntimeError("the engine was not started")
        return self._thread

    async def _recover(self, executor_id: str) -> None:
        """Take over what a dead process was working on."""
        found = await DBOS.list_workflows_async(
            status="PENDING", executor_id=executor_id, load_input=False, load_output=False
        )
        if found:
            _LOG.warning("%d threads of agent runs go on here: %s is gone", len(found), executor_id)
            await DBOS.resume_workflows_async(
                [item.workflow_id for item in found], queue_name=QUEUE
            )

    async def _reap(self) -> None:
        """Begin again what is this process's to do and is not being done.

        An outage of the database, or a fault of ours, can end a thread without an ending.
        """
        suspects: set[str] = set()
        while True:
            await asyncio.sleep(self.reap_seconds)
            try:
                found = await DBOS.list_workflows_async(
                    status="PENDING",
                    executor_id=self.executor_id,
                    load_input=False,
                    load_output=False,
                )
                idle = {item.workflow_id for item in found}.difference(self._tasks.values())
                # One that is only just beginning is idle once, not twice.
                if lost := list(idle & suspects):
                    await DBOS.resume_workflows_async(lost, queue_name=QUEUE)
                suspects = idle
            except _ENGINE_FAILURES:
                _LOG.exception("lost agent runs cannot be looked for")


@dataclass(frozen=True, slots=True)
class DbosThread:
    """`Thread` as a workflow of DBOS."""

    run_id: str
    path: str
    engine: DbosEngine

    async def step(self, name: str, work: Callable[[], Awaitable[str]]) -> str:
        """See `Thread.step`."""

        async def done() -> str:
            return await work()

        try:
            return await DBOS.run_step_async({"name": name}, done)
        except dbos_errors.DBOSUnexpectedStepError as error:
            raise Diverged(str(error)) from error
        except _ENGINE_FAILURES as error:
            raise Displaced from error

    async def branch(self, number: int, body: str) -> str:
        """See `Thread.branch`."""
        path = f"{self.path}.{number}" if self.path else str(number)
        try:
            return await self.engine.begin(self.run_id, path, body)
        except dbos_errors.DBOSUnexpectedStepError as error:
            raise Diverged(str(error)) from error
        except _ENGINE_FAILURES as error:
            raise Displaced from error


def _workflow_id(run_id: str, path: str) -> str:
    return f"{run_id}/{path}" if path else run_id


def _unusable(error: BaseException) -> Overloaded:
    _LOG.error("the database of agent runs failed", exc_info=error)
    return Overloaded("the database of agent runs cannot be used; see the log of the server")
