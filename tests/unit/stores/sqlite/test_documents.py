import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from document_chunks import SPACE, at_angle, document, exactly
from headgate.core.documents import DocumentFilter
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.database import Database
from headgate.stores.sqlite.documents import SqliteDocuments, equip
from headgate.stores.sqlite.documents_schema import MIGRATIONS


class NoExtensions(sqlite3.Connection):
    """A connection of a Python that was built without extensions."""

    def enable_load_extension(self, *_: object) -> None:
        raise sqlite3.NotSupportedError("extensions are not supported")


@pytest.mark.parametrize("factory", [sqlite3.Connection, NoExtensions])
def test_vectors_are_compared_with_the_extension_and_without(
    factory: type[sqlite3.Connection],
) -> None:
    connection = sqlite3.connect(":memory:", factory=factory)
    equip(connection)
    ((distance,),) = connection.execute(
        "SELECT vec_distance_cosine(?, ?)", (at_angle(0), at_angle(60))
    )
    assert distance == pytest.approx(0.5, abs=1e-6)
    connection.close()


@pytest.mark.skipif(
    not hasattr(sqlite3.Connection, "enable_load_extension"),
    reason="this Python was built without extensions of SQLite",
)
def test_the_extension_is_there_where_it_can_be_loaded() -> None:
    connection = sqlite3.connect(":memory:")
    equip(connection)
    assert connection.execute("SELECT vec_version()").fetchone()[0].startswith("v")
    connection.close()


async def test_a_deleted_document_leaves_no_row_in_any_table(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    database = Database(path, migrations=MIGRATIONS)
    store = SqliteDocuments(database)
    await store.add([document("a", "tea", "milk")])
    await store.delete("lab", "a")
    await database.close()
    connection = sqlite3.connect(path)
    for table in ("documents", "texts", "chunks", "vectors", "postings"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
    assert connection.execute("SELECT chunks, terms FROM shelves").fetchall() == [(0, 0)]
    connection.close()


async def test_a_second_process_finds_what_the_first_has_added(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    first = Database(path, migrations=MIGRATIONS)
    second = Database(path, migrations=MIGRATIONS)
    await SqliteDocuments(first).add([document("a", "tea")])
    hits = await SqliteDocuments(second).by_vector(
        "lab", SPACE, at_angle(0), DocumentFilter(), limit=5
    )
    assert [hit.document.id for hit in hits] == ["a"]
    await first.close()
    await second.close()


async def test_documents_of_an_earlier_release_are_found_by_their_words(tmp_path: Path) -> None:
    path = tmp_path / "documents.db"
    with closing(connect(path)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        for workspace_id, words in (("lab", "tea o'brien tea"), ("other", "tea milk")):
            place = (f"doc_{workspace_id}", workspace_id)
            connection.execute(
                "INSERT INTO documents VALUES (?, ?, 'a.txt', 'txt', 4, 1, NULL, 1000.0)", place
            )
            row = connection.execute(
                "INSERT INTO chunks (document_id, number, start, end, text)"
                " VALUES (?, 0, 0, 4, 'text')",
                place[:1],
            ).lastrowid
            connection.execute(
                "INSERT INTO terms (rowid, workspace, words) VALUES (?, 'w1', ?)", (row, words)
            )
        connection.execute("PRAGMA user_version = 1")
        connection.commit()
    database = Database(path, migrations=MIGRATIONS)
    store = SqliteDocuments(database)
    for term in ("tea", "o'brien"):
        (hit,) = await store.by_terms("lab", exactly(term), DocumentFilter(), limit=5)
        assert hit.document.id == "doc_lab"
    assert await store.delete("lab", "doc_lab")
    await database.close()
    with closing(sqlite3.connect(path)) as connection:
        shelves = "SELECT workspace_id, chunks, terms FROM shelves ORDER BY workspace_id"
        assert connection.execute(shelves).fetchall() == [("lab", 0, 0), ("other", 1, 2)]
        assert connection.execute("SELECT term, times, length FROM postings").fetchall() == [
            *[("milk", 1, 2), ("tea", 1, 2)]
        ]
