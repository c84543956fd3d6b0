"""Sessions of people at the dashboard, and who a caller is."""

import contextlib
from typing import Annotated, Any

import msgspec

from headgate.core.errors import InvalidKey, InvalidRequest
from headgate.core.keys import VirtualKey
from headgate.core.times import iso
from headgate.http.auditing import actor_of
from headgate.http.calls import Call, Headers, Reply
from headgate.http.credentials import check_page, presented_key, session_cookie, session_token
from headgate.identity.sessions import SESSION_SECONDS


class OpenSession(msgspec.Struct, rename="camel"):
    """The body of `POST /v1/session`: an administrator's key, or the ticket of a sign-in link.

    Without either, the session that the request comes with is made to last longer.
    """

    api_key: Annotated[str, msgspec.Meta(min_length=1, max_length=512)] | None = None
    ticket: Annotated[str, msgspec.Meta(min_length=1, max_length=128)] | None = None


class SessionItem(msgspec.Struct, frozen=True, rename="camel", kw_only=True):
    """Whose key the caller has; `expiresAt` is set where a session stands for it."""

    key_id: str
    name: str
    scopes: list[str]
    user_id: str | None
    workspace_id: str
    expires_at: str | None


class Who(msgspec.Struct, frozen=True, rename="camel"):
    """Who the caller is; null for nobody. `signOn` says whether there is single sign-on."""

    session: SessionItem | None
    sign_on: bool


class SessionEnded(msgspec.Struct, frozen=True):
    """The session is over."""

    ended: bool


async def open_session(call: Call[OpenSession]) -> Reply:
    """`POST /v1/session`."""
    _check_page(call, "POST")
    sessions, body = call.services.sessions, call.body
    if body.api_key is not None and body.ticket is not None:
        raise InvalidRequest("give either `apiKey` or `ticket`", param="apiKey")
    if body.api_key is not None:
        token = await sessions.open_with_key(body.api_key.strip())
    elif body.ticket is not None:
        token = await sessions.open_with_ticket(body.ticket)
    else:
        token = await sessions.renewed(_token(call))
    session = await sessions.authenticate(token)
    if body.api_key is not None or body.ticket is not None:
        await note(call, "session.open", session.key)
    cookie = session_cookie(call.headers, token, seconds=SESSION_SECONDS)
    return Reply(_item(session.key, session.expires_at), 201, [(b"set-cookie", cookie)])


async def get_session(call: Call[None]) -> Reply:
    """`GET /v1/session`."""
    _check_page(call, "GET")
    services, presented = call.services, presented_key(call.headers)
    offers = services.sign_on is not None
    if presented is not None:
        return Reply(Who(_item(await services.keys.authenticate(presented), None), offers))
    token = session_token(call.headers)
    if token is None:
        return Reply(Who(None, offers))
    try:
        session = await services.sessions.authenticate(token)
    except InvalidKey:
        return Reply(Who(None, offers))
    return Reply(Who(_item(session.key, session.expires_at), offers))


async def end_session(call: Call[None]) -> Reply:
    """`DELETE /v1/session`."""
    _check_page(call, "DELETE")
    token = session_token(call.headers)
    if token is not None:
        with contextlib.suppress(InvalidKey):  # one that is over by itself
            session = await call.services.sessions.authenticate(token)
            await note(call, "session.end", session.key)
    forgotten: Headers = [(b"set-cookie", session_cookie(call.headers, "", seconds=0))]
    return Reply(SessionEnded(ended=True), headers=forgotten)


async def note(call: Call[Any], action: str, key: VirtualKey, after: Any = None) -> None:
    """Have the audit log tell of a session, before its cookie is given or taken away.

    Who fails to sign in is not in it: anybody could fill it.
    """
    audit = call.services.audit
    actor = msgspec.structs.replace(actor_of(call, key), means="session")
    intent = await audit.begin(
        actor,
        action,
        key.key_id,
        request_id=call.request_id,
        address=call.client_address,
        workspace_id=key.changes_within,
    )
    await audit.end(intent, after=after)


def _check_page(call: Call[Any], method: str) -> None:
    check_page(call.headers, method, call.local_address, call.services.dashboard_hosts)


def _token(call: Call[Any]) -> str:
    token = session_token(call.headers)
    if token is None:
        raise InvalidKey("there is no session: sign in with an admin key")
    return token


def _item(key: VirtualKey, expires_at: float | None) -> SessionItem:
    return SessionItem(
        key_id=key.key_id,
        name=key.name,
        scopes=sorted(key.scopes),
        user_id=key.user_id,
        workspace_id=key.workspace_id,
        expires_at=None if expires_at is None else iso(expires_at),
    )
