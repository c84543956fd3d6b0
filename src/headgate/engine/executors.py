"""Which of the processes that share a PostgreSQL database are alive.

Each has a row with its name, and holds an advisory lock of that name for as long as its connection
lives; PostgreSQL frees it when the process dies. The others try the locks again and again: whoever
gets one knows that its owner is gone, has its work recovered, and removes the row. A process that
only lost its connection finds its work taken, which DBOS's fencing makes harmless, and is counted
again as soon as its lock is free.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import sqlalchemy as sa

ROUND_SECONDS = 1.0
# What a connection knows of itself, for as long as it lives: whether it holds this process's lock.
_COUNTS = "headgate counts"

_LOG = logging.getLogger(__name__)
_TABLE = (
    "CREATE TABLE IF NOT EXISTS headgate_executors"
    " (executor_id TEXT PRIMARY KEY, started_at TIMESTAMPTZ NOT NULL DEFAULT now())"
)
_TRY = sa.text("SELECT pg_try_advisory_lock(hashtextextended(:name, 0))")
_FREE = sa.text("SELECT pg_advisory_unlock(hashtextextended(:name, 0))")
_JOIN = sa.text(
    "INSERT INTO headgate_executors (executor_id) VALUES (:name) ON CONFLICT DO NOTHING"
)
_OTHERS = sa.text("SELECT executor_id FROM headgate_executors WHERE executor_id <> :name")
_REMOVE = sa.text("DELETE FROM headgate_executors WHERE executor_id = :name")
# Two processes that start at once would both make the table, and one of them fail.
_ONE_AT_A_TIME = sa.text("SELECT pg_advisory_xact_lock(hashtextextended('headgate_executors', 0))")


@dataclass(frozen=True, slots=True)
class Executors:
    """This process among the others."""

    database: sa.Engine
    executor_id: str
    round_seconds: float = ROUND_SECONDS

    @contextlib.asynccontextmanager
    async def watching(self, recover: Callable[[str], Awaitable[None]]) -> AsyncIterator[None]:
        """Be counted as alive, and have `recover` called with the name of each dead process."""
        connection = await asyncio.to_thread(self._join)
        watcher = asyncio.create_task(self._watch(connection, recover))
        try:
            yield
        finally:
            watcher.cancel()
            await asyncio.wait([watcher])

    def _join(self) -> sa.Connection:
        connection = self.database.connect().execution_options(isolation_level="AUTOCOMMIT")
        with self.database.begin() as transaction:
            transaction.execute(_ONE_AT_A_TIME)
            transaction.execute(sa.text(_TABLE))
        self._be_counted(connection)
        return connection

    def _be_counted(self, connection: sa.Connection) -> None:
        """Hold this process's lock and have its row, unless another one is just burying it."""
        name = {"name": self.executor_id}
        if not connection.info.get(_COUNTS) and connection.execute(_TRY, name).scalar():
            connection.execute(_JOIN, name)
            connection.info[_COUNTS] = True

    async def _watch(
        self, connection: sa.Connection, recover: Callable[[str], Awaitable[None]]
    ) -> None:
        try:
            while True:
                try:
                    for name in await asyncio.to_thread(self._take_dead, connection):
                        await recover(name)
                        await asyncio.to_thread(self._bury, connection, name)
                except sa.exc.SQLAlchemyError:
                    _LOG.warning("the database of agent runs is away", exc_info=True)
                    connection = await self._come_back(connection)
                await asyncio.sleep(self.round_seconds)
        finally:
            # Closed for good, not given back: its locks end with it.
            connection.invalidate()
            connection.close()

    async def _come_back(self, connection: sa.Connection) -> sa.Connection:
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            connection.invalidate()
        with contextlib.suppress(sa.exc.SQLAlchemyError):
            connection = await asyncio.to_thread(self._join)
        return connection

    def _take_dead(self, connection: sa.Connection) -> list[str]:
        """The names of the dead, whose locks this process holds now."""
        self._be_counted(connection)
        others = connection.execute(_OTHERS, {"name": self.executor_id}).scalars().all()
        return [name for name in others if connection.execute(_TRY, {"name": name}).scalar()]

    def _bury(self, connection: sa.Connection, name: str) -> None:
        connection.execute(_REMOVE, {"name": name})
        connection.execute(_FREE, {"name": name})
