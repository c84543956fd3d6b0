"""Questions to a database that nothing can change, whatever their text."""

import hashlib
import sqlite3
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from gateway_desk import KEY
from headgate.core.errors import InvalidRequest, NotFound, UpstreamFailed
from headgate.core.tools import ToolContext
from headgate.tools import database_query
from headgate.tools.database_query import MOST_ROWS, QueryResult, WorkspaceDatabase, ask
from headgate.tools.declaration import declared
from no_models import NO_MODELS

THREADS = ThreadPoolExecutor(2)
CONTEXT = ToolContext(key=KEY, models=NO_MODELS)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    path = tmp_path / "sales & more.db"
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE sales (item TEXT, euros REAL)")
    connection.executemany("INSERT INTO sales VALUES (?, ?)", [("tea", 3.5), ("milk", None)])
    connection.execute("CREATE INDEX by_item ON sales (item)")
    connection.commit()
    connection.close()
    return path


def rows(path: Path, query: str, *parameters: Any) -> list[list[Any]]:
    return ask(path, query, list(parameters), threading.Event()).rows


def digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def test_rows_come_with_their_columns(database: Path) -> None:
    found = ask(database, "SELECT item, euros FROM sales ORDER BY item", [], threading.Event())
    assert found == QueryResult(["item", "euros"], [["milk", None], ["tea", 3.5]], truncated=False)
    assert rows(database, "SELECT count(*) FROM sales WHERE item = ?", "tea") == [[1]]
    assert rows(database, "SELECT name FROM sqlite_schema") == [["sales"], ["by_item"]]
    assert rows(database, "WITH t AS (SELECT 1 AS n) SELECT n FROM t") == [[1]]


WRITES = [
    "INSERT INTO sales VALUES ('x', 1)",
    "UPDATE sales SET euros = 0",
    "DELETE FROM sales",
    "DROP TABLE sales",
    "CREATE TABLE t (a)",
    "CREATE TEMP TABLE t (a)",
    "ALTER TABLE sales RENAME TO s",
    "PRAGMA query_only = OFF",
    "PRAGMA writable_schema = ON",
    "PRAGMA journal_mode = DELETE",
    "PRAGMA user_version = 5",
    "ATTACH '{beside}' AS other",
    "VACUUM INTO '{beside}'",
    "VACUUM",
    "REINDEX",
    "BEGIN IMMEDIATE",
    "SAVEPOINT s",
    "SELECT load_extension('{beside}')",
    "SELECT writefile('{beside}', 'x')",
    "SELECT 1; DROP TABLE sales",
    "WITH t AS (SELECT 1) INSERT INTO sales SELECT 'x', 1",
    "EXPLAIN DELETE FROM sales",
    "/* SELECT */ DELETE FROM sales",
    "select * from sales; --\nDELETE FROM sales",
    "REPLACE INTO sales VALUES ('x', 1)",
    "INSERT INTO sales VALUES ('x', 1) RETURNING *",
]


@pytest.mark.parametrize("query", WRITES)
def test_nothing_is_written_whatever_the_statement(database: Path, query: str) -> None:
    beside = database.parent / "beside.db"
    before = digest(database)
    with pytest.raises(InvalidRequest, match="the database refuses"):
        rows(database, query.replace("{beside}", str(beside)))
    assert digest(database) == before
    assert sorted(path.name for path in database.parent.iterdir()) == [database.name]


@pytest.mark.parametrize("query", ["", "   ", "SELEC 1", "SELECT nothing FROM sales", "SELECT ?"])
def test_what_is_no_question_is_refused(database: Path, query: str) -> None:
    if not query.strip():
        assert rows(database, query) == []
        return
    with pytest.raises(InvalidRequest):
        rows(database, query)


ENDLESS = "WITH RECURSIVE t(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM t) SELECT count(*) FROM t"


async def test_a_question_without_end_is_stopped(
    database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database_query, "TIMEOUT_SECONDS", 0.6)
    tool = declared(WorkspaceDatabase(lambda _: database, THREADS).database_query)
    with pytest.raises(InvalidRequest, match="takes longer"):
        await tool.run(CONTEXT, {"query": ENDLESS})
    found = await tool.run(CONTEXT, {"query": "SELECT 1"})
    assert found.rows == [[1]]


def test_a_question_stops_when_nobody_waits_for_it(database: Path) -> None:
    stop = threading.Event()
    stop.set()
    with pytest.raises(InvalidRequest, match="interrupted"):
        ask(database, ENDLESS, [], stop)


@pytest.mark.parametrize("query", ["SELECT zeroblob(1000000000)", "SELECT randomblob(1000000000)"])
def test_a_value_without_bounds_is_refused(database: Path, query: str) -> None:
    with pytest.raises(InvalidRequest):
        rows(database, query)


def test_many_rows_are_cut(database: Path) -> None:
    many = ENDLESS.replace("FROM t)", "FROM t LIMIT 5000)").replace("count(*)", "n")
    found = ask(database, many, [], threading.Event())
    assert (len(found.rows), found.truncated) == (MOST_ROWS, True)
    large = f"{many.replace('SELECT n FROM', 'SELECT hex(zeroblob(40000)) FROM')}"
    assert ask(database, large, [], threading.Event()).truncated


@pytest.mark.parametrize("value", [2**70, "\ud800"])
def test_a_value_that_the_database_does_not_have_is_refused(database: Path, value: Any) -> None:
    with pytest.raises(InvalidRequest):
        rows(database, "SELECT ?", value)


def test_a_database_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(UpstreamFailed):
        rows(tmp_path / "nothing.db", "SELECT 1")
    assert not list(tmp_path.iterdir())
    (tmp_path / "text").write_text("no database at all" * 100)
    with pytest.raises(UpstreamFailed):
        rows(tmp_path / "text", "SELECT 1 FROM sqlite_schema")


async def test_the_tool_is_for_workspaces_with_a_database(database: Path) -> None:
    own = WorkspaceDatabase(lambda workspace: database if workspace == "acme" else None, THREADS)
    assert own.is_for(KEY)
    found = await declared(own.database_query).run(CONTEXT, {"query": "SELECT 1 AS n"})
    assert found.columns == ["n"]
    none = WorkspaceDatabase(lambda _: None, THREADS)
    assert not none.is_for(KEY)
    with pytest.raises(NotFound):
        await declared(none.database_query).run(CONTEXT, {"query": "SELECT 1"})
