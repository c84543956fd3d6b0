"""Which keys, users and budgets are a workspace's administrator's, and which are not."""

import pytest

from headgate.core.budgets import Account
from headgate.core.errors import InsufficientScope, NotFound
from headgate.core.keys import Scope, VirtualKey
from headgate.identity.delegation import Delegation
from headgate.identity.keys import Keys
from headgate.stores.memory import MemoryKeys


def a_key(name: str, workspace: str, user: str | None = None, *scopes: Scope) -> VirtualKey:
    return VirtualKey(
        key_id=f"sk-proj-{name}",
        name=name,
        scopes=frozenset(scopes or ("ai:complete",)),
        workspace_id=workspace,
        user_id=user,
        created_at=0.0,
    )


LEAD = a_key("lead", "acme", "leo", "workspace:admin")
PLATFORM = a_key("boss", "acme", None, "admin")


async def company() -> Delegation:
    keys = Keys(MemoryKeys())
    for key in (
        LEAD,
        PLATFORM,
        a_key("ada", "acme", "ada"),
        a_key("bob", "beta", "bob"),
        a_key("cy1", "acme", "cy"),
        a_key("cy2", "beta", "cy"),
        a_key("odd", "beta", "acme:odd"),
    ):
        await keys.create(key)
    return Delegation(keys)


async def test_an_administrator_sees_its_workspaces_accounts_and_the_platforms_all() -> None:
    delegation = await company()
    theirs = [
        Account("workspace", "acme"),
        Account("key", "sk-proj-ada"),
        Account("user", "ada"),
        Account("user", "acme:new"),
    ]
    others = [
        Account("workspace", "beta"),
        Account("key", "sk-proj-bob"),
        Account("user", "bob"),
        Account("user", "cy"),
        Account("user", "acme:odd"),
        Account("user", "acme"),
        Account("user", "unknown"),
        Account("model", "acme"),
    ]
    assert await delegation.seen(LEAD, theirs + others) == theirs
    assert await delegation.seen(PLATFORM, theirs + others) == theirs + others


@pytest.mark.parametrize(
    "account", [Account("key", "sk-proj-ada"), Account("user", "ada"), Account("user", "acme:new")]
)
async def test_budgets_of_the_workspaces_keys_and_users_may_be_set(account: Account) -> None:
    await (await company()).check_limit(LEAD, account)


@pytest.mark.parametrize(
    "account",
    [
        Account("key", "sk-proj-lead"),
        Account("key", "sk-proj-boss"),
        Account("user", "leo"),
        Account("user", "bob"),
        Account("user", "cy"),
        Account("user", "acme:odd"),
        Account("user", "unknown"),
        Account("workspace", "acme"),
        Account("workspace", "beta"),
        Account("model", "sandbox"),
    ],
)
async def test_no_other_budget_may_be_set_and_every_one_by_the_platforms(account: Account) -> None:
    delegation = await company()
    with pytest.raises(InsufficientScope):
        await delegation.check_limit(LEAD, account)
    await delegation.check_limit(PLATFORM, account)


async def test_a_key_of_another_workspace_is_none() -> None:
    delegation = await company()
    for key_id in ("sk-proj-bob", "sk-proj-none"):
        for asked in (delegation.shown, delegation.changed, delegation.ended, delegation.rotated):
            with pytest.raises(NotFound, match=key_id):
                await asked(LEAD, key_id)
        with pytest.raises(NotFound, match=key_id):
            await delegation.check_limit(LEAD, Account("key", key_id))
    assert (await delegation.rotated(PLATFORM, "sk-proj-bob")).workspace_id == "beta"


async def test_its_own_key_it_may_rotate_and_revoke_but_not_change() -> None:
    delegation = await company()
    assert await delegation.ended(LEAD, LEAD.key_id) == LEAD
    assert await delegation.rotated(LEAD, LEAD.key_id) == LEAD
    with pytest.raises(InsufficientScope, match="administrator"):
        await delegation.changed(LEAD, LEAD.key_id)


async def test_a_key_whose_user_is_known_elsewhere_may_be_ended_but_not_had() -> None:
    delegation = await company()
    assert (await delegation.ended(LEAD, "sk-proj-cy1")).user_id == "cy"
    with pytest.raises(InsufficientScope, match="'cy' is not of the workspace"):
        await delegation.rotated(LEAD, "sk-proj-cy1")
    await delegation.rotated(LEAD, "sk-proj-ada")
