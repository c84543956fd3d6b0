import pytest

from headgate.core.errors import InsufficientScope, InvalidKey
from headgate.core.keys import VirtualKey
from headgate.core.sign_on import Challenge, Identity, Role, RoleRules
from headgate.identity.keys import Keys
from headgate.identity.sessions import LONGEST_SECONDS, Sessions
from headgate.identity.sign_on import FLOW_SECONDS, SignOn
from headgate.stores.memory import MemoryKeys
from platform_in_memory import MemoryTickets

RULES = RoleRules(
    admin=("ops",), viewer=("staff",), workspace_admin={"acme": ("leads",), "beta": ("betas",)}
)
REDIRECT = "https://ai.example.com/v1/session/callback"


class Clock:
    now = 1000.0

    def __call__(self) -> float:
        return self.now


class Provider:
    """Vouches for Ada, in the groups that a test gives her."""

    def __init__(self, *groups: str) -> None:
        self.groups = groups
        self.challenges: list[Challenge] = []

    async def address(self, challenge: Challenge, redirect: str) -> str:
        self.challenges.append(challenge)
        return f"https://login.example.com/?to={redirect}&state={challenge.state}"

    async def identity(self, code: str, challenge: Challenge, redirect: str) -> Identity:
        assert (code, redirect) == ("code", REDIRECT)
        assert challenge == self.challenges[-1]
        return Identity(
            subject="person-1", name="Ada", user_id="ada@example.com", groups=self.groups
        )


def sign_on(provider: Provider, clock: Clock) -> SignOn:
    sessions = Sessions(Keys(MemoryKeys()), MemoryTickets(), lambda: b"secret", clock)
    return SignOn(provider, sessions, RULES, REDIRECT, lambda: b"secret", clock)


@pytest.mark.parametrize(
    ("groups", "role"), [(("staff", "ops"), "admin"), (("staff", "other"), "viewer")]
)
async def test_groups_give_a_role_and_the_role_its_scopes(
    groups: tuple[str, ...], role: Role
) -> None:
    provider, clock = Provider(*groups), Clock()
    begun = await (flow := sign_on(provider, clock)).begin()
    person = await flow.finish("code", provider.challenges[0].state, begun.flow)
    assert person.grant == (role, "default")
    session = await flow.sessions.authenticate(person.token)
    assert session.key.user_id == "ada@example.com"
    assert session.key.name == "Ada"
    assert session.key.may("admin") is (role == "admin")
    assert session.key.may("admin:read")
    assert session.key.may("ai:complete") is (role == "admin")


async def signed_in(*groups: str) -> VirtualKey:
    """Whose key stands behind the session of somebody in these groups."""
    provider, clock = Provider(*groups), Clock()
    begun = await (flow := sign_on(provider, clock)).begin()
    person = await flow.finish("code", provider.challenges[0].state, begun.flow)
    return (await flow.sessions.authenticate(person.token)).key


async def test_a_group_of_a_workspace_gives_its_administration_and_no_more() -> None:
    key = await signed_in("staff", "leads")
    assert (key.workspace_id, key.user_id) == ("acme", "ada@example.com")
    assert key.may("workspace:admin")
    assert key.may("ai:complete")
    assert not key.may("admin:read")
    assert not key.may("admin")
    assert (key.looks_within, key.changes_within) == ("acme", "acme")


async def test_who_comes_to_another_workspace_acts_there_under_another_key() -> None:
    """What is done with one key is in one workspace for ever."""
    keys = [await signed_in(group) for group in ("leads", "betas", "ops", "staff", "leads")]
    ids = [key.key_id for key in keys]
    assert len(set(ids)) == 3
    assert (ids[0], ids[2]) == (ids[4], ids[3])
    assert (await signed_in("leads", "ops")).may("admin")


@pytest.mark.parametrize("groups", [(), ("other",), ("OPS",)])
async def test_who_is_in_no_group_does_not_come_in(groups: tuple[str, ...]) -> None:
    provider, clock = Provider(*groups), Clock()
    begun = await (flow := sign_on(provider, clock)).begin()
    with pytest.raises(InsufficientScope, match="admin_groups"):
        await flow.finish("code", provider.challenges[0].state, begun.flow)


async def test_a_sign_in_is_finished_in_the_browser_that_began_it_and_in_time() -> None:
    provider, clock = Provider("ops"), Clock()
    flow = sign_on(provider, clock)
    other = await flow.begin()
    begun = await flow.begin()
    state = provider.challenges[1].state
    for wrong in (None, "", "a.b", f"{begun.flow}0", f"x{begun.flow}", other.flow):
        with pytest.raises(InvalidKey, match="in this browser"):
            await flow.finish("code", state, wrong)
    for wrong in ("", "ä", provider.challenges[0].state):
        with pytest.raises(InvalidKey, match="in this browser"):
            await flow.finish("code", wrong, begun.flow)
    clock.now += FLOW_SECONDS
    with pytest.raises(InvalidKey, match="ten minutes"):
        await flow.finish("code", state, begun.flow)


async def test_every_sign_in_has_to_bring_back_something_else() -> None:
    provider, clock = Provider("ops"), Clock()
    flow = sign_on(provider, clock)
    begun = [await flow.begin() for _ in range(3)]
    assert len({part for challenge in provider.challenges for part in challenge}) == 9
    assert all(
        challenge.verifier not in one.address
        for challenge, one in zip(provider.challenges, begun, strict=True)
    )


async def test_such_a_session_is_renewed_and_ends_after_a_working_day() -> None:
    provider, clock = Provider("ops"), Clock()
    begun = await (flow := sign_on(provider, clock)).begin()
    person = await flow.finish("code", provider.challenges[0].state, begun.flow)
    clock.now += 3000
    renewed = await flow.sessions.renewed(person.token)
    assert (await flow.sessions.authenticate(renewed)).key.user_id == "ada@example.com"
    clock.now += LONGEST_SECONDS
    with pytest.raises(InvalidKey):
        await flow.sessions.authenticate(renewed)
