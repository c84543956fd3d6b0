import sqlite3
from pathlib import Path

import pytest

from document_chunks import SPACE, at_angle, document
from headgate.core.documents import DocumentFilter
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
    for table in ("documents", "texts", "chunks", "vectors", "terms"):
        assert connection.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)
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
