"""Secrets that nobody can read, change or move without being noticed."""

import pytest

from headgate.stores.sealing import AesSealer

SECRET = "sk-a-vendors-key"
PLACE = b"openai/ada"
SEALER = AesSealer(b"the platform's own", b"salt")


def test_a_sealed_secret_is_opened_where_it_belongs() -> None:
    sealed = SEALER.seal(SECRET, bound_to=PLACE)
    assert SEALER.open(sealed, bound_to=PLACE) == SECRET
    assert AesSealer(b"the platform's own", b"salt").open(sealed, bound_to=PLACE) == SECRET


def test_a_sealed_secret_shows_nothing_of_it_and_differs_each_time() -> None:
    one, other = (SEALER.seal(SECRET, bound_to=PLACE) for _ in range(2))
    assert one != other
    assert SECRET.encode() not in one
    assert one[1:13] != other[1:13], "a nonce is never used twice"


@pytest.mark.parametrize("place", [b"openai/bob", b"anthropic/ada", b""])
def test_a_sealed_secret_cannot_be_opened_in_another_place(place: bytes) -> None:
    assert SEALER.open(SEALER.seal(SECRET, bound_to=PLACE), bound_to=place) is None


@pytest.mark.parametrize(
    "other",
    [
        AesSealer(b"another", b"salt"),
        AesSealer(b"the platform's own", b"pepper"),
        AesSealer(b"the platform's own"),
    ],
    ids=["secret", "salt", "no salt"],
)
def test_another_secret_or_salt_opens_nothing(other: AesSealer) -> None:
    assert other.open(SEALER.seal(SECRET, bound_to=PLACE), bound_to=PLACE) is None


def test_a_change_of_any_byte_is_noticed() -> None:
    sealed = SEALER.seal(SECRET, bound_to=PLACE)
    for index in range(len(sealed)):
        changed = bytearray(sealed)
        changed[index] ^= 1
        assert SEALER.open(bytes(changed), bound_to=PLACE) is None


def test_what_was_cut_off_is_not_opened() -> None:
    sealed = SEALER.seal(SECRET, bound_to=PLACE)
    for length in range(len(sealed)):
        assert SEALER.open(sealed[:length], bound_to=PLACE) is None
