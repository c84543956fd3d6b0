"""Counts of how well the platform serves, in a dictionary: gone with the process."""

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field

from headgate.core.service_levels import Counts, Slot, oldest_kept, slots_of


@dataclass(slots=True)
class MemoryServiceLevels:
    """`ServiceStore` for one process."""

    _slots: defaultdict[Slot, defaultdict[str, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )

    async def add(self, moment: float, counts: Mapping[str, Counts]) -> None:
        """See `ServiceStore.add`."""
        for slot in slots_of(moment):
            for series, each in counts.items():
                self._slots[slot][series].update(each)
            for old in [s for s in self._slots if s.length == slot.length]:
                if old.start < oldest_kept(slot):
                    del self._slots[old]

    async def sums(self, length: int, start: int, end: int) -> Mapping[str, Counts]:
        """See `ServiceStore.sums`."""
        found: defaultdict[str, Counter[str]] = defaultdict(Counter)
        for slot, series in self._slots.items():
            if slot.length == length and start <= slot.start < end:
                for name, counts in series.items():
                    found[name].update(counts)
        return found
