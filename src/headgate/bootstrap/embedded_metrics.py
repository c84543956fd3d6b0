"""The part of `bootstrap` that writes metrics where AWS takes standard output for the log."""

import asyncio
import contextlib
import sys
import time
from collections.abc import AsyncIterator, Callable

from headgate.agents.run_counts import RunCounts
from headgate.core.embedded_metrics import ACTIVE_RUNS, metric_line
from headgate.settings import Settings

TELL_SECONDS = 60.0


def write_line(line: str) -> None:
    """Write to standard output, at once."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


@contextlib.asynccontextmanager
async def telling(
    settings: Settings, counts: RunCounts, write: Callable[[str], None] = write_line
) -> AsyncIterator[None]:
    """Tell every minute how many runs there are, where metrics are wanted.

    A function does not: it stands still between its events.
    """
    if not settings.embedded_metrics or settings.lambda_part is not None:
        yield
        return
    telling_runs = asyncio.create_task(_keep_telling(counts, write))
    try:
        yield
    finally:
        telling_runs.cancel()


async def _keep_telling(counts: RunCounts, write: Callable[[str], None]) -> None:
    while True:
        await counts.refresh()
        write(metric_line(ACTIVE_RUNS, "Count", counts.under_way, now=time.time()))
        await asyncio.sleep(TELL_SECONDS)
