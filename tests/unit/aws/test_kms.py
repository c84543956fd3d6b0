"""AWS's KMS as a sealer: what it is asked, and what becomes of its refusals."""

import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec
import pytest

from fakes import FakeClock
from headgate.aws.kms import FORM, KmsSealer
from headgate.core.errors import InvalidRequest, Overloaded
from headgate.core.vendor_keys import Place
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials
from servers import serve

PLACE = Place("ada", "openai")
KEY = "arn:aws:kms:eu-west-1:123456789012:key/one"


@dataclass
class KmsStandIn:
    """Answers each request by the next of `answers`: a status and a body."""

    answers: list[tuple[int, dict[str, Any]]]
    asked: list[dict[str, Any]] = field(default_factory=list)
    headers: dict[str, str] = field(default_factory=dict)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            return
        self.asked.append(msgspec.json.decode((await receive())["body"]))
        self.headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        status, body = self.answers.pop(0)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": msgspec.json.encode(body)})


def refusal(kind: str) -> tuple[int, dict[str, Any]]:
    return 400, {"__type": f"com.amazonaws.kms#{kind}", "message": "words that may hold a secret"}


@contextlib.asynccontextmanager
async def sealer(*answers: tuple[int, dict[str, Any]]) -> AsyncIterator[tuple[KmsSealer, Any]]:
    stand_in = KmsStandIn(list(answers))
    http = HttpClient()

    async def wait(_seconds: float) -> None:
        return

    async with serve(stand_in) as url:
        credentials = Credentials("AKID", "the-secret")
        yield KmsSealer(http, f"{url}/", "eu-west-1", credentials, KEY, FakeClock(), wait), stand_in
        await http.aclose()


async def test_a_secret_is_encrypted_under_the_key_for_its_place() -> None:
    async with sealer((200, {"CiphertextBlob": "Y2lwaGVy"})) as (kms, told):
        assert await kms.seal("sk-one", PLACE) == FORM + b"cipher"
        assert told.asked == [
            {
                "Plaintext": "c2stb25l",
                "KeyId": KEY,
                "EncryptionContext": {
                    "headgate:use": "vendor-key",
                    "headgate:user": "ada",
                    "headgate:vendor": "openai",
                },
            }
        ]
        assert told.headers["x-amz-target"] == "TrentService.Encrypt"
        assert "/eu-west-1/kms/aws4_request" in told.headers["authorization"]


async def test_it_is_decrypted_by_that_key_alone_for_the_same_place() -> None:
    async with sealer((200, {"Plaintext": "c2stb25l"})) as (kms, told):
        assert await kms.open(FORM + b"cipher", PLACE) == "sk-one"
        (asked,) = told.asked
        assert (asked["CiphertextBlob"], asked["KeyId"]) == ("Y2lwaGVy", KEY)
        assert asked["EncryptionContext"]["headgate:user"] == "ada"


@pytest.mark.parametrize("kind", ["InvalidCiphertextException", "IncorrectKeyException"])
async def test_what_is_not_of_this_key_or_place_is_not_opened(kind: str) -> None:
    async with sealer(refusal(kind)) as (kms, _):
        assert await kms.open(FORM + b"cipher", PLACE) is None


async def test_what_the_platforms_secret_has_sealed_is_not_asked_for() -> None:
    async with sealer() as (kms, told):
        assert await kms.open(b"\x01 sealed otherwise", PLACE) is None
        assert not told.asked


@pytest.mark.parametrize("kind", ["AccessDeniedException", "DisabledException", "Strange"])
async def test_a_key_that_may_not_be_used_is_said_to_be_and_nothing_more(
    kind: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with sealer(refusal(kind), refusal(kind)) as (kms, _):
        with pytest.raises(Overloaded, match=kind) as opening:
            await kms.open(FORM + b"cipher", PLACE)
        with pytest.raises(Overloaded, match="kms:Encrypt"):
            await kms.seal("sk-one", PLACE)
    assert "may hold a secret" not in str(opening.value) + caplog.text


async def test_what_passes_is_tried_again() -> None:
    """To encrypt and to decrypt changes nothing, however often."""
    answers = [refusal("ThrottlingException"), (500, {}), (200, {"Plaintext": "c2stb25l"})]
    async with sealer(*answers) as (kms, told):
        assert await kms.open(FORM + b"cipher", PLACE) == "sk-one"
        assert len(told.asked) == 3


async def test_what_does_not_pass_is_told_after_a_while() -> None:
    async with sealer(*[(503, {})] * 9) as (kms, told):
        with pytest.raises(Overloaded, match="does not answer"):
            await kms.open(FORM + b"cipher", PLACE)
        assert len(told.asked) == 4


async def test_a_secret_that_kms_would_not_take_is_refused_before() -> None:
    async with sealer() as (kms, told):
        with pytest.raises(InvalidRequest, match="4096 bytes"):
            await kms.seal("x" * 4097, PLACE)
        assert not told.asked
