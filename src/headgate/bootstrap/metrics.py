"""The part of `bootstrap` that joins what can be measured with how it is told."""

import asyncio
import contextlib
import hashlib
import importlib
import multiprocessing
import os
import shutil
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path

from headgate import data_directory
from headgate.core.measurements import Measured
from headgate.settings import Settings
from headgate.telemetry.workers import WorkerNumbers, merged

DIRECTORY = "metrics"
STALE_SECONDS = 60.0


@contextlib.asynccontextmanager
async def open_metrics(
    settings: Settings, parts: Sequence[Measured], *refreshed: Callable[[], Awaitable[None]]
) -> AsyncIterator[Callable[[], Awaitable[bytes]]]:
    """See `metrics_of`; where this is one of several workers, the numbers of all of them."""
    if multiprocessing.parent_process() is None:
        yield metrics_of(parts, *refreshed)
        return
    directory = _directory_of_server(settings.data / DIRECTORY)
    numbers = WorkerNumbers(directory, f"{os.getpid()}.json", parts)
    async with numbers.writing():
        yield metrics_of(parts, *refreshed, workers=numbers)


def metrics_of(
    parts: Sequence[Measured],
    *refreshed: Callable[[], Awaitable[None]],
    workers: WorkerNumbers | None = None,
) -> Callable[[], Awaitable[bytes]]:
    """Gives the measurements of `parts` as text for Prometheus, once all are `refreshed`.

    Those of other `workers` are added to them.
    """

    async def text() -> bytes:
        for refresh in refreshed:
            await refresh()
        # Loaded when somebody asks, and beside the event loop: most processes are never asked.
        module = await asyncio.to_thread(importlib.import_module, "headgate.telemetry.exposition")
        own = [one for part in parts for one in part.measurements()]
        others = [] if workers is None else await asyncio.to_thread(lambda: [*workers.others()])
        found: bytes = module.exposition(merged([*own, *others]))
        return found

    return text


def _directory_of_server(path: Path) -> Path:
    """A directory that all workers of this server find, and no other server's; old ones go."""
    # The parent of all workers made this at random, and handed it on to each of them.
    authkey = bytes(multiprocessing.current_process().authkey)
    directory = path / hashlib.sha256(b"metrics" + authkey).hexdigest()[:16]
    data_directory.make(directory)
    for other in _stale(path):
        if other != directory:
            shutil.rmtree(other, ignore_errors=True)
    return directory


def _stale(path: Path) -> Iterator[Path]:
    """The directories in which nobody has written lately."""
    for each in path.iterdir():
        with contextlib.suppress(OSError):  # another worker was faster
            if time.time() - each.stat().st_mtime > STALE_SECONDS:
                yield each
