import re

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.chat import ChatRequest, Message, ResponseFormat
from headgate.providers.local.reply import (
    HOW_TO_CONNECT,
    NO_TEXT,
    NOT_FOUND,
    WHAT_IT_IS,
    reply,
)
from headgate.providers.local.summarize import summary


def ask(text: str, *, system: str = "", form: ResponseFormat | None = None) -> str:
    messages = (Message("system", system), Message("user", text))
    return reply(ChatRequest(model="local", messages=messages, response_format=form))


def test_a_summary_is_given_without_any_talk(article: str) -> None:
    assert ask(f"Summarize the following text:\n\n{article}") == summary(article)
    assert ask(f"{article}\n\nTL;DR") == summary(article)


def test_a_text_without_an_instruction_is_summarised_and_that_is_said(article: str) -> None:
    said, _, rest = ask(article).partition("\n\n")
    assert "no instruction" in said
    assert rest == summary(article)


@pytest.mark.parametrize(
    ("order", "start"),
    [
        ("Zusammenfassung, ein Satz:", ""),
        ("Übersetze ins Englische:", "I cannot translate."),
        ("Schreibe ein Gedicht darüber.", "I cannot write new text."),
    ],
)
def test_german_orders_are_not_taken_for_text(article: str, order: str, start: str) -> None:
    said = ask(f"{order}\n\n{article}")
    assert said.startswith(start)
    assert "no instruction" not in said
    assert order not in said


def test_an_answer_is_quoted_in_quotation_marks(article: str) -> None:
    assert ask(f"{article}\n\nWhen does the levy end?") == 'The text says: "The levy ends in 2049."'
    assert "“" in ask(f"{article}\n\nWho is the mayor?")


def test_an_answer_that_is_not_in_the_text_is_not_given(article: str) -> None:
    assert ask(f"{article}\n\nWho is the king of Spain?") == NOT_FOUND


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Write a poem about the sea", "I cannot write new text."),
        ("Translate 'good morning' to Spanish", "I cannot translate."),
        ("Write a Python function that sorts", "I cannot write or explain code."),
        ("What is the capital of France?", "no knowledge beyond a text"),
        ("2+2=?", "I cannot calculate."),
        ("Summarize the theory of relativity", NO_TEXT),
        ("Hello!", WHAT_IT_IS),
        ("What can you do?", WHAT_IT_IS),
        ("", WHAT_IT_IS),
    ],
)
def test_what_it_cannot_do_it_says_plainly_and_how_to_get_it(text: str, expected: str) -> None:
    answer = ask(text)
    assert expected in answer
    assert WHAT_IT_IS in answer
    assert HOW_TO_CONNECT in answer


def test_of_a_mixed_request_one_part_is_done_and_the_other_named(letter: str) -> None:
    done, _, rest = ask(f"Summarize and translate to French:\n\n{letter}").partition("\n\n")
    assert done == summary(letter)
    assert rest.startswith("Not done: I cannot translate.")


def test_two_abilities_are_done_one_after_the_other(letter: str) -> None:
    answer = ask(f"Summarize this letter and extract all dates:\n\n{letter}")
    assert answer.startswith("Summary:\n")
    assert "\n\nExtracted:\n- 3 March 2026\n" in answer


def test_labels_are_named_with_their_certainty_or_alone() -> None:
    review = "The room was dirty and the staff were rude."
    asked = f"Classify as positive, negative or neutral: {review}"
    assert re.fullmatch(r"negative \(confidence \d+%.*\)", ask(asked))
    assert ask(asked, system="Reply with only the label.") == "negative"
    assert "a guess" in ask("Classify as red or green: It is Tuesday in the village.")


def test_extraction_lists_what_was_asked_for(letter: str) -> None:
    assert ask(f"Extract all dates from this text:\n\n{letter}").startswith("- 3 March 2026\n- ")
    assert ask(f"Extract the invoice number, the total and the IBAN:\n\n{letter}") == (
        "Invoice number: 88213\nTotal: £2,380.00\nIBAN: not found"
    )
    assert ask("Extract all dates: It rained and then it stopped.") == (
        "No dates found in the text."
    )


def test_everything_is_listed_by_kind(article: str) -> None:
    answer = ask(f"Extract all entities\n\n{article}")
    assert "Dates:\n- Tuesday\n- March 2027" in answer
    assert "Persons:\n- Ingrid Solheim\n" in answer


def test_json_is_given_where_json_is_wanted(article: str) -> None:
    form = ResponseFormat("json_object")
    text = "Give me JSON with keys name and email: Alice Jones, alice@x.example"
    assert msgspec.json.decode(ask(text, form=form)) == {
        "name": "Alice Jones",
        "email": "alice@x.example",
    }
    assert msgspec.json.decode(ask(f"Summarize as JSON\n\n{article}", form=form)) == {
        "summary": summary(article)
    }
    assert "error" in msgspec.json.decode(ask("Write a poem", form=form))


def test_a_schema_is_filled_from_the_text() -> None:
    schema: dict[str, object] = {
        "type": "object",
        "properties": {"name": {"type": "string"}, "phone": {"type": ["string", "null"]}},
    }
    form = ResponseFormat("json_schema", schema)
    assert msgspec.json.decode(ask("Extract it: Alice Jones called.", form=form)) == {
        "name": "Alice Jones",
        "phone": None,
    }


def test_labels_in_the_request_make_a_classification() -> None:
    request = ChatRequest(
        model="local",
        messages=(Message("user", "I was charged twice"),),
        labels=("technical", "billing"),
    )
    answer = msgspec.json.decode(reply(request))
    assert answer["label"] == "billing"
    assert answer["confidence"] == answer["scores"]["billing"] > 0.5
    assert list(answer["scores"]) == ["technical", "billing"]


def test_what_tools_returned_is_quoted() -> None:
    messages = (Message("user", "How is the weather?"), Message("tool", "Oslo: rain, 12 degrees."))
    answer = reply(ChatRequest(model="local", messages=messages))
    assert "Oslo: rain, 12 degrees." in answer


@given(
    st.lists(st.tuples(st.sampled_from(["system", "user", "assistant", "tool"]), st.text())),
    st.sampled_from([None, ResponseFormat("json_object"), ResponseFormat("text")]),
    st.text(),
)
def test_every_conversation_has_an_answer(
    said: list[tuple[str, str]], form: ResponseFormat | None, use_case: str
) -> None:
    messages = tuple(Message(role, text) for role, text in said)  # type: ignore[arg-type]
    request = ChatRequest(model="local", messages=messages, response_format=form, use_case=use_case)
    answer = reply(request)
    assert answer == reply(request)
    if form is not None and form.type == "json_object":
        msgspec.json.decode(answer)
