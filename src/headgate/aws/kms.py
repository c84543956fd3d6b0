"""Secrets sealed by a key of AWS's KMS, which never leaves it.

A sealed secret is a byte that names this form, and what KMS made of the secret. What it is bound to
is KMS's encryption context: it is part of what KMS checks, and stands in CloudTrail beside each use
of the key. The secrets are short, so KMS encrypts them itself and there are no data keys to keep.
"""

import asyncio
import base64
import logging
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from headgate.aws.secret_names import SEALED
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.core.vendor_keys import Place
from headgate.transport.http import HttpClient, HttpError, HttpResponse
from headgate.transport.sigv4 import CredentialsSource, Target, sign

FORM = b"\x02"
MOST_SECRET_BYTES = 4096
"""KMS encrypts no more at once."""
PAUSES_SECONDS = (0.05, 0.2, 0.8)

_CANNOT_BE_OPENED = frozenset({"IncorrectKeyException", "InvalidCiphertextException"})
_PASSING = frozenset(
    {
        "DependencyTimeoutException",
        "KMSInternalException",
        "LimitExceededException",
        "ThrottlingException",
    }
)
_LOG = logging.getLogger(__name__)


class _Refused(Exception):
    """KMS refuses: `kind` is its own word for the reason."""

    def __init__(self, kind: str) -> None:
        super().__init__(kind)
        self.kind = kind


@dataclass(frozen=True, slots=True)
class KmsSealer:
    """A `Sealer` by the key `key`: its id, its ARN or an alias."""

    http: HttpClient
    endpoint: str
    region: str
    credentials: CredentialsSource
    key: str
    clock: Callable[[], float] = time.time
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep

    async def seal(self, secret: str, place: Place) -> bytes:
        """See `Sealer.seal`.

        Raises:
            InvalidRequest: the secret is too long.
        """
        plain = secret.encode()
        if len(plain) > MOST_SECRET_BYTES:
            raise InvalidRequest(f"a key has at most {MOST_SECRET_BYTES} bytes", param="apiKey")
        wanted = {"Plaintext": base64.b64encode(plain).decode(), **self._about(place)}
        try:
            answer = await self._call("Encrypt", wanted)
        except _Refused as error:
            raise self._unusable(error) from None
        return FORM + base64.b64decode(answer["CiphertextBlob"])

    async def open(self, sealed: bytes, place: Place) -> str | None:
        """See `Sealer.open`."""
        if not sealed.startswith(FORM):
            return None
        blob = base64.b64encode(sealed[len(FORM) :]).decode()
        try:
            answer = await self._call("Decrypt", {"CiphertextBlob": blob, **self._about(place)})
        except _Refused as error:
            if error.kind in _CANNOT_BE_OPENED:
                return None
            raise self._unusable(error) from None
        return base64.b64decode(answer["Plaintext"]).decode()

    def _about(self, place: Place) -> dict[str, object]:
        user = {"headgate:user": place.user_id, "headgate:vendor": place.provider}
        return {"KeyId": self.key, "EncryptionContext": SEALED | user}

    async def _call(self, operation: str, request: Mapping[str, object]) -> dict[str, Any]:
        """The answer to a request, which may be made again: it changes nothing.

        Raises:
            _Refused: another try would be refused as well.
            Overloaded: KMS does not answer in time.
        """
        body = msgspec.json.encode(request)
        reason = ""
        for seconds in (0.0, *PAUSES_SECONDS):
            if seconds:
                await self.pause(seconds)
            try:
                answer = await self._once(operation, body)
            except HttpError as error:
                reason = str(error)
                continue
            if answer.status == 200:
                found: dict[str, Any] = msgspec.json.decode(answer.body)
                return found
            reason = _kind(answer.body)
            if answer.status < 500 and reason not in _PASSING:
                raise _Refused(reason)
        _LOG.warning("KMS did not answer %s: %s", operation, reason)
        raise Overloaded("AWS's KMS does not answer: try again", retry_after_seconds=1)

    async def _once(self, operation: str, body: bytes) -> HttpResponse:
        headers = sign(
            "POST",
            self.endpoint,
            headers={
                "content-type": "application/x-amz-json-1.1",
                "x-amz-target": f"TrentService.{operation}",
            },
            body=body,
            credentials=await self.credentials.current(),
            target=Target(self.region, "kms"),
            now=self.clock(),
        )
        return await self.http.send("POST", self.endpoint, headers=headers, body=body)

    def _unusable(self, error: _Refused) -> Overloaded:
        _LOG.error("KMS refused the key %s: %s", self.key, error.kind)
        return Overloaded(
            f"AWS's KMS refuses the key that HEADGATE_KMS_KEY_ID names ({error.kind}): this process"
            " needs kms:Encrypt and kms:Decrypt with it"
        )


class _Refusal(msgspec.Struct):
    kind: str = msgspec.field(default="", name="__type")


def _kind(body: bytes) -> str:
    try:
        return msgspec.json.decode(body, type=_Refusal).kind.rpartition("#")[2]
    except msgspec.MsgspecError:
        return "no reason given"
