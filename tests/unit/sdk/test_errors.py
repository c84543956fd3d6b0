"""Answers become errors by their status and code, whoever wrote them."""

import json

import pytest

from headgate_sdk import errors


def told(status: int, code: str, **more: object) -> errors.APIStatusError:
    body = {"error": {"message": "No", "type": "t", "code": code, "param": None, **more}}
    headers = {"x-request-id": "req_1", "retry-after": "3"}
    return errors.from_answer(status, headers, json.dumps(body).encode())


@pytest.mark.parametrize(
    ("status", "code", "kind"),
    [
        (400, "context_length_exceeded", errors.InvalidRequestError),
        (401, "invalid_api_key", errors.AuthenticationError),
        (403, "insufficient_scope", errors.PermissionDeniedError),
        (404, "not_found", errors.NotFoundError),
        (404, "model_not_found", errors.ModelNotFoundError),
        (405, "method_not_allowed", errors.APIStatusError),
        (409, "idempotency_conflict", errors.ConflictError),
        (413, "request_too_large", errors.InvalidRequestError),
        (429, "rate_limit_exceeded", errors.RateLimitError),
        (502, "upstream_error", errors.UpstreamError),
        (503, "overloaded", errors.UpstreamError),
        (504, "upstream_timeout", errors.UpstreamError),
    ],
)
def test_each_code_has_its_error(status: int, code: str, kind: type[errors.APIStatusError]) -> None:
    error = told(status, code)
    assert type(error) is kind
    assert (error.code, error.request_id, error.retry_after) == (code, "req_1", 3.0)
    assert str(error).startswith("No.")
    assert str(error).endswith("(req_1)")


def test_a_budget_tells_how_it_stands() -> None:
    budget = {
        "scope": "key",
        "id": "k",
        "limit": None,
        "spent": 1.5,
        "reserved": 0.5,
        "resetsAt": "2026-12-01T00:00:00.000Z",
    }
    error = told(402, "budget_exceeded", budget=budget)
    assert isinstance(error, errors.BudgetExceededError)
    assert (error.limit, error.spent, error.resets_at) == (None, 1.5, budget["resetsAt"])


@pytest.mark.parametrize("body", [b"<html>", b"[]", b"{}", b'{"error": "no"}', b'{"error": {}}'])
def test_what_a_proxy_answers_is_an_error_too(body: bytes) -> None:
    error = errors.from_answer(502, {}, body)
    assert isinstance(error, errors.UpstreamError)
    assert "HTTP 502" in error.message


def test_a_stream_that_fails_has_the_error_that_it_would_have_had() -> None:
    budget = {"code": "rate_limit_exceeded", "message": "slow down"}
    assert isinstance(errors.from_event(budget, "req_1"), errors.RateLimitError)
    assert errors.from_event({"code": "new", "message": "?"}, "req_1").status == 500
