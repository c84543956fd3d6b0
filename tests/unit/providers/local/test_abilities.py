import pytest

from headgate.providers.local.abilities import (
    abilities_in,
    asks_for_json,
    beyond_in,
    is_question,
)


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("Summarize this", ["summary"]),
        ("Give me the key points", ["summary"]),
        ("TL;DR please", ["summary"]),
        ("What is this article about?", ["summary"]),
        ("Fasse den Text zusammen", ["summary"]),
        ("请总结", ["summary"]),
        ("Classify the ticket", ["classification"]),
        ("What is the sentiment?", ["classification"]),
        ("Is this email spam?", ["classification"]),
        ("Extract all dates", ["extraction"]),
        ("List all the companies", ["extraction"]),
        ("Which people are mentioned?", ["extraction"]),
        ("Extract the dates, then summarise", ["extraction", "summary"]),
        ("Write a poem", []),
        ("What is the capital of France?", []),
    ],
)
def test_the_abilities_that_an_instruction_names(instruction: str, expected: list[str]) -> None:
    assert list(abilities_in(instruction)) == expected


@pytest.mark.parametrize(
    ("instruction", "expected"),
    [
        ("Write a short summary of this", []),
        ("Create a bulleted list of key points", []),
        ("Summarise and translate it", ["translate"]),
        ("Summarise it in German", ["translate"]),
        ("Write a poem", ["write new text"]),
        ("Schreibe ein Gedicht", ["write new text"]),
        ("Übersetze den Text", ["translate"]),
        ("Write a Python function", ["write or explain code"]),
        ("Rewrite this more formally", ["rewrite text"]),
        ("2 + 2 = ?", ["calculate"]),
        ("Which phone do you recommend?", ["judge, compare or advise"]),
        ("Explain gravity", ["explain"]),
    ],
)
def test_what_lies_beyond(instruction: str, expected: list[str]) -> None:
    assert list(beyond_in(instruction)) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Who is it", True),
        ("This is it?", True),
        ("Please tell me why it failed.", True),
        ("Based on the text, when did it end", True),
        ("This is it.", False),
        ("Explain gravity.", False),
        ("", False),
    ],
)
def test_what_is_a_question(text: str, expected: bool) -> None:
    assert is_question(text) is expected


def test_json_is_wanted_where_it_is_named() -> None:
    assert asks_for_json("as JSON, please")
    assert not asks_for_json("Jason wrote")
