from pathlib import Path

from headgate.bootstrap_aws import access_key
from headgate.settings import Settings
from headgate.transport.sigv4 import Credentials

KEY = {"AWS_ACCESS_KEY_ID": "AKID", "AWS_SECRET_ACCESS_KEY": "secret"}


def test_the_access_key_is_that_of_the_settings(tmp_path: Path) -> None:
    assert access_key(Settings.load(KEY, tmp_path)) == Credentials("AKID", "secret")
    temporary = Settings.load(KEY | {"AWS_SESSION_TOKEN": "token"}, tmp_path)
    assert access_key(temporary) == Credentials("AKID", "secret", "token")


def test_half_an_access_key_is_none(tmp_path: Path) -> None:
    for name, value in KEY.items():
        assert access_key(Settings.load({name: value}, tmp_path)) is None
