"""What the workers of one server measure, told together by whichever of them is asked.

Each keeps its numbers in a file, replaced every second, and reads those of the others: so sums are
at most that old, nothing is counted on the way of a request, and what a worker that died had
counted stays counted. Without that a counter would fall when a worker dies, which to Prometheus is
a new beginning.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headgate.core.measurements import Measured, Measurement

WRITE_SECONDS = 1.0
DEAD_SECONDS = 10.0
"""Who has not written for so long is gone; what it had under way is no more."""

_encode = msgspec.json.Encoder().encode
_MEASUREMENTS = msgspec.json.Decoder(list[Measurement])


@dataclass(frozen=True, slots=True)
class WorkerNumbers:
    """The numbers of one worker among others.

    Attributes:
        directory: where all workers of this server, and nobody else, keep theirs.
        name: this worker's.
    """

    directory: Path
    name: str
    parts: Sequence[Measured]
    clock: Callable[[], float] = time.time

    def write(self) -> None:
        """Keep this worker's numbers as they stand now."""
        whole = self.directory / self.name
        part = whole.with_suffix(".new")
        part.write_bytes(_encode([one for each in self.parts for one in each.measurements()]))
        part.replace(whole)

    def others(self) -> Iterable[Measurement]:
        """The numbers of the other workers; of those that are gone, what they had counted."""
        for path in self.directory.glob("*.json"):
            if path.name == self.name:
                continue
            is_gone = self.clock() - path.stat().st_mtime > DEAD_SECONDS
            for one in _MEASUREMENTS.decode(path.read_bytes()):
                if one.kind != "gauge" or not is_gone:
                    yield one

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Keep the numbers for the length of the block, and as they stand at its end."""
        task = asyncio.create_task(self._write_on())
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait([task])
            with contextlib.suppress(OSError):
                self.write()

    async def _write_on(self) -> None:
        while True:
            with contextlib.suppress(OSError):  # a full disk stops nobody's work
                self.write()
            await asyncio.sleep(WRITE_SECONDS)


def merged(measurements: Iterable[Measurement]) -> list[Measurement]:
    """One number for each name with its labels."""
    found: dict[tuple[str, frozenset[tuple[str, str]]], Measurement] = {}
    for one in measurements:
        key = (one.name, frozenset(one.labels.items()))
        before = found.get(key)
        found[key] = one if before is None else _both(before, one)
    return list(found.values())


def _both(one: Measurement, other: Measurement) -> Measurement:
    if one.merge == "max":
        return one if one.value >= other.value else other
    counts = tuple(a + b for a, b in zip(one.counts, other.counts, strict=True))
    return one._replace(value=one.value + other.value, counts=counts)
