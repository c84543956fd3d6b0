"""Virtual keys: who calls, what they may do, and within which limits.

A key reads `sk-proj-<id>-<secret>`. Only a SHA-256 of the whole is kept: the secret has 190 bits
of randomness, so a slow hash would add cost and no safety.
"""

import hashlib
import secrets
import string
from typing import Literal, Protocol, TypeAlias

import msgspec

Scope: TypeAlias = Literal[
    "ai:complete",
    "ai:embed",
    "tools:run",
    "agent:run",
    "usage:read",
    "workspace:admin",
    "admin:read",
    "admin",
]
SCOPES: tuple[Scope, ...] = (
    "ai:complete",
    "ai:embed",
    "tools:run",
    "agent:run",
    "usage:read",
    "workspace:admin",
    "admin:read",
    "admin",
)
PLATFORM_SCOPES: frozenset[Scope] = frozenset({"admin", "admin:read"})
"""Those that reach beyond a key's own workspace."""
RUN_SCOPES: frozenset[Scope] = frozenset({"ai:complete", "ai:embed", "tools:run", "agent:run"})
"""What an agent's run needs."""
ADMINISTRATIVE: frozenset[Scope] = PLATFORM_SCOPES | {"workspace:admin"}
DEFAULT_WORKSPACE = "default"
KEY_PREFIX = "sk-proj-"

_ALPHABET = string.ascii_letters + string.digits


class RateLimit(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True):
    """What a key may do per minute and at once; None means the platform's default."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    concurrency: int | None = None


class VirtualKey(msgspec.Struct, frozen=True, kw_only=True):
    """A key as it is kept; times are Unix seconds.

    Attributes:
        models: the only models the key may use, or None for all.
        rotated_at: when it got its present secret, where that is not its first.
        reminded_at: when people were told that it is due for rotation.
        source: `environment` for the key that `HEADGATE_ADMIN_KEY` sets, `sign_on` for that of a
            person who came in by single sign-on, which has no secret, else `platform`.
    """

    key_id: str
    name: str
    scopes: frozenset[Scope]
    workspace_id: str = DEFAULT_WORKSPACE
    user_id: str | None = None
    rate_limit: RateLimit = RateLimit()
    models: tuple[str, ...] | None = None
    created_at: float
    expires_at: float | None = None
    revoked_at: float | None = None
    rotated_at: float | None = None
    reminded_at: float | None = None
    source: Literal["platform", "environment", "sign_on"] = "platform"

    def may(self, scope: Scope) -> bool:
        """Whether the key has `scope`.

        `admin` implies every other, `workspace:admin` all that stay in the key's own workspace.
        """
        if scope in self.scopes or "admin" in self.scopes:
            return True
        return "workspace:admin" in self.scopes and scope not in PLATFORM_SCOPES

    @property
    def is_administrative(self) -> bool:
        """Whether it administers, or looks at, more than its own calls."""
        return not self.scopes.isdisjoint(ADMINISTRATIVE)

    @property
    def changes_within(self) -> str | None:
        """The only workspace in which it may administer; None where it may in all."""
        return None if "admin" in self.scopes else self.workspace_id

    @property
    def looks_within(self) -> str | None:
        """The only workspace that it may look at; None where it may look at all."""
        return self.workspace_id if self.scopes.isdisjoint(PLATFORM_SCOPES) else None

    @property
    def secret_since(self) -> float:
        """When its present secret was issued."""
        return self.created_at if self.rotated_at is None else self.rotated_at

    def is_usable(self, now: float) -> bool:
        """Whether the key is neither revoked nor expired."""
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


class KeySecret(msgspec.Struct, frozen=True):
    """A secret's hash; `valid_until` is set on one that a rotation has replaced."""

    hash: str
    key_id: str
    valid_until: float | None = None


COMMAND_LINE = KEY_PREFIX + "commandline0"
"""The id of the key that commands act with on the data directory; no secret belongs to it."""


def command_line_key() -> VirtualKey:
    """The key of whoever has the data directory: an admin's, in every process the same."""
    return VirtualKey(
        key_id=COMMAND_LINE, name="command line", scopes=frozenset(SCOPES), created_at=0.0
    )


def new_key_id() -> str:
    """A new public id: `sk-proj-` and 12 letters or digits."""
    return KEY_PREFIX + "".join(secrets.choice(_ALPHABET) for _ in range(12))


def new_api_key(key_id: str) -> str:
    """A new secret for `key_id`: the id, a dash and 32 letters or digits."""
    return key_id + "-" + "".join(secrets.choice(_ALPHABET) for _ in range(32))


def hash_api_key(api_key: str) -> str:
    """The form in which a key is kept and looked up."""
    return hashlib.sha256(api_key.encode("utf-8", "surrogateescape")).hexdigest()


class KeyStore(Protocol):
    """Where keys are kept. Every method may raise `Overloaded` when the store is away."""

    async def add(self, key: VirtualKey, secret: KeySecret) -> None:
        """Keep a new key and its first secret, both or neither.

        A secret that is kept already changes nothing, so that processes that start at once may
        all add the key which the environment names.

        Raises:
            InvalidRequest: another secret has this key's id.
        """
        ...

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """The key a secret belongs to, usable or not."""
        ...

    async def get(self, key_id: str) -> VirtualKey | None:
        """The key with this id."""
        ...

    async def list(self, *, limit: int, after: str | None) -> list[VirtualKey]:
        """Up to `limit` keys, newest first, from behind the key whose id is `after`.

        Empty where there is no such key.
        """
        ...

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        """Replace a key that still is as `expected`; says whether it was.

        So two changes at once cannot undo each other: one of them finds the key changed.

        Raises:
            NotFound: there is no key with this id.
        """
        ...

    async def rotate(self, new: KeySecret, *, old_valid_until: float) -> None:
        """Add a secret; the key's other ones end at `old_valid_until`, none lives longer.

        Raises:
            NotFound: there is no key with this id.
        """
        ...

    async def erase(self, key_id: str) -> bool:
        """Forget a key and all of its secrets; whether there was one.

        For keys that nobody made, sample data: others are revoked, and stay to be seen.
        """
        ...
