"""Answers kept under idempotency keys, in a dictionary: gone with the process."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headgate.core.answers import AnswerKey, Claim, KeptAnswer


@dataclass(slots=True)
class _Claimed:
    claim: Claim
    expires_at: float
    awaited_at: float = float("-inf")


@dataclass(slots=True)
class MemoryAnswers:
    """`AnswerStore` for one process."""

    _found: dict[str, _Claimed | KeptAnswer] = field(default_factory=dict)

    def put(self, answer: KeptAnswer) -> None:
        """Put an answer in the place of its claim."""
        self._found[answer.key.id] = answer

    async def keep(self, answer: KeptAnswer) -> None:
        """See `AnswerStore.keep`."""
        self.put(answer)

    async def find(self, call_id: str, *, now: float) -> Claim | KeptAnswer | None:
        """See `AnswerStore.find`."""
        found = self._found.get(call_id)
        if found is None or found.expires_at <= now:
            return None
        return found if isinstance(found, KeptAnswer) else found.claim

    async def claim(
        self, key: AnswerKey, *, owner: str, now: float, until: float
    ) -> Claim | KeptAnswer:
        """See `AnswerStore.claim`."""
        found = self._found.get(key.id)
        if found is not None and found.expires_at > now:
            if isinstance(found, KeptAnswer):
                return found
            if found.claim.owner != owner:
                found.awaited_at = now
                return found.claim
        claim = Claim(owner=owner, fingerprint=key.fingerprint)
        self._found[key.id] = _Claimed(claim, until)
        return claim

    async def renew(self, ids: Sequence[str], *, owner: str, until: float) -> None:
        """See `AnswerStore.renew`."""
        for call_id in ids:
            if claimed := self._claimed(call_id, owner):
                claimed.expires_at = max(claimed.expires_at, until)

    async def drop(self, call_id: str, *, owner: str) -> None:
        """See `AnswerStore.drop`."""
        if self._claimed(call_id, owner):
            del self._found[call_id]

    async def is_awaited(self, call_id: str, *, since: float) -> bool:
        """See `AnswerStore.is_awaited`."""
        found = self._found.get(call_id)
        return isinstance(found, _Claimed) and found.awaited_at >= since

    async def forget(self, *, now: float) -> None:
        """See `AnswerStore.forget`."""
        for call_id in [name for name, found in self._found.items() if found.expires_at <= now]:
            del self._found[call_id]

    def _claimed(self, call_id: str, owner: str) -> _Claimed | None:
        found = self._found.get(call_id)
        if isinstance(found, _Claimed) and found.claim.owner == owner:
            return found
        return None
