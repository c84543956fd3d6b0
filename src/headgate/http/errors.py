"""The HTTP form of everything that can go wrong: the only place where errors meet statuses."""

import math
from collections.abc import Mapping
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec

from headgate.core import errors
from headgate.core.budgets import Budget, period_bounds
from headgate.core.decoding import invalid_value
from headgate.core.money import to_json
from headgate.core.times import iso
from headgate.http.calls import Reply
from headgate.http.receipts import budget_headers, standing_headers, window_headers

# In whose words a route tells what went wrong.
ErrorStyle: TypeAlias = Literal["platform", "anthropic"]


class ErrorForm(NamedTuple):
    """A status, and the `type` by which the vendors' clients group errors."""

    status: int
    type: str


FORMS: dict[type[errors.HeadgateError], ErrorForm] = {
    errors.InvalidRequest: ErrorForm(400, "invalid_request_error"),
    errors.ContextLengthExceeded: ErrorForm(400, "invalid_request_error"),
    errors.InvalidKey: ErrorForm(401, "authentication_error"),
    errors.BudgetExceeded: ErrorForm(402, "insufficient_quota"),
    errors.InsufficientScope: ErrorForm(403, "permission_error"),
    errors.NotFound: ErrorForm(404, "invalid_request_error"),
    errors.ModelNotFound: ErrorForm(404, "invalid_request_error"),
    errors.MethodNotAllowed: ErrorForm(405, "invalid_request_error"),
    errors.IdempotencyConflict: ErrorForm(409, "invalid_request_error"),
    errors.Conflict: ErrorForm(409, "invalid_request_error"),
    errors.RequestTooLarge: ErrorForm(413, "invalid_request_error"),
    errors.RateLimited: ErrorForm(429, "rate_limit_error"),
    errors.UpstreamFailed: ErrorForm(502, "api_error"),
    errors.Overloaded: ErrorForm(503, "api_error"),
    errors.UpstreamTimedOut: ErrorForm(504, "api_error"),
}
FAULT = ErrorForm(500, "api_error")
FAULT_CODE = "internal_error"

# Anthropic's words for the codes, by which its clients tell errors apart.
ANTHROPIC_TYPES = {
    "invalid_request": "invalid_request_error",
    "context_length_exceeded": "invalid_request_error",
    "invalid_api_key": "authentication_error",
    "budget_exceeded": "billing_error",
    "insufficient_scope": "permission_error",
    "not_found": "not_found_error",
    "model_not_found": "not_found_error",
    "method_not_allowed": "invalid_request_error",
    "idempotency_conflict": "conflict_error",
    "conflict": "conflict_error",
    "request_too_large": "request_too_large",
    "rate_limit_exceeded": "rate_limit_error",
    "upstream_error": "api_error",
    "overloaded": "overloaded_error",
    "upstream_timeout": "timeout_error",
    FAULT_CODE: "api_error",
}
# They know overload by a status of its own.
ANTHROPIC_OVERLOADED = 529


def form_of(error: errors.HeadgateError) -> ErrorForm:
    """The error's status and type."""
    return next((FORMS[kind] for kind in type(error).__mro__ if kind in FORMS), FAULT)


def status_of(code: str) -> int:
    """The status of an error that is told by its code."""
    found = (form.status for kind, form in FORMS.items() if kind.code == code)
    return next(found, FAULT.status)


def reply_for(error: errors.HeadgateError | None, style: ErrorStyle, request_id: str) -> Reply:
    """The whole answer that tells of an error or, without one, of a fault of ours."""
    status = FAULT.status if error is None else form_of(error).status
    body = fault_body() if error is None else body_of(error)
    headers = [] if error is None else headers_of(error)
    if style == "platform":
        return Reply(body, status, headers)
    if isinstance(error, errors.Overloaded):
        status = ANTHROPIC_OVERLOADED
    headers.append((b"request-id", request_id.encode()))
    return Reply(anthropic_body(body, request_id), status, headers)


def anthropic_body(body: Mapping[str, Any], request_id: str) -> dict[str, Any]:
    """A body of this platform in the shape that Anthropic's clients read."""
    told = body["error"]
    item = {"type": ANTHROPIC_TYPES[told["code"]], "message": told["message"]}
    if "budget" in told:
        item["budget"] = told["budget"]
    return {"type": "error", "error": item, "request_id": request_id}


def body_of(error: errors.HeadgateError) -> dict[str, Any]:
    """The error's JSON body, in the shape that OpenAI's clients read."""
    item: dict[str, Any] = {
        "message": error.message,
        "type": form_of(error).type,
        "code": error.code,
        "param": error.param,
    }
    if isinstance(error, errors.BudgetExceeded):
        item["budget"] = _budget(error.budget)
    return {"error": item}


def fault_body() -> dict[str, Any]:
    """The JSON body for a fault of ours; its cause is in the log, under the request id."""
    return {
        "error": {
            "message": "the platform failed; its log has the cause under this request id",
            "type": FAULT.type,
            "code": FAULT_CODE,
            "param": None,
        }
    }


def headers_of(error: errors.HeadgateError) -> list[tuple[bytes, bytes]]:
    """The headers that tell clients whether and when to try again, and how they stand."""
    headers: list[tuple[bytes, bytes]] = []
    if isinstance(error, errors.RateLimited | errors.Overloaded):
        seconds = error.retry_after_seconds
        if seconds is not None:
            headers.append((b"retry-after", str(max(1, math.ceil(seconds))).encode()))
        if isinstance(error, errors.RateLimited) and error.requests and error.tokens:
            headers += window_headers(error.requests, error.tokens)
    elif isinstance(error, errors.BudgetExceeded):
        # The official clients retry some 4xx; an empty budget is not filled by trying again.
        headers.append((b"x-should-retry", b"false"))
        headers += budget_headers(error.budget)
    elif isinstance(error, errors.IdempotencyConflict | errors.Conflict):
        # They retry 409 too, and it would stay one.
        headers.append((b"x-should-retry", b"false"))
    elif isinstance(error, errors.RequestTooLarge):
        # The rest of the body is not read.
        headers.append((b"connection", b"close"))
    elif isinstance(error, errors.MethodNotAllowed):
        headers.append((b"allow", ", ".join(error.allowed).encode()))
    elif isinstance(error, errors.InvalidKey):
        headers.append((b"www-authenticate", b"Bearer"))
    if error.standing is not None:
        is_told = isinstance(error, errors.BudgetExceeded)
        headers += standing_headers(error.standing, with_budget=not is_told)
    return headers


def decoding_error(error: Exception) -> errors.InvalidRequest:
    """What a caller is told of a body that could not be decoded: what, and where."""
    if isinstance(error, msgspec.ValidationError):
        return invalid_value(error)
    if isinstance(error, UnicodeDecodeError):
        return errors.InvalidRequest("the body is not valid UTF-8")
    if isinstance(error, RecursionError):
        return errors.InvalidRequest("the body is nested too deeply")
    return errors.InvalidRequest(f"the body is not valid JSON: {error}")


def _budget(budget: Budget) -> dict[str, Any]:
    return {
        "scope": budget.account.scope,
        "id": budget.account.id,
        "limit": None if budget.limit is None else to_json(budget.limit.amount),
        "spent": to_json(budget.spent),
        "reserved": to_json(budget.reserved),
        "resetsAt": iso(period_bounds(budget.period)[1]),
    }
