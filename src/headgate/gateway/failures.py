"""What callers are told of vendors' failures."""

from headgate.core.errors import (
    ContextLengthExceeded,
    HeadgateError,
    InvalidRequest,
    ModelNotFound,
    Overloaded,
    RateLimited,
    UpstreamFailed,
    UpstreamTimedOut,
)
from headgate.core.models import ProviderError, ProviderRefused, ProviderTimedOut, RefusalKind


def failure(error: ProviderError) -> HeadgateError:
    """What the caller is told of a vendor's failure, once no other route is left."""
    if isinstance(error, ProviderTimedOut):
        return UpstreamTimedOut(error.message)
    if not isinstance(error, ProviderRefused):
        return UpstreamFailed(error.message)
    after = error.retry_after_seconds
    reasons: dict[RefusalKind, HeadgateError] = {
        "invalid": InvalidRequest(error.message, param=error.param),
        "unsupported": InvalidRequest(error.message, param=error.param),
        "context_length": ContextLengthExceeded(error.message, param=error.param),
        "not_found": ModelNotFound(error.message, param="model"),
        "rate_limited": RateLimited(error.message, retry_after_seconds=after or 1.0),
        "overloaded": Overloaded(error.message, retry_after_seconds=after),
    }
    return reasons.get(error.kind) or UpstreamFailed(error.message)
