import pytest

from headgate.providers.local.orders import fields_of, labels_of, wants_label_only


@pytest.mark.parametrize(
    ("asked", "labels"),
    [
        ("Classify it as positive, negative or neutral", ("positive", "negative", "neutral")),
        ("Classify it as billing, technical, or shipping", ("billing", "technical", "shipping")),
        ("Categories: Billing, Bug, Feature request", ("Billing", "Bug", "Feature request")),
        ("Label it [a, b | c]", ("a", "b", "c")),
        ("Put it into one of: 'red', 'green'", ("red", "green")),
        ("Is this positive or negative", ("positive", "negative")),
        ("Is this spam?", ("spam", "not spam")),
        ("Is it urgent?", ("urgent", "not urgent")),
        ("What is the sentiment?", ("positive", "negative", "neutral")),
    ],
)
def test_the_labels_an_instruction_names(asked: str, labels: tuple[str, ...]) -> None:
    assert labels_of(asked) == labels


def test_without_labels_topics_or_languages_are_meant() -> None:
    assert "politics" in labels_of("Classify this text")
    assert "German" in labels_of("What language is this?")


@pytest.mark.parametrize(
    ("asked", "fields"),
    [
        ("Extract all dates from this text", ("dates",)),
        (
            "Extract the invoice number, the total and the due date from the letter below.",
            ("invoice number", "total", "due date"),
        ),
        ("Extract: name, date, place", ("name", "date", "place")),
        ("Return JSON with keys name and email", ("name", "email")),
        ("What dates are mentioned?", ("dates",)),
        ("Who is mentioned in this?", ("people",)),
        ("Extract all the information", ()),
        ("Extract the key entities", ()),
    ],
)
def test_the_fields_an_instruction_names(asked: str, fields: tuple[str, ...]) -> None:
    assert fields_of(asked) == fields


def test_a_bare_label_is_given_to_who_wants_nothing_else() -> None:
    assert wants_label_only("Classify it.", "Reply with only the label.")
    assert wants_label_only("Answer in one word")
    assert not wants_label_only("Classify it.")
