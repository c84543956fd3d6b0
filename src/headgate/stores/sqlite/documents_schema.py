"""The tables of documents, which lie in a file of their own.

A document can take seconds to write; in the file of the ledger, every call that is to be settled
would wait for it.

`terms` is an FTS5 index whose rows are those of `chunks`; its column `workspace` holds one word
that stands for the workspace, so that a question meets no other's chunks. `vectors` is ordered by
workspace and space, so that a question reads those it compares and no others.
"""

_FIRST = (
    """
    CREATE TABLE documents (
        document_id TEXT PRIMARY KEY,
        workspace_id TEXT NOT NULL,
        name TEXT NOT NULL,
        kind TEXT NOT NULL,
        characters INTEGER NOT NULL,
        chunks INTEGER NOT NULL,
        pages INTEGER,
        created_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX documents_by_age ON documents (workspace_id, created_at, document_id)",
    """
    CREATE TABLE texts (
        text_id INTEGER PRIMARY KEY,
        document_id TEXT NOT NULL UNIQUE REFERENCES documents (document_id) ON DELETE CASCADE,
        text TEXT NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE chunks (
        chunk_id INTEGER PRIMARY KEY,
        document_id TEXT NOT NULL REFERENCES documents (document_id) ON DELETE CASCADE,
        number INTEGER NOT NULL,
        start INTEGER NOT NULL,
        end INTEGER NOT NULL,
        page INTEGER,
        text TEXT NOT NULL
    ) STRICT
    """,
    "CREATE INDEX chunks_by_document ON chunks (document_id, number)",
    """
    CREATE TABLE vectors (
        workspace_id TEXT NOT NULL,
        space TEXT NOT NULL,
        chunk_id INTEGER NOT NULL REFERENCES chunks (chunk_id) ON DELETE CASCADE,
        vector BLOB NOT NULL,
        PRIMARY KEY (workspace_id, space, chunk_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX vectors_by_chunk ON vectors (chunk_id)",
    """
    CREATE VIRTUAL TABLE terms USING fts5 (
        workspace, words, tokenize = "unicode61 remove_diacritics 0"
    )
    """,
    """
    CREATE TRIGGER chunk_deleted AFTER DELETE ON chunks
    BEGIN DELETE FROM terms WHERE rowid = old.chunk_id; END
    """,
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST,)
"""The statements of each migration. One that was ever released is never edited."""
