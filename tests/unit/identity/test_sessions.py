"""Whose a session is, and until when."""

import base64

import msgspec
import pytest

from fakes import FakeClock
from headgate.core.errors import InsufficientScope, InvalidKey
from headgate.core.keys import SCOPES, KeySecret, VirtualKey, hash_api_key, new_api_key, new_key_id
from headgate.identity.keys import FRESH_SECONDS, Keys
from headgate.identity.sessions import LONGEST_SECONDS, SESSION_SECONDS, Sessions
from headgate.stores.memory import MemoryKeys
from platform_in_memory import MemoryTickets


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def sessions(clock: FakeClock) -> Sessions:
    return Sessions(Keys(MemoryKeys(), clock), MemoryTickets(), lambda: b"secret", clock)


async def admin(sessions: Sessions, **fields: object) -> tuple[VirtualKey, str]:
    key = VirtualKey(
        key_id=new_key_id(), name="admin", scopes=frozenset(SCOPES), created_at=sessions.clock()
    )
    key = msgspec.structs.replace(key, **fields)
    api_key = new_api_key(key.key_id)
    await sessions.keys.store.add(key, KeySecret(hash_api_key(api_key), key.key_id))
    return key, api_key


async def test_a_session_stands_for_the_key_that_opened_it(sessions: Sessions) -> None:
    key, api_key = await admin(sessions)
    session = await sessions.authenticate(await sessions.open_with_key(api_key))
    assert session.key == key
    assert session.expires_at == int(sessions.clock()) + SESSION_SECONDS


async def test_a_ticket_opens_one_session(sessions: Sessions) -> None:
    key, _ = await admin(sessions)
    ticket = sessions.tickets.issue(key.key_id)
    token = await sessions.open_with_ticket(ticket)
    assert (await sessions.authenticate(token)).key == key
    with pytest.raises(InvalidKey, match="used before"):
        await sessions.open_with_ticket(ticket)


async def test_only_administrators_sign_in(sessions: Sessions) -> None:
    key, api_key = await admin(sessions, scopes=frozenset({"usage:read"}))
    with pytest.raises(InsufficientScope):
        await sessions.open_with_key(api_key)
    with pytest.raises(InsufficientScope):
        await sessions.open_with_ticket(sessions.tickets.issue(key.key_id))


async def test_a_wrong_key_opens_nothing(sessions: Sessions) -> None:
    with pytest.raises(InvalidKey):
        await sessions.open_with_key("sk-proj-nobody-nothing")


@pytest.mark.parametrize("by_ticket", [True, False])
async def test_a_revoked_key_ends_its_sessions_within_a_second(
    sessions: Sessions, clock: FakeClock, by_ticket: bool
) -> None:
    """Also where another process revoked it."""
    key, api_key = await admin(sessions)
    if by_ticket:
        token = await sessions.open_with_ticket(sessions.tickets.issue(key.key_id))
    else:
        token = await sessions.open_with_key(api_key)
    await sessions.authenticate(token)
    await Keys(sessions.keys.store, clock).revoke(key.key_id)
    clock.advance(FRESH_SECONDS)
    with pytest.raises(InvalidKey, match="revoked"):
        await sessions.authenticate(token)
    with pytest.raises(InvalidKey, match="revoked"):
        await sessions.renewed(token)


async def test_a_new_secret_ends_the_sessions_that_the_old_one_opened(
    sessions: Sessions, clock: FakeClock
) -> None:
    key, api_key = await admin(sessions)
    token = await sessions.open_with_key(api_key)
    await sessions.keys.rotate(key.key_id, grace_seconds=60)
    await sessions.authenticate(token)
    clock.advance(61)
    with pytest.raises(InvalidKey):
        await sessions.authenticate(token)


async def test_a_session_ends_after_an_hour_unless_somebody_is_there(
    sessions: Sessions, clock: FakeClock
) -> None:
    _, api_key = await admin(sessions)
    token = await sessions.open_with_key(api_key)
    clock.advance(SESSION_SECONDS - 1)
    renewed = await sessions.renewed(token)
    clock.advance(1)
    with pytest.raises(InvalidKey, match="has ended"):
        await sessions.authenticate(token)
    await sessions.authenticate(renewed)


async def test_no_session_outlasts_a_working_day(sessions: Sessions, clock: FakeClock) -> None:
    _, api_key = await admin(sessions)
    token, began = await sessions.open_with_key(api_key), clock()
    while clock() < began + LONGEST_SECONDS - SESSION_SECONDS / 2:
        clock.advance(SESSION_SECONDS / 2)
        token = await sessions.renewed(token)
    session = await sessions.authenticate(token)
    assert session.expires_at <= began + LONGEST_SECONDS


async def test_a_token_holds_no_secret(sessions: Sessions) -> None:
    _, api_key = await admin(sessions)
    payload = (await sessions.open_with_key(api_key)).split(".")[1]
    text = base64.urlsafe_b64decode(payload + "==").decode()
    assert api_key not in text
    assert api_key.rpartition("-")[2] not in text


def forged(token: str, **claims: object) -> str:
    """The token with other claims under the old signature."""
    header, payload, signature = token.split(".")
    told = msgspec.json.decode(base64.urlsafe_b64decode(payload + "==")) | claims
    changed = base64.urlsafe_b64encode(msgspec.json.encode(told)).decode().rstrip("=")
    return f"{header}.{changed}.{signature}"


async def test_a_token_that_was_changed_is_not_ours(sessions: Sessions, clock: FakeClock) -> None:
    _, api_key = await admin(sessions)
    token = await sessions.open_with_key(api_key)
    header, payload, signature = token.split(".")
    unsigned = base64.urlsafe_b64encode(b'{"alg":"none","typ":"JWT"}').decode().rstrip("=")
    elsewhere = Sessions(sessions.keys, MemoryTickets(), lambda: b"another secret", clock)
    for wrong in (
        "",
        "a.b.c",
        "ä.ö.ü",
        forged(token, exp=10**12),
        f"{unsigned}.{payload}.",
        f"{unsigned}.{payload}.{signature}",
        f"{header}.{payload}",
        token + "x" * 2000,
        await elsewhere.open_with_key(api_key),
    ):
        with pytest.raises(InvalidKey, match="not valid"):
            await sessions.authenticate(wrong)


async def test_the_secret_is_asked_for_when_somebody_signs_in_and_once(clock: FakeClock) -> None:
    asked: list[bytes] = []

    def secret() -> bytes:
        asked.append(b"secret")
        return asked[-1]

    sessions = Sessions(Keys(MemoryKeys(), clock), MemoryTickets(), secret, clock)
    _, api_key = await admin(sessions)
    assert asked == []
    token = await sessions.open_with_key(api_key)
    await sessions.authenticate(token)
    assert len(asked) == 1
