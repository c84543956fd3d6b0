"""Signing in through the company's identity provider, as a browser does it: by two redirects."""

import html
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Annotated, Any

import msgspec

from headgate.core.errors import HeadgateError, InvalidKey, NotFound
from headgate.http import errors
from headgate.http.calls import Call, Headers, Reply
from headgate.http.credentials import cookie_name, session_cookie
from headgate.http.dashboard import HTML, PAGE_HEADERS, Pages
from headgate.http.sessions import note
from headgate.identity.sessions import SESSION_SECONDS
from headgate.identity.sign_on import FLOW_SECONDS, SignOn

CALLBACK = "/v1/session/callback"
FLOW_COOKIE = "headgate_sign_in"
_NO_STORE = (b"cache-control", b"no-store")


class CallbackQuery(msgspec.Struct):
    """What the provider sends back: a code, or why there is none."""

    state: Annotated[str, msgspec.Meta(max_length=512)] = ""
    code: Annotated[str, msgspec.Meta(max_length=4096)] | None = None
    error: Annotated[str, msgspec.Meta(max_length=256)] | None = None


@dataclass(frozen=True, slots=True)
class SignOnPages:
    """Leads a browser there and back; what goes wrong is told on a page that looks like `pages`."""

    pages: Pages

    async def begin_sign_on(self, call: Call[None]) -> Reply:
        """`GET /v1/session/sign-on`."""
        return await self._told(call, _begin)

    async def finish_sign_on(self, call: Call[None]) -> Reply:
        """`GET /v1/session/callback`."""
        return await self._told(call, _finish)

    async def _told(
        self, call: Call[None], step: Callable[[Call[None]], Awaitable[Reply]]
    ) -> Reply:
        """The step's answer; a person at a browser is told of an error on a page."""
        try:
            return await step(call)
        except HeadgateError as error:
            status = errors.reply_for(error, "platform", call.request_id).status
            page = _PAGE.format(
                styles="".join(
                    f'<link rel="stylesheet" href="{at}">' for at in self.pages.styles()
                ),
                message=html.escape(error.message),
                request=call.request_id,
            )
            return Reply(page.encode(), status, [*PAGE_HEADERS, _NO_STORE], HTML)


async def _begin(call: Call[None]) -> Reply:
    sign_on = _sign_on(call)
    begun = await sign_on.begin()
    cookie = _flow_cookie(sign_on, call, begun.flow, FLOW_SECONDS)
    return _redirect(begun.address, [(b"set-cookie", cookie)])


async def _finish(call: Call[None]) -> Reply:
    sign_on, query = _sign_on(call), call.query
    if query.code is None:
        # The provider's own words are another's, and may hold anything.
        raise InvalidKey("the identity provider did not sign you in: sign in again, or ask there")
    person = await sign_on.finish(query.code, query.state, _flow(call))
    session = await call.services.sessions.authenticate(person.token)
    await note(call, "session.open", session.key, {"role": person.grant.role})
    cookie = session_cookie(
        call.headers, person.token, seconds=SESSION_SECONDS, is_secure=_is_secure(sign_on)
    )
    spent = _flow_cookie(sign_on, call, "", 0)
    return _redirect("/dashboard", [(b"set-cookie", cookie), (b"set-cookie", spent)])


def _sign_on(call: Call[Any]) -> SignOn:
    found = call.services.sign_on
    if found is None:
        raise NotFound(
            "single sign-on is not set up: fill in [sign_on] in headgate.toml, or sign in with an"
            " admin key"
        )
    return found


def _redirect(address: str, headers: Headers) -> Reply:
    location = (b"location", address.encode())
    return Reply(b"", 302, [location, _NO_STORE, *headers], HTML)


def _flow(call: Call[None]) -> str | None:
    try:
        cookies = SimpleCookie((call.header(b"cookie") or "").replace("\n", ""))
    except CookieError:
        return None
    found = cookies.get(_flow_name(call))
    return None if found is None else found.value


def _flow_cookie(sign_on: SignOn, call: Call[None], flow: str, seconds: int) -> bytes:
    """`Lax`, since it has to come along when another site, the provider, leads back here."""
    parts = [
        f"{_flow_name(call)}={flow}",
        f"Path={CALLBACK}",
        "HttpOnly",
        "SameSite=Lax",
        f"Max-Age={seconds}",
    ]
    if _is_secure(sign_on):
        parts.append("Secure")
    return "; ".join(parts).encode("latin-1")


def _flow_name(call: Call[None]) -> str:
    _, _, port = cookie_name(call.headers).partition("session")
    return f"{FLOW_COOKIE}{port}"


def _is_secure(sign_on: SignOn) -> bool:
    return sign_on.redirect.startswith("https://")


_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Not signed in · Headgate</title>
{styles}
</head>
<body>
<main class="login">
<div class="card">
<h1>You are not signed in</h1>
<p>{message}.</p>
<p><a class="button" href="/dashboard">Back to signing in</a></p>
<p class="muted mono">{request}</p>
</div>
</main>
</body>
</html>
"""
