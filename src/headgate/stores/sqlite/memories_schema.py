"""The tables of agents' memory, as the first migration that has them makes them."""

MEMORIES = (
    """
    CREATE TABLE memory_turns (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        workspace_id TEXT NOT NULL,
        person_id TEXT NOT NULL,
        session_id TEXT NOT NULL,
        speaker TEXT NOT NULL,
        text TEXT NOT NULL,
        at REAL NOT NULL,
        once TEXT NOT NULL,
        UNIQUE (workspace_id, person_id, session_id, once)
    ) STRICT
    """,
    """
    CREATE TABLE memory_facts (
        workspace_id TEXT NOT NULL,
        person_id TEXT NOT NULL,
        id TEXT NOT NULL,
        text TEXT NOT NULL,
        created_at REAL NOT NULL,
        expires_at REAL,
        PRIMARY KEY (workspace_id, person_id, id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX memory_facts_by_age ON memory_facts (workspace_id, person_id, created_at)",
)
