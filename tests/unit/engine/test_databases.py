"""The databases of durable runs."""

from pathlib import Path

import pytest

from headgate.core.errors import InvalidRequest
from headgate.engine.databases import check_sqlite, postgres_database, sqlite_database


def test_sqlite_keeps_what_was_committed_and_waits_for_its_turn(tmp_path: Path) -> None:
    engine = sqlite_database(tmp_path / "agents.db")
    with engine.connect() as connection:

        def pragma(name: str) -> object:
            return connection.exec_driver_sql(f"PRAGMA {name}").scalar()

        assert pragma("journal_mode") == "wal"
        assert pragma("synchronous") == 1
        assert pragma("foreign_keys") == 1
        assert pragma("busy_timeout") == 30_000
    engine.dispose()


def test_an_old_sqlite_under_a_new_python_is_refused() -> None:
    check_sqlite((3, 11), (3, 40, 1))
    check_sqlite((3, 13), (3, 42, 0))
    with pytest.raises(InvalidRequest, match=r"3\.40\.1"):
        check_sqlite((3, 12), (3, 40, 1))


@pytest.mark.parametrize(
    "url", ["postgresql://ada:pw@db:5432/runs", "postgres://ada:pw@db:5432/runs"]
)
def test_postgresql_is_reached_by_its_usual_address(url: str) -> None:
    engine = postgres_database(url)
    assert engine.url.render_as_string(hide_password=False) == (
        "postgresql+psycopg://ada:pw@db:5432/runs"
    )


def test_what_the_address_leaves_out_is_taken_from_where_postgresql_looks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As a task is told of its database, part by part."""
    monkeypatch.setenv("PGDATABASE", "runs")
    engine = postgres_database("postgresql://")
    assert engine.url.render_as_string(hide_password=False) == "postgresql+psycopg:///runs"
    monkeypatch.delenv("PGDATABASE")
    with pytest.raises(InvalidRequest, match="PGDATABASE"):
        postgres_database("postgresql://ada:secret@db")


def test_another_address_is_refused_without_its_password() -> None:
    with pytest.raises(InvalidRequest) as refused:
        postgres_database("mysql://ada:secret@db/runs")
    assert "secret" not in refused.value.message
