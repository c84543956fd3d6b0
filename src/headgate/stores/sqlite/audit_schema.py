"""The table of the audit log, to which rows can only be added."""

AUDIT = (
    """
    CREATE TABLE audit (
        number INTEGER PRIMARY KEY,
        act_id TEXT NOT NULL,
        is_intent INTEGER NOT NULL,
        at REAL NOT NULL,
        key_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        action TEXT NOT NULL,
        target TEXT NOT NULL,
        record TEXT NOT NULL,
        hash TEXT NOT NULL
    ) STRICT
    """,
    "CREATE UNIQUE INDEX audit_by_act ON audit (act_id, is_intent)",
    """
    CREATE TRIGGER audit_is_never_changed BEFORE UPDATE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
    """
    CREATE TRIGGER audit_is_never_deleted BEFORE DELETE ON audit
    BEGIN SELECT RAISE(ABORT, 'the audit log is only added to'); END
    """,
)
