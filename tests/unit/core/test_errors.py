import inspect

import pytest

from headgate.core import errors
from headgate.core.budgets import Account, Budget
from headgate.core.errors import (
    BudgetExceeded,
    HeadgateError,
    InvalidRequest,
    MethodNotAllowed,
    Overloaded,
    RateLimited,
)

KINDS = [
    kind
    for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, HeadgateError) and kind is not HeadgateError
]


def test_each_error_has_a_code_of_its_own() -> None:
    codes = {kind.code for kind in KINDS}
    assert len(codes) == len(KINDS)
    assert HeadgateError.code not in codes


def test_there_are_two_levels() -> None:
    """One base, one class for each remedy: a caller never has to know a family."""
    assert all(kind.__bases__ == (HeadgateError,) for kind in KINDS)


def test_an_error_says_what_was_wrong_and_where() -> None:
    error = InvalidRequest("give a model", param="model")
    assert (str(error), error.message, error.param) == ("give a model", "give a model", "model")
    assert HeadgateError("x").param is None


def test_what_a_caller_can_act_on_is_kept() -> None:
    budget = Budget(account=Account("key", "k"), period="2026-11", limit=None)
    assert BudgetExceeded("x", budget=budget).budget is budget
    assert MethodNotAllowed("x", allowed=("GET",)).allowed == ("GET",)
    assert RateLimited("x", retry_after_seconds=1.5).retry_after_seconds == 1.5
    assert Overloaded("x").retry_after_seconds is None
    assert Overloaded("x", retry_after_seconds=2).retry_after_seconds == 2


@pytest.mark.parametrize("kind", KINDS)
def test_errors_are_caught_as_one(kind: type[HeadgateError]) -> None:
    assert issubclass(kind, HeadgateError)
