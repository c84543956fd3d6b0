"""Backups of a data directory; scenarios/test_backup.py takes them under load."""

import sqlite3
import stat
import tarfile
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from headgate.bootstrap.backups import NOTE, back_up, restore
from headgate.bootstrap.platform import prepare
from headgate.core.errors import InvalidRequest
from headgate.settings import Secret, Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Those of a data directory in which everything is that may be there."""
    data = tmp_path / "data"
    settings = Settings(data=data)
    prepare(settings)
    (data / "secret.key").write_text("a secret")
    (data / "secret.key").chmod(0o600)
    for name in ("prompts", "agents", "files/sales", "limits", "streams", "tickets", "metrics"):
        (data / name).mkdir(parents=True, exist_ok=True)
        (data / name / "one").write_text(name)
    (data / "agents.lock").touch()
    (data / "prompts" / "again").symlink_to(data / "prompts")
    with closing(sqlite3.connect(data / "files" / "own.db")) as database:
        database.execute("PRAGMA journal_mode = WAL")
        database.execute("CREATE TABLE rows AS SELECT 1 AS number")
        database.commit()
    return settings


def names(directory: Path) -> set[str]:
    found = {path.relative_to(directory) for path in directory.rglob("*") if path.is_file()}
    return {str(path) for path in found if not path.name.endswith(("-wal", "-shm"))}


KEPT = {
    *("headgate.db", "documents.db", "secret.key"),
    *("prompts/one", "agents/one", "files/sales/one", "files/own.db"),
}


@pytest.mark.parametrize("name", ["monday", "monday.tar.gz", "monday.tgz"])
def test_what_was_backed_up_is_there_again(settings: Settings, tmp_path: Path, name: str) -> None:
    made = back_up(settings, tmp_path / name)
    assert made.path == tmp_path / name
    assert made.size > 10_000
    assert made.path.is_dir() == (name == "monday")
    other = Settings(data=tmp_path / "other")
    assert restore(other, made.path) == tmp_path / "other"
    assert names(other.data) == KEPT
    assert (other.data / "files" / "sales" / "one").read_text() == "files/sales"
    with closing(sqlite3.connect(other.data / "files" / "own.db")) as database:
        assert database.execute("SELECT number FROM rows").fetchall() == [(1,)]
    assert prepare(other) is None, "the admin key is there"
    assert not [path for path in tmp_path.iterdir() if path.name.startswith(".")]


def test_nobody_else_may_read_a_backup(settings: Settings, tmp_path: Path) -> None:
    made = back_up(settings, tmp_path / "monday").path
    assert stat.S_IMODE(made.stat().st_mode) == 0o700
    for name in ("secret.key", "headgate.db", "documents.db"):
        assert stat.S_IMODE((made / name).stat().st_mode) == 0o600
    archive = back_up(settings, tmp_path / "monday.tgz").path
    assert stat.S_IMODE(archive.stat().st_mode) == 0o600
    other = Settings(data=tmp_path / "other")
    restore(other, archive)
    assert stat.S_IMODE((other.data / "secret.key").stat().st_mode) == 0o600


def test_nothing_is_overwritten(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    with pytest.raises(InvalidRequest, match="is there already"):
        back_up(settings, tmp_path / "there")
    made = back_up(settings, tmp_path / "monday").path
    with pytest.raises(InvalidRequest, match="is not empty, and a platform may be using it"):
        restore(settings, made)
    assert names(settings.data) > KEPT


def test_a_backup_is_not_a_part_of_the_next_one(settings: Settings) -> None:
    with pytest.raises(InvalidRequest, match="lies in the data directory"):
        back_up(settings, settings.data / "backups")


def test_where_nothing_is_there_is_nothing_to_back_up(tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="nothing to back up"):
        back_up(Settings(data=tmp_path / "none"), tmp_path / "monday")
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_named(settings: Settings, tmp_path: Path) -> None:
    with pytest.raises(InvalidRequest, match="none/monday cannot be written"):
        back_up(settings, tmp_path / "none" / "monday")


@pytest.mark.parametrize("name", ["directory", "archive.tgz", "text.tgz"])
def test_what_is_no_backup_is_not_restored(tmp_path: Path, name: str) -> None:
    source = tmp_path / name
    (tmp_path / "directory").mkdir()
    (tmp_path / "directory" / "headgate.db").touch()
    if name == "archive.tgz":
        with tarfile.open(source, "w:gz") as tar:
            tar.add(tmp_path / "directory", "directory")
    elif name == "text.tgz":
        source.write_text("no archive")
    settings = Settings(data=tmp_path / "data")
    with pytest.raises(InvalidRequest, match="is no backup"):
        restore(settings, source)
    assert not list(settings.data.iterdir())


@pytest.mark.parametrize("harm", ["half of it", "all but its end", "a changed byte"])
def test_a_broken_archive_is_told_from_a_whole_one(
    settings: Settings, tmp_path: Path, harm: str
) -> None:
    archive = back_up(settings, tmp_path / "monday.tgz").path
    whole = archive.read_bytes()
    middle = len(whole) // 2
    archive.write_bytes(
        {
            "half of it": whole[:middle],
            "all but its end": whole[:-1],
            "a changed byte": whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :],
        }[harm]
    )
    other = Settings(data=tmp_path / "other")
    with pytest.raises(InvalidRequest, match="or a broken one"):
        restore(other, archive)
    assert not list(other.data.iterdir())


def test_an_archive_writes_nowhere_else(tmp_path: Path) -> None:
    (tmp_path / NOTE).touch()
    with tarfile.open(tmp_path / "evil.tgz", "w:gz") as tar:
        tar.add(tmp_path / NOTE, "../evil")
    with pytest.raises(InvalidRequest, match="is no backup"):
        restore(Settings(data=tmp_path / "data" / "here"), tmp_path / "evil.tgz")
    assert not (tmp_path / "data" / "evil").exists()


def test_a_backup_says_what_is_kept_elsewhere(settings: Settings, tmp_path: Path) -> None:
    (tmp_path / "headgate.toml").touch()
    (settings.data / "secret.key").unlink()
    spread = msgspec.structs.replace(
        settings,
        store="dynamodb",
        database_url=Secret("postgresql://localhost/headgate"),
        redis_url=Secret("redis://localhost"),
        config=tmp_path / "headgate.toml",
    )
    told = "\n".join(back_up(spread, tmp_path / "monday").left_out)
    for word in ("point-in-time", "pg_dump", "Redis", "JWT_SECRET_KEY", "headgate.toml"):
        assert word in told
    only = back_up(settings, tmp_path / "tuesday").left_out
    assert only == (
        "Environment variables and .env, with the keys of vendors.",
        "JWT_SECRET_KEY and ENCRYPTION_SALT, which open users' vendor keys.",
    )
