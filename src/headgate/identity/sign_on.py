"""Single sign-on: somebody is sent to the identity provider, comes back, and has a session.

What a sign-in has to bring back is kept by the browser that began it, in a cookie that this
platform signs: so nobody can finish a sign-in in a browser that did not begin it, and nothing is
kept here for those who never come back.
"""

import base64
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import msgspec

from headgate.core.errors import InsufficientScope, InvalidKey
from headgate.core.sign_on import Challenge, Grant, Identity, IdentityProvider, RoleRules
from headgate.identity.sessions import Sessions

FLOW_SECONDS = 600
MOST_FLOW_LENGTH = 1024
PURPOSE = b"headgate sign-in under way"


class _Flow(msgspec.Struct, frozen=True, array_like=True):
    state: str
    nonce: str
    verifier: str
    ends_at: int


class Begun(NamedTuple):
    """Where somebody is sent, and what their browser keeps meanwhile."""

    address: str
    flow: str


class Person(NamedTuple):
    """Somebody who has signed in: the token of the session, and what they may do."""

    token: str
    identity: Identity
    grant: Grant


@dataclass(frozen=True, slots=True)
class SignOn:
    """Signs people in through the company's identity provider.

    Attributes:
        redirect: where the provider sends people back to, as it is registered there.
        secret: gives the platform's own secret.
    """

    provider: IdentityProvider
    sessions: Sessions
    rules: RoleRules
    redirect: str
    secret: Callable[[], bytes]
    clock: Callable[[], float] = time.time

    async def begin(self) -> Begun:
        """Begin a sign-in.

        Raises:
            UpstreamFailed, InvalidRequest: the provider does not answer, or not as it must.
        """
        challenge = Challenge(*(secrets.token_urlsafe(32) for _ in range(3)))
        flow = _Flow(*challenge, int(self.clock()) + FLOW_SECONDS)
        address = await self.provider.address(challenge, self.redirect)
        return Begun(address, self._signed(msgspec.json.encode(flow)))

    async def finish(self, code: str, state: str, flow: str | None) -> Person:
        """The session of somebody who came back.

        Raises:
            InvalidKey: the sign-in is not one that this browser began, or is over.
            InsufficientScope: they are in no group that may come in.
            UpstreamFailed, InvalidRequest: the provider does not answer, or not as it must.
        """
        begun = self._read(flow)
        if not hmac.compare_digest(begun.state.encode(), state.encode("utf-8", "replace")):
            raise _not_begun()
        challenge = Challenge(begun.state, begun.nonce, begun.verifier)
        identity = await self.provider.identity(code, challenge, self.redirect)
        grant = self.rules.grant_of(identity)
        if grant is None:
            raise InsufficientScope(
                f"{identity.user_id} is in no group that may come in: have an administrator of the"
                " identity provider put you into one, or name one of yours under [sign_on] in"
                " headgate.toml (`admin_groups`, `viewer_groups`)"
            )
        return Person(self.sessions.open_for(identity, grant), identity, grant)

    def _signed(self, content: bytes) -> str:
        text = base64.urlsafe_b64encode(content)
        return f"{text.decode()}.{self._signature(text)}"

    def _read(self, flow: str | None) -> _Flow:
        text, _, signature = (flow or "").encode("utf-8", "replace").rpartition(b".")
        if len(text) > MOST_FLOW_LENGTH or not hmac.compare_digest(
            self._signature(text).encode(), signature
        ):
            raise _not_begun()
        found = msgspec.json.decode(base64.urlsafe_b64decode(text), type=_Flow)
        if self.clock() >= found.ends_at:
            raise _not_begun()
        return found

    def _signature(self, text: bytes) -> str:
        key = hmac.digest(self.secret(), PURPOSE, hashlib.sha256)
        return hmac.digest(key, text, hashlib.sha256).hex()


def _not_begun() -> InvalidKey:
    return InvalidKey(
        "this sign-in was not begun in this browser, or more than ten minutes ago: sign in again"
    )
