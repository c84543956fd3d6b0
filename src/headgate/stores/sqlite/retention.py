"""Old events are deleted in small batches, by one process at a time; their sums stay.

The one row of `retention` says from when on events are complete (`kept_from`, a whole hour) and who
is deleting. It is moved in the transaction that deletes the first event before it, so a question
never meets a part of an hour of which some events are gone without knowing it.
"""

import sqlite3

TURN_SECONDS = 30.0
"""How long a process that stopped deleting keeps others from going on."""


def kept_from(connection: sqlite3.Connection) -> int:
    """The time in milliseconds before which events may be gone."""
    row = connection.execute("SELECT kept_from FROM retention").fetchone()
    return row[0] if row else 0


def forget(connection: sqlite3.Connection, before: int, limit: int, worker: str, now: float) -> int:
    """Delete up to `limit` events before a whole hour; how many there were.

    Nothing happens while it is another worker's turn.
    """
    turn = connection.execute(
        "INSERT INTO retention (only, kept_from, worker, busy_until) VALUES (1, ?1, ?2, ?3) "
        "ON CONFLICT (only) DO UPDATE SET kept_from = max(kept_from, ?1), worker = ?2, "
        "busy_until = ?3 WHERE worker = ?2 OR busy_until < ?4",
        (before, worker, now + TURN_SECONDS, now),
    )
    if not turn.rowcount:
        return 0
    return connection.execute(
        "DELETE FROM events WHERE rowid IN "
        "(SELECT rowid FROM events WHERE timestamp < ? ORDER BY timestamp LIMIT ?)",
        (before, limit),
    ).rowcount
