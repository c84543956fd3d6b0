# ruff: noqa: RUF001 - the punctuation of many scripts is meant

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.sentences import LONGEST_SENTENCE, joined, sentences


def texts(text: str) -> list[str]:
    return [sentence.text for sentence in sentences(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("It rained. We left.", ["It rained.", "We left."]),
        ("Dr. Smith met Ms. Jones. They spoke.", ["Dr. Smith met Ms. Jones.", "They spoke."]),
        ("It costs $3.50, i.e. less. Good!", ["It costs $3.50, i.e. less.", "Good!"]),
        ("We met at 5 p.m. The train left.", ["We met at 5 p.m.", "The train left."]),
        ("The U.S. Army paid Acme Inc. for it.", ["The U.S. Army paid Acme Inc. for it."]),
        ("J. R. Hartley wrote it. Who read it?", ["J. R. Hartley wrote it.", "Who read it?"]),
        ('"Will it work?" Maria Lopez asked.', ['"Will it work?" Maria Lopez asked.']),
        ('He said "no." She left.', ['He said "no."', "She left."]),
        ("Well... maybe. Yes.", ["Well... maybe.", "Yes."]),
        ("no capitals here. none at all.", ["no capitals here.", "none at all."]),
        ("今日は晴れです。明日は雨！", ["今日は晴れです。", "明日は雨！"]),
        ("「はい。」と彼は言った。終わり。", ["「はい。」と彼は言った。", "終わり。"]),
        ("यह एक है। यह दो है।", ["यह एक है।", "यह दो है।"]),
        ("Er kam am 3. März. Das war gut.", ["Er kam am 3. März.", "Das war gut."]),
    ],
)
def test_a_sentence_ends_where_a_reader_would_end_it(text: str, expected: list[str]) -> None:
    assert texts(text) == expected


def test_headings_list_items_and_wrapped_lines_are_told_apart() -> None:
    text = (
        "# A title\n\nA first paragraph that is wrapped over\ntwo lines by its editor.\n\n"
        "- one item\n- another item. With two sentences.\n\nSigned\nAda Vane\n"
    )
    assert [(one.kind, one.text) for one in sentences(text)] == [
        ("heading", "A title"),
        ("prose", "A first paragraph that is wrapped over two lines by its editor."),
        ("item", "one item"),
        ("item", "another item."),
        ("item", "With two sentences."),
        ("heading", "Signed"),
        ("heading", "Ada Vane"),
    ]


def test_a_letters_addresses_are_not_sentences() -> None:
    letter = (Path(__file__).parents[2] / "texts" / "letter.txt").read_text()
    prose = [sentence.text for sentence in sentences(letter) if sentence.kind == "prose"]
    assert prose[0] == "Thank you for your letter of 24 February 2026."
    assert prose[-1] == "I would be glad to visit you in York if you would rather talk in person."
    assert not {"14 Foundry Lane", "Claire Donnelly", "Dear Ms. Marsh,"} & set(prose)


def test_a_text_without_any_end_is_cut_at_spaces() -> None:
    cut = sentences("word " * 2_000)
    assert len(cut) > 5
    assert all(len(sentence.text) <= LONGEST_SENTENCE for sentence in cut)
    assert " ".join(sentence.text for sentence in cut).split() == ["word"] * 2_000


def test_joined_sentences_have_a_space_where_their_script_has_one() -> None:
    assert joined(["One.", "Two."]) == "One. Two."
    assert joined(["一。", "二。"]) == "一。二。"


@given(st.text(alphabet=st.sampled_from("aB1 .!?\n-#\"'()。「」ก")) | st.text())
def test_sentences_stand_in_order_and_leave_nothing_but_space_and_marks_out(text: str) -> None:
    end = 0
    for sentence in sentences(text):
        assert end <= sentence.start < sentence.end <= len(text)
        assert sentence.text == " ".join(text[sentence.start : sentence.end].split())
        end = sentence.end
