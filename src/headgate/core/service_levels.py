"""How well the platform serves, as counts summed over time: values, and their store's port.

Time is cut into slots of three lengths, and every count is added to the slot of each, so that any
window is the sum of a few hundred slots, however many calls there were.
"""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol, TypeAlias

LENGTHS = (300, 3600, 86_400)
"""The lengths of slots, in seconds."""
MOST_SLOTS = 288
"""So many slots of each length are kept."""

ALL = ""
"""The series of whole requests; the others are models, as `vendor/model`."""

ROUND_MS = (
    *(5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000),
    *(10_000, 25_000, 60_000, 120_000, 300_000),
)
"""Bounds in milliseconds that people know; each is the bound of a class too."""

_STEP = 1.2
BOUNDS = tuple(sorted({*(round(5 * _STEP**number) for number in range(64)), *ROUND_MS}))
"""The upper bounds of classes of time, in milliseconds: 5 ms to 8 minutes, at most 20 % apart."""

Counts: TypeAlias = Mapping[str, int]
"""How often each of these happened; `whole 12` and `first 12` are answers in the class 12."""

Untold: TypeAlias = Callable[[], Mapping[str, Counts]]
"""Gives what a process has counted since it was called last, for each series; what was not
counted is left out."""


class Slot(NamedTuple):
    """A piece of time; `start` is in Unix seconds, and a whole number of its lengths."""

    length: int
    start: int


class ServiceStore(Protocol):
    """Where counts are kept. Every method may raise `Overloaded` when the store is away."""

    async def add(self, moment: float, counts: Mapping[str, Counts]) -> None:
        """Add to the slots of a moment, for each series; slots that are too old are dropped."""
        ...

    async def sums(self, length: int, start: int, end: int) -> Mapping[str, Counts]:
        """The sums for each series over the slots that begin from `start` to before `end`."""
        ...


def slots_of(moment: float) -> list[Slot]:
    """The slots that a moment lies in, one of each length."""
    return [Slot(length, int(moment // length) * length) for length in LENGTHS]


def oldest_kept(slot: Slot) -> int:
    """The start of the oldest slot that is kept when this is the newest of its length."""
    return slot.start - (MOST_SLOTS - 1) * slot.length


def time_class(milliseconds: float) -> int:
    """The class that a time falls into."""
    return bisect_left(BOUNDS, milliseconds)


def percentile(counts: Counts, kind: str, share: float) -> int | None:
    """The time within which `share` of the answers came, rounded up to the bound of a class.

    So it is never better than it was, and at most 20 % worse. What took longer than all bounds
    reads as twice the last one; None where there was no answer.
    """
    classes: Sequence[int] = [counts.get(f"{kind} {n}", 0) for n in range(len(BOUNDS) + 1)]
    total, passed = sum(classes), 0
    if not total:
        return None
    for bound, count in zip((*BOUNDS, BOUNDS[-1] * 2), classes, strict=True):
        passed += count
        if passed >= share * total:
            return bound
    return BOUNDS[-1] * 2
