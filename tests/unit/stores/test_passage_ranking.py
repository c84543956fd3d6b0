from document_chunks import SPACE, at_angle, document, exactly
from headgate.core.words import terms
from headgate.stores.passage_ranking import by_terms, by_vector, candidates


def test_a_term_tells_as_much_as_it_is_rare_among_all_and_not_among_the_admitted() -> None:
    one = document("a", "stone river", "stone hill", "comet hill", "snow")
    all_ = candidates(one.document, one.chunks)
    admitted = [all_[1], all_[2]]
    found = by_terms(exactly(*terms("hill comet")), all_, admitted, 9)
    assert [hit.number for hit in found] == [2, 1]


def test_a_short_chunk_comes_before_a_long_one_that_has_the_term_as_often() -> None:
    one = document("a", "comet " + "dust " * 30, "comet", "snow", "rain", "hail")
    found = by_terms(exactly("comet"), candidates(one.document, one.chunks), [], 9)
    assert found == []
    ready = candidates(one.document, one.chunks)
    assert [hit.number for hit in by_terms(exactly("comet"), ready, ready, 9)] == [1, 0]


def test_what_is_equally_good_is_ordered_by_document_and_number() -> None:
    ready = [
        found
        for one in (document("b", "tea", "tea"), document("a", "tea"))
        for found in candidates(one.document, one.chunks)
    ]
    hits = by_vector(SPACE, at_angle(0), ready, 9)
    assert [(hit.document.id, hit.number) for hit in hits] == [("a", 0), ("b", 0), ("b", 1)]


def test_nothing_is_found_in_nothing() -> None:
    assert by_terms(exactly("tea"), [], [], 9) == []
    assert by_vector(SPACE, at_angle(0), [], 9) == []
