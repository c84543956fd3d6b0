"""JSON becomes the SDK's values, and these JSON."""

import dataclasses
import datetime as dt
import json

import pytest

from headgate_sdk.decoding import decode, dollars, encode, moment
from headgate_sdk.errors import UnexpectedAnswerError
from headgate_sdk.events import RunEvent
from headgate_sdk.reports import Usage
from headgate_sdk.types import Model, PromptDiff, RunError, ToolCall, UsageTotals
from write_types import camel

EVENT = {"seq": 1, "attempt": 1, "at": "2026-01-01T00:00:00.000Z", "runId": "r", "stepId": None}


def test_fields_have_pythons_names_and_what_is_unknown_is_left_out() -> None:
    event = decode(RunEvent, {**EVENT, "type": "step.delta", "content": "hi", "new": 1})
    assert (event.run_id, event.step_id, event.content) == ("r", None, "hi")


def test_names_that_are_not_camel_or_not_pythons_are_found() -> None:
    assert decode(Model, {"id": "m", "created": 1, "owned_by": "me"}).owned_by == "me"
    diff = {"name": "n", "from": 1, "to": 2, "changes": [], "unified": ""}
    assert decode(PromptDiff, diff).from_ == 1
    assert json.loads(encode(decode(PromptDiff, diff))) == diff


def test_a_union_becomes_what_it_holds() -> None:
    failed = decode(
        RunEvent, {**EVENT, "type": "run.failed", "error": {"code": "x", "message": "y"}}
    )
    assert failed.error == RunError(code="x", message="y")  # type: ignore[arg-type]
    assert decode(RunEvent, {**EVENT, "type": "tool.result", "error": "no"}).error == "no"


def test_a_row_of_usage_keeps_its_dimension() -> None:
    sums = dict.fromkeys((camel(field.name) for field in dataclasses.fields(UsageTotals)), 1)
    usage = decode(Usage, {"totals": sums, "rows": [{"model": "m", **sums}]})
    assert (usage.rows[0].model, usage.rows[0].input_tokens, usage.rows[0].user) == ("m", 1, None)


def test_an_answer_that_lacks_something_is_an_error_that_names_it() -> None:
    with pytest.raises(UnexpectedAnswerError, match="not a Model"):
        decode(Model, {"id": "m"})


def test_values_and_times_are_written_as_the_wire_has_them() -> None:
    noon = dt.datetime(2026, 1, 1, 12, tzinfo=dt.UTC)
    body = {"call": ToolCall(id="1", name="f", arguments="{}"), "at": noon}
    assert json.loads(encode(body)) == {
        "call": {"id": "1", "name": "f", "arguments": "{}"},
        "at": "2026-01-01T12:00:00+00:00",
    }
    assert moment(noon.replace(tzinfo=None)) == moment(noon)
    with pytest.raises(TypeError, match="set is no JSON"):
        encode({"a": set()})


@pytest.mark.parametrize(
    ("amount", "sent"),
    [
        (10 * 0.0003, 0.003),
        (1e-9, 1e-9),
        (0.12345678949, 0.123456789),
        (0.5**10, 0.000976562),
        (7, 7),
        (None, None),
    ],
)
def test_an_amount_is_rounded_to_the_nano_dollar(amount: float | None, sent: float | None) -> None:
    assert dollars(amount) == sent
