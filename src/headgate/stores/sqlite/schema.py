"""The database's tables, and how an older file becomes a current one.

Migrations are numbered from 1 and only go forward; the number of the last one applied is kept in
the file's own `user_version`. Each runs in one `BEGIN IMMEDIATE` transaction, so that processes
that start at the same moment take turns and the later ones find the work done.

Amounts of money are integers in nano-dollars, `timestamp` and `start` milliseconds since 1970,
times ending in `_at` Unix seconds. A missing user is `''`, because a key column cannot be NULL.

The rollups hold, for each hour and for longer spans (`span`, in milliseconds), one row per
combination of dimensions that occurred: `rollups` and `tag_rollups` for questions about one key or
user, `key_sums` and `user_sums` for those by hour, `model_sums`, `owner_sums` and `tag_sums` for
those about everybody. Which spans a table has, and when they are summed, stands in `rollups`; the
last hour with events, `open_hour`, is only in the hour rows of the first two. Their indexes hold
only columns that an addition never changes, so a call costs them nothing.
"""

import contextlib
import os
import sqlite3
import time
from typing import TypeAlias

from headgate.core.errors import HeadgateError
from headgate.stores.sqlite.audit_schema import AUDIT
from headgate.stores.sqlite.connection import BUSY_SECONDS, connect, is_busy, overloaded
from headgate.stores.sqlite.erasures_schema import ERASURES
from headgate.stores.sqlite.memories_schema import MEMORIES
from headgate.stores.sqlite.runs_schema import RUNS
from headgate.stores.sqlite.service_schema import EPISODES, SERVICE_LEVELS

PathLike: TypeAlias = str | os.PathLike[str]

_SUMS = """
    requests INTEGER NOT NULL,
    errors INTEGER NOT NULL,
    input_tokens INTEGER NOT NULL,
    cached_input_tokens INTEGER NOT NULL,
    output_tokens INTEGER NOT NULL,
    reasoning_tokens INTEGER NOT NULL,
    cost INTEGER NOT NULL,
    billed INTEGER NOT NULL,
    cache_hits INTEGER NOT NULL,
    saved_cost INTEGER NOT NULL,
    latency_ms INTEGER NOT NULL,
"""

_FIRST = (
    """
    CREATE TABLE keys (
        key_id TEXT PRIMARY KEY,
        created_at REAL NOT NULL,
        document TEXT NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX keys_by_age ON keys (created_at)",
    """
    CREATE TABLE secrets (
        hash TEXT PRIMARY KEY,
        key_id TEXT NOT NULL REFERENCES keys (key_id),
        valid_until REAL
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX secrets_by_key ON secrets (key_id)",
    """
    CREATE TABLE limits (
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        amount INTEGER NOT NULL,
        hard INTEGER NOT NULL,
        alert_thresholds TEXT NOT NULL,
        PRIMARY KEY (scope, id)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE accounts (
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        period TEXT NOT NULL,
        granted INTEGER NOT NULL,
        spent INTEGER NOT NULL,
        unconfirmed INTEGER NOT NULL,
        PRIMARY KEY (scope, id, period)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE leases (
        owner TEXT NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        period TEXT NOT NULL,
        amount INTEGER NOT NULL,
        settled INTEGER NOT NULL,
        expires_at REAL NOT NULL,
        PRIMARY KEY (owner, scope, id, period),
        CHECK (0 <= settled AND settled <= amount)
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE TABLE unconfirmed (
        entry_id TEXT PRIMARY KEY,
        owner TEXT NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        period TEXT NOT NULL,
        amount INTEGER NOT NULL CHECK (amount > 0),
        created_at REAL NOT NULL,
        released_at REAL
    ) STRICT, WITHOUT ROWID
    """,
    """
    CREATE INDEX unconfirmed_open ON unconfirmed (scope, id, period, owner, created_at)
    WHERE released_at IS NULL
    """,
    """
    CREATE TABLE events (
        id TEXT PRIMARY KEY,
        request_id TEXT NOT NULL,
        timestamp INTEGER NOT NULL,
        key_id TEXT NOT NULL,
        workspace_id TEXT NOT NULL,
        user_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        request_type TEXT NOT NULL,
        status TEXT NOT NULL,
        cost INTEGER NOT NULL,
        billed INTEGER NOT NULL,
        price_version TEXT NOT NULL,
        use_case TEXT,
        input_tokens INTEGER NOT NULL,
        cached_input_tokens INTEGER NOT NULL,
        cache_write_tokens INTEGER NOT NULL,
        output_tokens INTEGER NOT NULL,
        reasoning_tokens INTEGER NOT NULL,
        saved_cost INTEGER NOT NULL,
        byok INTEGER NOT NULL,
        cache TEXT NOT NULL,
        latency_ms INTEGER NOT NULL,
        first_token_ms INTEGER,
        run_id TEXT,
        tags TEXT NOT NULL,
        estimated INTEGER NOT NULL,
        overrun INTEGER NOT NULL
    ) STRICT
    """,
    "CREATE INDEX events_by_time ON events (timestamp)",
    "CREATE INDEX events_by_key ON events (key_id, timestamp)",
    "CREATE INDEX events_by_user ON events (user_id, timestamp)",
    f"""
    CREATE TABLE rollups (
        span INTEGER NOT NULL,
        start INTEGER NOT NULL,
        user_id TEXT NOT NULL,
        key_id TEXT NOT NULL,
        workspace_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        model TEXT NOT NULL,
        {_SUMS}
        PRIMARY KEY (span, start, key_id, model, provider, user_id, workspace_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX rollups_by_key ON rollups (key_id, span, start)",
    "CREATE INDEX rollups_by_user ON rollups (user_id, span, start)",
    f"""
    CREATE TABLE tag_rollups (
        span INTEGER NOT NULL,
        start INTEGER NOT NULL,
        tag TEXT NOT NULL,
        user_id TEXT NOT NULL,
        key_id TEXT NOT NULL,
        {_SUMS}
        PRIMARY KEY (span, start, key_id, tag, user_id)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX tag_rollups_by_key ON tag_rollups (key_id, span, start)",
    "CREATE INDEX tag_rollups_by_user ON tag_rollups (user_id, span, start)",
)

_RECALLS = (
    """
    CREATE TABLE recalls (
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        period TEXT NOT NULL,
        ends_at REAL NOT NULL,
        PRIMARY KEY (scope, id, period)
    ) STRICT, WITHOUT ROWID
    """,
)

_ANSWERS = (
    """
    CREATE TABLE answers (
        id TEXT PRIMARY KEY,
        fingerprint TEXT NOT NULL,
        owner TEXT NOT NULL,
        expires_at REAL NOT NULL,
        awaited_at REAL,
        model TEXT,
        provider TEXT,
        body BLOB
    ) STRICT
    """,
    "CREATE INDEX answers_by_end ON answers (expires_at)",
)

_ALERTS = (
    # `held_until` is NULL where nothing is to be told.
    """
    CREATE TABLE alerts (
        channel TEXT NOT NULL,
        scope TEXT NOT NULL,
        id TEXT NOT NULL,
        period TEXT NOT NULL,
        held_until REAL,
        state TEXT NOT NULL,
        PRIMARY KEY (channel, scope, id, period)
    ) STRICT, WITHOUT ROWID
    """,
    "CREATE INDEX alerts_due ON alerts (channel, held_until) WHERE held_until IS NOT NULL",
)

# What the first tables sum, and what an answer shows.
_OLDER = tuple(line.split()[0] for line in _SUMS.strip().splitlines())
_ASKED = (
    "requests",
    "errors",
    "input_tokens",
    "output_tokens",
    "cost",
    "billed",
    "cache_hits",
    "saved_cost",
)


# Spans in milliseconds, as the tables that came later have them.
_HOUR, _QUARTER, _DAY, _WEEK = 3_600_000, 21_600_000, 86_400_000, 604_800_000


def _summed(table: str, dimensions: str, key: str = "span, start, {}") -> str:
    """A table with fewer dimensions than the combinations."""
    columns = ", ".join(f"{name.strip()} TEXT NOT NULL" for name in dimensions.split(","))
    sums = ", ".join(f"{name} INTEGER NOT NULL" for name in _ASKED)
    return (
        f"CREATE TABLE {table} (span INTEGER NOT NULL, start INTEGER NOT NULL, {columns}, {sums}, "
        f"PRIMARY KEY ({key.format(dimensions)})) STRICT, WITHOUT ROWID"
    )


def _filled(table: str, dimensions: str, source: str, span: int) -> str:
    """Fills the rows of one span of a table from the hours of `source`, where the span is over."""
    names = _OLDER if table == source else _ASKED
    start = f"start - start % {span}"
    return (
        f"INSERT INTO {table} (span, start, {dimensions}, {', '.join(names)}) "  # noqa: S608 - constant parts only
        f"SELECT {span}, {start}, {dimensions}, {', '.join(f'sum({name})' for name in names)} "
        f"FROM {source} WHERE span = {_HOUR} "
        f"AND start < (SELECT start - start % {span} FROM open_hour) GROUP BY {start}, {dimensions}"
    )


_MODEL, _OWNER, _TAG = "model, provider", "key_id, user_id, workspace_id", "tag"
_CUBE, _TAG_CUBE = f"{_OWNER}, {_MODEL}", "key_id, user_id, tag"

_SUMS_OF_ALL = (
    """
    CREATE TABLE open_hour (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        start INTEGER NOT NULL
    ) STRICT
    """,
    """
    INSERT INTO open_hour
    SELECT 1, coalesce(max(start) + 3600000, 0) FROM rollups WHERE span = 3600000
    """,
    _summed("model_sums", _MODEL),
    _summed("owner_sums", _OWNER),
    _summed("tag_sums", _TAG),
    # Rows by hour of one key or user: they lie side by side.
    _summed("key_sums", "key_id", "{}, span, start"),
    _summed("user_sums", "user_id", "{}, span, start"),
    *(_filled("model_sums", _MODEL, "rollups", span) for span in (_HOUR, _DAY)),
    *(_filled("owner_sums", _OWNER, "rollups", span) for span in (_HOUR, _QUARTER, _DAY, _WEEK)),
    *(_filled("tag_sums", _TAG, "tag_rollups", span) for span in (_HOUR, _DAY)),
    _filled("key_sums", "key_id", "rollups", _HOUR),
    _filled("user_sums", "user_id", "rollups", _HOUR),
    _filled("rollups", _CUBE, "rollups", _WEEK),
    _filled("tag_rollups", _TAG_CUBE, "tag_rollups", _WEEK),
    # The first tables had days that are not over.
    *(
        f"DELETE FROM {table} WHERE span = {_DAY} "  # noqa: S608 - constant parts only
        f"AND start >= (SELECT start - start % {_DAY} FROM open_hour)"
        for table in ("rollups", "tag_rollups")
    ),
    """
    CREATE TABLE retention (
        only INTEGER PRIMARY KEY CHECK (only = 1),
        kept_from INTEGER NOT NULL,
        worker TEXT NOT NULL,
        busy_until REAL NOT NULL
    ) STRICT
    """,
)

_VENDOR_KEYS = (
    """
    CREATE TABLE vendor_keys (
        user_id TEXT NOT NULL,
        provider TEXT NOT NULL,
        sealed BLOB NOT NULL,
        last_four TEXT NOT NULL,
        set_at REAL NOT NULL,
        PRIMARY KEY (user_id, provider)
    ) STRICT, WITHOUT ROWID
    """,
)

_AUTO = ("ALTER TABLE events ADD COLUMN auto_saved INTEGER NOT NULL DEFAULT 0",)

_PROMPTS = (
    "ALTER TABLE events ADD COLUMN prompt TEXT",
    "ALTER TABLE events ADD COLUMN prompt_version INTEGER",
)

_SUM_TABLES = (
    "rollups",
    "tag_rollups",
    "model_sums",
    "owner_sums",
    "tag_sums",
    "key_sums",
    "user_sums",
)
# What was before these is in its events alone.
_AUTO_SUMS = tuple(
    f"ALTER TABLE {table} ADD COLUMN auto_saved INTEGER NOT NULL DEFAULT 0" for table in _SUM_TABLES
)
_OWN_SUMS = tuple(
    f"ALTER TABLE {table} ADD COLUMN own_cost INTEGER NOT NULL DEFAULT 0" for table in _SUM_TABLES
)
_WORKSPACES = (
    """
    CREATE TABLE workspaces (
        workspace_id TEXT PRIMARY KEY,
        settings TEXT NOT NULL,
        changed_at REAL NOT NULL
    ) STRICT, WITHOUT ROWID
    """,
)

Migrations: TypeAlias = tuple[tuple[str, ...], ...]

_ANSWERS_OF_USERS = (
    "ALTER TABLE answers ADD COLUMN user_id TEXT",
    "CREATE INDEX answers_by_user ON answers (user_id) WHERE user_id IS NOT NULL",
)

MIGRATIONS: Migrations = (
    _FIRST,
    _RECALLS,
    _ANSWERS,
    _ALERTS,
    _SUMS_OF_ALL,
    _VENDOR_KEYS,
    _AUTO,
    _PROMPTS,
    _AUTO_SUMS,
    RUNS,
    MEMORIES,
    _OWN_SUMS,
    _WORKSPACES,
    AUDIT,
    SERVICE_LEVELS,
    EPISODES,
    ERASURES,
    _ANSWERS_OF_USERS,
)
"""The statements of each migration. One that was ever released is never edited."""


class NewerDatabase(HeadgateError):
    """The file was written by a later release, whose tables this one does not know."""


def migrate(path: PathLike, migrations: Migrations = MIGRATIONS) -> None:
    """Bring the database at `path` up to date, creating it where there is none.

    Safe to call at every start, by any number of processes at once.

    Raises:
        NewerDatabase: the file is from a later release.
        Overloaded: the file cannot be opened or written.
    """
    try:
        with contextlib.closing(connect(path)) as connection:
            _use_write_ahead_log(connection)
            if _version(connection, migrations) != len(migrations):
                _apply(connection, migrations)
    except sqlite3.Error as error:
        raise overloaded(error) from error


def _use_write_ahead_log(connection: sqlite3.Connection) -> None:
    """Switch the file's journal, a setting it keeps.

    The switch needs the file to itself, and SQLite refuses at once where waiting could be a
    deadlock, so the waiting is done here.
    """
    deadline = time.monotonic() + BUSY_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if not is_busy(error) or time.monotonic() > deadline:
                raise
            time.sleep(0.005)
        else:
            return


def _version(connection: sqlite3.Connection, migrations: Migrations) -> int:
    version: int = connection.execute("PRAGMA user_version").fetchone()[0]
    if version > len(migrations):
        raise NewerDatabase(
            f"The database has version {version}, but this release knows only versions up to "
            f"{len(migrations)}. Install the release that wrote it, or a later one."
        )
    return version


def _apply(connection: sqlite3.Connection, migrations: Migrations) -> None:
    connection.execute("BEGIN IMMEDIATE")
    try:
        # Read again: another process may have been first.
        for statements in migrations[_version(connection, migrations) :]:
            for statement in statements:
                connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(migrations)}")
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise
