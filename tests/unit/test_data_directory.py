import stat
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from headgate import data_directory
from headgate.core.errors import Overloaded


def test_the_data_directory_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "new" / "data"
    data_directory.make(path)
    data_directory.make(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o700


def test_one_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Overloaded, match="file/data cannot be made"):
        data_directory.make(tmp_path / "file" / "data")


def test_a_file_is_its_owners_alone_and_one_that_is_there_stays(tmp_path: Path) -> None:
    path = tmp_path / "database"
    data_directory.keep_private(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("content")
    data_directory.keep_private(path)
    assert path.read_text() == "content"


def test_a_secret_is_made_once_and_is_its_owners_alone(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    made = data_directory.secret(path)
    assert len(made) == 64
    assert data_directory.secret(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_callers_that_make_a_secret_at_once_get_the_same(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    start = threading.Barrier(8)

    def make(_: int) -> bytes:
        start.wait()
        return data_directory.secret(path)

    with ThreadPoolExecutor(8) as threads:
        found = set(threads.map(make, range(8)))
    assert len(found) == 1
    assert list(tmp_path.iterdir()) == [path]


def test_one_that_another_process_made_in_between_is_taken(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    made = data_directory.secret(path)
    data_directory._make_secret(path)
    assert data_directory.secret(path) == made
    assert list(tmp_path.iterdir()) == [path]


def test_a_damaged_secret_is_not_used(tmp_path: Path) -> None:
    path = tmp_path / "secret.key"
    path.write_bytes(b"")
    with pytest.raises(Overloaded, match="damaged"):
        data_directory.secret(path)


def test_a_secret_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="cannot be used"):
        data_directory.secret(tmp_path / "missing" / "secret.key")


def test_a_directory_has_one_name(tmp_path: Path) -> None:
    path = tmp_path / "agents.id"
    name = data_directory.identity(path)
    assert data_directory.identity(path) == name
    assert data_directory.identity(tmp_path / "another.id") != name
    with pytest.raises(Overloaded, match="cannot be used"):
        data_directory.identity(tmp_path / "missing" / "agents.id")
