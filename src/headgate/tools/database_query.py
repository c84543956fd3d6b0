"""Questions to a workspace's SQLite database, held to reading by the database itself.

It is opened read-only, writing is switched off in the connection, and an authorizer of the database
lets nothing but selections and reads through: no other file is attached, no extension loaded, no
setting changed. Whatever the text of a statement, there is nothing it could write to.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, TypeAlias
from urllib.parse import quote

import msgspec
from msgspec import Meta

from headgate.core.errors import InvalidRequest, NotFound, UpstreamFailed
from headgate.core.keys import VirtualKey
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool

MOST_ROWS = 1_000
MOST_RESULT_BYTES = 1_048_576
MOST_VALUE_BYTES = 1_048_576
TIMEOUT_SECONDS = 10.0
STEPS = 10_000
"""So many steps of the database's machine lie between two looks whether it shall stop."""

Value: TypeAlias = str | int | float | bool | None

_READS = frozenset(
    {
        sqlite3.SQLITE_SELECT,
        sqlite3.SQLITE_READ,
        sqlite3.SQLITE_FUNCTION,
        sqlite3.SQLITE_RECURSIVE,
    }
)
_FORBIDDEN_FUNCTIONS = frozenset(
    {"load_extension", "fts3_tokenizer", "readfile", "writefile", "edit"}
)
_LIMITS = {
    sqlite3.SQLITE_LIMIT_LENGTH: MOST_VALUE_BYTES,
    sqlite3.SQLITE_LIMIT_SQL_LENGTH: 100_000,
    sqlite3.SQLITE_LIMIT_ATTACHED: 0,
    sqlite3.SQLITE_LIMIT_EXPR_DEPTH: 100,
    sqlite3.SQLITE_LIMIT_WORKER_THREADS: 0,
}


class QueryResult(msgspec.Struct, frozen=True):
    """The rows in their order; `truncated` says that there were more."""

    columns: list[str]
    rows: list[list[Any]]
    truncated: bool


@dataclass(frozen=True, slots=True)
class WorkspaceDatabase:
    """The tool.

    Attributes:
        database_of: the file of a workspace's database; None where it has none.
        threads: wait for the database; questions beyond their number wait for them.
    """

    database_of: Callable[[str], Path | None]
    threads: Executor

    def is_for(self, key: VirtualKey) -> bool:
        """Whether the key's workspace has a database."""
        return self.database_of(key.workspace_id) is not None

    @tool(timeout_seconds=TIMEOUT_SECONDS + 5, most_at_once=8)
    async def database_query(
        self,
        context: ToolContext,
        *,
        query: Annotated[
            str,
            Meta(
                min_length=1,
                max_length=100_000,
                description="One SELECT in SQLite's dialect; `sqlite_schema` has the tables.",
            ),
        ],
        parameters: Annotated[
            list[Value] | None, Meta(description="The values for its question marks, in order.")
        ] = None,
    ) -> QueryResult:
        """Ask the workspace's database; nothing in it can be changed."""
        path = self.database_of(context.key.workspace_id)
        if path is None:
            raise NotFound("this workspace has no database")
        stop = threading.Event()
        try:
            async with asyncio.timeout(TIMEOUT_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(
                    self.threads, ask, path, query, parameters or [], stop
                )
        except TimeoutError:
            raise InvalidRequest(
                f"the query takes longer than {TIMEOUT_SECONDS:g} s: ask for less", param="query"
            ) from None
        finally:
            stop.set()


def ask(path: Path, query: str, parameters: list[Value], stop: threading.Event) -> QueryResult:
    """The rows of a question, until `stop` is set.

    Raises:
        InvalidRequest: the database refuses the question; in its words.
        UpstreamFailed: there is no database.
    """
    try:
        connection = sqlite3.connect(
            f"file:{quote(str(path.absolute()))}?mode=ro", uri=True, isolation_level=None
        )
    except sqlite3.Error:
        raise UpstreamFailed("the workspace's database cannot be opened") from None
    try:
        connection.execute("PRAGMA query_only = ON")
        connection.execute("PRAGMA trusted_schema = OFF")
        connection.execute("PRAGMA temp_store = MEMORY")
        for limit, most in _LIMITS.items():
            connection.setlimit(limit, most)
        connection.set_authorizer(_authorize)
        connection.set_progress_handler(stop.is_set, STEPS)
        return _rows(connection.execute(query, parameters))
    except sqlite3.Warning as error:
        raise InvalidRequest(f"the database refuses: {error}", param="query") from None
    except sqlite3.Error as error:
        if "unable to open" in str(error) or "not a database" in str(error):
            raise UpstreamFailed("the workspace's database cannot be opened") from None
        raise InvalidRequest(f"the database refuses: {error}", param="query") from None
    except (UnicodeEncodeError, OverflowError, MemoryError):
        raise InvalidRequest("a value is not one that the database has", param="query") from None
    finally:
        connection.close()


def _authorize(
    action: int, first: str | None, second: str | None, _database: str | None, _trigger: str | None
) -> int:
    if action not in _READS:
        return sqlite3.SQLITE_DENY
    if (
        action == sqlite3.SQLITE_FUNCTION
        and (second or first or "").lower() in _FORBIDDEN_FUNCTIONS
    ):
        return sqlite3.SQLITE_DENY
    return sqlite3.SQLITE_OK


def _rows(cursor: sqlite3.Cursor) -> QueryResult:
    columns = [str(column[0]) for column in cursor.description or ()]
    rows: list[list[Any]] = []
    size = 0
    for row in cursor:
        size += sum(len(value) if isinstance(value, str | bytes) else 8 for value in row)
        if len(rows) == MOST_ROWS or size > MOST_RESULT_BYTES:
            return QueryResult(columns, rows, truncated=True)
        rows.append(list(row))
    return QueryResult(columns, rows, truncated=False)
