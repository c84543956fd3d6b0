"""Everything that can go wrong, named for what the caller can do about it.

Two levels: one base, one class per remedy. HTTP statuses are given in `http/errors.py` only.
A message says what was wrong and what to change; it never repeats a vendor's raw text.
"""

from typing import ClassVar, NamedTuple

from headgate.core.budgets import Budget
from headgate.core.limits import Window
from headgate.core.money import NanoUSD
from headgate.core.usage import CacheResult


class Standing(NamedTuple):
    """How a caller stands whose call was admitted and failed: what its answer would have told.

    Attributes:
        requests, tokens: the state of the key's rate limits.
        budget: the tightest of those that pay for the call; None where there is none, or where it
            cannot be known now.
        billed: what was charged, since a vendor may bill a failed call.
    """

    requests: Window
    tokens: Window
    budget: Budget | None
    billed: NanoUSD
    cache: CacheResult


class HeadgateError(Exception):
    """The base of all expected failures.

    Attributes:
        message: what was wrong and what to change, for a person.
        param: the part of the request that was wrong, when one part was.
        standing: how the caller stands, where the call had been admitted.
    """

    code: ClassVar[str] = "internal"

    def __init__(self, message: str, *, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param
        self.standing: Standing | None = None


class InvalidRequest(HeadgateError):
    """The request cannot be understood, or asks for what cannot be done."""

    code = "invalid_request"


class ContextLengthExceeded(HeadgateError):
    """The input is longer than the model can read."""

    code = "context_length_exceeded"


class InvalidKey(HeadgateError):
    """No key, or one that is unknown, wrong, revoked or expired."""

    code = "invalid_api_key"


class InsufficientScope(HeadgateError):
    """The key is good but may not do this."""

    code = "insufficient_scope"


class NotFound(HeadgateError):
    """There is nothing under this path or id."""

    code = "not_found"


class ModelNotFound(HeadgateError):
    """The model is unknown, or not one this key may use; the caller cannot tell which."""

    code = "model_not_found"


class MethodNotAllowed(HeadgateError):
    """The path exists, but not for this method."""

    code = "method_not_allowed"

    def __init__(self, message: str, *, allowed: tuple[str, ...]) -> None:
        super().__init__(message)
        self.allowed = allowed


class IdempotencyConflict(HeadgateError):
    """The idempotency key was used for a call with another body."""

    code = "idempotency_conflict"


class Conflict(HeadgateError):
    """What is asked for does not go with how things stand, such as a second decision."""

    code = "conflict"


class RequestTooLarge(HeadgateError):
    """The body is larger than the configured limit."""

    code = "request_too_large"


class BudgetExceeded(HeadgateError):
    """A budget cannot cover what the call could cost."""

    code = "budget_exceeded"

    def __init__(self, message: str, *, budget: Budget) -> None:
        super().__init__(message)
        self.budget = budget


class RateLimited(HeadgateError):
    """Too many requests or tokens per minute, or too many at once.

    Attributes:
        retry_after_seconds: when the same request could be admitted.
        requests, tokens: the state of the key's limits; None where the vendor's limit is reached.
    """

    code = "rate_limit_exceeded"

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float,
        requests: Window | None = None,
        tokens: Window | None = None,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.requests = requests
        self.tokens = tokens


class UpstreamFailed(HeadgateError):
    """The vendor failed, or refused for a reason that is not the caller's."""

    code = "upstream_error"


class Overloaded(HeadgateError):
    """The vendor, or a store of ours, cannot serve right now; a later try may succeed.

    Attributes:
        may_be_done: a store was asked to change something and its answer was lost, so that it may
            have done so, or may do so yet.
    """

    code = "overloaded"

    def __init__(
        self,
        message: str,
        *,
        retry_after_seconds: float | None = None,
        may_be_done: bool = False,
    ) -> None:
        super().__init__(message)
        self.retry_after_seconds = retry_after_seconds
        self.may_be_done = may_be_done


class UpstreamTimedOut(HeadgateError):
    """The vendor did not answer in time."""

    code = "upstream_timeout"
