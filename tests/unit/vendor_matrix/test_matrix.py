"""The matrix finds what it is there to find."""

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from vendor_matrix.clients import Messages, Platform, Seen
from vendor_matrix.matrix import Cell, Found, Matrix, cells, faults
from vendor_matrix.page import render
from vendor_matrix.tasks import TASKS, Counts, Failure
from vendor_matrix.vendors import VENDORS

QUESTION, OPENAI = TASKS[0], VENDORS[0]
CELL = Cell(OPENAI, Platform, QUESTION)
LIMITED = next(task for task in TASKS if task.row == "429")
CUT = next(task for task in TASKS if task.row == "an answer that is cut" and task.stream)
HEADERS = {"x-cost": "0.00001785", "x-provider": "openai", "x-model": "gpt-4o-mini"}
SEEN = Seen(
    headers=HEADERS,
    text=QUESTION.answer,
    counts=QUESTION.counts,
    cost=Decimal("0.0000175"),
    billed=Decimal("0.00001785"),
)
EVENT = {
    "provider": "openai",
    "status": "ok",
    "inputTokens": 2,
    "outputTokens": 6,
    "cachedInputTokens": 1,
    "reasoningTokens": 2,
    "cost": Decimal("0.0000175"),
    "billed": Decimal("0.00001785"),
    "estimated": False,
}


def test_a_cell_in_which_all_is_well_has_no_fault() -> None:
    assert not faults(CELL, Found(SEEN, EVENT))


@pytest.mark.parametrize(
    "change",
    [
        {"text": "You said:"},
        {"calls": [("search", {})]},
        {"counts": Counts(2, 6, 1)},
        {"counts": None},
        {"cost": Decimal("0.000017501")},
        {"billed": Decimal("0.0000175")},
        {"headers": HEADERS | {"x-cost": "0.0000178"}},
        {"headers": HEADERS | {"x-provider": "azure"}},
        {"headers": HEADERS | {"x-model": "gpt-4o"}},
        {"vectors": 1},
        {"failure": Failure(502, "upstream_error")},
    ],
)
def test_whatever_else_the_caller_sees_is_a_fault(change: dict[str, Any]) -> None:
    assert faults(CELL, Found(replace(SEEN, **change), EVENT))


@pytest.mark.parametrize(
    "change",
    [
        {"provider": "azure"},
        {"status": "error"},
        {"cachedInputTokens": 0},
        {"cost": Decimal("0.000018")},
        {"billed": Decimal("0.0000179")},
        {"estimated": True},
    ],
)
def test_whatever_else_stands_in_the_ledger_is_a_fault(change: dict[str, Any]) -> None:
    assert faults(CELL, Found(SEEN, EVENT | change))


@pytest.mark.parametrize(
    "failure",
    [
        None,
        Failure(429, "rate_limit_exceeded"),
        Failure(429, "overloaded", "1"),
        Failure(502, "rate_limit_exceeded", "1"),
    ],
)
def test_another_refusal_than_the_contracts_is_a_fault(failure: Failure | None) -> None:
    event = {"provider": "openai", "status": "error", "cost": 0, "billed": 0}
    cell = CELL._replace(task=LIMITED)
    assert not faults(cell, Found(Seen(failure=LIMITED.failure), event))
    assert faults(cell, Found(Seen(failure=failure), event))
    paid = event | {"cost": Decimal("0.001"), "billed": Decimal("0.00102")}
    assert faults(cell, Found(Seen(failure=LIMITED.failure), paid))


def test_a_stream_that_is_cut_shows_what_had_come_and_is_billed_for_it() -> None:
    event = {
        "provider": "openai",
        "status": "incomplete",
        "outputTokens": 3,
        "cost": Decimal("0.000007"),
        "billed": Decimal("0.00000714"),
    }
    cell = CELL._replace(task=CUT, client=Messages)
    seen = Seen(text="word word word", failure=Failure(200, "api_error"))
    assert not faults(cell, Found(seen, event))
    assert faults(cell, Found(replace(seen, text="word word"), event))
    assert faults(cell, Found(seen, event | {"outputTokens": 2}))
    assert faults(cell, Found(seen, event | {"status": "ok"}))


def test_the_page_shows_that_clients_differ() -> None:
    """It is written from what came, not from what must come."""
    dear = EVENT | {"cost": Decimal("0.1")}
    found = {
        cell: Found(SEEN, dear if cell.client is Messages else EVENT)
        for cell in cells()
        if cell.vendor is OPENAI and cell.task is QUESTION
    }
    page = render(Matrix(found, ()))
    assert "| `/v1/messages` | $0.1 |" in page
    assert "| `/v1/responses` | $0.0000175 |" in page
