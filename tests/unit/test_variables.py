from pathlib import Path
from typing import Any, Literal

import pytest

from headgate.variables import Email, Emails, Port, Secret, SecretUrl, Url, describe, read

Colour = Literal["red", "green"]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (str, "plain", "plain"),
        (str | None, "plain", "plain"),
        (bool, "YES", True),
        (bool, "0", False),
        (Path, "a/b", Path("a/b")),
        (Colour, "Green", "green"),
        (Url | None, "https://example.com/v1/", "https://example.com/v1"),
        (Secret | None, "hush", Secret("hush")),
        (SecretUrl | None, "https://example.com/hush", Secret("https://example.com/hush")),
        (Port | None, "587", 587),
        (Email | None, "ada+x@example.com", "ada+x@example.com"),
        (Emails | None, "ada@example.com", ("ada@example.com",)),
        (Emails, "ada@example.com ,ops@localhost", ("ada@example.com", "ops@localhost")),
    ],
)
def test_a_text_is_read_as_its_type(kind: Any, text: str, value: object) -> None:
    assert read(kind, text) == value


@pytest.mark.parametrize(
    ("kind", "text", "message"),
    [
        (bool, "maybe", "expected true or false"),
        (Url, "example.com", "starts with http"),
        (Colour, "gren", "did you mean green"),
        (SecretUrl, "hush", "starts with http"),
        (Port, "0", "from 1 to 65535"),
        (Port, "65536", "from 1 to 65535"),
        (Port, "²", "from 1 to 65535"),
        (Email, "ada", "such as ada@example.com"),
        (Email, "@example.com", "such as ada@example.com"),
        (Email, "ada@b@example.com", "such as ada@example.com"),
        (Email, "ada..b@example.com", "such as ada@example.com"),
        (Email, "ada@example.com;eve@example.com", "such as ada@example.com"),
        (Email, "ada@example.com\r\nBcc:eve@example.com", "without names"),
        (Email, "Ada <ada@example.com>", "without names"),
        (Email, "<ada@example.com>", "without names"),
        (Emails, "ada@example.com,", "such as ada@example.com"),
    ],
)
def test_another_text_is_refused_with_what_was_expected(kind: Any, text: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read(kind, text)


def test_a_secret_shows_itself_only_when_asked() -> None:
    secret = Secret("hunter2")
    assert "hunter2" not in f"{secret} {secret!r} {[secret]}"
    assert secret.reveal() == "hunter2"


def test_each_type_can_be_described() -> None:
    assert describe(Colour) == "`red`, `green`"
    assert describe(Secret | None) == "secret"
    assert describe(str) == "text"
    assert describe(Emails | None) == "e-mail addresses"
