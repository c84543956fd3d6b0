"""A request as it will be sent, and whether and when it may be sent again."""

import random
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Final

from headgate_sdk.errors import APIStatusError

FIRST_PAUSE_SECONDS = 0.5
LONGEST_PAUSE_SECONDS = 8.0
# Whoever is told to wait longer than this should know, rather than wait.
LONGEST_RETRY_AFTER_SECONDS = 60.0
# Refused before anything was done.
_REFUSALS = {429, 503}
_MAY_PASS = {408, 500, 502, 504} | _REFUSALS

UPLOAD_NAME: Final = "file"


class Unset(Enum):
    """The value of what a caller did not name, where None says something."""

    UNSET = "unset"


UNSET: Final = Unset.UNSET
Upload = tuple[str, tuple[str, bytes]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What to ask of the platform.

    Attributes:
        query: values that are None are left out.
        body: what is written as JSON.
        uploads: files, in the place of a body.
        repeatable: whether asking twice does no more than asking once.
    """

    method: str
    path: str
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Any = None
    uploads: Sequence[Upload] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    repeatable: bool = False


def read(path: str, query: Mapping[str, Any] | None = None) -> Request:
    """A GET."""
    return Request(method="GET", path=path, query=query or {}, repeatable=True)


def metered(
    path: str,
    body: Any = None,
    *,
    uploads: Sequence[Upload] = (),
    idempotency_key: str | None = None,
    cache: bool = True,
    tags: Sequence[str] | None = None,
) -> Request:
    """A POST that may cost money: under one idempotency key however often it is sent.

    Args:
        tags: labels that go in a header, for routes whose body has no place for them.
    """
    headers = {"idempotency-key": idempotency_key or secrets.token_hex(16)}
    if not cache:
        headers["cache-control"] = "no-cache"
    if tags:
        headers["x-headgate-tags"] = ",".join(tags)
    return Request(
        method="POST", path=path, body=body, uploads=uploads, headers=headers, repeatable=True
    )


def may_pass(error: APIStatusError, should_retry: str | None, *, repeatable: bool) -> bool:
    """Whether sending the request again may help and does no harm.

    Args:
        should_retry: what the answer's `x-should-retry` says.
    """
    if (error.retry_after or 0) > LONGEST_RETRY_AFTER_SECONDS or should_retry == "false":
        return False
    if error.status in _REFUSALS:
        return True
    return repeatable and (should_retry == "true" or error.status in _MAY_PASS)


def pause_seconds(failures: int, retry_after: float | None) -> float:
    """How long to wait after this many failures: what the platform says, or longer and longer."""
    if retry_after is not None:
        return retry_after
    longest: float = min(FIRST_PAUSE_SECONDS * 2 ** (failures - 1), LONGEST_PAUSE_SECONDS)
    # Callers that failed together do not come back together.
    return longest * random.uniform(0.5, 1)  # noqa: S311 - spreads callers, hides nothing
