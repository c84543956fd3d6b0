"""What is taken from an identity provider, and what is refused."""

import asyncio
import base64
import json
import time
from collections.abc import AsyncIterator, Callable
from typing import Any

import jwt
import pytest

from headgate.core.errors import InvalidKey, InvalidRequest, UpstreamFailed
from headgate.core.sign_on import Challenge, Identity
from headgate.oidc.provider import KEYS_AGAIN_SECONDS, OidcProvider, ProviderOptions
from headgate.transport.http import HttpClient
from identity_provider import CLIENT, ScriptedProvider, scripted_provider

REDIRECT = "https://ai.example.com/v1/session/callback"
CHALLENGE = Challenge("state", "nonce", "verifier-of-this-sign-in")
DISCOVERY = "/.well-known/openid-configuration"


@pytest.fixture
async def other() -> AsyncIterator[ScriptedProvider]:
    async with scripted_provider(email="ada@example.com", groups=["ops", "dev"]) as provider:
        yield provider


@pytest.fixture
async def client() -> AsyncIterator[HttpClient]:
    client = HttpClient()
    yield client
    await client.aclose()


@pytest.fixture
def provider(other: ScriptedProvider, client: HttpClient) -> OidcProvider:
    return OidcProvider(client, ProviderOptions(other.issuer, CLIENT))


async def sign_in(provider: OidcProvider, other: ScriptedProvider) -> Identity:
    code, _ = other.visit(await provider.address(CHALLENGE, REDIRECT))
    return await provider.identity(code, CHALLENGE, REDIRECT)


async def test_somebody_comes_back_with_a_name_and_groups(
    provider: OidcProvider, other: ScriptedProvider
) -> None:
    assert await sign_in(provider, other) == Identity(
        subject="person-1", name="ada@example.com", user_id="ada@example.com", groups=("ops", "dev")
    )
    other.claims |= {"name": "Ada", "groups": "ops"}
    found = await sign_in(provider, other)
    assert (found.name, found.groups) == ("Ada", ("ops",))
    assert other.asked.count(DISCOVERY) == other.asked.count("/keys") == 1


async def test_the_secret_is_told_as_the_provider_wants_it(
    other: ScriptedProvider, client: HttpClient
) -> None:
    provider = OidcProvider(client, ProviderOptions(other.issuer, CLIENT, "s3cret:%"))
    await sign_in(provider, other)
    told = base64.b64decode(other.authorizations[0].removeprefix("Basic "))
    assert told == b"headgate:s3cret%3A%25"


async def test_a_code_is_worth_nothing_without_its_verifier(
    provider: OidcProvider, other: ScriptedProvider
) -> None:
    code, _ = other.visit(await provider.address(CHALLENGE, REDIRECT))
    stolen = CHALLENGE._replace(verifier="another")
    with pytest.raises(InvalidKey, match="does not take this sign-in"):
        await provider.identity(code, stolen, REDIRECT)


WRONG: dict[str, dict[str, Any]] = {
    "another issuer": {"iss": "https://evil.example"},
    "for another client": {"aud": "other"},
    "for several, not asked by us": {"aud": [CLIENT, "other"]},
    "asked by another": {"azp": "other"},
    "of another sign-in": {"nonce": "another"},
    "without a nonce": {"nonce": None},
    "without an end": {"exp": None},
    "without a subject": {"sub": None},
    "over": {"exp": int(time.time()) - 61},
    "of the future": {"iat": int(time.time()) + 3600, "exp": int(time.time()) + 7200},
    "not yet": {"nbf": int(time.time()) + 3600},
    "without a user": {"email": None},
    "with a user that is none": {"email": ["ada"]},
    "with an address that nobody verified": {"email_verified": False},
    "with groups that are none": {"groups": {"ops": True}},
}


@pytest.mark.parametrize("claims", WRONG.values(), ids=WRONG.keys())
async def test_a_token_that_is_not_for_this_sign_in_is_refused(
    provider: OidcProvider, other: ScriptedProvider, claims: dict[str, Any]
) -> None:
    other.claims |= claims
    with pytest.raises(InvalidKey):
        await sign_in(provider, other)


async def test_clocks_may_differ_by_a_minute(
    provider: OidcProvider, other: ScriptedProvider
) -> None:
    now = int(time.time())
    other.claims |= {"exp": now - 50}
    await sign_in(provider, other)
    other.claims |= {"iat": now + 50, "exp": now + 300}
    await sign_in(provider, other)


def forged(make: Callable[[dict[str, Any], ScriptedProvider], str]) -> Any:
    return make


FORGERIES = {
    "unsigned": forged(lambda claims, _: jwt.encode(claims, "", "none")),
    "signed with a shared secret": forged(
        lambda claims, _: jwt.encode(claims, "headgate" * 8, "HS256", headers={"kid": "first"})
    ),
    "signed by another": forged(
        lambda claims, _: ScriptedProvider(issuer=claims["iss"]).signed(claims)
    ),
    "changed": forged(
        lambda claims, other: ".".join(
            [*other.signed(claims).split(".")[:2], other.signed({"sub": "eve"}).split(".")[2]]
        )
    ),
    "no token": forged(lambda _claims, _other: "a.b"),
}


@pytest.mark.parametrize("make", FORGERIES.values(), ids=FORGERIES.keys())
async def test_a_token_that_the_provider_did_not_sign_is_refused(
    provider: OidcProvider,
    other: ScriptedProvider,
    make: Callable[[dict[str, Any], ScriptedProvider], str],
) -> None:
    now = int(time.time())
    claims = {
        "iss": other.issuer,
        "aud": CLIENT,
        "sub": "eve",
        "nonce": CHALLENGE.nonce,
        "iat": now,
        "exp": now + 300,
        "email": "eve@example.com",
    }
    other.token = make(claims, other)
    with pytest.raises(InvalidKey):
        await sign_in(provider, other)


async def test_keys_that_the_provider_changes_are_found_and_not_asked_for_all_the_time(
    other: ScriptedProvider, client: HttpClient
) -> None:
    now = time.time()
    clock = [now]
    provider = OidcProvider(client, ProviderOptions(other.issuer, CLIENT), lambda: clock[0])
    await sign_in(provider, other)
    other.rotate()
    with pytest.raises(InvalidKey):
        await sign_in(provider, other)
    assert other.asked.count("/keys") == 1
    clock[0] += KEYS_AGAIN_SECONDS
    await sign_in(provider, other)
    assert other.asked.count("/keys") == 2


@pytest.mark.parametrize(
    ("path", "answer", "told"),
    [
        (DISCOVERY, (500, b"secret trace"), "check `issuer`"),
        (DISCOVERY, (200, b"<html>"), "check `issuer`"),
        (DISCOVERY, (404, b""), "status 404"),
        ("/token", (401, b"{}"), "OIDC_CLIENT_SECRET"),
        ("/token", (200, b'{"access_token":"x"}'), "not as OpenID Connect"),
        ("/keys", (200, b'{"keys":[]}'), "no key"),
    ],
)
async def test_a_provider_that_answers_wrongly_signs_nobody_in(
    provider: OidcProvider,
    other: ScriptedProvider,
    path: str,
    answer: tuple[int, bytes],
    told: str,
) -> None:
    other.answers[path] = answer
    with pytest.raises((UpstreamFailed, InvalidRequest), match=told) as raised:
        await sign_in(provider, other)
    assert "secret trace" not in str(raised.value)


async def test_a_provider_under_another_name_or_without_https_is_refused(
    other: ScriptedProvider, client: HttpClient
) -> None:
    named = OidcProvider(client, ProviderOptions(f"{other.issuer}/", CLIENT))
    with pytest.raises(InvalidRequest, match="set `issuer`"):
        await named.address(CHALLENGE, REDIRECT)
    plain = OidcProvider(client, ProviderOptions("http://login.example.com", CLIENT))
    with pytest.raises(InvalidRequest, match="https"):
        await plain.address(CHALLENGE, REDIRECT)
    document = {
        "issuer": other.issuer,
        "authorization_endpoint": f"{other.issuer}/authorize",
        "token_endpoint": "http://login.example.com/token",
        "jwks_uri": f"{other.issuer}/keys",
    }
    other.answers[DISCOVERY] = (200, json.dumps(document).encode())
    with pytest.raises(InvalidRequest, match="https"):
        await OidcProvider(client, ProviderOptions(other.issuer, CLIENT)).address(
            CHALLENGE, REDIRECT
        )


async def test_a_provider_that_is_away_is_told_as_such(client: HttpClient) -> None:
    away = OidcProvider(client, ProviderOptions("http://127.0.0.1:9", CLIENT))
    with pytest.raises(UpstreamFailed, match="does not answer"):
        await asyncio.wait_for(away.address(CHALLENGE, REDIRECT), 10)
