"""Under which key a run acts: the caller's, or that of a person who came in by single sign-on.

A run is worked on after its caller has left, and before each step its key is looked up. A session's
key exists in the session alone. So the first run that somebody starts from one makes a key of the
same id, which no secret opens and which may do what runs do and no more. It shows who has runs, and
whoever revokes it ends them.
"""

from typing import Any

from headgate.core.keys import VirtualKey
from headgate.http.auditing import actor_of
from headgate.http.calls import Call


async def key_for_run(call: Call[Any]) -> VirtualKey:
    """The key under which a run acts that this call starts.

    Raises:
        InsufficientScope: the key for this person's runs was revoked.
        Overloaded: it, or what the audit log tells of it, cannot be kept.
    """
    key = call.key
    if key.source != "sign_on":
        return key
    found = await call.services.keys.of_person(key)
    if found is not None:
        return found
    audit = call.services.audit
    intent = await audit.begin(
        actor_of(call, key),
        "key.create",
        "",
        request_id=call.request_id,
        address=call.client_address,
        workspace_id=key.workspace_id,
    )
    kept = await call.services.keys.keep_person(key)
    await audit.end(
        intent, target=kept.key_id, after={"name": kept.name, "scopes": sorted(kept.scopes)}
    )
    return kept
