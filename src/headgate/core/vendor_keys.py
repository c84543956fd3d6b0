"""Users' own keys for vendors: values, and the ports of where they lie and how they are sealed.

A store sees sealed bytes only. What a seal is bound to is not kept in it: bytes that are put in
another user's or vendor's place cannot be opened there.
"""

from typing import NamedTuple, Protocol

import msgspec


class Place(NamedTuple):
    """Where a sealed key belongs; in any other place it cannot be opened."""

    user_id: str
    provider: str


class VendorKey(msgspec.Struct, frozen=True, kw_only=True):
    """A user's key for a vendor as it is kept.

    Attributes:
        last_four: the end of the key, by which its owner knows it.
        set_at: Unix seconds.
    """

    user_id: str
    provider: str
    sealed: bytes
    last_four: str
    set_at: float


class VendorKeyStore(Protocol):
    """Where vendor keys are kept. Every method may raise `Overloaded` when the store is away."""

    async def put(self, key: VendorKey) -> None:
        """Keep a key in the place of the one that the user had for the vendor."""
        ...

    async def of_user(self, user_id: str) -> list[VendorKey]:
        """All keys of a user, by vendor."""
        ...

    async def drop(self, user_id: str, provider: str) -> None:
        """Forget a key, if there is one."""
        ...


class Sealer(Protocol):
    """Makes a secret unreadable for whoever has not what opens it."""

    async def seal(self, secret: str, place: Place) -> bytes:
        """The secret, sealed; it can be opened with the same `place` only.

        Raises:
            Overloaded: whoever seals does not answer, or refuses.
        """
        ...

    async def open(self, sealed: bytes, place: Place) -> str | None:
        """The secret; None where it was sealed by another one, for another place, or changed.

        Raises:
            Overloaded: whoever opens does not answer, or refuses.
        """
        ...
