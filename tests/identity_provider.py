"""An OpenID Connect provider for tests: it keeps to the protocol, unless a test says otherwise."""

import base64
import hashlib
import json
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

import jwt
from cryptography.hazmat.primitives.asymmetric import rsa

from servers import serve

CLIENT = "headgate"


def _new_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


@dataclass
class ScriptedProvider:
    """Signs in whoever comes.

    Attributes:
        claims: what its tokens say, over what they must.
        answers: statuses and bodies in the place of its own, by path.
        asked: the paths that were asked for.
        token: the token that is given in the place of its own.
    """

    issuer: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    answers: dict[str, tuple[int, bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    token: str | None = None
    key_id: str = "first"
    key: rsa.RSAPrivateKey = field(default_factory=_new_key)
    _codes: dict[str, dict[str, str]] = field(default_factory=dict)

    def rotate(self) -> None:
        """Sign with a new key from now on, and list that one alone."""
        self.key_id, self.key = "second", _new_key()

    def visit(self, address: str) -> tuple[str, str]:
        """Sign in where a browser was sent; gives the code and the state that lead back."""
        assert address.startswith(f"{self.issuer}/authorize?")
        query = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert (query["response_type"], query["client_id"]) == ("code", CLIENT)
        assert query["code_challenge_method"] == "S256"
        code = f"code-{len(self._codes)}"
        self._codes[code] = query
        return code, query["state"]

    def signed(self, claims: dict[str, Any], algorithm: str = "RS256") -> str:
        """A token of these claims."""
        return jwt.encode(claims, self.key, algorithm, headers={"kid": self.key_id})

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body, more = b"", True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
        path = scope["path"]
        self.asked.append(path)
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, answer = self.answers.get(path) or self._answer(path, body, headers)
        content = [(b"content-type", b"application/json")]
        await send({"type": "http.response.start", "status": status, "headers": content})
        await send({"type": "http.response.body", "body": answer})

    def _answer(self, path: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        if path == "/.well-known/openid-configuration":
            found: dict[str, Any] = {
                "issuer": self.issuer,
                "authorization_endpoint": f"{self.issuer}/authorize",
                "token_endpoint": f"{self.issuer}/token",
                "jwks_uri": f"{self.issuer}/keys",
            }
        elif path == "/keys":
            key = jwt.algorithms.RSAAlgorithm.to_jwk(self.key.public_key(), as_dict=True)
            found = {"keys": [{**key, "kid": self.key_id, "use": "sig", "alg": "RS256"}]}
        else:
            return self._exchanged(body, headers)
        return 200, json.dumps(found).encode()

    def _exchanged(self, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
        form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
        self.authorizations.append(headers.get("authorization", ""))
        begun = self._codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if (
            begun is None
            or challenge != begun["code_challenge"]
            or form["redirect_uri"] != begun["redirect_uri"]
        ):
            return 400, b'{"error":"invalid_grant"}'
        now = int(time.time())
        own = {"iss": self.issuer, "aud": CLIENT, "sub": "person-1", "nonce": begun["nonce"]}
        claims = own | {"iat": now, "exp": now + 300} | self.claims
        claims = {name: value for name, value in claims.items() if value is not None}
        return 200, json.dumps({"id_token": self.token or self.signed(claims)}).encode()


@asynccontextmanager
async def scripted_provider(**claims: Any) -> AsyncIterator[ScriptedProvider]:
    """A provider that answers, whose tokens make these claims."""
    provider = ScriptedProvider(claims=claims)
    async with serve(provider) as address:
        provider.issuer = address
        yield provider
