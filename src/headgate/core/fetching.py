"""The port through which a tool asks other hosts for what a caller names."""

from collections.abc import Mapping
from typing import Protocol

import msgspec


class Fetched(msgspec.Struct, frozen=True, kw_only=True):
    """An answer; header names are in lower case.

    Attributes:
        is_whole: whether `body` is all of it, or only its beginning.
    """

    status: int
    headers: Mapping[str, str]
    body: bytes
    is_whole: bool


class Fetcher(Protocol):
    """Sends requests on behalf of callers who must not reach the platform's own network."""

    async def fetch(
        self, method: str, url: str, *, headers: Mapping[str, str], body: bytes, most_bytes: int
    ) -> Fetched:
        """One answer, whatever its status, with up to `most_bytes` of its body.

        Redirects are not followed: whoever does that judges each address anew.

        Raises:
            InvalidRequest: the address must not be reached, or is none.
            UpstreamFailed: there is no answer.
            UpstreamTimedOut: the other side was silent for too long.
        """
        ...
