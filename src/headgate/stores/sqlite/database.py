"""One process's access to the database: a writer, and a few readers beside it."""

import asyncio
import os
import queue
import sqlite3
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from headgate.core.errors import Overloaded
from headgate.stores.sqlite.connection import connect, is_outage, overloaded
from headgate.stores.sqlite.schema import MIGRATIONS, Migrations, migrate
from headgate.stores.sqlite.writer import Writer

T = TypeVar("T")


class Readers:
    """Runs questions in threads of their own, each on one snapshot of the database."""

    def __init__(self, path: str | os.PathLike[str], *, count: int) -> None:
        self._connections: list[sqlite3.Connection] = []
        self._idle: queue.SimpleQueue[sqlite3.Connection] = queue.SimpleQueue()
        for _ in range(count):
            connection = connect(path)
            connection.execute("PRAGMA query_only = ON")
            self._connections.append(connection)
            self._idle.put(connection)
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="sqlite-reader")

    async def run(self, question: Callable[[sqlite3.Connection], T]) -> T:
        """What `question` returns; it sees every write that was acknowledged before.

        Raises:
            Overloaded: the database failed, or is closed.
        """
        loop = asyncio.get_running_loop()
        try:
            answer = loop.run_in_executor(self._threads, self._ask, question)
        except RuntimeError:
            raise Overloaded("The database is closed; the server is stopping.") from None
        return await answer

    async def close(self) -> None:
        """Wait for the questions under way, then close."""
        await asyncio.to_thread(self._threads.shutdown)
        while self._connections:
            self._connections.pop().close()

    def _ask(self, question: Callable[[sqlite3.Connection], T]) -> T:
        # There are as many connections as threads, so one is always idle here.
        connection = self._idle.get()
        try:
            connection.execute("BEGIN")
            return question(connection)
        except sqlite3.Error as error:
            if is_outage(error):
                raise overloaded(error) from error
            raise
        finally:
            if connection.in_transaction:
                connection.execute("ROLLBACK")
            self._idle.put(connection)


class Database:
    """An open database; the stores share one in a process."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        power_safe: bool = False,
        readers: int = 2,
        migrations: Migrations = MIGRATIONS,
    ) -> None:
        """Open and migrate the database at `path`.

        Raises:
            NewerDatabase: the file is from a later release.
            Overloaded: the file cannot be opened or written.
        """
        migrate(path, migrations)
        try:
            self.readers = Readers(path, count=readers)
            self.writer = Writer(connect(path, power_safe=power_safe))
        except sqlite3.Error as error:
            raise overloaded(error) from error

    async def check(self) -> None:
        """Ask the database for something, as a health check does.

        Raises:
            Overloaded: it does not answer.
        """
        await self.readers.run(lambda connection: connection.execute("SELECT 1").fetchone())

    async def close(self) -> None:
        """Commit what is waiting and let go of the file."""
        await self.writer.close()
        await self.readers.close()
