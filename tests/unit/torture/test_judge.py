"""The judge of the torture finds each kind of broken promise: else its silence proves nothing."""

from decimal import Decimal
from typing import Any

import pytest

from torture.accounts import Key, Payer
from torture.judge import Evidence, judge
from torture.load import Sent

MODEL = Payer("model", "m", Decimal(10))
KEY = Payer("key", "k", Decimal(1))
# 5 tokens in and 4 out, and 2 % on top.
BILLED = Decimal("0.0040851")


def sent(number: int, **fields: Any) -> Sent:
    values: dict[str, Any] = {
        "request_id": f"req_{number}",
        "status": 200,
        "finished": True,
    } | fields
    return Sent(number, Key("secret", (KEY,)), MODEL, number + 5, 4, is_stream=False, **values)


def event(number: int, **fields: Any) -> dict[str, Any]:
    return {
        "tags": [f"call-{number}"],
        "requestId": f"req_{number}",
        "status": "ok",
        "keyId": "k",
        "model": "m",
        "inputTokens": number + 5,
        "outputTokens": 4,
        "billed": BILLED,
        **fields,
    }


def called(number: int, **fields: Any) -> dict[str, Any]:
    return {"model": "m", "inputTokens": number + 5, "outputTokens": 4} | fields


def budget(**fields: Any) -> dict[str, Any]:
    return {"spent": BILLED, "reserved": 0, "unconfirmed": 0} | fields


def evidence(**fields: Any) -> Evidence:
    """One call that was answered, recorded and paid."""
    values: dict[str, Any] = {
        "sent": [sent(0)],
        "vendor_calls": [called(0)],
        "events": [event(0)],
        "budgets": {KEY: budget(), MODEL: budget()},
        "unconfirmed": [],
    }
    return Evidence(**(values | fields))


def entry(payer: Payer, amount: str) -> dict[str, Any]:
    return {"budget": {"scope": payer.scope, "id": payer.id}, "amount": Decimal(amount)}


def died(amount: str) -> Evidence:
    """A second call, whose process died, leaves `amount` unconfirmed in both of its budgets."""
    open_ = Decimal(amount)
    left = budget(spent=BILLED + open_, unconfirmed=open_)
    return evidence(
        sent=[sent(0), sent(1, finished=False, status=None)],
        vendor_calls=[called(0), called(1, outputTokens=2)],
        budgets={KEY: left, MODEL: left},
        unconfirmed=[entry(KEY, amount), entry(MODEL, amount)],
    )


def test_books_that_are_in_order_have_no_faults() -> None:
    findings = judge(evidence())
    assert not findings.faults
    assert (findings.finished, findings.billed, findings.vendor_cost) == (1, BILLED, BILLED)


def test_what_died_is_no_fault_where_it_is_unconfirmed() -> None:
    findings = judge(died("0.01"))
    assert not findings.faults
    assert (findings.unseen, findings.broken) == (1, 1)
    assert findings.unconfirmed == Decimal("0.01")


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        (evidence(events=[]), "was seen to end and has no event"),
        (evidence(events=[event(0), event(0)]), "has two events"),
        (evidence(events=[event(0, requestId="req_x")]), "its event says"),
        (evidence(events=[event(0, status="cancelled")]), "its event says"),
        (evidence(vendor_calls=[]), "never reached the vendor"),
        (evidence(vendor_calls=[called(0), called(0)]), "reached the vendor twice"),
        (evidence(vendor_calls=[called(0, outputTokens=3)]), "was billed (5, 4) tokens"),
        (evidence(events=[event(0, outputTokens=5)]), "more than was asked for"),
        (evidence(budgets={KEY: budget(spent=BILLED + 1)}), "has spent"),
        (evidence(budgets={KEY: budget(unconfirmed=1)}), "unconfirmed, not 0"),
        (evidence(budgets={KEY: budget(reserved=1)}), "still holds"),
        (evidence(budgets={KEY._replace(limit=Decimal(0)): budget()}), "of 0"),
        (died("0.002"), "only 0.002 of it is unconfirmed"),
    ],
)
def test_each_broken_promise_is_found(wrong: Evidence, said: str) -> None:
    assert any(said in fault for fault in judge(wrong).faults)
