import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.fields import MOST_VALUES, filled

TEXT = {"type": "string"}
NULLABLE = {"type": ["string", "null"]}


def record(**properties: object) -> dict[str, object]:
    return {"type": "object", "properties": properties, "required": list(properties)}


def test_a_letter_fills_a_form(letter: str) -> None:
    schema = record(
        sender=TEXT,
        company=TEXT,
        email=TEXT,
        date={"type": "string", "format": "date"},
        due_date={"type": "string", "format": "date"},
        invoice_number=TEXT,
        total={"type": "number"},
        discount_percent={"type": "integer"},
        currency=TEXT,
        dates={"type": "array", "items": TEXT},
        amounts={"type": "array", "items": {"type": "number"}},
        sentiment={"type": "string", "enum": ["positive", "negative"]},
    )
    assert filled(schema, letter) == {
        "sender": "Claire Donnelly",
        "company": "Brightwater Printing Ltd.",
        "email": "claire.donnelly@brightwater.example",
        "date": "2026-03-03",
        "due_date": "2026-03-31",
        "invoice_number": "88213",
        "total": 2380.0,
        "discount_percent": 15,
        "currency": "GBP",
        "dates": [
            "3 March 2026",
            "24 February 2026",
            "16 February",
            "27 February",
            "9 February",
            "31 March 2026",
            "2 March",
            "9 March 2026",
        ],
        "amounts": [420.0, 2380.0],
        "sentiment": "negative",
    }


def test_what_is_not_found_is_null_where_it_may_be_and_empty_where_it_must_not() -> None:
    schema = record(
        email=NULLABLE,
        phone={"anyOf": [TEXT, {"type": "null"}]},
        iban=TEXT,
        total={"type": "number"},
        paid={"type": "boolean"},
        dates={"type": "array", "items": TEXT},
    )
    assert filled(schema, "Nothing to see.") == {
        "email": None,
        "phone": None,
        "iban": "",
        "total": 0,
        "paid": False,
        "dates": [],
    }


def test_what_is_not_found_and_not_required_is_left_out() -> None:
    schema = {"type": "object", "properties": {"email": TEXT, "date": TEXT}, "required": ["date"]}
    assert filled(schema, "on 3 May 2025") == {"date": "3 May 2025"}


def test_rows_are_filled_from_their_own_sentences() -> None:
    schema = record(
        people={"type": "array", "items": record(name=TEXT, email=NULLABLE)},
    )
    text = "Ask Ada Smith at ada@x.example. Anna Falk knows more."
    assert filled(schema, text) == {
        "people": [
            {"name": "Ada Smith", "email": "ada@x.example"},
            {"name": "Anna Falk", "email": None},
        ]
    }


def test_references_constants_and_parts_are_followed() -> None:
    schema = {
        "$defs": {"When": {"type": "object", "properties": {"date": TEXT}, "required": ["date"]}},
        **record(
            kind={"const": "event"},
            when={"$ref": "#/$defs/When"},
            both={"allOf": [{"$ref": "#/$defs/When"}, {"description": "the same"}]},
        ),
    }
    day = {"date": "3 May 2025"}
    assert filled(schema, "on 3 May 2025") == {"kind": "event", "when": day, "both": day}


def test_an_answer_is_quoted(article: str) -> None:
    assert filled(record(answer=TEXT), article, "When does the levy end?") == {
        "answer": "The levy ends in 2049."
    }


@pytest.mark.parametrize("branches", [1, 3])
def test_a_schema_that_refers_to_itself_comes_to_an_end(branches: int) -> None:
    schema = record(**{f"node{n}": {"$ref": "#"} for n in range(branches)}, date=TEXT)
    size = len(msgspec.json.encode(filled(schema, "on 3 May 2025")))
    assert size < 100 * MOST_VALUES


SCHEMA = st.recursive(
    st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["string", "number", "integer", "boolean", "null", "x"]),
            "enum": st.lists(st.none() | st.integers() | st.text()),
            "format": st.sampled_from(["date", "email", "uri"]),
            "description": st.text(),
            "$ref": st.sampled_from(["#", "#/a", "http://x"]),
        },
    ),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "properties": st.dictionaries(
                st.sampled_from(["date", "name", "total", "tags", "title"]) | st.text(), inner
            ),
            "items": inner,
            "anyOf": st.lists(inner),
            "allOf": st.lists(inner),
            "required": st.lists(st.sampled_from(["date", "name"])),
        },
    ),
    max_leaves=8,
)


@given(SCHEMA, st.text() | st.just("Ada Vane paid $5 on 3 May 2025.\nName: Bo\n"))
def test_any_schema_gets_json(schema: dict[str, object], text: str) -> None:
    msgspec.json.encode(filled(schema, text))
