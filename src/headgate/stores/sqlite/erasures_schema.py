"""The table of deletions of users' data that are under way."""

ERASURES = (
    """
    CREATE TABLE erasures (
        user_id TEXT PRIMARY KEY,
        pseudonym TEXT NOT NULL,
        begun_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)
