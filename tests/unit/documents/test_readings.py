import pytest

from headgate.documents.readings import (
    MOST_CHARACTERS,
    Block,
    Composer,
    Unreadable,
    paragraphs,
)


def test_blocks_are_put_together_with_their_places() -> None:
    composer = Composer()
    composer.add("  Title ", level=1)
    composer.add(" \n ")
    composer.add("Body.", page=2)
    reading = composer.reading(pages=3)
    assert reading.text == "Title\n\nBody."
    assert reading.blocks == [Block(0, 5, 1), Block(7, 12, 0, 2)]
    assert reading.pages == 3


def test_a_text_that_grows_too_long_is_refused() -> None:
    composer = Composer()
    composer.add("a" * MOST_CHARACTERS)
    with pytest.raises(Unreadable, match="divide"):
        composer.add("b")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_paragraphs_are_what_blank_lines_part(end: str) -> None:
    text = end.join(["", "  one", "two  ", " \t", "", "three", ""])
    assert [text[start:stop] for start, stop in paragraphs(text)] == [f"one{end}two", "three"]


def test_a_blank_text_has_no_paragraphs() -> None:
    assert list(paragraphs("")) == []
    assert list(paragraphs(" \n\t\n ")) == []
