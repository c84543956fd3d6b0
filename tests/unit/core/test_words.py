# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.words import (
    language,
    pieces,
    stem,
    terms,
    token_count,
    word_set,
    words,
)


@pytest.mark.parametrize(
    "family",
    [
        "invoice invoices invoiced invoicing",
        "delay delays delayed delaying",
        "company companies company's",
        "classify classified classifies",
        "stop stopped stopping stops",
        "day days",
        "try tried tries",
        "quick quickly",
    ],
)
def test_the_forms_of_a_word_have_one_stem(family: str) -> None:
    assert len({stem(word) for word in family.split()}) == 1


@pytest.mark.parametrize(("one", "other"), [("sing", "sin"), ("news", "ness"), ("red", "re")])
def test_short_words_are_not_stemmed_into_each_other(one: str, other: str) -> None:
    assert stem(one) != stem(other)


def test_words_fold_case_and_keep_apostrophes() -> None:
    assert words("Don’t PANIC, it's fine_now") == ["don't", "panic", "it's", "fine", "now"]


def test_a_script_without_spaces_gives_pairs_of_characters() -> None:
    assert words("新しい本 book") == ["新し", "しい", "い本", "book"]


def test_terms_leave_the_small_words_out() -> None:
    assert terms("The gates of the harbour will be closed") == ["gat", "harbour", "clos"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("the gates are on the bed of the sea", "english"),
        ("die Tore liegen auf dem Grund und sind nicht offen", "german"),
        ("les portes ne sont pas dans la mer", "french"),
        ("las puertas no están en el mar", "spanish"),
        ("xyzzy", None),
    ],
)
def test_small_words_tell_the_language(text: str, expected: str | None) -> None:
    assert language(words(text)) == expected


def test_a_word_set_is_parted_by_any_white_space() -> None:
    assert word_set("a\n  b a") == {"a", "b"}


@pytest.mark.parametrize(
    ("text", "count"),
    [("", 0), ("  \n", 0), ("one two  three\n", 3), ("日本 is 日", 4), ("a,b c!", 2)],
)
def test_a_token_is_a_word_or_one_character_of_an_unspaced_script(text: str, count: int) -> None:
    assert token_count(text) == count


@given(st.text())
def test_pieces_joined_are_the_text_and_each_holds_one_token(text: str) -> None:
    cut = pieces(text)
    assert "".join(cut) == text
    assert sum(not piece.isspace() for piece in cut) == token_count(text)
