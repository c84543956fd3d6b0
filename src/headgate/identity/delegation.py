"""What the administrator of one workspace may do with keys and budgets.

It acts on the keys of its workspace and on users who have keys there alone. What would let it out
is refused: a key of another workspace, or of a user who is known elsewhere too; scopes or models
that it has not; other administrators' keys; its own limits, and its workspace's. A user's vendor
keys, memories and budget are the same in all workspaces, so whoever may act as a user of several
reaches beyond one.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from headgate.core.budgets import Account
from headgate.core.errors import InsufficientScope, NotFound
from headgate.core.keys import ADMINISTRATIVE, Scope, VirtualKey
from headgate.identity.keys import Keys

ASK = "ask an administrator of the platform"
_PLATFORMS = "administrators of the platform"


@dataclass(frozen=True, slots=True)
class Delegation:
    """Holds administrators to what is theirs; those of the platform may do everything."""

    keys: Keys

    async def shown(self, admin: VirtualKey, key_id: str) -> VirtualKey:
        """A key that `admin` may look at.

        Raises:
            NotFound: there is none in its workspace.
        """
        key = await self.keys.get(key_id)
        if admin.looks_within not in {None, key.workspace_id}:
            raise NotFound(f"there is no key {key_id[:128]!r}")
        return key

    async def changed(self, admin: VirtualKey, key_id: str) -> VirtualKey:
        """A key that `admin` may change.

        Raises:
            NotFound: there is none in its workspace.
            InsufficientScope: it is an administrator's, its own too, or a person's.
        """
        key = await self._within(admin, key_id)
        if admin.changes_within is None:
            return key
        if key.is_administrative or key.source == "sign_on":
            raise InsufficientScope(
                f"this is the key of an administrator, or of a person who signs in: {ASK}"
            )
        return key

    async def ended(self, admin: VirtualKey, key_id: str) -> VirtualKey:
        """A key that `admin` may revoke: one that it may change, or its own.

        Raises:
            NotFound, InsufficientScope: as `changed`.
        """
        if key_id == admin.key_id:
            return await self.keys.get(key_id)
        return await self.changed(admin, key_id)

    async def rotated(self, admin: VirtualKey, key_id: str) -> VirtualKey:
        """A key whose next secret `admin` may have.

        Raises:
            NotFound, InsufficientScope: as `changed`; or its user is known elsewhere too.
        """
        key = await self.ended(admin, key_id)
        if admin.changes_within is not None and key.user_id not in {None, admin.user_id}:
            await self._check_user(admin, str(key.user_id))
        return key

    async def check_new(self, admin: VirtualKey, key: VirtualKey) -> None:
        """Refuse a new key that reaches further than who issues it.

        Raises:
            InsufficientScope: it says in what.
        """
        if admin.changes_within is None:
            return
        if key.workspace_id != admin.workspace_id:
            raise InsufficientScope(
                f"this key administers the workspace {admin.workspace_id!r} alone: leave"
                f" workspaceId out, or {ASK}"
            )
        self.check_scopes(admin, key.scopes)
        self.check_models(admin, key.models)
        if key.user_id not in {None, admin.user_id}:
            await self._check_user(admin, str(key.user_id))

    def check_scopes(self, admin: VirtualKey, scopes: Collection[Scope]) -> None:
        """Refuse scopes that `admin` cannot give.

        Raises:
            InsufficientScope: they administer something.
        """
        if admin.changes_within is not None and not ADMINISTRATIVE.isdisjoint(scopes):
            raise InsufficientScope(f"only {_PLATFORMS} appoint administrators: {ASK}")

    def check_models(self, admin: VirtualKey, models: Collection[str] | None) -> None:
        """Refuse models that `admin` may not use; None is all.

        Raises:
            InsufficientScope: it says which it may.
        """
        if admin.changes_within is None or admin.models is None:
            return
        if models is None or not set(models).issubset(admin.models):
            raise InsufficientScope(
                "this key may use some models only, and gives out no others: name some of"
                f" {', '.join(admin.models)}"
            )

    async def check_limit(self, admin: VirtualKey, account: Account) -> None:
        """Refuse to set a budget that is not `admin`'s to set.

        Raises:
            NotFound: it is that of a key of another workspace.
            InsufficientScope: it bounds more than the workspace's keys and users, or `admin`.
        """
        if admin.changes_within is None:
            return
        if account in {("key", admin.key_id), ("user", admin.user_id)}:
            raise InsufficientScope(f"nobody but {_PLATFORMS} sets their own budget: {ASK}")
        if account.scope == "key":
            await self.changed(admin, account.id)
        elif account.scope == "user":
            await self._check_user(admin, account.id)
        else:
            raise InsufficientScope(
                f"budgets of workspaces and models are set by {_PLATFORMS}: {ASK}"
            )

    async def seen(self, admin: VirtualKey, accounts: Iterable[Account]) -> list[Account]:
        """Those of `accounts` that `admin` may look at: its workspace's, its keys' and users'."""
        workspace = admin.looks_within
        if workspace is None:
            return list(accounts)
        its, others = {Account("workspace", workspace)}, set[Account]()
        async for key in self.keys.every():
            user = [] if key.user_id is None else [Account("user", key.user_id)]
            if key.workspace_id == workspace and key.source != "sign_on":
                its.update((Account("key", key.key_id), *user))
            else:
                others.update(user)
        return [
            account
            for account in accounts
            if (account in its or _is_named_for(workspace, account)) and account not in others
        ]

    async def _within(self, admin: VirtualKey, key_id: str) -> VirtualKey:
        key = await self.keys.get(key_id)
        if admin.changes_within not in {None, key.workspace_id}:
            raise NotFound(f"there is no key {key_id[:128]!r}")
        return key

    async def _check_user(self, admin: VirtualKey, user_id: str) -> None:
        """Refuse a user who is not of `admin`'s workspace alone.

        Nor is a person who signs in. A name of its own, `<workspace>:<name>`, is no other
        workspace's, so nobody can take a name under which somebody will come to another one.
        """
        is_own = _is_named_for(admin.workspace_id, Account("user", user_id))
        async for key in self.keys.every():
            if key.user_id == user_id:
                if key.workspace_id != admin.workspace_id or key.source == "sign_on":
                    is_own = False
                    break
                is_own = True
        if not is_own:
            raise InsufficientScope(
                f"the user {user_id[:128]!r} is not of the workspace {admin.workspace_id!r} alone:"
                f" begin the names of its users with `{admin.workspace_id}:`, or {ASK}"
            )


def _is_named_for(workspace_id: str, account: Account) -> bool:
    """Whether it is a user whom only this workspace names so."""
    workspace, _, name = account.id.rpartition(":")
    return account.scope == "user" and bool(name) and workspace == workspace_id
