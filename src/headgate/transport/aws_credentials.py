"""Credentials of AWS roles: asked of the service beside this process, and renewed before their end.

Two services give them. A container's agent (ECS, EKS) answers one GET; an EC2 instance's metadata
service, version 2, wants a token first, so that nobody reaches it through a proxy. Both answers
name an access key, its secret, its session token, and when they end. What AWS says about them:
"Container credential provider" and "IMDS credential provider" in its SDKs' reference guide.
"""

import asyncio
import datetime as dt
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple, TypeAlias

import msgspec

from headgate.core.errors import Overloaded
from headgate.transport.http import HttpClient, HttpError
from headgate.transport.sigv4 import Credentials

# New ones are asked for so long before the end of the old, or at half of a shorter life.
RENEWAL_SECONDS = 900.0
AGAIN_SECONDS = 10.0
# A signature must be valid when it arrives, on a clock that differs from ours.
MARGIN_SECONDS = 60.0
TOKEN_SECONDS = 300

_ROLES = "/latest/meta-data/iam/security-credentials/"
_ADVICE = "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give this process a role"
_LOG = logging.getLogger(__name__)


class RoleKey(NamedTuple):
    """Credentials, and when they end in Unix seconds."""

    credentials: Credentials
    ends_at: float


Fetch: TypeAlias = Callable[[], Awaitable[RoleKey]]


class _Answer(msgspec.Struct, frozen=True, rename="pascal"):
    access_key_id: str
    secret_access_key: str
    token: str
    expiration: dt.datetime


class RoleCredentials:
    """The credentials of a role, always the same until there are new ones."""

    def __init__(self, fetch: Fetch, *, clock: Callable[[], float] = time.time) -> None:
        """Begin with none; `fetch` asks for the current ones, and may raise `Overloaded`."""
        self._fetch = fetch
        self._clock = clock
        self._key: RoleKey | None = None
        self._renew_at = float("-inf")
        self._renewing: asyncio.Task[RoleKey] | None = None

    async def current(self) -> Credentials:
        """Credentials that AWS takes now.

        While the old ones are good nobody waits for new ones, and a service that fails is asked
        again a while later.

        Raises:
            Overloaded: there are none, and the service gives none.
        """
        key, now = self._key, self._clock()
        if key is not None and now < key.ends_at - MARGIN_SECONDS:
            if now >= self._renew_at:
                self._renewal()
            return key.credentials
        # Not this caller's alone: who leaves must not end it for the others.
        return (await asyncio.shield(self._renewal())).credentials

    def _renewal(self) -> asyncio.Task[RoleKey]:
        """The one request for new credentials, however many wait for them."""
        if self._renewing is None:
            self._renewing = asyncio.create_task(self._renew())
            self._renewing.add_done_callback(_hear)
        return self._renewing

    async def _renew(self) -> RoleKey:
        try:
            key = await self._fetch()
            left = self._seconds_left(key)
        except Overloaded as error:
            _LOG.warning("No new AWS credentials: %s", error.message)
            self._renew_at = self._clock() + AGAIN_SECONDS
            raise
        else:
            self._key = key
            self._renew_at = key.ends_at - min(RENEWAL_SECONDS, left / 2)
            return key
        finally:
            self._renewing = None

    def _seconds_left(self, key: RoleKey) -> float:
        left = key.ends_at - self._clock()
        if left <= MARGIN_SECONDS:
            raise Overloaded("AWS gave credentials that have ended; look at this machine's clock")
        return left


def from_container(http: HttpClient, url: str, token: Callable[[], str | None]) -> Fetch:
    """Ask a container's agent at `url`; `token` is read anew each time, since its file changes."""

    async def fetch() -> RoleKey:
        try:
            said = token()
        except OSError as error:
            raise Overloaded(f"the container's authorization token: {error.strerror}") from None
        headers = {} if said is None else {"authorization": said}
        return _key(await _asked(http, "GET", url, headers))

    return fetch


def from_instance(http: HttpClient, endpoint: str) -> Fetch:
    """Ask the metadata service of an EC2 instance at `endpoint` for its role's credentials."""

    async def fetch() -> RoleKey:
        wanted = {"x-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_SECONDS)}
        token = await _asked(http, "PUT", f"{endpoint}/latest/api/token", wanted)
        headers = {"x-aws-ec2-metadata-token": _text(token)}
        role = _text(await _asked(http, "GET", endpoint + _ROLES, headers)).split("\n")[0].strip()
        return _key(await _asked(http, "GET", endpoint + _ROLES + role, headers))

    return fetch


async def _asked(http: HttpClient, method: str, url: str, headers: Mapping[str, str]) -> bytes:
    try:
        answer = await http.send(method, url, headers=headers)
    except HttpError as error:
        raise Overloaded(f"{_ADVICE} (its service does not answer: {error})") from None
    if answer.status != 200:
        # Its text stays out of every message: it may hold a part of a credential.
        raise Overloaded(f"{_ADVICE} (its service answered {answer.status})")
    return answer.body


def _text(answer: bytes) -> str:
    return answer.decode("latin-1")


def _key(answer: bytes) -> RoleKey:
    try:
        said = msgspec.json.decode(answer, type=_Answer)
    except msgspec.DecodeError:
        raise Overloaded(f"{_ADVICE} (its service gave no credentials)") from None
    credentials = Credentials(said.access_key_id, said.secret_access_key, said.token)
    return RoleKey(credentials, said.expiration.timestamp())


def _hear(task: asyncio.Task[RoleKey]) -> None:
    """Take note of a failure that nobody may have waited for; it is in the log."""
    if not task.cancelled():
        task.exception()
