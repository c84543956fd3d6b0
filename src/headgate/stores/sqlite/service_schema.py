"""The tables of how well the platform serves, and of what was told of its troubles."""

SERVICE_LEVELS = (
    """
    CREATE TABLE service_levels (
        length INTEGER NOT NULL,
        start INTEGER NOT NULL,
        series TEXT NOT NULL,
        measure TEXT NOT NULL,
        count INTEGER NOT NULL,
        PRIMARY KEY (length, start, series, measure)
    ) STRICT, WITHOUT ROWID
    """,
)

EPISODES = (
    """
    CREATE TABLE episodes (
        name TEXT NOT NULL,
        channel TEXT NOT NULL,
        is_open INTEGER NOT NULL DEFAULT 0,
        changed_at REAL NOT NULL DEFAULT 0,
        held_until REAL NOT NULL DEFAULT 0,
        PRIMARY KEY (name, channel)
    ) STRICT, WITHOUT ROWID
    """,
)
