"""Which secrets protect nothing."""

import pytest

from headgate.secret_strength import weakness
from headgate.variables import Secret


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("change-me-to-something-long", "sample"),
        ("sk-proj-example-changeme-now", "sample"),
        ("fifteen letters", "shorter than 16"),
    ],
)
def test_a_weak_secret_is_told_by_its_weakness(text: str, words: str) -> None:
    assert words in (weakness(Secret(text)) or "")


def test_none_is_weak_and_a_random_text_is_not() -> None:
    assert weakness(None) == "is not set"
    assert weakness(Secret("0123456789abcdef0123456789abcdef")) is None
