"""Users' own vendor keys in a dictionary: gone with the process."""

from dataclasses import dataclass, field

from headgate.core.vendor_keys import VendorKey


@dataclass(slots=True)
class MemoryVendorKeys:
    """`VendorKeyStore` for one process."""

    _keys: dict[tuple[str, str], VendorKey] = field(default_factory=dict)

    async def put(self, key: VendorKey) -> None:
        """See `VendorKeyStore.put`."""
        self._keys[key.user_id, key.provider] = key

    async def of_user(self, user_id: str) -> list[VendorKey]:
        """See `VendorKeyStore.of_user`."""
        found = [key for key in self._keys.values() if key.user_id == user_id]
        return sorted(found, key=lambda key: key.provider)

    async def drop(self, user_id: str, provider: str) -> None:
        """See `VendorKeyStore.drop`."""
        self._keys.pop((user_id, provider), None)
