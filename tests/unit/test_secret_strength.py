"""Which secrets protect nothing."""

import pytest

from headgate.secret_strength import weakness_of
from headgate.variables import Secret


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("change-me-to-something-long", "sample"),
        ("sk-proj-example-changeme-now", "sample"),
        ("fifteen letters", "shorter than 16"),
    ],
)
def test_a_weak_secret_is_told_by_its_weakness_of(text: str, words: str) -> None:
    assert words in (weakness_of(Secret(text)) or "")


def test_none_is_weak_and_a_random_text_is_not() -> None:
    assert weakness_of(None) == "is not set"
    assert weakness_of(Secret("0123456789abcdef0123456789abcdef")) is None
