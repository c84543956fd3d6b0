# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.parting import LONGEST_IN_CHARACTERS, parted

BODY = "The mill on the river burned down last night. Nobody was hurt. It will be rebuilt."


@pytest.mark.parametrize(
    ("text", "instruction"),
    [
        (f"Summarise the following text:\n\n{BODY}", "Summarise the following text"),
        (f"Summarise in one sentence: {BODY}", "Summarise in one sentence"),
        (f"Summarise this\n{BODY}", "Summarise this"),
        (f"Please summarise this for me. {BODY}", "Please summarise this for me."),
        (f"{BODY}\n\nSummarise the above.", "Summarise the above."),
        (f"{BODY}\n\nTL;DR", "TL;DR"),
        (f"{BODY} Who was hurt?", "Who was hurt?"),
        (f"Who was hurt?\n\n{BODY}", "Who was hurt?"),
        (f"Summarise the text in the fence.\n```\n{BODY}\n```", "Summarise the text in the fence."),
        (f'Summarise this: """{BODY}"""', "Summarise this:"),
        (f"<text>{BODY}</text>\nWho was hurt?", "Who was hurt?"),
        (f"Context: {BODY}\n\nQuestion: Who was hurt?\nAnswer:", "Who was hurt?"),
        (f"Question: Who was hurt?\nContext: {BODY}", "Who was hurt?"),
        (f"Summarise the article.\n\nArticle:\n{BODY}", "Summarise the article."),
        (f'Classify "{BODY}" as good or bad news', "Classify   as good or bad news"),
        (f"请总结：{BODY}", "请总结"),
    ],
)
def test_the_ways_to_part_an_instruction_from_its_text(text: str, instruction: str) -> None:
    assert parted(text) == (instruction, BODY)


def test_a_list_behind_the_instruction_belongs_to_it() -> None:
    text = f"Put it into one of these categories: fire, water, air\n\n{BODY}"
    instruction, material = parted(f"Classify the text. {text}")
    assert "fire, water, air" in instruction + material
    assert parted(f"Extract: date, place, people\n\n{BODY}") == (
        "Extract: date, place, people",
        BODY,
    )


def test_a_text_alone_has_no_instruction(article: str, letter: str) -> None:
    assert parted(article) == ("", article)
    assert parted(letter) == ("", letter)
    assert parted("Write a poem about the sea") == ("Write a poem about the sea", "")


def test_a_question_in_a_letter_is_no_instruction_where_letters_are_to_be_worked_on() -> None:
    text = f"{BODY}\n\nCould you send me a quote?"
    assert parted(text, questions=False) == ("", text)
    assert parted(text)[0] == "Could you send me a quote?"


def test_a_page_of_markup_is_a_text() -> None:
    page = "<ul>" + "<li>What is it</li>" * 50 + "</ul>"
    assert parted(page) == ("", page)


MARKS = st.sampled_from(["summarize ", "who ", "a", "?", ".", ":", "\n", '"', "<a>", "</a>", "```"])


@given(st.lists(MARKS).map("".join) | st.text())
def test_an_instruction_is_never_longer_than_a_person_would_write(text: str) -> None:
    instruction, material = parted(text)
    assert len(instruction) <= LONGEST_IN_CHARACTERS
    assert len(material) <= len(text) + 2
