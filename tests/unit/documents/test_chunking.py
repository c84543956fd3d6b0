from hypothesis import given
from hypothesis import strategies as st

from headgate.core.words import token_count
from headgate.documents.chunking import MOST_LENGTH, MOST_TOKENS, cuts
from headgate.documents.plain import read_markdown, read_text
from headgate.documents.readings import Composer

SENTENCE = "The ferry crosses the fjord every hour from six in the morning. "


def test_short_sections_are_chunks_that_begin_with_their_heading() -> None:
    text = (
        "# Harbour\n\nIntro.\n\n## Dues\n\nTen crowns.\n\nPaid in May.\n\n## Hours\n\nSix to ten.\n"
    )
    found = list(cuts(read_markdown(text.encode()), "port rules"))
    assert [text[one.start : one.end] for one in found] == [
        "# Harbour\n\nIntro.",
        "## Dues\n\nTen crowns.\n\nPaid in May.",
        "## Hours\n\nSix to ten.",
    ]
    assert [one.headings for one in found] == ["Harbour", "Harbour > Dues", "Harbour > Hours"]
    assert found[1].terms.split()[:4] == ["port", "rul", "harbour", "due"]


def test_a_heading_stays_with_what_it_is_over() -> None:
    text = "# A\n\n## B\n\nBody."
    (only,) = cuts(read_markdown(text.encode()), "")
    assert (only.start, only.end, only.headings) == (0, len(text), "A > B")


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    text = SENTENCE * 60
    found = list(cuts(read_text(text.encode()), ""))
    assert len(found) > 3
    for one in found:
        part = text[one.start : one.end]
        assert part.startswith("The ferry")
        assert part.endswith("morning.")
        assert token_count(part) <= MOST_TOKENS
        assert len(part) <= MOST_LENGTH


def test_paragraphs_are_taken_together_as_long_as_they_fit() -> None:
    text = "\n\n".join([SENTENCE * 6] * 5)
    found = list(cuts(read_text(text.encode()), ""))
    assert [text[one.start : one.end].count("\n\n") for one in found] == [2, 1]


def test_a_chunk_stays_on_its_page() -> None:
    composer = Composer()
    for page in (1, 1, 2):
        composer.add("Words.", page=page)
    assert [one.page for one in cuts(composer.reading(pages=2), "")] == [1, 2]


@given(st.text(alphabet="ab. \n#é漢字。!?", max_size=4000))
def test_chunks_lie_behind_each_other_and_miss_nothing_but_white_space(text: str) -> None:
    reading = read_markdown(text.encode())
    end = 0
    for one in cuts(reading, ""):
        assert end <= one.start < one.end
        assert not reading.text[end : one.start].strip("#-*_= \n")
        assert one.end - one.start <= 2 * MOST_LENGTH
        end = one.end
    assert not reading.text[end:].strip("#-*_= \n")
