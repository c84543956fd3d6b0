"""Money is exact: nothing is lost between a person's dollars and the ledger's integers."""

import re
from decimal import Decimal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.money import MAX_DOLLARS, NANO_PER_USD, from_dollars, to_json, to_text

amounts = st.integers(-MAX_DOLLARS * NANO_PER_USD, MAX_DOLLARS * NANO_PER_USD)


@given(amounts)
def test_an_amount_survives_being_written_and_read(amount: int) -> None:
    assert from_dollars(to_text(amount)) == amount
    assert from_dollars(Decimal(to_text(amount))) == amount


@given(st.integers(-(10**15), 10**15))
def test_an_amount_survives_a_client_that_reads_floats(amount: int) -> None:
    """Up to a million dollars a float tells nano-dollars apart."""
    assert from_dollars(msgspec.json.decode(to_json(amount), type=float)) == amount


@given(st.integers())
def test_the_text_is_a_plain_number_without_needless_zeros(amount: int) -> None:
    assert re.fullmatch(r"-?(0|[1-9][0-9]*)(\.[0-9]{0,8}[1-9])?", to_text(amount))


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0"),
        (14_000, "0.000014"),
        (-1, "-0.000000001"),
        (5 * NANO_PER_USD, "5"),
        (10 * NANO_PER_USD, "10"),
        (1_500_000_000, "1.5"),
    ],
)
def test_dollars_are_written_as_a_person_would(amount: int, text: str) -> None:
    assert to_text(amount) == text
    assert bytes(to_json(amount)).decode() == text


@pytest.mark.parametrize("dollars", [0.1, "0.1", Decimal("0.1"), "1e-1", "0.100000000000"])
def test_a_tenth_of_a_dollar_is_a_tenth_however_it_is_given(dollars: float | str | Decimal) -> None:
    assert from_dollars(dollars) == 100_000_000


@pytest.mark.parametrize(
    ("dollars", "why"),
    [
        ("much", "not an amount"),
        ("", "not an amount"),
        (True, "not an amount"),
        ("nan", "between"),
        (float("inf"), "between"),
        ("sNaN", "between"),
        (MAX_DOLLARS + 1, "between"),
        ("1e999999999", "between"),
        ("0.0000000001", "nine decimals"),
        ("1e-999999999", "nine decimals"),
        ("1.0000000000000000000000000000000000001", "nine decimals"),
    ],
)
def test_what_is_no_amount_is_refused(dollars: float | str, why: str) -> None:
    with pytest.raises(ValueError, match=why):
        from_dollars(dollars)
