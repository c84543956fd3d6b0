from types import SimpleNamespace
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.core.budgets import Account, Budget, Limit
from headgate.core.limits import Window
from headgate.core.models import Provider
from headgate.core.prices import Price
from headgate.core.usage import CacheResult, UsageEvent
from headgate.gateway.calls import Receipt
from headgate.gateway.catalog import Route
from headgate.http.receipts import duration, receipt_headers

EVENT = UsageEvent(
    id="evt-1",
    request_id="req-1",
    timestamp=0,
    key_id="k",
    workspace_id="w",
    user_id=None,
    provider="openai",
    model="gpt-4o",
    request_type="completion",
    status="ok",
    cost=10_000,
    billed=10_200,
    price_version="1",
)
BUDGET = Budget(
    account=Account("key", "k"), period="2026-11", limit=Limit(amount=5_000_000_000), spent=1
)


def receipt(
    *,
    budget: Budget | None = BUDGET,
    event: UsageEvent | None = EVENT,
    model: str = "gpt-4o",
    cache: CacheResult = "bypass",
    tried: int = 0,
) -> Receipt:
    provider = cast("Provider", SimpleNamespace(provider="openai"))  # all that headers ask of it
    return Receipt(
        route=Route(provider, model, Price(input=0, output=0, version="1")),
        requests=Window(200, 199, 0.02),
        tokens=Window(1000, 10, 59.4),
        budget=budget,
        event=event,
        cache=cache,
        latency_ms=1,
        tried=tried,
    )


def headers(found: Receipt, **options: Any) -> dict[str, str]:
    listed = receipt_headers(found, **options)
    assert len({name for name, _ in listed}) == len(listed)
    return {name.decode(): value.decode() for name, value in listed}


def test_an_answer_tells_who_answered_what_it_cost_and_what_is_left() -> None:
    assert headers(receipt()) == {
        "x-model": "gpt-4o",
        "x-provider": "openai",
        "x-cache": "bypass",
        "x-ratelimit-limit-requests": "200",
        "x-ratelimit-remaining-requests": "199",
        "x-ratelimit-reset-requests": "20ms",
        "x-ratelimit-limit-tokens": "1000",
        "x-ratelimit-remaining-tokens": "10",
        "x-ratelimit-reset-tokens": "59s",
        "x-budget-limit": "5",
        "x-budget-remaining": "4.999999999",
        "x-cost": "0.0000102",
    }


def test_the_cost_is_that_of_all_tries() -> None:
    assert headers(receipt(tried=300))["x-cost"] == "0.0000105"


def test_a_stream_that_begins_tells_no_cost() -> None:
    assert "x-cost" not in headers(receipt(event=None), with_cost=False)
    assert "x-cost" not in headers(receipt(), with_cost=False)


def test_a_stream_that_begins_tells_what_the_cache_did() -> None:
    assert headers(receipt(event=None, cache="hit"))["x-cache"] == "hit"


@pytest.mark.parametrize(
    "budget", [None, Budget(account=Account("key", "k"), period="2026-11", limit=None, spent=1)]
)
def test_without_a_limit_there_is_no_budget_to_tell(budget: Budget | None) -> None:
    assert not [name for name in headers(receipt(budget=budget)) if name.startswith("x-budget")]


def test_an_overspent_budget_has_nothing_left() -> None:
    overspent = Budget(
        account=Account("key", "k"), period="2026-11", limit=Limit(amount=5), spent=9
    )
    assert headers(receipt(budget=overspent))["x-budget-remaining"] == "0"


@given(st.text())
def test_no_name_of_a_model_can_break_a_header(model: str) -> None:
    value = dict(receipt_headers(receipt(model=model)))[b"x-model"]
    assert value.isascii()
    assert not {b"\r", b"\n"} & {value[index : index + 1] for index in range(len(value))}


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-1.0, "0ms"),
        (0.0, "0ms"),
        (0.012, "12ms"),
        (0.9994, "999ms"),
        (0.9999, "1s"),
        (1.0, "1s"),
        (59.4, "59s"),
        (59.6, "1m0s"),
        (360.0, "6m0s"),
        (3599.7, "1h0m0s"),
        (3661.0, "1h1m1s"),
        (90_000.0, "25h0m0s"),
    ],
)
def test_durations_are_written_as_openai_writes_them(seconds: float, text: str) -> None:
    assert duration(seconds) == text
