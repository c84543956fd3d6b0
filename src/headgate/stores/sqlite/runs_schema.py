"""The tables of agent runs, as the first migration that has them makes them."""

RUNS = (
    """
    CREATE TABLE runs (
        run_id TEXT NOT NULL PRIMARY KEY,
        key_id TEXT NOT NULL,
        user_id TEXT,
        workspace_id TEXT NOT NULL,
        status TEXT NOT NULL,
        is_submitted INTEGER NOT NULL DEFAULT 0,
        finished_at REAL,
        last_seq INTEGER NOT NULL,
        body BLOB NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX runs_of_key ON runs (key_id, run_id)",
    "CREATE INDEX runs_of_user ON runs (user_id, run_id)",
    "CREATE INDEX runs_unfinished ON runs (status, is_submitted, run_id) WHERE finished_at IS NULL",
    "CREATE INDEX runs_finished ON runs (finished_at) WHERE finished_at IS NOT NULL",
    "CREATE TABLE run_values (run_id TEXT NOT NULL PRIMARY KEY, input BLOB, output BLOB) STRICT",
    """
    CREATE TABLE run_events (
        run_id TEXT NOT NULL,
        seq INTEGER NOT NULL,
        type TEXT NOT NULL,
        at REAL NOT NULL,
        step_id TEXT,
        attempt INTEGER NOT NULL,
        data BLOB NOT NULL,
        once TEXT,
        PRIMARY KEY (run_id, seq)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE UNIQUE INDEX run_events_once ON run_events (run_id, once) WHERE once IS NOT NULL",
    "CREATE INDEX run_attempts ON run_events (run_id, step_id) WHERE type = 'step.started'",
    """
    CREATE TABLE run_commands (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        run_id TEXT NOT NULL,
        kind TEXT NOT NULL,
        step_id TEXT,
        approved INTEGER NOT NULL,
        comment TEXT
    ) STRICT
    """,
    "CREATE INDEX run_commands_of ON run_commands (run_id, number)",
    "CREATE UNIQUE INDEX run_decisions ON run_commands (run_id, step_id) WHERE kind = 'decide'",
)
