"""Secrets that nobody can read, change or move without being noticed."""

import pytest

from headgate.core.vendor_keys import Place
from headgate.stores.sealing import AesSealer

SECRET = "sk-a-vendors-key"
PLACE = Place("ada", "openai")
SEALER = AesSealer(b"the platform's own", b"salt")


async def test_processes_with_the_same_secret_open_what_one_has_sealed() -> None:
    sealed = await SEALER.seal(SECRET, PLACE)
    assert await AesSealer(b"the platform's own", b"salt").open(sealed, PLACE) == SECRET


async def test_what_an_earlier_release_has_sealed_is_opened() -> None:
    """What it is bound to is written as it always was."""
    sealed = bytes.fromhex(
        "01000102030405060708090a0b"
        + SEALER._cipher.encrypt(bytes(range(12)), SECRET.encode(), b'\x01["openai","ada"]').hex()
    )
    assert await SEALER.open(sealed, PLACE) == SECRET


async def test_a_nonce_is_never_used_twice() -> None:
    nonces = {(await SEALER.seal(SECRET, PLACE))[1:13] for _ in range(20)}
    assert len(nonces) == 20


@pytest.mark.parametrize(
    "other",
    [
        AesSealer(b"another", b"salt"),
        AesSealer(b"the platform's own", b"pepper"),
        AesSealer(b"the platform's own"),
    ],
    ids=["secret", "salt", "no salt"],
)
async def test_another_secret_or_salt_opens_nothing(other: AesSealer) -> None:
    assert await other.open(await SEALER.seal(SECRET, PLACE), PLACE) is None


async def test_a_change_of_any_byte_is_noticed() -> None:
    sealed = await SEALER.seal(SECRET, PLACE)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        assert await SEALER.open(bytes(changed), PLACE) is None


async def test_what_was_cut_off_is_not_opened() -> None:
    sealed = await SEALER.seal(SECRET, PLACE)
    for length in range(len(sealed)):
        assert await SEALER.open(sealed[:length], PLACE) is None
