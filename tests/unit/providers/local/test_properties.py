import pytest

from headgate.providers.local.extract import facts
from headgate.providers.local.properties import (
    MISSING,
    distinct,
    kinds_of,
    labels_in,
    name_words,
    page,
)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("date", "date"),
        ("dueDate", "date"),
        ("date_of_birth", "date"),
        ("total", "amount"),
        ("discountPercent", "percentage"),
        ("customer_email", "email"),
        ("company_name", "organisation"),
        ("name", "person"),
        ("full name", "person"),
        ("sender", "person"),
        ("phone-number", "phone"),
        ("website", "url"),
        ("address", "address"),
    ],
)
def test_a_name_says_what_kind_of_fact_is_meant(name: str, kind: str) -> None:
    assert kinds_of(name) == (kind,)


@pytest.mark.parametrize("name", ["product_name", "colour", "id", ""])
def test_other_names_mean_no_kind(name: str) -> None:
    assert kinds_of(name) == ()


def test_names_are_read_however_they_are_joined() -> None:
    assert name_words("dueDate") == name_words("due_date") == name_words("Due-Date")


def test_labels_at_the_beginning_of_lines() -> None:
    assert labels_in("Invoice Numbers: 7\n- **Colour**: red\nsee http://x\n") == {
        ("invoic", "number"): "7",
        ("colour",): "red",
    }


def test_the_same_fact_counts_once_and_a_bare_name_not_beside_the_full_one() -> None:
    found = distinct(facts("Omar Haddad paid $5. Omar paid $5 again."))
    assert [fact.text for fact in found] == ["Omar Haddad", "$5"]


def test_the_nearest_fact_is_taken(letter: str) -> None:
    read = page(letter)
    assert read.string({}, "due_date") == "31 March 2026"
    assert read.string({}, "sender") == "Claire Donnelly"
    assert read.string({}, "recipient") == "Helen Marsh"
    assert read.number({}, "total") == 2380.0
    assert read.number({}, "books") == 3500


def test_codes_labels_ages_and_booleans() -> None:
    read = page("Ada Vane, 42, asks about order BX-17.\nColour: red\nPaid: yes\nTags: a, b; c\n")
    assert read.string({}, "order_number") == "BX-17"
    assert read.string({}, "colour") == "red"
    assert read.number({}, "age") == 42
    assert read.boolean("paid") is True
    assert read.strings({}, "tags") == ["a", "b", "c"]
    assert read.string({}, "last_name") == "Vane"


def test_silence_is_missing_and_not_a_default(article: str) -> None:
    read = page(article)
    assert read.string({}, "iban") is MISSING
    assert read.boolean("paid") is MISSING
    assert read.number({}, "temperature") is None
    assert read.strings({}, "emails") == []


def test_a_member_of_an_enumeration() -> None:
    read = page("The kettle arrived broken and I am angry. Priority: high")
    assert read.member(["low", "high"], "priority") == "high"
    assert read.member(["positive", "negative"], "sentiment") == "negative"
    assert read.member(["zebra", "yak", None], "animal") is None
    assert read.member([1, 2], "size") == 1
