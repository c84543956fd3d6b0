"""Opening the database, and what its errors mean to a caller."""

import os
import sqlite3

from headgate.core.errors import Overloaded

BUSY_SECONDS = 5.0
"""How long a statement waits for a lock that another process holds."""

_MEANINGS = {
    sqlite3.SQLITE_BUSY: "is locked by another process; try again",
    sqlite3.SQLITE_LOCKED: "is locked by another connection; try again",
    sqlite3.SQLITE_FULL: "cannot grow because its disk is full; free some space",
    sqlite3.SQLITE_READONLY: "cannot be written; check its owner, its permissions and its volume",
    sqlite3.SQLITE_PERM: "may not be opened; check its owner and its permissions",
    sqlite3.SQLITE_CANTOPEN: "cannot be opened; check its directory and its permissions",
    sqlite3.SQLITE_IOERR: "cannot be read or written; check its disk",
    sqlite3.SQLITE_CORRUPT: "is damaged; restore it from a backup",
    sqlite3.SQLITE_NOTADB: "is not a database; check the data directory",
    sqlite3.SQLITE_NOMEM: "ran out of memory",
}


def connect(path: str | os.PathLike[str], *, power_safe: bool = False) -> sqlite3.Connection:
    """Open `path` for explicit transactions; the connection may change threads, one at a time.

    A commit always survives the death of every process; with `power_safe` it survives the loss of
    power too, for one flush of the disk per commit.
    """
    connection = sqlite3.connect(
        path,
        isolation_level=None,
        check_same_thread=False,
        timeout=BUSY_SECONDS,
        cached_statements=256,
    )
    connection.execute(f"PRAGMA synchronous = {'FULL' if power_safe else 'NORMAL'}")
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA temp_store = MEMORY")
    connection.execute("PRAGMA cache_size = -16384")
    # The commit that triggers a checkpoint waits for it, as long as there are pages to copy. Small
    # ones cost the same altogether, since most pages are new rows that no later commit changes.
    connection.execute("PRAGMA wal_autocheckpoint = 400")
    return connection


def is_busy(error: sqlite3.Error) -> bool:
    """Whether another connection holds a lock."""
    return _primary_code(error) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def is_outage(error: BaseException) -> bool:
    """Whether the database, rather than what was asked of it, is at fault."""
    # Errors in what was asked (a broken constraint, a wrong parameter) are subclasses.
    return isinstance(error, sqlite3.OperationalError) or type(error) is sqlite3.DatabaseError


def overloaded(error: BaseException) -> Overloaded:
    """What a caller is told about `error`; the original is its cause."""
    meaning = None
    if isinstance(error, sqlite3.Error):
        meaning = _MEANINGS.get(_primary_code(error))
    failure = Overloaded(
        f"The database {meaning or 'failed; see the log of the server'}.",
        # Nobody has to do anything about a lock but wait.
        retry_after_seconds=1 if isinstance(error, sqlite3.Error) and is_busy(error) else None,
    )
    failure.__cause__ = error
    return failure


def _primary_code(error: sqlite3.Error) -> int:
    # Absent on errors that Python's own module raises.
    return getattr(error, "sqlite_errorcode", 0) & 0xFF
