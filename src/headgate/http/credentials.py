"""What a request brings along to say who calls: a key in a header, or a session in a cookie.

A browser sends a cookie by itself: it comes with every request to this address, whichever
page makes it. So a request that rests
on one is served only where it can have been made by a page of ours alone: a write has to name this
address as its origin, and on a loopback address the name that was asked for has to be one that only
this machine can mean (else any web site could have its name lead here: DNS rebinding).
"""

import ipaddress
from collections.abc import Mapping
from http.cookies import CookieError, SimpleCookie
from urllib.parse import urlsplit

from headgate.core.errors import InsufficientScope

COOKIE = "headgate_session"
_READING = frozenset({"GET", "HEAD"})

HeaderMap = Mapping[bytes, bytes]


def presented_key(headers: HeaderMap) -> str | None:
    """The key in `Authorization` or, without one, in `x-api-key`."""
    authorization = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() == "bearer" and token.strip():
        return token.strip()
    own = headers.get(b"x-api-key")
    return None if own is None else own.decode("latin-1").strip()


def session_token(headers: HeaderMap) -> str | None:
    """The token in the session's cookie."""
    sent = headers.get(b"cookie")
    if sent is None or COOKIE.encode() not in sent:
        return None
    try:
        cookies = SimpleCookie(sent.decode("latin-1"))
    except CookieError:
        return None
    found = cookies.get(cookie_name(headers))
    return found.value if found is not None else None


def cookie_name(headers: HeaderMap) -> str:
    """The cookie's name at the address that was asked for.

    Cookies do not tell ports apart, and two platforms may run on one machine.
    """
    port = urlsplit("//" + _host(headers)).netloc.rpartition(":")[2]
    return f"{COOKIE}_{port}" if port.isdigit() else COOKIE


def session_cookie(
    headers: HeaderMap, token: str, *, seconds: int, is_secure: bool = False
) -> bytes:
    """The header that has a browser keep `token`; 0 seconds have it forgotten.

    `is_secure` says that the dashboard is at https, where no `Origin` does.
    """
    parts = [
        f"{cookie_name(headers)}={token}",
        "Path=/",
        "HttpOnly",
        "SameSite=Strict",
        f"Max-Age={seconds}",
    ]
    if is_secure or headers.get(b"origin", b"").startswith(b"https://"):
        parts.append("Secure")
    return "; ".join(parts).encode("latin-1")


def check_page(headers: HeaderMap, method: str, local_address: str, hosts: frozenset[str]) -> None:
    """Refuse a request that a page of another site may have made.

    Args:
        headers: of the request.
        method: of the request.
        local_address: the address of ours at which it came in.
        hosts: names by which this platform is known, with their ports where these are unusual.

    Raises:
        InsufficientScope: it says what is wrong.
    """
    host = _host(headers)
    if host not in hosts and _is_loopback(local_address) and not _is_loopback(_name_in(host)):
        raise InsufficientScope(
            f"this platform is not known as {host[:128]!r}: open it as 127.0.0.1 or localhost, or"
            " add the name to `dashboard_hosts` under [http] in headgate.toml"
        )
    if method in _READING:
        return
    origin = urlsplit(headers.get(b"origin", b"").decode("latin-1").lower()).netloc
    if not origin or (origin != host and origin not in hosts):
        raise InsufficientScope(
            "a session is good for the dashboard's own pages: send a key, or add the address of"
            " the dashboard to `dashboard_hosts` under [http] in headgate.toml"
        )


def _host(headers: HeaderMap) -> str:
    return headers.get(b"host", b"").decode("latin-1").lower()


def _name_in(host: str) -> str:
    """The name or address in a `Host` header, without its port."""
    try:
        return urlsplit("//" + host).hostname or ""
    except ValueError:
        return ""


def _is_loopback(name: str) -> bool:
    if name == "localhost":
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
