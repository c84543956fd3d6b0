"""The dispatcher's way to a handler: past the audit log, where its row says so."""

import logging
from collections.abc import Awaitable
from typing import Any

from headgate.core.audit import Actor, Intent, Means
from headgate.core.errors import HeadgateError
from headgate.core.keys import COMMAND_LINE, VirtualKey
from headgate.http.audited import Audited
from headgate.http.calls import Call, Reply, StreamReply
from headgate.http.credentials import presented_key
from headgate.http.routes import Route

_LOG = logging.getLogger(__name__)


def audited(call: Call[Any], route: Route) -> Awaitable[Reply | StreamReply]:
    """The handler's answer; an act of an administrator is in the log before it begins.

    Whatever cuts it short leaves an act whose outcome is unknown. Awaiting it may raise what the
    handler raises, and `Overloaded` where the log cannot be written, and nothing was done.
    """
    return route.handler(call) if route.audit is None else _told(call, route, route.audit)


async def _told(call: Call[Any], route: Route, audit: Audited) -> Reply | StreamReply:
    target = audit.target(call)
    intent = await call.services.audit.begin(
        actor_of(call, call.key),
        audit.action,
        target,
        request_id=call.request_id,
        address=call.client_address,
        before=await _before(call, audit),
        workspace_id=await _workspace(call, audit),
    )
    try:
        reply = await route.handler(call)
    except HeadgateError as error:
        await _end(call, intent, code=error.code)
        raise
    if isinstance(reply, Reply):
        made = target if audit.made is None else audit.made(reply)
        await _end(call, intent, target=made, after=audit.after(call, reply))
    return reply


def actor_of(call: Call[Any], key: VirtualKey) -> Actor:
    """Who acts with a call."""
    if key.key_id == COMMAND_LINE:
        return Actor(key_id=key.key_id, name=key.name, means="command")
    means: Means = "session" if presented_key(call.headers) is None else "key"
    return Actor(key_id=key.key_id, name=key.name, user_id=key.user_id, means=means)


async def _before(call: Call[Any], audit: Audited) -> Any:
    if audit.before is None:
        return None
    try:
        shown = await audit.before(call)
    except HeadgateError:
        return None  # there is nothing yet, or the act will be refused for the same reason
    return shown.body if isinstance(shown, Reply) else None


async def _workspace(call: Call[Any], audit: Audited) -> str | None:
    """To which workspace the act is done; all that the administrator of one does is to that."""
    own = call.key.changes_within
    if own is not None or audit.workspace is None:
        return own
    try:
        return await audit.workspace(call)
    except HeadgateError:
        return None  # the act will be refused for the same reason


async def _end(call: Call[Any], intent: Intent, **told: Any) -> None:
    try:
        await call.services.audit.end(intent, **told)
    except HeadgateError as error:
        # The act is done or refused already, and its answer may hold a secret that is told once.
        _LOG.error("the outcome of %s was not kept: %s", intent.act_id, error.message)
