"""The columns are the fields."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest

from headgate.core.usage import UsageEvent
from headgate.stores.sqlite import events
from headgate.stores.sqlite.connection import connect
from headgate.stores.sqlite.schema import migrate
from usage_events import usage_event


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[sqlite3.Connection]:
    migrate(tmp_path / "headgate.db")
    with closing(connect(tmp_path / "headgate.db")) as connection:
        yield connection


def test_the_table_has_a_column_for_each_field_and_no_other(
    connection: sqlite3.Connection,
) -> None:
    """A new field needs a migration."""
    columns = {
        name for (name,) in connection.execute("SELECT name FROM pragma_table_info('events')")
    }
    assert columns == set(UsageEvent.__struct_fields__)


def test_events_are_known_by_their_ids(connection: sqlite3.Connection) -> None:
    events.insert(connection, [usage_event(id="a"), usage_event(id="b")])
    assert events.known(connection, ["a", "c", "b", '"']) == {"a", "b"}
    assert events.known(connection, []) == set()


def test_a_row_becomes_the_event_it_was(connection: sqlite3.Connection) -> None:
    event = usage_event(user_id=None, tags=("a", "b"), byok=True, first_token_ms=5)
    events.insert(connection, [event])
    row = connection.execute(f"SELECT {', '.join(events.COLUMNS)} FROM events").fetchone()
    assert events.from_row(row) == event
