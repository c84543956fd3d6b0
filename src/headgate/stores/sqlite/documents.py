"""Documents in SQLite: terms ranked by FTS5, vectors compared one by one.

Vectors are compared by `sqlite-vec` where it can be loaded into this Python's SQLite, else by a
function of the same name in Python, which gives the same order more slowly.
"""

import hashlib
import importlib
import sqlite3
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from operator import mul
from typing import Any

from headgate.core.documents import Document, DocumentFilter, Hit, IndexedDocument
from headgate.stores.sqlite.database import Database

_COLUMNS = "document_id, workspace_id, name, kind, characters, chunks, pages, created_at"
_HIT = (
    "d.document_id, d.workspace_id, d.name, d.kind, d.characters, d.chunks, d.pages, d.created_at,"
    " c.number, c.start, c.end, c.text, c.page"
)


@dataclass(frozen=True, slots=True)
class SqliteDocuments:
    """`DocumentStore` in a database that other processes use too.

    Its file has the tables of `documents_schema`.
    """

    database: Database

    async def add(self, documents: Sequence[IndexedDocument]) -> None:
        """See `DocumentStore.add`."""
        await self.database.writer.run(lambda connection: _add(connection, documents))

    async def get(self, workspace_id: str, document_id: str) -> Document | None:
        """See `DocumentStore.get`."""
        return await self.database.readers.run(
            lambda connection: _get(connection, workspace_id, document_id)
        )

    async def text(self, workspace_id: str, document_id: str) -> str | None:
        """See `DocumentStore.text`."""
        return await self.database.readers.run(
            lambda connection: _text(connection, workspace_id, document_id)
        )

    async def delete(self, workspace_id: str, document_id: str) -> bool:
        """See `DocumentStore.delete`."""
        return await self.database.writer.run(
            lambda connection: _delete(connection, workspace_id, document_id)
        )

    async def by_terms(
        self, workspace_id: str, terms: Sequence[str], where: DocumentFilter, *, limit: int
    ) -> list[Hit]:
        """See `DocumentStore.by_terms`.

        How telling a term is, is counted over all workspaces.
        """
        if not terms:
            return []
        return await self.database.readers.run(
            lambda connection: _by_terms(connection, workspace_id, terms, where, limit)
        )

    async def by_vector(
        self,
        workspace_id: str,
        space: str,
        vector: bytes,
        where: DocumentFilter,
        *,
        limit: int,
    ) -> list[Hit]:
        """See `DocumentStore.by_vector`."""
        return await self.database.readers.run(
            lambda connection: _by_vector(connection, (workspace_id, space), vector, where, limit)
        )

    async def list(self, workspace_id: str, *, limit: int, after: str | None) -> list[Document]:
        """See `DocumentStore.list`."""
        return await self.database.readers.run(
            lambda connection: _list(connection, workspace_id, limit, after)
        )


def equip(connection: sqlite3.Connection) -> None:
    """See that a connection has the function that compares vectors."""
    known = "SELECT 1 FROM pragma_function_list WHERE name = 'vec_distance_cosine'"
    if connection.execute(known).fetchone() is None and not _load_extension(connection):
        connection.create_function("vec_distance_cosine", 2, _distance, deterministic=True)


def _load_extension(connection: sqlite3.Connection) -> bool:
    try:
        # Loaded with the first search rather than with every gateway.
        extension = importlib.import_module("sqlite_vec")
        connection.enable_load_extension(True)
    except (ImportError, AttributeError, sqlite3.NotSupportedError):
        return False  # Pythons are built without extensions too
    try:
        extension.load(connection)
    except sqlite3.OperationalError:
        return False
    finally:
        connection.enable_load_extension(False)
    return True


def _distance(one: bytes, other: bytes) -> float:
    nearness: float = sum(map(mul, array("f", one), array("f", other)))
    return 1 - nearness


def _add(connection: sqlite3.Connection, documents: Sequence[IndexedDocument]) -> None:
    for one in documents:
        document = one.document
        added = connection.execute(
            f"INSERT OR IGNORE INTO documents ({_COLUMNS}) "  # noqa: S608 - constant parts only
            "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                document.id,
                document.workspace_id,
                document.name,
                document.kind,
                document.characters,
                document.chunks,
                document.pages,
                document.created_at,
            ),
        )
        if added.rowcount:
            connection.execute(
                "INSERT INTO texts (document_id, text) VALUES (?, ?)", (document.id, one.text)
            )
            _add_chunks(connection, one)


def _add_chunks(connection: sqlite3.Connection, one: IndexedDocument) -> None:
    workspace_id = one.document.workspace_id
    word = _word(workspace_id)
    for chunk in one.chunks:
        row = connection.execute(
            "INSERT INTO chunks (document_id, number, start, end, page, text)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (one.document.id, chunk.number, chunk.start, chunk.end, chunk.page, chunk.text),
        ).lastrowid
        connection.execute(
            "INSERT INTO terms (rowid, workspace, words) VALUES (?, ?, ?)", (row, word, chunk.terms)
        )
        connection.execute(
            "INSERT INTO vectors (workspace_id, space, chunk_id, vector) VALUES (?, ?, ?, ?)",
            (workspace_id, chunk.space, row, chunk.vector),
        )


def _get(connection: sqlite3.Connection, workspace_id: str, document_id: str) -> Document | None:
    row = connection.execute(
        f"SELECT {_COLUMNS} FROM documents WHERE document_id = ? AND workspace_id = ?",  # noqa: S608 - constant parts only
        (document_id, workspace_id),
    ).fetchone()
    return None if row is None else _document(row)


def _text(connection: sqlite3.Connection, workspace_id: str, document_id: str) -> str | None:
    row = connection.execute(
        "SELECT text FROM texts JOIN documents USING (document_id)"
        " WHERE document_id = ? AND workspace_id = ?",
        (document_id, workspace_id),
    ).fetchone()
    return None if row is None else str(row[0])


def _delete(connection: sqlite3.Connection, workspace_id: str, document_id: str) -> bool:
    deleted = connection.execute(
        "DELETE FROM documents WHERE document_id = ? AND workspace_id = ?",
        (document_id, workspace_id),
    )
    return deleted.rowcount > 0


def _by_terms(
    connection: sqlite3.Connection,
    workspace_id: str,
    terms: Sequence[str],
    where: DocumentFilter,
    limit: int,
) -> list[Hit]:
    any_of = " OR ".join('"' + term.replace('"', '""') + '"' for term in terms)
    condition, values = _condition(where)
    rows = connection.execute(
        # The first column weighs nothing: all that were found have the same word there.
        f"SELECT {_HIT}, -bm25(terms, 0.0, 1.0) AS telling FROM terms"  # noqa: S608 - constant parts only
        " JOIN chunks c ON c.chunk_id = terms.rowid JOIN documents d USING (document_id)"
        f" WHERE terms MATCH ? {condition}"
        " ORDER BY telling DESC, c.document_id, c.number LIMIT ?",
        (f"workspace : {_word(workspace_id)} AND words : ({any_of})", *values, limit),
    )
    return [_hit(row) for row in rows]


def _by_vector(
    connection: sqlite3.Connection,
    place: tuple[str, str],
    vector: bytes,
    where: DocumentFilter,
    limit: int,
) -> list[Hit]:
    equip(connection)
    condition, values = _condition(where)
    rows = connection.execute(
        f"SELECT {_HIT}, 1 - vec_distance_cosine(v.vector, ?) AS nearness "  # noqa: S608 - constant parts only
        "FROM vectors v"
        " JOIN chunks c USING (chunk_id) JOIN documents d USING (document_id)"
        f" WHERE v.workspace_id = ? AND v.space = ? AND length(v.vector) = ? {condition}"
        " ORDER BY nearness DESC, c.document_id, c.number LIMIT ?",
        (vector, *place, len(vector), *values, limit),
    )
    return [_hit(row) for row in rows]


def _list(
    connection: sqlite3.Connection, workspace_id: str, limit: int, after: str | None
) -> list[Document]:
    query = f"SELECT {_COLUMNS} FROM documents WHERE workspace_id = ?"  # noqa: S608 - constant parts only
    values: list[Any] = [workspace_id]
    if after is not None:
        query += (
            " AND (created_at, document_id) < (SELECT created_at, document_id FROM documents"
            " WHERE document_id = ? AND workspace_id = ?)"
        )
        values += [after, workspace_id]
    rows = connection.execute(
        f"{query} ORDER BY created_at DESC, document_id DESC LIMIT ?", (*values, limit)
    )
    return [_document(row) for row in rows]


def _condition(where: DocumentFilter) -> tuple[str, list[str]]:
    condition = ""
    values: list[str] = []
    conditions = (
        ("d.document_id", where.document_ids),
        ("d.name", where.names),
        ("d.kind", where.kinds),
    )
    for column, admitted in conditions:
        if admitted is not None:
            condition += f" AND {column} IN ({', '.join('?' * len(admitted))})"
            values += admitted
    return condition, values


def _word(workspace_id: str) -> str:
    """One word of the index for a workspace, whatever characters its id has."""
    return "w" + hashlib.sha256(workspace_id.encode()).hexdigest()[:24]


def _document(row: Sequence[Any]) -> Document:
    document_id, workspace_id, name, kind, characters, chunks, pages, created_at = row
    return Document(
        id=document_id,
        workspace_id=workspace_id,
        name=name,
        kind=kind,
        characters=characters,
        chunks=chunks,
        pages=pages,
        created_at=created_at,
    )


def _hit(row: Sequence[Any]) -> Hit:
    *document, number, start, end, text, page, nearness = row
    return Hit(
        document=_document(document),
        number=number,
        start=start,
        end=end,
        text=text,
        page=page,
        nearness=nearness,
    )
