"""What can go wrong, named for what the caller can do about it.

Every error has the `code` and the `request_id` that the platform gave, where it answered, and a
`hint` at what to do.
"""

import json
from collections.abc import Mapping
from typing import Any


class HeadgateError(Exception):
    """Anything that the SDK raises.

    Attributes:
        message: what was wrong.
        code: the platform's name for it; empty where the platform did not answer.
        request_id: the id under which the platform knows the call; empty where it did not answer.
        hint: what to do about it.
    """

    hint: str = ""

    def __init__(self, message: str, *, code: str = "", request_id: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code
        self.request_id = request_id

    def __str__(self) -> str:
        hint = f" {self.hint}" if self.hint else ""
        known = f" ({self.request_id})" if self.request_id else ""
        return f"{self.message.removesuffix('.')}.{hint}{known}"


class APIConnectionError(HeadgateError):
    """The platform was not reached, or the connection broke before the answer's end."""

    hint = "Check the address and that the platform runs: `headgate doctor`."


class APITimeoutError(APIConnectionError):
    """The platform took longer than the client's `timeout`."""

    hint = "The work may still be done there. Give the client a longer timeout, or stream."


class UnexpectedAnswerError(HeadgateError):
    """The answer is not what this version of the SDK knows."""

    hint = "The platform and the SDK may be of different versions."

    def __init__(self, kind: str) -> None:
        super().__init__(f"The answer is not a {kind}.")


class APIStatusError(HeadgateError):
    """The platform answered with an error.

    Attributes:
        status: the HTTP status; of a stream that failed under way, the one it would have had.
        param: the part of the request that is to blame, if one is.
        retry_after: how many seconds to wait, where the platform says so.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        request_id: str = "",
        param: str | None = None,
        retry_after: float | None = None,
    ) -> None:
        super().__init__(message, code=code, request_id=request_id)
        self.status = status
        self.param = param
        self.retry_after = retry_after


class InvalidRequestError(APIStatusError):
    """The request is wrong, too long for the model, or too large; `param` may say which part."""


class AuthenticationError(APIStatusError):
    """The key is missing, unknown, expired or revoked."""

    hint = "Check HEADGATE_API_KEY, or the api_key that the client was given."


class BudgetExceededError(APIStatusError):
    """A budget cannot cover the call.

    Attributes:
        scope: what the budget belongs to: `key`, `user`, `workspace` or `model`.
        id: which one of these.
        limit: US dollars in a month; None where there is none.
        spent: US dollars in this month.
        reserved: US dollars that calls under way may still cost.
        resets_at: when the next month begins, ISO 8601.
    """

    hint = "`usage.budget()` shows what is left."

    scope: str = ""
    id: str = ""
    limit: float | None = None
    spent: float = 0.0
    reserved: float = 0.0
    resets_at: str = ""


class PermissionDeniedError(APIStatusError):
    """The key is good, but lacks the scope."""

    hint = "Use a key with the scope that the message names."


class NotFoundError(APIStatusError):
    """There is no such thing, or this key may not see it."""


class ModelNotFoundError(NotFoundError):
    """The model is unknown, or not one that this key may use."""

    hint = "`models.list()` says which models this key may use."


class ConflictError(APIStatusError):
    """It was done before, or the idempotency key stands for another request."""


class RateLimitError(APIStatusError):
    """Too many calls or tokens in too short a time; `retry_after` says how long to wait."""

    hint = "`retry_after` says how many seconds to wait."


class UpstreamError(APIStatusError):
    """The model's vendor, or the platform itself, failed, is overloaded or took too long."""

    hint = "It may pass: try again, or name another model."


_BY_STATUS: Mapping[int, type[APIStatusError]] = {
    400: InvalidRequestError,
    401: AuthenticationError,
    402: BudgetExceededError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    413: InvalidRequestError,
    429: RateLimitError,
}
_STATUS_BY_CODE: Mapping[str, int] = {
    "invalid_request": 400,
    "context_length_exceeded": 400,
    "invalid_api_key": 401,
    "budget_exceeded": 402,
    "insufficient_scope": 403,
    "not_found": 404,
    "model_not_found": 404,
    "idempotency_conflict": 409,
    "rate_limit_exceeded": 429,
    "upstream_error": 502,
    "overloaded": 503,
    "upstream_timeout": 504,
}


def from_answer(status: int, headers: Mapping[str, str], body: bytes) -> APIStatusError:
    """The error that an answer tells of, whoever on the way wrote it."""
    try:
        told = json.loads(body)["error"]
        told["message"]
    except (ValueError, KeyError, TypeError):
        told = {"message": f"The answer was HTTP {status}, and not the platform's."}
    return _told(
        told, status, headers.get("x-request-id", ""), _seconds(headers.get("retry-after"))
    )


def from_event(told: Mapping[str, Any], request_id: str) -> APIStatusError:
    """The error with which a stream ends."""
    status = _STATUS_BY_CODE.get(told.get("code", ""), 500)
    return _told(told, status, request_id, None)


def _told(
    told: Mapping[str, Any], status: int, request_id: str, retry_after: float | None
) -> APIStatusError:
    code = told.get("code") or ""
    kind = _BY_STATUS.get(status, UpstreamError if status >= 500 else APIStatusError)
    error = (ModelNotFoundError if code == "model_not_found" else kind)(
        str(told["message"]),
        status=status,
        code=code,
        request_id=request_id,
        param=told.get("param"),
        retry_after=retry_after,
    )
    if isinstance(error, BudgetExceededError) and (budget := told.get("budget")):
        error.scope, error.id = budget["scope"], budget["id"]
        error.limit, error.spent = budget["limit"], budget["spent"]
        error.reserved, error.resets_at = budget["reserved"], budget["resetsAt"]
    return error


def _seconds(retry_after: str | None) -> float | None:
    """The platform writes whole seconds; a date, which others may write, is not understood."""
    return float(retry_after) if retry_after and retry_after.isdigit() else None
