# ruff: noqa: RUF001 - the punctuation of many scripts is meant

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.names import names


def found(text: str) -> list[tuple[str, str]]:
    return [(name.kind, text[name.start : name.end]) for name in names(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Amara Okafor agreed.", [("person", "Amara Okafor")]),
        ("A word from Mayor Ingrid Solheim.", [("person", "Ingrid Solheim")]),
        ("It was Jane van der Berg's cat.", [("person", "Jane van der Berg")]),
        ("The plan is bad, said Oru Taneko.", [("person", "Oru Taneko")]),
        ("Oru Taneko, 45, lives here.", [("person", "Oru Taneko")]),
        ("Oru Taneko, aged 45, handed over the keys.", [("person", "Oru Taneko")]),
        ("We met John F. Kennedy there.", [("person", "John F. Kennedy")]),
        ("Anna Falk and Oru Taneko left.", [("person", "Anna Falk"), ("person", "Oru Taneko")]),
        ("Hi, I'm Alice Jones.", [("person", "Alice Jones")]),
        ("They work for Delft Marine Ltd.", [("organisation", "Delft Marine Ltd.")]),
        ("The Bank of England raised rates.", [("organisation", "Bank of England")]),
        ("a study by the University of Tessaly", [("organisation", "University of Tessaly")]),
        ("The WHO and IBM agreed.", [("organisation", "WHO"), ("organisation", "IBM")]),
        ("The Northern Coast Institute", [("organisation", "Northern Coast Institute")]),
    ],
)
def test_a_name_is_found_where_something_vouches_for_it(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "The quick brown fox. However, it ran on Monday in March.",
        "The council of Marrow Bay voted on Tuesday.",
        "We flew from New York to Buenos Aires.",
        "Please See The Attached Invoice",
    ],
)
def test_capitals_alone_make_no_name(text: str) -> None:
    assert found(text) == []


def test_a_bare_family_name_is_not_a_second_person() -> None:
    assert found("Ingrid Solheim spoke. Solheim said no.") == [("person", "Ingrid Solheim")]


@given(st.text(alphabet="AbÉ .,'’-&and") | st.text())
def test_names_stand_in_order_and_none_in_another(text: str) -> None:
    end = 0
    for name in names(text):
        assert end <= name.start < name.end <= len(text)
        end = name.end
