"""The tables of documents, which lie in a file of their own.

A document can take seconds to write; in the file of the ledger, every call that is to be settled
would wait for it.

A *shelf* is a workspace's part of the index, with how many chunks and terms it has. `postings` says
which chunk has which term how often, and is ordered by shelf, so that a question meets no other
workspace's words, not even to count how rare they are. `vectors` is ordered by workspace and space,
so that a question reads those it compares and no others.
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

_OWN_RARITY = (
    """
    CREATE TABLE shelves (
        shelf INTEGER PRIMARY KEY,
        workspace_id TEXT NOT NULL UNIQUE,
        chunks INTEGER NOT NULL,
        terms INTEGER NOT NULL
    ) STRICT
    """,
    """
    CREATE TABLE postings (
        shelf INTEGER NOT NULL,
        term TEXT NOT NULL,
        chunk_id INTEGER NOT NULL,
        times INTEGER NOT NULL,
        length INTEGER NOT NULL,
        PRIMARY KEY (shelf, term, chunk_id)
    ) STRICT, WITHOUT ROWID
    """,
    "ALTER TABLE chunks ADD COLUMN terms TEXT NOT NULL DEFAULT ''",
    "UPDATE chunks SET terms = (SELECT words FROM terms WHERE rowid = chunk_id)",
    # Terms have letters, digits and apostrophes, so they make a JSON list without more ado.
    """
    CREATE TEMP TABLE held AS
    SELECT documents.workspace_id, chunks.chunk_id, found.value AS term
    FROM chunks JOIN documents USING (document_id),
        json_each('["' || replace(chunks.terms, ' ', '","') || '"]') AS found
    WHERE chunks.terms <> ''
    """,
    """
    INSERT INTO shelves (workspace_id, chunks, terms)
    SELECT workspace_id, count(DISTINCT chunk_id),
        (SELECT count(*) FROM held WHERE held.workspace_id = documents.workspace_id)
    FROM chunks JOIN documents USING (document_id) GROUP BY workspace_id
    """,
    """
    INSERT INTO postings (shelf, term, chunk_id, times, length)
    SELECT shelf, term, chunk_id, count(*),
        (SELECT 1 + length(c.terms) - length(replace(c.terms, ' ', ''))
         FROM chunks c WHERE c.chunk_id = held.chunk_id)
    FROM held JOIN shelves USING (workspace_id) GROUP BY shelf, term, chunk_id
    """,
    "DROP TABLE held",
    "DROP TRIGGER chunk_deleted",
    "DROP TABLE terms",
)

MIGRATIONS: tuple[tuple[str, ...], ...] = (_FIRST, _OWN_RARITY)
"""The statements of each migration. One that was ever released is never edited."""
