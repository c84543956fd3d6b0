from document_chunks import document
from headgate.core.documents import Hit
from headgate.documents.ranking import fused


def hit(name: str) -> Hit:
    one = document(name, "text")
    return Hit(
        document=one.document, number=0, start=0, end=4, text="text", page=None, nearness=1.0
    )


def test_the_first_of_both_orders_has_the_whole_score() -> None:
    first, *_ = fused([[hit("a"), hit("b")], [hit("a"), hit("c")]], 5)
    assert (first.document_id, first.name, first.score) == ("a", "a.txt", 1.0)


def test_what_both_orders_have_comes_before_what_one_has() -> None:
    by_terms = [hit("a"), hit("b"), hit("c")]
    by_vector = [hit("d"), hit("c"), hit("e")]
    found = [one.document_id for one in fused([by_terms, by_vector], 10)]
    assert found == ["c", "a", "d", "b", "e"]
    assert [one.document_id for one in fused([by_terms, by_vector], 2)] == ["c", "a"]


def test_scores_fall_and_stay_between_0_and_1() -> None:
    scores = [one.score for one in fused([[hit(name) for name in "abcdef"], []], 10)]
    assert scores == sorted(scores, reverse=True)
    assert all(0 < score <= 0.5 for score in scores)
    assert fused([[], []], 10) == ()
