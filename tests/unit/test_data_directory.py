import stat
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
