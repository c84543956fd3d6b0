"""Agents' memory without a disk, for tests."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from headgate.core.memory import Fact, Person, Turn


@dataclass(slots=True)
class MemoryMemories:
    """`MemoryStore` in this process."""

    _turns: dict[tuple[Person, str], list[Turn]] = field(default_factory=dict)
    _said: set[tuple[Person, str, str]] = field(default_factory=set)
    _facts: dict[tuple[Person, str], Fact] = field(default_factory=dict)

    async def say(
        self, person: Person, session_id: str, turns: Sequence[Turn], *, once: str
    ) -> None:
        """See `MemoryStore.say`."""
        if (person, session_id, once) not in self._said:
            self._said.add((person, session_id, once))
            self._turns.setdefault((person, session_id), []).extend(turns)

    async def conversation(self, person: Person, session_id: str, *, limit: int) -> list[Turn]:
        """See `MemoryStore.conversation`."""
        return self._turns.get((person, session_id), [])[-limit:]

    async def end(self, person: Person, session_id: str) -> None:
        """See `MemoryStore.end`."""
        self._turns.pop((person, session_id), None)

    async def keep(self, person: Person, facts: Sequence[Fact]) -> None:
        """See `MemoryStore.keep`."""
        for fact in facts:
            self._facts[person, fact.id] = fact

    async def facts(self, person: Person, *, now: float, limit: int) -> list[Fact]:
        """See `MemoryStore.facts`."""
        found = [
            fact
            for (owner, _), fact in self._facts.items()
            if owner == person and (fact.expires_at is None or fact.expires_at > now)
        ]
        return sorted(found, key=lambda fact: (fact.created_at, fact.id), reverse=True)[:limit]

    async def forget(self, person: Person, fact_id: str) -> bool:
        """See `MemoryStore.forget`."""
        return self._facts.pop((person, fact_id), None) is not None
