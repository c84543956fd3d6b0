"""This process, looked at every few seconds and remembered for some minutes."""

import asyncio
import contextlib
import os
import resource
import sys
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from pathlib import Path

from headgate.core.measurements import Measurement, Metric
from headgate.core.process import ProcessSample

SAMPLE_SECONDS = 5.0
KEPT_SAMPLES = 180  # a quarter of an hour
CPU = Metric("headgate_process_cpu_seconds", "counter", "Processor time of all workers.")
MEMORY = Metric("headgate_process_memory_bytes", "gauge", "Memory that all workers hold.")
LAG = Metric(
    "headgate_event_loop_lag_seconds",
    "gauge",
    "How late the event loop came to its last look at itself, in the worker where it was latest.",
    merge="max",
)
_STATM = Path("/proc/self/statm")


class ProcessWatch:
    """Looks at this process; see `ProcessHistory`."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        """Begin with nothing seen."""
        self._clock = clock
        self._samples: deque[ProcessSample] = deque(maxlen=KEPT_SAMPLES)
        self._seen_at = time.monotonic()
        self._cpu_then = time.process_time()
        self.started_at = clock()

    def samples(self) -> list[ProcessSample]:
        """See `ProcessHistory.samples`."""
        return list(self._samples)

    @property
    def metrics(self) -> Sequence[Metric]:
        """See `Measured.metrics`."""
        return (CPU, MEMORY, LAG)

    def measurements(self) -> Iterable[Measurement]:
        """See `Measured.measurements`."""
        yield CPU.at(time.process_time())
        yield MEMORY.at(memory_bytes())
        yield LAG.at(self._samples[-1].lag_seconds if self._samples else 0.0)

    def look(self, lag_seconds: float) -> None:
        """Remember this moment."""
        now, cpu = time.monotonic(), time.process_time()
        elapsed = max(now - self._seen_at, 1e-9)
        share = (cpu - self._cpu_then) / elapsed
        self._samples.append(ProcessSample(self._clock(), share, memory_bytes(), lag_seconds))
        self._seen_at, self._cpu_then = now, cpu

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        loop = asyncio.get_running_loop()
        while True:
            due = loop.time() + SAMPLE_SECONDS
            await asyncio.sleep(SAMPLE_SECONDS)
            self.look(max(0.0, loop.time() - due))


@contextlib.asynccontextmanager
async def watching() -> AsyncIterator[ProcessWatch]:
    """A watch of this process that looks as long as it is open."""
    watch = ProcessWatch()
    looking = asyncio.create_task(watch.run())
    try:
        yield watch
    finally:
        looking.cancel()


def memory_bytes() -> int:
    """What this process holds of the machine's memory; where the system hides that, its peak."""
    try:
        return int(_STATM.read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak if sys.platform == "darwin" else peak * 1024
