"""Secrets sealed with AES-256-GCM under a key that HKDF derives from the platform's own secret.

A sealed secret is a byte that names this form, a random nonce of 12 bytes, and the ciphertext with
its tag. Random nonces are safe for some four billion seals under one key.
"""

import os

import msgspec
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from headgate.core.vendor_keys import Place

FORM = b"\x01"
NONCE_BYTES = 12
# One secret gives several keys: each use has its own.
PURPOSE = b"headgate vendor keys"


class AesSealer:
    """A `Sealer` from a secret and a salt, which must stay as they are."""

    def __init__(self, secret: bytes, salt: bytes | None = None) -> None:
        """Derive the key."""
        derived = HKDF(algorithm=SHA256(), length=32, salt=salt, info=PURPOSE).derive(secret)
        self._cipher = AESGCM(derived)

    async def seal(self, secret: str, place: Place) -> bytes:
        """See `Sealer.seal`."""
        nonce = os.urandom(NONCE_BYTES)
        return FORM + nonce + self._cipher.encrypt(nonce, secret.encode(), _bound_to(place))

    async def open(self, sealed: bytes, place: Place) -> str | None:
        """See `Sealer.open`."""
        form, nonce, text = sealed[:1], sealed[1 : 1 + NONCE_BYTES], sealed[1 + NONCE_BYTES :]
        if form != FORM or len(nonce) != NONCE_BYTES:
            return None
        try:
            return self._cipher.decrypt(nonce, text, _bound_to(place)).decode()
        except InvalidTag:
            return None


def _bound_to(place: Place) -> bytes:
    return FORM + msgspec.json.encode((place.provider, place.user_id))
