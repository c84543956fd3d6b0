"""Requests to other hosts, for callers who must not reach what only the platform may reach.

Each address is judged where it stands, also that of each redirect: by its form and the workspace's
list of hosts here, by where it leads in `transport/public_addresses.py`.
"""

import base64
import re
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from email.message import Message
from typing import Annotated, Any, Literal, NamedTuple, TypeAlias
from urllib.parse import SplitResult, urljoin, urlsplit

import msgspec
from msgspec import Meta

from headgate.core.errors import InvalidRequest
from headgate.core.fetching import Fetched, Fetcher
from headgate.core.tools import ToolContext
from headgate.tools.declaration import tool

MOST_REDIRECTS = 5
MOST_BODY_BYTES = 1_048_576
MOST_ADDRESS = 4_096
MOST_HEADERS = 50

Method: TypeAlias = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_KEEPS_METHOD = frozenset({307, 308})
_HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}")
_OWN_HEADERS = frozenset(
    {
        "host",
        "connection",
        "content-length",
        "transfer-encoding",
        "te",
        "trailer",
        "upgrade",
        "expect",
        "keep-alive",
        "proxy-authorization",
        "proxy-connection",
        "accept-encoding",
        "user-agent",
    }
)
"""What makes up the request itself; who set these could have it read as another one."""


class HttpAnswer(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """What the other host answered.

    Attributes:
        url: where the answer came from, after redirects.
        body: the text, where it is text.
        body_base64: the bytes, where they are none.
        truncated: whether there was more than is told here.
    """

    status: int
    url: str
    headers: dict[str, str]
    body: str | msgspec.UnsetType = msgspec.UNSET
    body_base64: str | msgspec.UnsetType = msgspec.UNSET
    truncated: bool = False


class _Request(NamedTuple):
    method: Method
    url: str
    headers: Mapping[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class HttpRequests:
    """The tool, with what it works through.

    Attributes:
        allowed_hosts: the only hosts that a workspace may reach; None where it may reach all.
    """

    fetcher: Fetcher
    allowed_hosts: Callable[[str], Awaitable[Sequence[str] | None]]

    @tool(timeout_seconds=30, idempotent=False)
    async def http_request(
        self,
        context: ToolContext,
        *,
        url: Annotated[str, Meta(max_length=MOST_ADDRESS, description="An http or https address.")],
        method: Method = "GET",
        headers: dict[str, str] | None = None,
        body: Annotated[
            str | dict[str, Any] | list[Any] | None,
            Meta(description="A text as it is; anything else is sent as JSON."),
        ] = None,
    ) -> HttpAnswer:
        """Ask a host on the public internet over HTTP, and give its answer."""
        request = _request(method, url, headers or {}, body)
        allowed = await self.allowed_hosts(context.key.workspace_id)
        for _ in range(MOST_REDIRECTS + 1):
            _check_address(request.url, allowed)
            answer = await self.fetcher.fetch(
                request.method,
                request.url,
                headers=request.headers,
                body=request.body,
                most_bytes=MOST_BODY_BYTES,
            )
            location = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not location:
                return _told(request.url, answer)
            request = _redirected(request, answer.status, location)
        raise InvalidRequest(f"the host redirects more than {MOST_REDIRECTS} times", param="url")


def _request(
    method: Method,
    url: str,
    headers: Mapping[str, str],
    body: str | dict[str, Any] | list[Any] | None,
) -> _Request:
    """The request that a caller means, where it is one that may be sent.

    Raises:
        InvalidRequest: a header is none, or belongs to the connection.
    """
    given = {name.lower(): value for name, value in headers.items()}
    if len(given) > MOST_HEADERS:
        raise InvalidRequest(f"there are more than {MOST_HEADERS} headers", param="headers")
    for name, value in given.items():
        if name in _OWN_HEADERS or not _HEADER_NAME.fullmatch(name):
            raise InvalidRequest(f"the header {name[:64]!r} cannot be set", param="headers")
        if not value.isascii() or not value.isprintable():
            raise InvalidRequest(
                f"the value of the header {name!r} is not printable ASCII", param="headers"
            )
    if body is None:
        return _Request(method, url, given, b"")
    if isinstance(body, str):
        given.setdefault("content-type", "text/plain; charset=utf-8")
        return _Request(method, url, given, body.encode())
    given.setdefault("content-type", "application/json")
    return _Request(method, url, given, msgspec.json.encode(body))


def _check_address(url: str, allowed: Sequence[str] | None) -> None:
    """See that the address has a form that only one reading has, and is one of the allowed.

    Raises:
        InvalidRequest: it is not; says why.
    """
    if not url.isascii() or not url.isprintable() or " " in url or "\\" in url:
        raise InvalidRequest(
            "url has characters that no address has: percent-encode them, and write a name of "
            "another script in its xn-- form",
            param="url",
        )
    parts = _parts(url)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise InvalidRequest("url is not an http or https address", param="url")
    if "@" in parts.netloc:
        raise InvalidRequest("url has a user name in it: send a header instead", param="url")
    host = parts.hostname.rstrip(".").lower()
    if allowed is not None and not any(_fits(host, pattern) for pattern in allowed):
        raise InvalidRequest(
            f"the host {host[:253]!r} is not among those that this workspace may reach", param="url"
        )


def _parts(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        _ = parts.port  # judged when it is read
    except ValueError:
        raise InvalidRequest("url is no address", param="url") from None
    return parts


def _fits(host: str, pattern: str) -> bool:
    """Whether a host is the allowed one, or below it where that is written `*.example.com`."""
    pattern = pattern.rstrip(".").lower()
    if pattern.startswith("*."):
        return host.endswith(pattern[1:])
    return host == pattern


def _redirected(request: _Request, status: int, location: str) -> _Request:
    """The request that a redirect asks for; another host is told none of the caller's headers."""
    try:
        url = urljoin(request.url, location)
    except ValueError:
        raise InvalidRequest("the host redirects to what is no address", param="url") from None
    keeps_method = status in _KEEPS_METHOD or request.method == "GET"
    before, after = _parts(request.url), _parts(url)
    is_same = (before.scheme, before.netloc) == (after.scheme, after.netloc)
    headers = request.headers if is_same else {}
    if keeps_method:
        kind = request.headers.get("content-type")
        kept = headers if kind is None else {**headers, "content-type": kind}
        return _Request(request.method, url, kept, request.body)
    bare = {name: value for name, value in headers.items() if name != "content-type"}
    return _Request("GET", url, bare, b"")


def _told(url: str, answer: Fetched) -> HttpAnswer:
    text = _text(answer)
    return HttpAnswer(
        status=answer.status,
        url=url,
        headers=dict(answer.headers),
        body=msgspec.UNSET if text is None else text,
        body_base64=base64.b64encode(answer.body).decode() if text is None else msgspec.UNSET,
        truncated=not answer.is_whole,
    )


def _text(answer: Fetched) -> str | None:
    """The body as text, unless it is none."""
    head = Message()
    head["content-type"] = answer.headers.get("content-type", "text/plain")
    charset = str(head.get_content_charset("utf-8"))
    # The end may have been cut within a character.
    errors = "strict" if answer.is_whole else "ignore"
    try:
        text = answer.body.decode(charset, errors)
    except (LookupError, UnicodeError):
        return None
    return None if "\0" in text else text
