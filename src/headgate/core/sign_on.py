"""Single sign-on: who an identity provider says somebody is, and what that is worth here."""

from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from headgate.core.keys import DEFAULT_WORKSPACE, SCOPES, Scope

Role: TypeAlias = Literal["admin", "workspace_admin", "viewer"]

ROLE_SCOPES: dict[Role, frozenset[Scope]] = {
    "admin": frozenset(SCOPES),
    "workspace_admin": frozenset({"workspace:admin"}),
    "viewer": frozenset({"admin:read", "usage:read"}),
}


class Grant(NamedTuple):
    """What somebody may do here, and in which workspace their calls and keys are."""

    role: Role
    workspace_id: str = DEFAULT_WORKSPACE


class Identity(msgspec.Struct, frozen=True, kw_only=True):
    """A person, as the provider vouches for them.

    Attributes:
        subject: what the provider calls them, for ever; unique within it.
        name: for people to read.
        user_id: which user of ours they are.
        groups: those they are in there.
    """

    subject: str
    name: str
    user_id: str
    groups: tuple[str, ...]


class Challenge(NamedTuple):
    """What one sign-in has to bring back, each of it random and used once.

    Attributes:
        state: comes back in the address; `nonce`: in the token.
        verifier: is told to the provider with the code, which was given its hash (PKCE).
    """

    state: str
    nonce: str
    verifier: str


class RoleRules(NamedTuple):
    """The groups that have each role; whoever is in several has the first.

    Attributes:
        workspace_admin: by the workspace that they administer.
    """

    admin: Sequence[str]
    viewer: Sequence[str]
    workspace_admin: Mapping[str, Sequence[str]] = {}

    def grant_of(self, identity: Identity) -> Grant | None:
        """What a person may do; None for who may not come in."""
        groups = set(identity.groups)
        if groups.intersection(self.admin):
            return Grant("admin")
        for workspace_id, its in self.workspace_admin.items():
            if groups.intersection(its):
                return Grant("workspace_admin", workspace_id)
        return Grant("viewer") if groups.intersection(self.viewer) else None


class IdentityProvider(Protocol):
    """Where people of the company sign in."""

    async def address(self, challenge: Challenge, redirect: str) -> str:
        """Where somebody is sent to sign in.

        Raises:
            UpstreamFailed, InvalidRequest: the provider does not answer, or not as it must.
        """
        ...

    async def identity(self, code: str, challenge: Challenge, redirect: str) -> Identity:
        """Who came back with `code`.

        Raises:
            InvalidKey: the provider's token is not one for this sign-in.
            UpstreamFailed, InvalidRequest: the provider does not answer, or not as it must.
        """
        ...
