"""With which secret users' own vendor keys are sealed."""

from pathlib import Path

import msgspec
import pytest

from headgate.aws.kms import KmsSealer
from headgate.bootstrap.vendor_keys import make_sealer
from headgate.core.errors import Overloaded
from headgate.core.vendor_keys import Place
from headgate.settings import Secret, Settings
from headgate.transport.http import HttpClient

GIVEN = Secret("a secret of sufficient length")
SALT = Secret("a salt of sufficient length")
PLACE = Place("ada", "openai")
HTTP = HttpClient()
KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"


def settings(data: Path, **fields: object) -> Settings:
    return msgspec.structs.replace(Settings(data=data), **fields)


async def test_processes_with_the_same_settings_open_what_one_has_sealed(tmp_path: Path) -> None:
    given = settings(tmp_path / "one", jwt_secret_key=GIVEN, encryption_salt=SALT)
    sealed = await make_sealer(given, HTTP).seal("sk-secret", PLACE)
    other = settings(tmp_path / "other", jwt_secret_key=GIVEN, encryption_salt=SALT)
    assert await make_sealer(other, HTTP).open(sealed, PLACE) == "sk-secret"
    assert not (tmp_path / "one").exists()


@pytest.mark.parametrize(
    "changed", [{"jwt_secret_key": SALT}, {"encryption_salt": GIVEN}, {"encryption_salt": None}]
)
async def test_a_change_of_either_setting_makes_it_unreadable(
    tmp_path: Path, changed: dict[str, object]
) -> None:
    given = settings(tmp_path, jwt_secret_key=GIVEN, encryption_salt=SALT)
    sealed = await make_sealer(given, HTTP).seal("sk-secret", PLACE)
    other = make_sealer(msgspec.structs.replace(given, **changed), HTTP)
    assert await other.open(sealed, PLACE) is None


async def test_without_settings_the_data_directory_has_the_secret(tmp_path: Path) -> None:
    data = tmp_path / "data"
    sealed = await make_sealer(settings(data), HTTP).seal("sk-secret", PLACE)
    assert await make_sealer(settings(data), HTTP).open(sealed, PLACE) == "sk-secret"
    (data / "secret.key").unlink()
    assert await make_sealer(settings(data), HTTP).open(sealed, PLACE) is None


@pytest.mark.parametrize("fields", [{}, {"jwt_secret_key": GIVEN}, {"encryption_salt": SALT}])
def test_several_machines_must_be_given_both(tmp_path: Path, fields: dict[str, object]) -> None:
    with pytest.raises(Overloaded, match="JWT_SECRET_KEY and ENCRYPTION_SALT"):
        make_sealer(settings(tmp_path, store="dynamodb", **fields), HTTP)
    assert not list(tmp_path.iterdir())


async def test_a_key_of_kms_seals_in_its_own_region(tmp_path: Path) -> None:
    """Without a secret of ours, also where several machines share the rows."""
    keys = {"aws_access_key_id": "id", "aws_secret_access_key": Secret("secret")}
    for key, region, found in (
        (KEY, "us-east-1", "eu-west-1"),
        ("alias/ours", "us-east-1", "us-east-1"),
        ("arn:aws:kms", "us-east-1", "us-east-1"),
    ):
        given = settings(tmp_path, store="dynamodb", kms_key=key, aws_region=region, **keys)
        sealer = make_sealer(given, HTTP)
        assert isinstance(sealer, KmsSealer)
        assert (sealer.key, sealer.region) == (key, found)
        assert sealer.endpoint == f"https://kms.{found}.amazonaws.com/"


def test_a_key_of_kms_needs_a_region(tmp_path: Path) -> None:
    with pytest.raises(Overloaded, match="AWS_REGION"):
        make_sealer(settings(tmp_path, kms_key="alias/ours"), HTTP)
