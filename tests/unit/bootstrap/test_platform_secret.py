"""Where the platform's own secret comes from."""

from pathlib import Path

import msgspec
import pytest

from headgate.bootstrap.platform_secret import SECRET, platform_secret
from headgate.core.errors import Overloaded
from headgate.settings import Secret, Settings


def test_a_secret_that_is_set_is_the_one(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path, jwt_secret_key=Secret("a secret that is long enough"))
    assert platform_secret(settings, "tests need") == b"a secret that is long enough"
    assert not list(tmp_path.iterdir())


def test_without_one_the_data_directory_keeps_one(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path / "data")
    made = platform_secret(settings, "tests need")
    assert platform_secret(settings, "tests need") == made
    assert (tmp_path / "data" / SECRET).exists()


def test_several_machines_must_be_given_one(tmp_path: Path) -> None:
    settings = msgspec.structs.replace(Settings(data=tmp_path), store="dynamodb")
    with pytest.raises(Overloaded, match=r"^tests need a secret that all machines share"):
        platform_secret(settings, "tests need")
