import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.answer import LEAST_SHARED, quotations


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("How much does the barrier cost?", "a $48 million flood barrier"),
        ("Who is the mayor?", "Mayor Ingrid Solheim"),
        ("When does construction begin?", "March 2027"),
        ("How long will the construction take?", "about three years"),
        ("Why did two councillors vote against the plan?", "voted against the plan"),
        ("How many homes will be protected?", "6,200 homes"),
        ("Who designed the gates?", "Delft Marine"),
        ("What did repairs after the 2019 flood cost?", "$31 million"),
        ("When does the levy end?", "The levy ends in 2049."),
        ("How high was the worst surge?", "2.9 metres"),
        ("Who is Tomas Reyes?", "who speaks for the harbour's 140 licensed boats"),
        ("What happened in 1884?", "the railway arrived in 1884"),
    ],
)
def test_the_sentence_that_answers_is_quoted(article: str, question: str, expected: str) -> None:
    found = quotations(question, article)
    assert expected in " ".join(one.text for one in found)
    assert all(article[one.start : one.end].split() == one.text.split() for one in found)


@pytest.mark.parametrize(
    "question",
    [
        "What is the capital of France?",
        "What colour is the mayor's car?",
        "Who won the football match?",
        "Is the barrier waterproof?",
        "Who opposes nuclear power?",
        "?",
        "",
    ],
)
def test_what_the_text_does_not_say_is_not_answered(article: str, question: str) -> None:
    assert quotations(question, article) == []


@pytest.mark.parametrize(
    ("question", "expected"),
    [
        ("What is the corrected total?", "£2,380.00"),
        ("How can I contact Claire?", "claire.donnelly@brightwater.example"),
        ("When will the music books leave?", "9 March 2026"),
        ("Where does the replacement part come from?", "Germany"),
    ],
)
def test_letters_are_questioned_too(letter: str, question: str, expected: str) -> None:
    assert expected in quotations(question, letter)[0].text


def test_no_more_sentences_than_wanted_and_none_alike() -> None:
    text = "The mill burns wood. The old mill burns wood. A mill needs wood and men to run it."
    assert len(quotations("What does the mill burn?", text, most=1)) == 1
    assert len(quotations("What does the mill burn?", text, most=3)) <= 2


@given(st.text(), st.text())
def test_any_answer_stands_in_the_text(question: str, text: str) -> None:
    for found in quotations(question, text):
        assert text[found.start : found.end].split() == found.text.split()
        assert 0 < found.shared <= 1
    assert LEAST_SHARED > 0
