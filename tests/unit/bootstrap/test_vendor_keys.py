"""With which secret users' own vendor keys are sealed."""

from pathlib import Path

import msgspec
import pytest

from headgate.bootstrap.vendor_keys import make_sealer
from headgate.core.errors import Overloaded
from headgate.settings import Secret, Settings

GIVEN = Secret("a secret of sufficient length")
SALT = Secret("a salt of sufficient length")


def settings(data: Path, **fields: object) -> Settings:
    return msgspec.structs.replace(Settings(data=data), **fields)


def test_processes_with_the_same_settings_open_what_one_has_sealed(tmp_path: Path) -> None:
    given = settings(tmp_path / "one", jwt_secret_key=GIVEN, encryption_salt=SALT)
    sealed = make_sealer(given).seal("sk-secret", bound_to=b"here")
    other = settings(tmp_path / "other", jwt_secret_key=GIVEN, encryption_salt=SALT)
    assert make_sealer(other).open(sealed, bound_to=b"here") == "sk-secret"
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    "changed", [{"jwt_secret_key": SALT}, {"encryption_salt": GIVEN}, {"encryption_salt": None}]
)
def test_a_change_of_either_setting_makes_it_unreadable(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    given = settings(tmp_path, jwt_secret_key=GIVEN, encryption_salt=SALT)
    sealed = make_sealer(given).seal("sk-secret", bound_to=b"here")
    other = make_sealer(msgspec.structs.replace(given, **changed))
    assert other.open(sealed, bound_to=b"here") is None


def test_without_settings_the_data_directory_has_the_secret(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sealed = make_sealer(settings(data)).seal("sk-secret", bound_to=b"here")
    assert make_sealer(settings(data)).open(sealed, bound_to=b"here") == "sk-secret"
    (data / "secret.key").unlink()
    assert make_sealer(settings(data)).open(sealed, bound_to=b"here") is None


@pytest.mark.parametrize("fields", [{}, {"jwt_secret_key": GIVEN}, {"encryption_salt": SALT}])
def test_several_machines_must_be_given_both(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(Overloaded, match="JWT_SECRET_KEY and ENCRYPTION_SALT"):
        make_sealer(settings(tmp_path, store="dynamodb", **fields))
    assert not list(tmp_path.iterdir())
