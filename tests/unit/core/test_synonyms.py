import pytest

from headgate.core.synonyms import SYNONYM_WEIGHT, meanings
from headgate.core.words import stem


@pytest.mark.parametrize(
    ("asked", "same"),
    [("bought", "buys"), ("children", "child"), ("7", "seven"), ("arrival", "arrived")],
)
def test_a_form_counts_as_much_as_the_word(asked: str, same: str) -> None:
    assert meanings(stem(asked))[stem(same)] == 1


@pytest.mark.parametrize(
    ("asked", "like"),
    [("purchase", "bought"), ("bought", "purchase"), ("vehicle", "car"), ("holidays", "vacation")],
)
def test_a_synonym_counts_less_in_any_of_its_forms(asked: str, like: str) -> None:
    assert meanings(stem(asked))[stem(like)] == SYNONYM_WEIGHT


def test_what_is_like_a_words_like_need_not_be_like_the_word() -> None:
    assert stem("street") in meanings(stem("way"))
    assert stem("way") in meanings(stem("method"))
    assert stem("street") not in meanings(stem("method"))


def test_a_word_without_synonyms_stands_for_itself() -> None:
    assert meanings("xyzzi") == {"xyzzi": 1}
