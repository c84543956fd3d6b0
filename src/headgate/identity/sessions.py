"""Sessions at the dashboard, each opened with an administrator's key or with a one-time ticket.

A session is a token that this platform signs (a JWT, HS256) and a browser keeps in a cookie. It
says with what it was opened, and is worth no more than that is at the moment: a key that is
revoked, expires or is replaced ends the sessions that were opened with it, in every process, as
soon as it ends itself. It holds no secret. Tokens last an hour and are renewed while somebody is
there, up to a working day.
"""

import base64
import hashlib
import hmac
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import msgspec

from headgate.core.errors import InvalidKey
from headgate.core.keys import DEFAULT_WORKSPACE, KEY_PREFIX, VirtualKey, hash_api_key
from headgate.core.sessions import Session, Tickets
from headgate.core.sign_on import ROLE_SCOPES, Grant, Identity, Role
from headgate.identity.keys import Keys, require

SESSION_SECONDS = 3600
LONGEST_SECONDS = 12 * 3600
MOST_TOKEN_LENGTH = 2048
MOST_PERSON_LENGTH = 128
# The signing key is made from a secret that has other uses too: each has its own.
PURPOSE = b"headgate dashboard sessions"


class _Person(msgspec.Struct, frozen=True, array_like=True):
    """Somebody whom the identity provider vouched for, and the role that they got by that."""

    name: str
    user_id: str
    role: Role
    workspace_id: str = DEFAULT_WORKSPACE


class _Claims(msgspec.Struct, frozen=True):
    """What a token says.

    Attributes:
        sub: the id of the key on whose behalf its holder acts.
        exp: Unix seconds until which it is good; `auth_time`: when the session began.
        key: the hash of the secret that opened the session; None where a ticket did.
        person: who the identity provider said it is, where that opened it; then `sub` is no key's.
    """

    sub: str
    exp: int
    auth_time: int
    key: str | None = None
    person: _Person | None = None


@dataclass(slots=True)
class Sessions:
    """Opens sessions and says whose they are.

    Attributes:
        secret: gives the platform's own secret; asked once, and only where somebody signs in.
    """

    keys: Keys
    tickets: Tickets
    secret: Callable[[], bytes]
    clock: Callable[[], float] = time.time
    _signing_key: bytes = field(default=b"", init=False)

    async def open_with_key(self, api_key: str) -> str:
        """The token of a new session.

        Raises:
            InvalidKey: the key is not good.
            InsufficientScope: it is not an administrator's.
            Overloaded: the store or the secret cannot be used.
        """
        key = await self.keys.authenticate(api_key)
        require(key, "workspace:admin")
        return self._begun(key.key_id, hash_api_key(api_key))

    async def open_with_ticket(self, ticket: str) -> str:
        """The token of a new session; the ticket is good for no other.

        Raises:
            InvalidKey: the ticket was used before, is old or unknown, or its key has ended.
            InsufficientScope: its key is no administrator's any more.
            Overloaded: the store or the secret cannot be used.
        """
        key_id = self.tickets.take(ticket)
        if key_id is None:
            raise InvalidKey(
                "this link was used before or is too old: sign in with an admin key, or start"
                " `headgate serve` again for a new link"
            )
        require(await self.keys.known(key_id), "workspace:admin")
        return self._begun(key_id, None)

    def open_for(self, identity: Identity, grant: Grant) -> str:
        """The token of a new session of somebody whom the identity provider vouches for."""
        person = _Person(identity.name[:MOST_PERSON_LENGTH], identity.user_id, *grant)
        who = identity.subject
        if grant.workspace_id != DEFAULT_WORKSPACE:
            who += f"\n{grant.workspace_id}"  # what is done with one key is in one workspace
        digest = hashlib.sha256(who.encode("utf-8", "replace")).hexdigest()
        return self._begun(f"{KEY_PREFIX}sso{digest[:12]}", None, person)

    async def authenticate(self, token: str) -> Session:
        """The session of a token.

        Raises:
            InvalidKey: the token is not ours or has expired, or what opened it has ended.
            Overloaded: the store or the secret cannot be used.
        """
        claims = self._read(token)
        return Session(await self._key(claims), claims.exp)

    async def renewed(self, token: str) -> str:
        """A token that lasts longer, but no longer than a session may.

        Raises:
            InvalidKey: as `authenticate`.
        """
        claims = self._read(token)
        await self._key(claims)
        return self._signed(msgspec.structs.replace(claims, exp=self._expiry(claims.auth_time)))

    async def _key(self, claims: _Claims) -> VirtualKey:
        if claims.person is not None:
            person = claims.person
            # No secret belongs to it; it exists in sessions alone, until a run needs one.
            return VirtualKey(
                key_id=claims.sub,
                name=person.name,
                scopes=ROLE_SCOPES[person.role],
                user_id=person.user_id,
                workspace_id=person.workspace_id,
                created_at=float(claims.auth_time),
                source="sign_on",
            )
        if claims.key is None:
            return await self.keys.known(claims.sub)
        return await self.keys.authenticate_hash(claims.key)

    def _begun(self, key_id: str, secret_hash: str | None, person: _Person | None = None) -> str:
        now = int(self.clock())
        return self._signed(_Claims(key_id, self._expiry(now), now, secret_hash, person))

    def _expiry(self, began: int) -> int:
        return min(int(self.clock()) + SESSION_SECONDS, began + LONGEST_SECONDS)

    def _signed(self, claims: _Claims) -> str:
        signed = _HEADER + b"." + _base64(msgspec.json.encode(claims))
        return (signed + b"." + _base64(self._signature(signed))).decode()

    def _read(self, token: str) -> _Claims:
        signed, _, signature = token.encode("utf-8", "replace").rpartition(b".")
        header, _, payload = signed.partition(b".")
        # The header is compared whole, so a token cannot choose how it is checked.
        if (
            len(token) > MOST_TOKEN_LENGTH
            or header != _HEADER
            or not hmac.compare_digest(_base64(self._signature(signed)), signature)
        ):
            raise InvalidKey("the session is not valid: sign in again")
        claims = msgspec.json.decode(_bytes(payload), type=_Claims)
        if self.clock() >= claims.exp:
            raise InvalidKey("the session has ended: sign in again")
        return claims

    def _signature(self, signed: bytes) -> bytes:
        if not self._signing_key:
            self._signing_key = hmac.digest(self.secret(), PURPOSE, hashlib.sha256)
        return hmac.digest(self._signing_key, signed, hashlib.sha256)


def _base64(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")


def _bytes(text: bytes) -> bytes:
    return base64.urlsafe_b64decode(text + b"=" * (-len(text) % 4))


_HEADER = _base64(b'{"alg":"HS256","typ":"JWT"}')
