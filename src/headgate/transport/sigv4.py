"""AWS Signature Version 4: what proves to AWS who sent a request and that nobody changed it.

Pure: a request and a moment go in, headers come out. The steps are those of AWS's page "Create a
signed AWS API request"; the tests compare the outcome with that of AWS's own library.
"""

import functools
import hashlib
import hmac
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol
from urllib.parse import quote, urlsplit

_ALGORITHM = "AWS4-HMAC-SHA256"


@dataclass(frozen=True, slots=True)
class Credentials:
    """An AWS access key; temporary ones have a session token."""

    access_key_id: str
    secret_access_key: str = field(repr=False)
    session_token: str | None = field(default=None, repr=False)

    async def current(self) -> "Credentials":
        """These: a key that does not change is its own source."""
        return self


class CredentialsSource(Protocol):
    """Where the credentials come from that are good now."""

    async def current(self) -> Credentials:
        """Credentials that AWS takes now.

        Raises:
            Overloaded: there are none at the moment.
        """
        ...


class Target(NamedTuple):
    """Which service of which region checks the signature: `us-east-1`, `dynamodb`."""

    region: str
    service: str


def sign(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    target: Target,
    now: float,
) -> dict[str, str]:
    """The headers to send instead of `headers`, signed at `now` (Unix seconds).

    All of them are signed, and the host as `url` writes it; header names come out in lower case.
    AWS refuses a signature that is more than five minutes old.
    """
    moment = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
    signed = {name.lower(): value for name, value in headers.items()}
    signed["x-amz-date"] = moment
    if credentials.session_token is not None:
        signed["x-amz-security-token"] = credentials.session_token
    parts = urlsplit(url)
    lines = sorted({**signed, "host": parts.netloc}.items())
    names = ";".join(name for name, _ in lines)
    request = "\n".join(
        [
            method.upper(),
            _path(parts.path),
            _query(parts.query),
            *(f"{name}:{' '.join(value.split())}" for name, value in lines),
            "",
            names,
            hashlib.sha256(body).hexdigest(),
        ]
    )
    scope = f"{moment[:8]}/{target.region}/{target.service}/aws4_request"
    digest = hashlib.sha256(request.encode()).hexdigest()
    key = _signing_key(credentials.secret_access_key, moment[:8], target)
    signature = _mac(key, f"{_ALGORITHM}\n{moment}\n{scope}\n{digest}").hex()
    signed["authorization"] = (
        f"{_ALGORITHM} Credential={credentials.access_key_id}/{scope}, "
        f"SignedHeaders={names}, Signature={signature}"
    )
    return signed


@functools.lru_cache(maxsize=16)
def _signing_key(secret: str, day: str, target: Target) -> bytes:
    key = f"AWS4{secret}".encode()
    for part in (day, *target, "aws4_request"):
        key = _mac(key, part)
    return key


def _mac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _path(path: str) -> str:
    """The path without `.`, `..` and empty segments, encoded once more than it is sent."""
    if path in ("", "/"):
        return "/"
    segments: list[str] = []
    for segment in path.split("/"):
        if segment == "..":
            del segments[-1:]
        elif segment not in ("", "."):
            segments.append(segment)
    ending = "/" if segments and path.endswith("/") else ""
    return quote("/" + "/".join(segments) + ending, safe="/~")


def _query(query: str) -> str:
    if not query:
        return ""
    pairs = sorted(pair.partition("=")[::2] for pair in query.split("&"))
    return "&".join(f"{name}={value}" for name, value in pairs)
