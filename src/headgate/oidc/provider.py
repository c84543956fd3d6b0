"""An OpenID Connect provider: discovery, the code's exchange, and its keys.

The authorization code flow with PKCE (OpenID Connect Core 1.0, RFC 7636). What is not as it must
be is refused, and the message says what to change; nothing of the provider's own text is told.
"""

import base64
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple
from urllib.parse import quote, urlencode, urlsplit

import jwt
import msgspec

from headgate.core.errors import InvalidKey, InvalidRequest, UpstreamFailed
from headgate.core.sign_on import Challenge, Identity
from headgate.transport.http import HttpClient, HttpError

# Those with two keys: whoever can check a token cannot make one.
ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
CLOCK_SKEW_SECONDS = 60
DISCOVERED_SECONDS = 3600.0
KEYS_AGAIN_SECONDS = 30.0
"""A token with an unknown key has the keys read again, but not more often than this."""
MOST_NAME = 128


class ProviderOptions(NamedTuple):
    """Where the provider is, and as whom we come.

    Attributes:
        secret: None where PKCE alone proves who asks.
        user_claim, groups_claim: the claims that name the user, and the groups.
        scopes: what is asked for, with `openid` among it.
    """

    issuer: str
    client_id: str
    secret: str | None = None
    user_claim: str = "email"
    groups_claim: str = "groups"
    scopes: tuple[str, ...] = ("openid", "profile", "email")


class _Discovered(msgspec.Struct, frozen=True):
    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str


@dataclass(slots=True)
class OidcProvider:
    """`IdentityProvider` that speaks OpenID Connect."""

    client: HttpClient
    options: ProviderOptions
    clock: Callable[[], float] = time.time
    _discovered: _Discovered | None = None
    _discovered_at: float = 0.0
    _keys: Mapping[str | None, jwt.PyJWK] = field(default_factory=dict)
    _keys_read_at: float = float("-inf")

    async def address(self, challenge: Challenge, redirect: str) -> str:
        """See `IdentityProvider.address`."""
        endpoint = (await self._discover()).authorization_endpoint
        digest = hashlib.sha256(challenge.verifier.encode()).digest()
        query = {
            "response_type": "code",
            "client_id": self.options.client_id,
            "redirect_uri": redirect,
            "scope": " ".join(self.options.scopes),
            "state": challenge.state,
            "nonce": challenge.nonce,
            "code_challenge": base64.urlsafe_b64encode(digest).rstrip(b"=").decode(),
            "code_challenge_method": "S256",
        }
        return f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(query)}"

    async def identity(self, code: str, challenge: Challenge, redirect: str) -> Identity:
        """See `IdentityProvider.identity`."""
        token = await self._exchange(code, challenge, redirect)
        claims = await self._claims(token)
        # A token of another sign-in is no proof that this person signs in now.
        if claims.get("nonce") != challenge.nonce:
            raise InvalidKey("the sign-in was not the one that was begun here: sign in again")
        return self._person(claims)

    async def _discover(self) -> _Discovered:
        now = self.clock()
        if self._discovered is None or now - self._discovered_at > DISCOVERED_SECONDS:
            issuer = self.options.issuer
            _require_safe(issuer, "issuer")
            url = f"{issuer.rstrip('/')}/.well-known/openid-configuration"
            found = await self._read(url, _Discovered)
            if found.issuer != issuer:
                raise InvalidRequest(
                    f"the provider calls itself {found.issuer[:200]!r}: set `issuer` under"
                    " [sign_on] in headgate.toml to exactly that"
                )
            for address in (found.authorization_endpoint, found.token_endpoint, found.jwks_uri):
                _require_safe(address, "address of the provider's discovery document")
            self._discovered, self._discovered_at = found, now
        return self._discovered

    async def _exchange(self, code: str, challenge: Challenge, redirect: str) -> str:
        found = await self._discover()
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect,
            "code_verifier": challenge.verifier,
            "client_id": self.options.client_id,
        }
        headers = {
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        secret = self.options.secret
        if secret is not None:
            if "client_secret_basic" in found.token_endpoint_auth_methods_supported:
                pair = f"{quote(self.options.client_id, safe='')}:{quote(secret, safe='')}"
                headers["authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
            else:
                form["client_secret"] = secret
        body = urlencode(form).encode()
        tokens: _Tokens = await self._ask("POST", found.token_endpoint, headers, body, _Tokens)
        return tokens.id_token

    async def _claims(self, token: str) -> dict[str, Any]:
        """What a token says, once its signature and its terms were checked."""
        try:
            header = jwt.get_unverified_header(token)
            key = await self._key(header.get("kid"))
            algorithm = str(header.get("alg"))
            if key is None or algorithm not in ALGORITHMS:
                raise _not_ours()
            claims = jwt.decode(
                token,
                key,
                algorithms=[algorithm],
                audience=self.options.client_id,
                issuer=self.options.issuer,
                leeway=CLOCK_SKEW_SECONDS,
                options={
                    "require": ["iss", "aud", "exp", "iat", "sub"],
                    # By our clock, below.
                    "verify_exp": False,
                    "verify_iat": False,
                    "verify_nbf": False,
                },
            )
        except jwt.PyJWTError:
            raise _not_ours() from None
        self._check_terms(claims)
        return dict(claims)

    def _check_terms(self, claims: Mapping[str, Any]) -> None:
        now, skew = self.clock(), CLOCK_SKEW_SECONDS
        times = {name: claims.get(name, now) for name in ("exp", "iat", "nbf")}
        if not all(isinstance(value, int | float) for value in times.values()):
            raise _not_ours()
        if now > times["exp"] + skew or max(times["iat"], times["nbf"]) > now + skew:
            raise InvalidKey(
                "the provider's token is not good at this time: sign in again, and compare the"
                " clocks of this machine and of the provider"
            )
        several = isinstance(claims["aud"], list) and len(claims["aud"]) > 1
        if claims.get("azp", None if several else self.options.client_id) != self.options.client_id:
            raise _not_ours()

    async def _key(self, key_id: str | None) -> jwt.PyJWK | None:
        """The provider's key of this id; keys that are new there are found."""
        now = self.clock()
        if key_id not in self._keys and now - self._keys_read_at >= KEYS_AGAIN_SECONDS:
            found = await self._read((await self._discover()).jwks_uri, dict[str, Any])
            self._keys_read_at = now
            try:
                listed = jwt.PyJWKSet.from_dict(found).keys
            except jwt.PyJWTError:
                raise UpstreamFailed("the identity provider lists no key of use") from None
            self._keys = {key.key_id: key for key in listed}
            if len(listed) == 1:
                self._keys = {**self._keys, None: listed[0]}
        return self._keys.get(key_id)

    def _person(self, claims: Mapping[str, Any]) -> Identity:
        options = self.options
        user = claims.get(options.user_claim)
        if not isinstance(user, str) or not 0 < len(user) <= MOST_NAME:
            raise InvalidKey(
                f"the provider's token has no claim `{options.user_claim}`: have the provider put"
                " it into ID tokens, or name another as `user_claim` under [sign_on]"
            )
        if options.user_claim == "email" and claims.get("email_verified") is False:
            raise InvalidKey("the provider has not verified your e-mail address yet")
        groups = claims.get(options.groups_claim, [])
        if isinstance(groups, str):
            groups = [groups]
        if not isinstance(groups, list) or not all(isinstance(each, str) for each in groups):
            raise InvalidKey(
                f"the claim `{options.groups_claim}` is no list of names: name another as"
                " `groups_claim` under [sign_on] in headgate.toml"
            )
        return Identity(
            subject=str(claims["sub"]),
            name=str(claims.get("name") or user)[:MOST_NAME],
            user_id=user,
            groups=tuple(groups),
        )

    async def _read(self, url: str, shape: type[Any]) -> Any:
        return await self._ask("GET", url, {"accept": "application/json"}, b"", shape)

    async def _ask(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes, shape: type[Any]
    ) -> Any:
        try:
            answer = await self.client.send(method, url, headers=headers, body=body)
        except HttpError:
            raise UpstreamFailed(
                f"the identity provider at {_host(url)} does not answer: check `issuer` under"
                " [sign_on] in headgate.toml, and the network"
            ) from None
        if answer.status == 400 and method == "POST":
            raise InvalidKey("the identity provider does not take this sign-in: sign in again")
        if answer.status in {401, 403}:
            raise InvalidRequest(
                "the identity provider does not know this platform: check `client_id` under"
                " [sign_on] in headgate.toml, and OIDC_CLIENT_SECRET"
            )
        try:
            if answer.status == 200:
                return msgspec.json.decode(answer.body, type=shape)
        except msgspec.MsgspecError:
            pass  # told below
        raise UpstreamFailed(
            f"the identity provider answered {urlsplit(url).path} with status {answer.status}, and"
            " not as OpenID Connect says: check `issuer` under [sign_on] in headgate.toml"
        )


def _not_ours() -> InvalidKey:
    return InvalidKey(
        "the provider's token is not one for this platform: check `issuer` and `client_id` under"
        " [sign_on] in headgate.toml, and sign in again"
    )


def _require_safe(url: str, what: str) -> None:
    """Refuse an address at which anybody on the way could answer.

    Raises:
        InvalidRequest: it is no https, and leads to another machine.
    """
    parts = urlsplit(url)
    if parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "127.0.0.1"):
        return
    raise InvalidRequest(f"the {what} has to begin with https://, and is {url[:200]!r}")


def _host(url: str) -> str:
    return urlsplit(url).hostname or url[:200]
