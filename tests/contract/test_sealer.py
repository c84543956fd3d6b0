"""What everything that seals users' own vendor keys promises.

That another key opens nothing is shown beside each adapter: MiniStack decrypts by any.
"""

from collections.abc import AsyncIterator

import pytest

import ministack
from headgate.aws.kms import KmsSealer
from headgate.core.vendor_keys import Place, Sealer
from headgate.stores.sealing import AesSealer
from headgate.transport.http import HttpClient
from headgate.transport.sigv4 import Credentials, Target, sign

SECRET = "sk-a-vendors-key"
PLACE = Place("ada", "openai")


async def new_key(http: HttpClient, credentials: Credentials) -> str:
    """A key of an account of its own."""
    url = f"{ministack.endpoint()}/"
    headers = sign(
        "POST",
        url,
        headers={
            "content-type": "application/x-amz-json-1.1",
            "x-amz-target": "TrentService.CreateKey",
        },
        body=b"{}",
        credentials=credentials,
        target=Target(ministack.REGION, "kms"),
        now=0.0,
    )
    answer = await http.send("POST", url, headers=headers, body=b"{}")
    return answer.body.decode().partition('"KeyId"')[2].split('"')[1]


@pytest.fixture(params=["aes", "kms"])
async def sealer(request: pytest.FixtureRequest) -> AsyncIterator[Sealer]:
    if request.param == "aes":
        yield AesSealer(b"the platform's own", b"salt")
        return
    http = HttpClient()
    credentials = Credentials(ministack.new_account(), ministack.SECRET)
    url = f"{ministack.endpoint()}/"
    key = await new_key(http, credentials)
    yield KmsSealer(http, url, ministack.REGION, credentials, key)
    await http.aclose()


async def test_a_sealed_secret_is_opened_where_it_belongs(sealer: Sealer) -> None:
    sealed = await sealer.seal(SECRET, PLACE)
    assert await sealer.open(sealed, PLACE) == SECRET


@pytest.mark.parametrize("secret", ["", "ключ", "x" * 4096])
async def test_any_text_comes_out_as_it_went_in(sealer: Sealer, secret: str) -> None:
    assert await sealer.open(await sealer.seal(secret, PLACE), PLACE) == secret


async def test_a_sealed_secret_shows_nothing_of_it_and_differs_each_time(sealer: Sealer) -> None:
    one, other = [await sealer.seal(SECRET, PLACE) for _ in range(2)]
    assert one != other
    assert SECRET.encode() not in one


@pytest.mark.parametrize(
    "place", [Place("bob", "openai"), Place("ada", "anthropic"), Place("openai", "ada")]
)
async def test_a_sealed_secret_cannot_be_opened_in_another_place(
    sealer: Sealer, place: Place
) -> None:
    assert await sealer.open(await sealer.seal(SECRET, PLACE), place) is None


@pytest.mark.parametrize("sealed", [b"", b"\x01", b"\x02", b"\x03 of another form", b"\x02" * 40])
async def test_what_was_never_sealed_is_not_opened(sealer: Sealer, sealed: bytes) -> None:
    assert await sealer.open(sealed, PLACE) is None
