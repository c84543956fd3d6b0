import re

import pytest

from headgate.core.smallest_text import smallest_text


@pytest.mark.parametrize("least", [0, 7])
@pytest.mark.parametrize(
    "pattern",
    [
        r"^[A-Z]{3}-\d{2,5}$",
        r"^(foo|b|longer)\w*$",
        r"^[^a-z]+$",
        r"\w+@\w+\.com",
        r"^(?:a|bc){2,}x?$",
        r"^[\w.-]+$",
        r"^#[0-9a-fA-F]{6}",
        r"^[\]a]\s\S\x41\u00e9.*$",
        r"^\[(?P<name>[^\d\s])\]+?$",
        r"^a{x}b+$",
        r"",
    ],
)
def test_the_text_fits_its_pattern_and_length(pattern: str, least: int) -> None:
    text = smallest_text(pattern, least)
    assert re.search(pattern, text)
    assert len(text) >= least


def test_it_is_short() -> None:
    assert smallest_text(r"^x*(abc|de)?(abc|de)y{2,9}$") == "deyy"


def test_a_look_around_takes_no_text() -> None:
    assert smallest_text(r"^(?!b)(?=.)a$") == "a"


@pytest.mark.parametrize(
    "pattern", ["(", "a)", "[a", "a\\", "[^\\s\\S\\w]", "(?i)a", "a{999999999}", "(a{999}){999}"]
)
def test_what_cannot_be_read_or_is_too_long_is_an_error(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        smallest_text(pattern)
