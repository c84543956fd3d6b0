"""Acts that no request asks for, in the audit log: of commands, and of a start."""

from dataclasses import dataclass

from headgate.core.audit import Actor, Intent
from headgate.core.keys import COMMAND_LINE, KeySecret, KeyStore, VirtualKey
from headgate.identity.audit import Audit

_COMMAND = Actor(key_id=COMMAND_LINE, name="command line", means="command")
_PLATFORM = Actor(key_id="", name="the platform, as it starts", means="platform")


async def begin_by_command(audit: Audit, action: str) -> Intent:
    """Tell of what a command is about to do on the data directory."""
    return await audit.begin(_COMMAND, action, "", request_id="", address="")


@dataclass(frozen=True, slots=True)
class AuditedKeys:
    """`KeyStore` that tells of each change: a start makes and changes administrators' keys."""

    keys: KeyStore
    audit: Audit

    async def add(self, key: VirtualKey, secret: KeySecret) -> None:
        """See `KeyStore.add`."""
        intent = await self._begin("key.create", key)
        await self.keys.add(key, secret)
        await self.audit.end(intent, after=key)

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """See `KeyStore.find`."""
        return await self.keys.find(secret_hash)

    async def get(self, key_id: str) -> VirtualKey | None:
        """See `KeyStore.get`."""
        return await self.keys.get(key_id)

    async def list(self, *, limit: int, after: str | None) -> list[VirtualKey]:
        """See `KeyStore.list`."""
        return await self.keys.list(limit=limit, after=after)

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        """See `KeyStore.put`."""
        intent = await self._begin("key.change", key, before=expected)
        was_put = await self.keys.put(key, expected=expected)
        await self.audit.end(intent, code=None if was_put else "conflict", after=key)
        return was_put

    async def rotate(self, new: KeySecret, *, old_valid_until: float) -> None:
        """See `KeyStore.rotate`; no start does it."""
        await self.keys.rotate(new, old_valid_until=old_valid_until)

    async def erase(self, key_id: str) -> bool:
        """See `KeyStore.erase`; no start does it."""
        return await self.keys.erase(key_id)

    async def _begin(
        self, action: str, key: VirtualKey, *, before: VirtualKey | None = None
    ) -> Intent:
        return await self.audit.begin(
            _PLATFORM, action, key.key_id, request_id="", address="", before=before
        )
