"""What vendors' failures have in common: no connection, what a status means, secrets to remove.

A vendor's own text is kept only where the caller can act on it, without secrets and addresses.
"""

import math
import re
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec

from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderRefused,
    ProviderTimedOut,
    ProviderUnreachable,
    RefusalKind,
)
from headgate.transport.http import (
    HttpClient,
    HttpError,
    HttpResponse,
    HttpTimedOut,
    HttpUnreachable,
)

T = TypeVar("T")

UNREADABLE = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)
"""What decoding raises; text that is no UTF-8 is found out only where it is looked at."""

# A sentence is enough to act on; what is longer is never searched for secrets to its end.
MAX_SAID = 500
_MAX_SEARCHED = 4000
# A server of one's own may be given a word for a key that sentences are full of, such as "none".
_LEAST_KEY = 8
_REMOVED = "[removed]"

_SECRET = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|key)[-_][\w*.-]{6,}"  # keys that say what they are
    r"|\bAIza[\w-]{6,}"  # Google's
    r"|\bBearer\s+\S+"
    r"|\beyJ[\w-]{8,}(?:\.[\w-]+)*"  # tokens that carry claims
    r"|\b(?=[a-z]*\d)[a-z0-9]{32,}\b"  # keys that say nothing: long, and no word
    r"|\b[a-z][a-z0-9+.-]*://\S+"
    r"|\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"
    r"|(?<![\w:.])\[?(?=[a-f:]*\d)(?:[0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(?![\w:])\]?"
    r"|\b(?:org|proj)-\w+",
    re.IGNORECASE,
)


def without_secrets(said: str, key: str | None = None) -> str:
    """A vendor's sentence as a caller may read it: no keys, organisations and addresses.

    `key` is the one that the vendor was called with, which may look like any word.
    """
    if key is not None and len(key) >= _LEAST_KEY:
        said = said.replace(key, _REMOVED)
    return _SECRET.sub(_REMOVED, said[:_MAX_SEARCHED])[:MAX_SAID]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds; `retry-after-ms` is OpenAI's finer form of `retry-after`."""
    for name, unit in (("retry-after-ms", 1000), ("retry-after", 1)):
        try:
            seconds = float(headers[name]) / unit
        except (KeyError, ValueError):
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    return None


def unanswered(error: HttpError) -> ProviderError:
    """What it means that no whole answer came."""
    if isinstance(error, HttpUnreachable):
        return ProviderUnreachable("the vendor could not be reached")
    if isinstance(error, HttpTimedOut):
        return ProviderTimedOut("the vendor did not answer in time")
    return ProviderBroke("the connection to the vendor broke")


_REFUSALS: Mapping[int, tuple[RefusalKind, str]] = {
    401: ("unauthorized", "the vendor refused the platform's credential"),
    403: ("unauthorized", "the vendor refused the platform's credential"),
    404: ("not_found", "the vendor does not know this model"),
    429: ("rate_limited", "the vendor's rate limit is reached"),
    503: ("overloaded", "the vendor is overloaded"),
    529: ("overloaded", "the vendor is overloaded"),
}


def meaning(
    status: int,
    said: str,
    *,
    wait: float | None = None,
    is_too_long: bool = False,
    param: str | None = None,
) -> ProviderError:
    """What a status means where a vendor's own words for a failure do not say more.

    Args:
        status: of HTTP.
        said: the vendor's sentence, without secrets.
        wait: seconds, where the vendor says when to come back.
        is_too_long: whether the sentence says that the input is longer than the model reads.
        param: which part of the request was wrong, where the vendor says so.
    """
    if status in {408, 504}:
        return ProviderTimedOut("the vendor did not answer in time")
    if status in _REFUSALS:
        kind, message = _REFUSALS[status]
        return ProviderRefused(kind, message, retry_after_seconds=wait)
    if not 400 <= status < 500:
        return ProviderRefused("failed", "the vendor failed")
    if is_too_long:
        return ProviderRefused("context_length", said, param="messages")
    return ProviderRefused("invalid", said or "the vendor refused the request", param=param)


async def posted(
    client: HttpClient,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    error_from: Callable[[int, Mapping[str, str], bytes], ProviderError],
) -> HttpResponse:
    """The vendor's answer to a call.

    Raises:
        ProviderError: there is none, or it is an error.
    """
    try:
        answer = await client.send("POST", url, headers=headers, body=body)
    except HttpError as error:
        raise unanswered(error) from error
    if answer.status != 200:
        raise error_from(answer.status, answer.headers, answer.body)
    return answer


def understood(decoder: msgspec.json.Decoder[T], data: bytes) -> T:
    """What a vendor sent.

    Raises:
        ProviderBroke: it is something else.
    """
    try:
        return decoder.decode(data)
    except UNREADABLE as error:
        raise ProviderBroke("the vendor's answer could not be understood") from error
