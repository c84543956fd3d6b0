import pytest

from headgate.providers.local.shape import ANY_SHAPE, Shape, shape_of


@pytest.mark.parametrize(
    ("asked", "shape"),
    [
        ("Summarise this", ANY_SHAPE),
        ("Summarise this in 3 sentences", Shape(sentences=3)),
        ("a two-sentence summary", Shape(sentences=2)),
        ("in 2-4 sentences", Shape(sentences=4)),
        ("give me five bullet points", Shape(sentences=5, bullets=True)),
        ("max 50 words", Shape(words=50)),
        ("a 100-word summary", Shape(words=100)),
        ("in under 280 characters", Shape(characters=280)),
        ("as bullet points", Shape(bullets=True)),
        ("a brief summary", Shape(scale=0.6)),
        ("in zwei Sätzen", Shape(sentences=2)),
        ("in drei Stichpunkten", Shape(sentences=3, bullets=True)),
        ("en une phrase", Shape(sentences=1)),
        ("2文で要約", Shape(sentences=2)),
        ("in two paragraphs", Shape(sentences=6)),
        ("focus on the costs. Thanks", Shape(focus="the costs")),
    ],
)
def test_the_ways_to_ask_for_a_length(asked: str, shape: Shape) -> None:
    assert shape_of(asked) == shape


def test_the_users_wish_goes_before_the_systems() -> None:
    assert shape_of("in one sentence", "in 5 sentences") == Shape(sentences=1)
    assert shape_of("Summarise this", "in 5 sentences") == Shape(sentences=5)


def test_no_sentences_at_all_is_no_summary_so_it_is_one() -> None:
    assert shape_of("in 0 sentences").sentences == 1
