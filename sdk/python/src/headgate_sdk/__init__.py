"""The client of Headgate: `Headgate` waits for answers, `AsyncHeadgate` is awaited.

What is named here is the interface; modules whose names begin with an underscore are not.
"""

from typing import TYPE_CHECKING, Any

from headgate_sdk import types
from headgate_sdk.errors import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    AuthenticationError,
    BudgetExceededError,
    ConflictError,
    HeadgateError,
    InvalidRequestError,
    ModelNotFoundError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    UnexpectedAnswerError,
    UpstreamError,
)
from headgate_sdk.events import Delta, Done, RunEvent, StreamEvent
from headgate_sdk.reports import Usage, UsageRow

if TYPE_CHECKING:
    from headgate_sdk._async.client import AsyncHeadgate
    from headgate_sdk._sync.client import Headgate

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AsyncHeadgate",
    "AuthenticationError",
    "BudgetExceededError",
    "ConflictError",
    "Delta",
    "Done",
    "Headgate",
    "HeadgateError",
    "InvalidRequestError",
    "ModelNotFoundError",
    "NotFoundError",
    "PermissionDeniedError",
    "RateLimitError",
    "RunEvent",
    "StreamEvent",
    "UnexpectedAnswerError",
    "UpstreamError",
    "Usage",
    "UsageRow",
    "types",
]


def __getattr__(name: str) -> Any:
    """Each client is loaded when it is named, and its HTTP library with it."""
    if name == "Headgate":
        from headgate_sdk._sync.client import Headgate

        return Headgate
    if name == "AsyncHeadgate":
        from headgate_sdk._async.client import AsyncHeadgate

        return AsyncHeadgate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
