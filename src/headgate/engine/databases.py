"""The databases that DBOS keeps its checkpoints in, opened as durable runs need them."""

import sqlite3
import sys
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from psycopg.pq import Conninfo

from headgate.core.errors import InvalidRequest

BUSY_MILLISECONDS = 30_000
CONNECTIONS = 8


def check_sqlite(
    python: tuple[int, ...] = sys.version_info[:2],
    sqlite: tuple[int, ...] = sqlite3.sqlite_version_info,
) -> None:
    """Refuse what DBOS's migrations fail on: an older SQLite under a newer Python.

    Raises:
        InvalidRequest: it would; says what to change.
    """
    if python >= (3, 12) and sqlite < (3, 42):
        found = ".".join(map(str, sqlite))
        raise InvalidRequest(
            f"agent runs need SQLite 3.42 with this Python, and this is {found}: use a Python with"
            " a newer one, or set HEADGATE_DATABASE_URL to a PostgreSQL database"
        )


def sqlite_database(path: Path) -> sa.Engine:
    """A file that one process at a time uses.

    DBOS's own engine leaves the default journal, in which a commit before a process's death may be
    lost. Here a commit is in the write-ahead log, which outlives every process.
    """
    engine = sa.create_engine(f"sqlite:///{path}", pool_size=CONNECTIONS)
    sa.event.listen(engine, "connect", _prepare)
    return engine


def _prepare(connection: sqlite3.Connection, _record: Any) -> None:
    # Writers wait for each other from their first statement on, rather than fail at their second.
    connection.isolation_level = "IMMEDIATE"
    connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}")
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute("PRAGMA foreign_keys = ON")


def postgres_database(url: str) -> sa.Engine:
    """A PostgreSQL database, which many processes may share.

    What the address leaves out, PostgreSQL's own client takes from PGHOST, PGUSER and their like.

    Raises:
        InvalidRequest: it is no such address, or nobody says which database.
    """
    scheme, separator, rest = url.partition("://")
    if not separator or scheme.partition("+")[0] not in {"postgres", "postgresql"}:
        raise InvalidRequest(
            "HEADGATE_DATABASE_URL is no PostgreSQL address: write"
            " postgresql://user:password@host:5432/database"
        )
    address = sa.make_url(f"postgresql+psycopg://{rest}")
    if not address.database:
        # DBOS wants to read it in the address.
        address = address.set(database=_usual_database())
    return sa.create_engine(address, pool_size=CONNECTIONS, pool_pre_ping=True)


def _usual_database() -> str:
    for option in Conninfo.get_defaults():
        if option.keyword == b"dbname" and option.val:
            return option.val.decode()
    raise InvalidRequest(
        "HEADGATE_DATABASE_URL names no database: write postgresql://user:password@host:5432/database"
        " or set PGDATABASE"
    )
