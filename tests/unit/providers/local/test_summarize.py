import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.sentences import sentences
from headgate.providers.local import summarize
from headgate.providers.local.shape import Shape
from headgate.providers.local.summarize import MOST_COMPARED, candidates, choose, summary

LEAD = "The city council of Marrow Bay voted 9 to 2 on Tuesday"


def flat(text: str) -> str:
    return " ".join(text.split())


def test_a_summary_is_the_texts_own_sentences_in_their_order(article: str) -> None:
    chosen = choose(sentences(article))
    places = [flat(article).index(sentence.text) for sentence in chosen]
    assert len(chosen) >= 3
    assert places == sorted(places)
    assert summary(article) == " ".join(sentence.text for sentence in chosen)


def test_a_summary_is_much_shorter_and_holds_what_the_news_is(article: str) -> None:
    text = summary(article)
    assert text.startswith(LEAD)
    assert "would protect some 6,200 homes" in text
    assert len(text.split()) < len(article.split()) / 3


def test_a_letters_summary_says_its_business_without_courtesies(letter: str) -> None:
    text = summary(letter)
    assert "I am writing about order BW-20417" in text
    assert "we will take £420.00" in text
    assert not re.search("Dear|sincerely|Thank you|Foundry Lane", text)


@pytest.mark.parametrize("count", [1, 2, 3, 5])
def test_the_number_of_sentences_asked_for_is_obeyed(article: str, count: int) -> None:
    assert len(choose(sentences(article), Shape(sentences=count))) == count


@pytest.mark.parametrize("most", [5, 20, 50, 100])
def test_a_limit_of_words_is_kept_and_used(article: str, most: int) -> None:
    count = len(summary(article, Shape(words=most)).split())
    assert most / 2 <= count <= most


def test_a_sentence_that_is_too_long_by_itself_is_visibly_cut(article: str) -> None:
    assert summary(article, Shape(words=8)).endswith("…")


def test_a_limit_of_characters_is_kept(article: str) -> None:
    assert 140 <= len(summary(article, Shape(characters=280))) <= 280
    assert len(summary(article, Shape(characters=60))) <= 60


def test_bullets_are_one_line_each(letter: str) -> None:
    lines = summary(letter, Shape(sentences=3, bullets=True)).split("\n")
    assert len(lines) == 3
    assert all(line.startswith("- ") for line in lines)


def test_what_is_said_twice_is_taken_once() -> None:
    text = (
        "The bridge over the river Tane will close for repairs in May. Buses take a detour. "
        "The bridge over the river Tane closes for repairs in May, the town said. "
        "Shops in the old town fear for their trade and ask for help from the council. "
        "The bridge over the river Tane will be closed in May for its repairs."
    )
    chosen = summary(text, Shape(sentences=2))
    assert chosen.count("bridge over the river Tane") == 1
    assert "Shops" in chosen


def test_a_focus_moves_the_choice(article: str) -> None:
    assert "eelgrass" not in summary(article, Shape(sentences=2))
    assert "eelgrass" in summary(article, Shape(sentences=2, focus="eelgrass and the tide"))


def test_other_languages_are_summarised_too() -> None:
    german = (
        "Die Stadt Neuburg will ihre Straßenbahn um zwölf Kilometer verlängern. Der Rat stimmte "
        "für den Plan. Die Linie soll den Bahnhof mit der Universität verbinden. Bisher fahren "
        "dort nur Busse. Es regnete am Abend."
    )
    assert summary(german, Shape(sentences=1)).startswith("Die Stadt Neuburg")
    japanese = "都は新しい防災計画を発表した。予算は500億円である。避難所を増やす。"
    assert summary(japanese, Shape(sentences=2)).count("。") == 2


@pytest.mark.parametrize("text", ["", " \n ", "One line", "Title\n\nAnother title"])
def test_short_texts_are_given_back(text: str) -> None:
    assert summary(text) in {flat(text), text.split("\n", maxsplit=1)[0].strip()}


def test_long_texts_are_compared_in_part_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each sentence meets each other one in a bounded pool, whatever the length of the text."""
    compared = 0
    cosine = summarize._cosine

    def counted(one: summarize.Vector, other: summarize.Vector) -> float:
        nonlocal compared
        compared += 1
        return cosine(one, other)

    monkeypatch.setattr(summarize, "_cosine", counted)

    def comparisons(count: int) -> int:
        nonlocal compared
        compared = 0
        text = " ".join(f"Gate number {n} of {n % 97} closes in the storm." for n in range(count))
        assert len(candidates(sentences(text))) == MOST_COMPARED
        return compared

    once, twice = comparisons(1_000), comparisons(2_000)
    assert twice - once <= 3 * 1_000


@given(st.text(), st.integers(1, 40))
def test_any_text_has_a_summary_within_its_limit(text: str, most: int) -> None:
    assert len(summary(text, Shape(words=most)).split()) <= most
    assert bool(summary(text)) == bool(sentences(text))
