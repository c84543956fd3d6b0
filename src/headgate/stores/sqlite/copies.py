"""Copies of databases that others write to, all as of one moment.

For an instant nobody may write to any of them; in it every copy's snapshot is taken. So a call that
one of them knows of is not missing in another. What is written afterwards is not in the copies, and
waits for nothing.
"""

import contextlib
import sqlite3
from collections.abc import Iterator, Mapping
from pathlib import Path

from headgate.stores.sqlite.connection import is_outage, overloaded

LOCK_SECONDS = 30.0
"""How long a transaction of another process may take before its end is not waited for."""


def copy_together(copies: Mapping[Path, Path]) -> None:
    """Copy databases, each to the place beside it.

    The first is held longest, while the others are waited for; name last what must not wait.

    Raises:
        Overloaded: one of them cannot be read or locked, or its copy cannot be written.
    """
    try:
        with contextlib.ExitStack() as stack:
            with contextlib.ExitStack() as writers:
                for path in copies:
                    writers.enter_context(_transaction(path, "BEGIN IMMEDIATE"))
                readers = [stack.enter_context(_transaction(path, "BEGIN")) for path in copies]
            for reader, place in zip(readers, copies.values(), strict=True):
                with contextlib.closing(sqlite3.connect(place)) as copy:
                    reader.backup(copy)
    except sqlite3.Error as error:
        if is_outage(error):
            raise overloaded(error) from error
        raise


@contextlib.contextmanager
def _transaction(path: Path, begin: str) -> Iterator[sqlite3.Connection]:
    """A transaction on a database, which changes nothing."""
    # Never made where it is missing.
    connection = sqlite3.connect(
        f"{path.absolute().as_uri()}?mode=rw", uri=True, isolation_level=None, timeout=LOCK_SECONDS
    )
    with contextlib.closing(connection):
        connection.execute(begin)
        # From the first question on it sees one moment.
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
        yield connection
