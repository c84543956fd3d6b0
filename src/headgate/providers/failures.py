"""What vendors' failures have in common: no connection, when to come back, secrets to remove.

A vendor's own text is kept only where the caller can act on it, without secrets and addresses.
"""

import math
import re
from collections.abc import Mapping

from headgate.core.models import (
    ProviderBroke,
    ProviderError,
    ProviderTimedOut,
    ProviderUnreachable,
)
from headgate.transport.http import HttpError, HttpTimedOut, HttpUnreachable

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
