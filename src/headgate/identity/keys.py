"""Keys as people manage them, and the check of each caller's key."""

import hmac
import time
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import msgspec

from headgate.core.errors import (
    InsufficientScope,
    InvalidKey,
    InvalidRequest,
    NotFound,
    Overloaded,
)
from headgate.core.keys import (
    KEY_PREFIX,
    RUN_SCOPES,
    SCOPES,
    KeySecret,
    KeyStore,
    Scope,
    VirtualKey,
    hash_api_key,
    new_api_key,
    new_key_id,
)
from headgate.core.readings import Readings

# A key's state older than this is read again, so that a revocation reaches every process in time.
FRESH_SECONDS = 0.5
MOST_REMEMBERED = 50_000
MAX_KEY_LENGTH = 512
MIN_ADMIN_KEY_LENGTH = 8
MAX_GRACE_SECONDS = 30 * 24 * 3600
CHANGE_ATTEMPTS = 20
DAY_SECONDS = 24 * 3600


class IssuedKey(NamedTuple):
    """A key with its secret, which is told this once."""

    key: VirtualKey
    api_key: str


class _Known(NamedTuple):
    key: VirtualKey
    secret: KeySecret
    read_at: float


@dataclass(slots=True)
class Keys:
    """Issues keys, and says whose a presented one is.

    Attributes:
        rotate_after_days: how old a secret may be before it is due for rotation; None: any age.
        local: keys that exist in this process's memory only, by their hash; the command line
            uses one to act on the data directory.
    """

    store: KeyStore
    clock: Callable[[], float] = time.time
    local: Mapping[str, VirtualKey] = field(default_factory=dict)
    rotate_after_days: int | None = None
    _known: dict[str, _Known] = field(default_factory=dict)
    _readings: Readings[_Known] = field(default_factory=lambda: Readings(FRESH_SECONDS))

    async def authenticate(self, api_key: str | None) -> VirtualKey:
        """The key that was presented.

        Raises:
            InvalidKey: none was, or it is unknown, wrong, revoked or expired.
            Overloaded: the store did not say.
        """
        if not api_key:
            raise InvalidKey(
                "no API key: send the header `Authorization: Bearer KEY` or `x-api-key: KEY`"
            )
        if len(api_key) > MAX_KEY_LENGTH:
            raise InvalidKey("the API key is not valid")
        return await self.authenticate_hash(hash_api_key(api_key))

    async def authenticate_hash(self, secret_hash: str) -> VirtualKey:
        """The key whose secret has this hash, which was seen before.

        Raises:
            InvalidKey: it is unknown, revoked or expired.
            Overloaded: the store did not say.
        """
        now = self.clock()
        known = self._known.get(secret_hash)
        if known is None or not now - FRESH_SECONDS < known.read_at <= now:
            known = await self._read(secret_hash)
        valid_until = known.secret.valid_until
        if not known.key.is_usable(now) or (valid_until is not None and now >= valid_until):
            raise InvalidKey("the API key was revoked or has expired: ask for a new one")
        return known.key

    async def known(self, key_id: str) -> VirtualKey:
        """The key with this id, for whom it was proven to in another way than by its secret.

        Raises:
            InvalidKey: there is none, or it was revoked or has expired.
            Overloaded: the store did not say.
        """
        key = await self.store.get(key_id)
        if key is None or not key.is_usable(self.clock()):
            raise InvalidKey("the API key was revoked or has expired: ask for a new one")
        return key

    async def first_admin(self) -> VirtualKey | None:
        """The oldest admin key that is usable, if there is one."""
        found: VirtualKey | None = None
        async for key in self.every():
            if key.may("admin") and key.is_usable(self.clock()):
                found = key
        return found

    async def _read(self, secret_hash: str) -> _Known:
        """What the store has, by one look-up for all who ask at once."""
        now = self.clock()
        own = self.local.get(secret_hash)
        if own is not None:
            return _Known(own, KeySecret(secret_hash, own.key_id), now)
        return await self._readings.shared(
            secret_hash, lambda: self._find(secret_hash, now), now=now, known=self._known
        )

    async def _find(self, secret_hash: str, now: float) -> _Known:
        # Its own name for what is known: a change meanwhile makes a new dictionary, and what was
        # read before it is then not remembered.
        known_then = self._known
        found = await self.store.find(secret_hash)
        # The store looked the hash up by its index; the comparison is what decides.
        if found is None or not hmac.compare_digest(found[1].hash, secret_hash):
            known_then.pop(secret_hash, None)
            raise InvalidKey("the API key is not valid")
        if len(known_then) >= MOST_REMEMBERED:
            known_then.clear()
        known = known_then[secret_hash] = _Known(*found, now)
        return known

    async def create(self, key: VirtualKey) -> IssuedKey:
        """Issue a secret for a new key."""
        api_key = new_api_key(key.key_id)
        await self.store.add(key, KeySecret(hash_api_key(api_key), key.key_id))
        return IssuedKey(key, api_key)

    async def get(self, key_id: str) -> VirtualKey:
        """The key with this id.

        Raises:
            NotFound: there is none.
        """
        key = await self.store.get(key_id)
        if key is None:
            raise NotFound(f"there is no key {key_id[:128]!r}")
        return key

    async def list(
        self, *, limit: int, after: str | None, workspace_id: str | None = None
    ) -> list[VirtualKey]:
        """Up to `limit` keys, newest first, from behind the key whose id is `after`.

        With a `workspace_id` those of that workspace.
        """
        if workspace_id is None:
            return await self.store.list(limit=limit, after=after)
        found: list[VirtualKey] = []
        async for key in self.every(after):
            if key.workspace_id == workspace_id:
                found.append(key)
                if len(found) == limit:
                    break
        return found

    async def change(self, key_id: str, fields: Mapping[str, Any]) -> VirtualKey:
        """Set `fields` of a key; it holds here at once, elsewhere within a second.

        What others change at the same moment is kept: each sets its own fields only.

        Raises:
            NotFound: there is no such key.
            Overloaded: others keep changing it.
        """
        for _ in range(CHANGE_ATTEMPTS):
            key = await self.get(key_id)
            changed = msgspec.structs.replace(key, **fields)
            if changed == key or await self.store.put(changed, expected=key):
                self._known = {}
                return changed
        raise Overloaded("too many changes of one key at once: try again", retry_after_seconds=1)

    async def revoke(self, key_id: str) -> VirtualKey:
        """End a key for good; a second time changes nothing."""
        key = await self.get(key_id)
        if key.revoked_at is not None:
            return key
        return await self.change(key_id, {"revoked_at": self.clock()})

    async def of_person(self, person: VirtualKey) -> VirtualKey | None:
        """The key for the runs of somebody who has signed in; None where there is none yet.

        It takes the name and the user that the identity provider tells now.

        Raises:
            InsufficientScope: it was revoked.
        """
        key = await self.store.get(person.key_id)
        if key is None:
            return None
        if not key.is_usable(self.clock()):
            raise InsufficientScope(
                f"the key for your agent runs, {key.key_id}, was revoked: start them with a key of"
                " your own, which an administrator can create for you"
            )
        if (key.name, key.user_id) == (person.name, person.user_id):
            return key
        return await self.change(key.key_id, {"name": person.name, "user_id": person.user_id})

    async def keep_person(self, person: VirtualKey) -> VirtualKey:
        """The key for the runs of somebody who has signed in, made where there is none."""
        key = msgspec.structs.replace(person, scopes=RUN_SCOPES, created_at=self.clock())
        # No text has this hash, so no secret opens it. It is the same in every process, so several
        # that make the key at once make one.
        await self.store.add(key, KeySecret(f"none:{key.key_id}", key.key_id))
        return key

    async def rotate(self, key_id: str, *, grace_seconds: float) -> IssuedKey:
        """Give a key a new secret; the old ones work for `grace_seconds` more.

        Raises:
            NotFound: there is no such key.
            InvalidRequest: the key was revoked, or is that of a person.
        """
        key = await self.get(key_id)
        if key.source == "sign_on":
            raise InvalidRequest("this key is for the runs of a person, and has no secret")
        if key.revoked_at is not None:
            raise InvalidRequest("the key was revoked: create a new one instead of rotating it")
        api_key = new_api_key(key.key_id)
        secret = KeySecret(hash_api_key(api_key), key.key_id)
        await self.store.rotate(secret, old_valid_until=self.clock() + grace_seconds)
        # A death in between leaves a key that is thought to be older than it is.
        key = await self.change(key_id, {"rotated_at": self.clock(), "reminded_at": None})
        return IssuedKey(key, api_key)

    def is_due(self, key: VirtualKey) -> bool:
        """Whether a key is good, and its secret older than it should be."""
        if self.rotate_after_days is None or not key.is_usable(self.clock()):
            return False
        if key.source == "sign_on":
            return False  # it has no secret
        return self.clock() - key.secret_since > self.rotate_after_days * DAY_SECONDS

    async def note(self, key: VirtualKey, *, reminded_at: float) -> bool:
        """Note when people were told of a key; False where it was changed since it was read."""
        noted = msgspec.structs.replace(key, reminded_at=reminded_at)
        return await self.store.put(noted, expected=key)

    async def ensure_admin(self, api_key: str | None) -> str | None:
        """See to it that there is an admin key: the given one, or a new one at first start.

        Returns the new one, which is told this once. A given one replaces the one given before.

        Raises:
            InvalidRequest: the given one is too short to be safe.
        """
        if api_key:
            await self._ensure_given(api_key)
            return None
        async for key in self.every():
            # One that was revoked counts too: whoever did that means it.
            if key.may("admin"):
                return None
        issued = await self.create(self._admin(new_key_id(), "first admin key"))
        return issued.api_key

    async def _ensure_given(self, api_key: str) -> None:
        if len(api_key) < MIN_ADMIN_KEY_LENGTH:
            raise InvalidRequest(
                f"HEADGATE_ADMIN_KEY has {len(api_key)} characters: "
                f"use at least {MIN_ADMIN_KEY_LENGTH}"
            )
        secret_hash = hash_api_key(api_key)
        if await self.store.find(secret_hash) is None:
            await self._add_given(api_key, secret_hash)
        found = await self.store.find(secret_hash)
        if found is None:
            raise Overloaded("the admin key of the environment was not kept; start again")
        key = found[0]
        # Whoever can set the environment decides which admin key is good.
        if not key.is_usable(self.clock()) or not key.may("admin"):
            good = {"revoked_at": None, "expires_at": None, "scopes": frozenset(SCOPES)}
            await self.change(key.key_id, good)
        # Last, so that there is an admin key at every moment, and that processes which start at
        # once with the same key cannot revoke it from under each other.
        await self._revoke_given(but=key.key_id)

    async def _add_given(self, api_key: str, secret_hash: str) -> None:
        key_id = api_key.rpartition("-")[0] if api_key.startswith(KEY_PREFIX) else ""
        if key_id in {"", KEY_PREFIX.rstrip("-")} or await self.store.get(key_id) is not None:
            key_id = new_key_id()
        admin = msgspec.structs.replace(
            self._admin(key_id, "admin key of the environment"), source="environment"
        )
        await self.store.add(admin, KeySecret(secret_hash, key_id))

    async def _revoke_given(self, *, but: str | None) -> None:
        async for key in self.every():
            if key.source == "environment" and key.key_id != but:
                await self.revoke(key.key_id)

    async def every(self, after: str | None = None) -> AsyncIterator[VirtualKey]:
        """All keys, newest first, from behind the key whose id is `after`."""
        while page := await self.store.list(limit=200, after=after):
            for key in page:
                yield key
            after = page[-1].key_id

    def _admin(self, key_id: str, name: str) -> VirtualKey:
        return VirtualKey(
            key_id=key_id, name=name, scopes=frozenset(SCOPES), created_at=self.clock()
        )


def require(key: VirtualKey, scope: Scope) -> None:
    """Refuse a key that has not this scope.

    Raises:
        InsufficientScope: it says which scope is missing.
    """
    if not key.may(scope):
        raise InsufficientScope(f"this route needs the scope `{scope}`, which the key has not")
