"""Documents in SQLite: terms ranked with BM25 in one statement, vectors compared one by one.

Vectors are compared by `sqlite-vec` where it can be loaded into this Python's SQLite, else by a
function of the same name in Python, which gives the same order more slowly.
"""

import importlib
import json
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headgate.core.documents import Concept, Document, DocumentFilter, Hit, IndexedDocument
from headgate.stores.passage_ranking import K1, B, nearness, telling, values
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
        self, workspace_id: str, concepts: Sequence[Concept], where: DocumentFilter, *, limit: int
    ) -> list[Hit]:
        """See `DocumentStore.by_terms`."""
        if not concepts:
            return []
        return await self.database.readers.run(
            lambda connection: _by_terms(connection, workspace_id, concepts, where, limit)
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
    # The other is what is looked for, the same for each.
    return 1 - nearness(values(one), _looked_for(other))


_looked_for = lru_cache(maxsize=8)(values)


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
    postings: list[tuple[str, int, int, int]] = []
    terms = 0
    for chunk in one.chunks:
        row = connection.execute(
            "INSERT INTO chunks (document_id, number, start, end, page, text, terms)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                *(one.document.id, chunk.number, chunk.start, chunk.end, chunk.page),
                *(chunk.text, chunk.terms),
            ),
        ).lastrowid
        if row is None:
            raise RuntimeError("SQLite gave a new chunk no row")
        found = chunk.terms.split()
        terms += len(found)
        postings += [(term, row, times, len(found)) for term, times in Counter(found).items()]
        connection.execute(
            "INSERT INTO vectors (workspace_id, space, chunk_id, vector) VALUES (?, ?, ?, ?)",
            (workspace_id, chunk.space, row, chunk.vector),
        )
    shelf = _change_shelf(connection, workspace_id, len(one.chunks), terms)
    connection.executemany(
        f"INSERT INTO postings (shelf, term, chunk_id, times, length) VALUES ({shelf}, ?, ?, ?, ?)",  # noqa: S608 - a number
        # In the index's own order, which is written fastest.
        sorted(postings),
    )


def _change_shelf(
    connection: sqlite3.Connection, workspace_id: str, chunks: int, terms: int
) -> int:
    """Note that a workspace has so many chunks and terms more; its shelf."""
    (row,) = connection.execute(
        "INSERT INTO shelves (workspace_id, chunks, terms) VALUES (?, ?, ?)"
        " ON CONFLICT (workspace_id) DO UPDATE"
        " SET chunks = chunks + excluded.chunks, terms = terms + excluded.terms RETURNING shelf",
        (workspace_id, chunks, terms),
    ).fetchall()
    return int(row[0])


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
    if _get(connection, workspace_id, document_id) is None:
        return False
    chunks = connection.execute(
        "SELECT chunk_id, terms FROM chunks WHERE document_id = ?", (document_id,)
    ).fetchall()
    held = [(chunk_id, terms.split()) for chunk_id, terms in chunks]
    count = sum(len(terms) for _, terms in held)
    shelf = _change_shelf(connection, workspace_id, -len(held), -count)
    connection.executemany(
        "DELETE FROM postings WHERE shelf = ? AND term = ? AND chunk_id = ?",
        ((shelf, term, chunk_id) for chunk_id, terms in held for term in set(terms)),
    )
    connection.execute("DELETE FROM documents WHERE document_id = ?", (document_id,))
    return True


def _by_terms(
    connection: sqlite3.Connection,
    workspace_id: str,
    concepts: Sequence[Concept],
    where: DocumentFilter,
    limit: int,
) -> list[Hit]:
    shelf = connection.execute(
        "SELECT shelf, chunks, terms FROM shelves WHERE workspace_id = ?", (workspace_id,)
    ).fetchone()
    if shelf is None or not shelf[1]:
        return []
    connection.create_function("telling", 2, telling, deterministic=True)
    asked = [
        (number, term, weight)
        for number, concept in enumerate(concepts)
        for term, weight in concept.items()
    ]
    number, chunks, terms = shelf
    condition, values = _condition(where)
    rows = connection.execute(
        "WITH asked (concept, term, weight) AS"  # noqa: S608 - constant parts only
        " (SELECT json_extract(value, '$[0]'), json_extract(value, '$[1]'),"
        "  json_extract(value, '$[2]') FROM json_each(?)),"
        # CROSS JOIN: for each term its postings, and not the other way round.
        " held AS MATERIALIZED (SELECT concept, chunk_id, length, sum(weight * times) AS times"
        "  FROM asked CROSS JOIN postings USING (term) WHERE shelf = ?"
        "  GROUP BY concept, chunk_id),"
        " told AS MATERIALIZED"
        "  (SELECT concept, telling(?, count(*)) AS weight FROM held GROUP BY concept),"
        " scores AS (SELECT chunk_id,"
        "  sum(weight * times * (? + 1) / (times + ? * (1 - ? + ? * length / ?))) AS score"
        "  FROM held JOIN told USING (concept) GROUP BY chunk_id)"
        f" SELECT {_HIT}, score FROM scores"
        "  JOIN chunks c USING (chunk_id) JOIN documents d USING (document_id)"
        f" WHERE true {condition} ORDER BY score DESC, c.document_id, c.number LIMIT ?",
        (
            *(json.dumps(asked), number, chunks),
            *(K1, K1, B, B, terms / chunks or 1.0),
            *(*values, limit),
        ),
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
    admitted = (
        " AND chunk_id IN (SELECT chunk_id FROM chunks JOIN documents d USING (document_id)"  # noqa: S608 - constant parts only
        f" WHERE true {condition})"
        if condition
        else ""
    )
    rows = connection.execute(
        # Chunks and documents are looked up only for what is near enough to be told.
        "WITH near AS MATERIALIZED"  # noqa: S608 - constant parts only
        " (SELECT chunk_id, 1 - vec_distance_cosine(vector, ?) AS nearness FROM vectors"
        f"  WHERE workspace_id = ? AND space = ? AND length(vector) = ? {admitted}),"
        " least AS (SELECT min(nearness) AS nearness FROM"
        "  (SELECT nearness FROM near ORDER BY nearness DESC LIMIT ?))"
        f" SELECT {_HIT}, near.nearness FROM near"
        "  JOIN chunks c USING (chunk_id) JOIN documents d USING (document_id)"
        " WHERE near.nearness >= (SELECT nearness FROM least)"
        " ORDER BY near.nearness DESC, c.document_id, c.number LIMIT ?",
        (vector, *place, len(vector), *values, limit, limit),
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
