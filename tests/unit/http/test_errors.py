from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import pytest

from headgate.core import errors as core
from headgate.core.budgets import Account, Budget, Limit
from headgate.core.limits import Window
from headgate.http import errors

BUDGET = Budget(
    account=Account("user", "ada"),
    period="2026-11",
    limit=Limit(amount=2_500_000_000),
    spent=2_000_000_001,
    reserved=400_000_000,
)
MAKERS: dict[type[core.HeadgateError], Callable[[], core.HeadgateError]] = {
    core.BudgetExceeded: lambda: core.BudgetExceeded("too dear", budget=BUDGET),
    core.RateLimited: lambda: core.RateLimited("too fast", retry_after_seconds=0.2),
    core.MethodNotAllowed: lambda: core.MethodNotAllowed("not so", allowed=("GET", "PUT")),
}


def subclasses(kind: type[core.HeadgateError]) -> Iterator[type[core.HeadgateError]]:
    for found in kind.__subclasses__():
        yield found
        yield from subclasses(found)


KINDS = [kind for kind in subclasses(core.HeadgateError) if kind.__module__ == core.__name__]


def made(kind: type[core.HeadgateError]) -> core.HeadgateError:
    return MAKERS.get(kind, lambda: kind("a sentence"))()


def headers_of(error: core.HeadgateError) -> dict[bytes, bytes]:
    return dict(errors.headers_of(error))


def decoding_failure(raw: bytes, kind: Any) -> core.InvalidRequest:
    with pytest.raises(msgspec.MsgspecError) as caught:
        msgspec.json.decode(raw, type=kind)
    return errors.decoding_error(caught.value)


def test_everything_that_can_go_wrong_has_a_form() -> None:
    assert set(KINDS) == set(errors.FORMS)


@pytest.mark.parametrize(
    ("status", "codes"),
    [
        (400, {"invalid_request", "context_length_exceeded"}),
        (401, {"invalid_api_key"}),
        (402, {"budget_exceeded"}),
        (403, {"insufficient_scope"}),
        (404, {"not_found", "model_not_found"}),
        (405, {"method_not_allowed"}),
        (413, {"request_too_large"}),
        (429, {"rate_limit_exceeded"}),
        (502, {"upstream_error"}),
        (503, {"overloaded"}),
        (504, {"upstream_timeout"}),
    ],
)
def test_each_status_has_the_codes_of_the_contract(status: int, codes: set[str]) -> None:
    found = {kind.code for kind, form in errors.FORMS.items() if form.status == status}
    assert found == codes


def test_a_code_alone_tells_the_status() -> None:
    assert {kind: errors.status_of(kind.code) for kind in KINDS} == {
        kind: form.status for kind, form in errors.FORMS.items()
    }
    assert errors.status_of(errors.FAULT_CODE) == 500


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_an_error_is_told_in_the_one_shape(kind: type[core.HeadgateError]) -> None:
    error = made(kind)
    body = msgspec.json.decode(msgspec.json.encode(errors.body_of(error)))
    assert set(body) == {"error"}
    assert set(body["error"]) - {"budget"} == {"message", "type", "code", "param"}
    assert body["error"]["message"] == error.message
    assert body["error"]["code"] == kind.code
    assert body["error"]["type"] == errors.form_of(error).type
    assert body["error"]["param"] is None


def test_the_place_of_a_fault_is_told() -> None:
    body = errors.body_of(core.InvalidRequest("no such model", param="model"))
    assert body["error"]["param"] == "model"


def test_a_kind_of_an_error_has_its_form() -> None:
    class DiskFull(core.Overloaded):
        """What an adapter may raise."""

    assert errors.form_of(DiskFull("no room")).status == 503


def test_an_error_without_a_form_is_a_fault_of_ours() -> None:
    assert errors.form_of(core.HeadgateError("new")) == errors.FAULT
    assert errors.FAULT.status == 500


def test_a_fault_names_no_cause() -> None:
    assert errors.fault_body()["error"]["code"] == "internal_error"
    assert set(errors.fault_body()["error"]) == {"message", "type", "code", "param"}


def test_an_exhausted_budget_is_told_to_the_nano_dollar() -> None:
    body = msgspec.json.encode(errors.body_of(made(core.BudgetExceeded))["error"]["budget"])
    assert body == (
        b'{"scope":"user","id":"ada","limit":2.5,"spent":2.000000001,"reserved":0.4,'
        b'"resetsAt":"2026-12-01T00:00:00.000Z"}'
    )


def test_a_budget_without_a_limit_is_told_as_null() -> None:
    budget = msgspec.structs.replace(BUDGET, limit=None)
    body = errors.body_of(core.BudgetExceeded("too dear", budget=budget))
    assert body["error"]["budget"]["limit"] is None


def test_clients_are_told_not_to_retry_an_empty_budget_and_what_is_left_of_it() -> None:
    assert headers_of(made(core.BudgetExceeded)) == {
        b"x-should-retry": b"false",
        b"x-budget-limit": b"2.5",
        b"x-budget-remaining": b"0.099999999",
    }


def test_an_admitted_call_that_failed_tells_how_its_caller_stands() -> None:
    error = core.UpstreamTimedOut("too slow")
    error.standing = core.Standing(
        Window(5, 4, 1.0), Window(9, 8, 0.5), BUDGET, billed=1_500, cache="miss"
    )
    assert headers_of(error) == {
        b"x-cache": b"miss",
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"4",
        b"x-ratelimit-reset-requests": b"1s",
        b"x-ratelimit-limit-tokens": b"9",
        b"x-ratelimit-remaining-tokens": b"8",
        b"x-ratelimit-reset-tokens": b"500ms",
        b"x-budget-limit": b"2.5",
        b"x-budget-remaining": b"0.099999999",
        b"x-cost": b"0.0000015",
    }


def test_the_budget_that_refuses_a_call_is_the_one_that_is_told() -> None:
    error = made(core.BudgetExceeded)
    roomy = msgspec.structs.replace(BUDGET, limit=Limit(amount=9_000_000_000))
    error.standing = core.Standing(Window(5, 4, 1.0), Window(9, 8, 0.5), roomy, 0, "bypass")
    told = [value for name, value in errors.headers_of(error) if name == b"x-budget-limit"]
    assert told == [b"2.5"]


def test_a_reached_limit_is_told_with_the_state_of_both() -> None:
    error = core.RateLimited(
        "too fast", retry_after_seconds=1, requests=Window(5, 0, 1.0), tokens=Window(9, 8, 0.5)
    )
    assert headers_of(error) == {
        b"retry-after": b"1",
        b"x-ratelimit-limit-requests": b"5",
        b"x-ratelimit-remaining-requests": b"0",
        b"x-ratelimit-reset-requests": b"1s",
        b"x-ratelimit-limit-tokens": b"9",
        b"x-ratelimit-remaining-tokens": b"8",
        b"x-ratelimit-reset-tokens": b"500ms",
    }


@pytest.mark.parametrize(
    ("seconds", "told"), [(0.0, b"1"), (0.2, b"1"), (1.0, b"1"), (1.01, b"2"), (90.0, b"90")]
)
def test_a_wait_is_told_in_whole_seconds_and_never_as_none(seconds: float, told: bytes) -> None:
    limited = core.RateLimited("too fast", retry_after_seconds=seconds)
    overloaded = core.Overloaded("busy", retry_after_seconds=seconds)
    assert headers_of(limited) == headers_of(overloaded) == {b"retry-after": told}


def test_an_overload_of_unknown_length_promises_nothing() -> None:
    assert headers_of(core.Overloaded("busy")) == {}


def test_a_refused_method_comes_with_those_that_are_allowed() -> None:
    assert headers_of(made(core.MethodNotAllowed)) == {b"allow": b"GET, PUT"}


def test_a_body_that_is_too_large_ends_the_connection() -> None:
    assert headers_of(core.RequestTooLarge("too much")) == {b"connection": b"close"}


def test_a_refused_key_says_how_to_send_one() -> None:
    assert headers_of(core.InvalidKey("no")) == {b"www-authenticate": b"Bearer"}


class Item(msgspec.Struct):
    name: str


class Body(msgspec.Struct):
    items: list[Item]
    count: int = 0


@pytest.mark.parametrize(
    ("raw", "param"),
    [
        (b'{"items":[{"name":"a"},{"name":1}]}', "items[1].name"),
        (b'{"items":[],"count":"1"}', "count"),
        (b"[]", None),
    ],
)
def test_a_body_of_another_shape_is_told_with_its_place(raw: bytes, param: str | None) -> None:
    error = decoding_failure(raw, Body)
    assert error.param == param
    assert error.message.endswith(f" at `{param or 'body'}`")
    assert "$" not in error.message


def test_a_missing_field_is_named() -> None:
    outer = decoding_failure(b"{}", Body)
    assert ("`items`" in outer.message, outer.param) == (True, "items")
    assert decoding_failure(b'{"items":[{}]}', Body).param == "items[0].name"


@pytest.mark.parametrize("raw", [b"{", b"nothing", b'{"items":[]} x', b""])
def test_what_is_no_json_is_told_as_such(raw: bytes) -> None:
    error = decoding_failure(raw, Body)
    assert error.message.startswith("the body is not valid JSON")
    assert error.param is None


def test_a_body_that_is_no_text_is_told_as_such() -> None:
    with pytest.raises(UnicodeDecodeError) as caught:
        b"\xff".decode()
    assert "UTF-8" in errors.decoding_error(caught.value).message


def test_a_body_that_is_nested_too_deeply_is_told_as_such() -> None:
    with pytest.raises(RecursionError) as caught:
        msgspec.json.decode(b"[" * 100_000)
    assert "deep" in errors.decoding_error(caught.value).message


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
def test_every_error_has_a_word_of_anthropics_and_keeps_its_headers(
    kind: type[core.HeadgateError],
) -> None:
    error = made(kind)
    plain = errors.reply_for(error, "platform", "req_1")
    told = errors.reply_for(error, "anthropic", "req_1")
    assert told.body["type"] == "error"
    assert told.body["error"]["type"].endswith(("_error", "request_too_large"))
    assert told.body["error"]["message"] == error.message
    assert told.headers == [*plain.headers, (b"request-id", b"req_1")]
    is_overload = kind is core.Overloaded
    assert told.status == (errors.ANTHROPIC_OVERLOADED if is_overload else plain.status)


def test_an_empty_budget_is_told_to_anthropics_clients_too() -> None:
    told = errors.reply_for(made(core.BudgetExceeded), "anthropic", "req_1").body["error"]
    assert told["type"] == "billing_error"
    assert told["budget"] == errors.body_of(made(core.BudgetExceeded))["error"]["budget"]


def test_a_fault_of_ours_is_told_in_both_words() -> None:
    assert errors.reply_for(None, "platform", "req_1").body == errors.fault_body()
    told = errors.reply_for(None, "anthropic", "req_1")
    assert (told.status, told.body["error"]["type"]) == (500, "api_error")
