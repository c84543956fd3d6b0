import pytest

from document_chunks import document
from headgate.core.documents import Hit
from headgate.documents.ranking import fused


def hit(name: str, nearness: float = 1.0) -> Hit:
    one = document(name, "text")
    return Hit(
        document=one.document, number=0, start=0, end=4, text="text", page=None, nearness=nearness
    )


def test_the_first_of_both_orders_has_the_whole_score() -> None:
    first, *_ = fused([hit("a", 7), hit("b", 3)], [hit("a", 0.9), hit("c", 0.8)], 0.3, 5)
    assert (first.document_id, first.name, first.score) == ("a", "a.txt", 1.0)


def test_a_score_is_the_weighted_mean_of_what_both_orders_say() -> None:
    by_terms, by_vector = [hit("a", 8), hit("b", 4)], [hit("b", 0.8), hit("c", 0.4)]
    found = fused(by_terms, by_vector, 0.25, 10)
    assert [(one.document_id, one.score) for one in found] == [
        *[("a", 0.75), ("b", 0.625), ("c", 0.125)]
    ]
    assert fused(by_terms, by_vector, 0.25, 1) == found[:1]


def test_what_words_are_sure_of_is_not_passed_by_a_slightly_nearer_vector() -> None:
    by_terms = [hit("a", 9), hit("b", 2)]
    by_vector = [hit("b", 0.81), hit("a", 0.8)]
    assert fused(by_terms, by_vector, 0.5, 1)[0].document_id == "a"


def test_a_vector_that_is_near_to_nothing_takes_no_part() -> None:
    assert [one.document_id for one in fused([], [hit("a", 0.2), hit("b", 0.05)], 0.2, 9)] == ["a"]


@pytest.mark.parametrize("weight", [0.0, 0.2, 1.0])
def test_scores_fall_and_stay_between_0_and_1(weight: float) -> None:
    orders = [hit(name, 6 - at) for at, name in enumerate("abcdef")], [hit("x", 0.9)]
    scores = [one.score for one in fused(*orders, weight, 10)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 <= score <= 1 for score in scores)
    assert fused([], [], weight, 10) == ()
