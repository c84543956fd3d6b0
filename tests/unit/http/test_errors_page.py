"""The page of errors has every code that a caller can be told, with advice for each."""

import inspect

import pytest

from headgate.core import errors
from headgate.http.errors import ANTHROPIC_TYPES, FAULT, FAULT_CODE, FORMS, form_of
from headgate.http.errors_page import ADVICE, reference

CODES = {error.code: form.status for error, form in FORMS.items()} | {FAULT_CODE: FAULT.status}
KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.HeadgateError) and kind is not errors.HeadgateError
]


def test_every_code_has_advice_and_no_advice_is_about_another() -> None:
    assert ADVICE.keys() == CODES.keys() == ANTHROPIC_TYPES.keys()


@pytest.mark.parametrize("code", sorted(CODES))
def test_every_code_is_on_the_page_once_with_its_status(code: str) -> None:
    assert reference().count(f"| {CODES[code]} | `{code}` | ") == 1


@pytest.mark.parametrize("kind", KINDS)
def test_every_error_that_the_platform_knows_is_one_of_these(
    kind: type[errors.HeadgateError],
) -> None:
    assert kind.code in CODES
    assert form_of(kind.__new__(kind)).status == CODES[kind.code]


def test_what_is_not_to_be_sent_again_says_so() -> None:
    for error in FORMS:
        promised = ADVICE[error.code].retry
        assert promised.startswith(("yes", "no"))
        if issubclass(error, errors.RateLimited | errors.Overloaded):
            assert promised.startswith("yes")
