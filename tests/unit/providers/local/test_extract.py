import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.providers.local.extract import facts, number


def texts(text: str, kind: str) -> list[str]:
    return [fact.text for fact in facts(text) if fact.kind == kind]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("2025-03-14", "2025-03-14"),
        ("2025-03-14T10:00:00Z", "2025-03-14"),
        ("2025/3/14", "2025-03-14"),
        ("3 March 2025", "2025-03-03"),
        ("the 3rd of March 2025", "2025-03-03"),
        ("March 3rd, 2025", "2025-03-03"),
        ("Mar. 3, 2025", "2025-03-03"),
        ("13/04/2025", "2025-04-13"),
        ("04/13/2025", "2025-04-13"),
        ("3.4.2025", "2025-04-03"),
        ("3. Oktober 2025", "2025-10-03"),
        ("le 3 août 2025", "2025-08-03"),
        ("3 de mayo de 2025", "2025-05-03"),
        ("May 2026", "2026-05"),
        ("2025年3月5日", "2025-03-05"),
        ("03/04/2025", None),
        ("3 March", None),
        ("next Friday", None),
    ],
)
def test_a_date_has_a_value_where_it_is_certain(text: str, value: str | None) -> None:
    dates = [fact for fact in facts(f"It is due {text}, at noon.") if fact.kind == "date"]
    assert [date.value for date in dates] == [value]
    assert dates[0].text in text


@pytest.mark.parametrize("text", ["30/02/2025", "1.2.3.4", "I may 2 go", "32/13/2025", "v2025-1"])
def test_what_is_no_date_is_left_out(text: str) -> None:
    assert not texts(text, "date")


@pytest.mark.parametrize(
    ("text", "value", "currency"),
    [
        ("$48 million", 48e6, "USD"),
        ("US$ 3.5bn", 3.5e9, "USD"),
        ("£2,380.00", 2380.0, "GBP"),
        ("1.234,56 €", 1234.56, "EUR"),
        ("EUR 2,500", 2500.0, "EUR"),
        ("5 million dollars", 5e6, "USD"),
        ("210 Mio. Euro", 210e6, "EUR"),
        ("500億円", 5e10, "JPY"),
        ("₹1,50,000", None, "INR"),
    ],
)
def test_an_amount_has_its_number_and_currency(
    text: str, value: float | None, currency: str
) -> None:
    amounts = [fact for fact in facts(f"They paid {text} for it.") if fact.kind == "amount"]
    assert [(one.text, one.value, one.currency) for one in amounts] == [(text, value, currency)]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1,234.5", 1234.5),
        ("1.234,5", 1234.5),
        ("1,234,567", 1234567.0),
        ("1,234", 1234.0),
        ("12,5", 12.5),
        ("0.125", 0.125),
        ("1'000", 1000.0),
        ("1,2,3", None),
    ],
)
def test_numbers_of_two_continents(written: str, value: float | None) -> None:
    assert number(written) == value


def test_addresses_of_the_web_and_of_the_post() -> None:
    text = (
        "Write to bob.smith+x@mail.example.co.uk, see https://a.example/p?q=1, or call "
        "+44 113 496 0123 or (555) 123-4567. We are at 5 Oak St., Springfield, IL 62704, at "
        "Musterstraße 12, 10115 Berlin, and at 220 Station Road, York YO1 6HT."
    )
    assert texts(text, "email") == ["bob.smith+x@mail.example.co.uk"]
    assert texts(text, "url") == ["https://a.example/p?q=1"]
    assert texts(text, "phone") == ["+44 113 496 0123", "(555) 123-4567"]
    assert texts(text, "address") == [
        "5 Oak St., Springfield, IL 62704",
        "Musterstraße 12, 10115 Berlin",
        "220 Station Road, York YO1 6HT",
    ]


def test_a_report_gives_up_its_facts(article: str) -> None:
    assert texts(article, "date") == ["Tuesday", "March 2027", "January 2019", "15 September 2026"]
    assert {"$48 million", "$31 million", "$60"} == set(texts(article, "amount"))
    assert {"Ingrid Solheim", "Amara Okafor", "Tomas Reyes"} <= set(texts(article, "person"))
    assert {"Delft Marine Ltd.", "University of Tessaly"} <= set(texts(article, "organisation"))


def test_a_letter_gives_up_its_facts(letter: str) -> None:
    assert len(texts(letter, "date")) == 8
    assert texts(letter, "amount") == ["£420.00", "£2,380.00"]
    assert texts(letter, "percentage") == ["15%"]
    assert texts(letter, "email") == ["claire.donnelly@brightwater.example"]
    assert texts(letter, "url") == ["https://www.brightwater.example/track/BW-20417"]
    assert "Claire Donnelly" in texts(letter, "person")


ALPHABET = st.sampled_from("aA1 .,:/-@$€%+()\n年月日May")


@given(st.text(alphabet=ALPHABET) | st.text())
def test_every_fact_stands_where_it_says_and_none_in_another(text: str) -> None:
    end = 0
    for fact in facts(text):
        assert fact.start >= end
        assert text[fact.start : fact.end] == fact.text != ""
        end = fact.end
