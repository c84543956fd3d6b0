"""The part of `bootstrap` that joins what can be measured with how it is told."""

import asyncio
import importlib
from collections.abc import Awaitable, Callable, Sequence

from headgate.core.measurements import Measured


def metrics_of(
    parts: Sequence[Measured], *refreshed: Callable[[], Awaitable[None]]
) -> Callable[[], Awaitable[bytes]]:
    """Gives the measurements of `parts` as text for Prometheus, once all are `refreshed`."""

    async def text() -> bytes:
        for refresh in refreshed:
            await refresh()
        # Loaded when somebody asks, and beside the event loop: most processes are never asked.
        module = await asyncio.to_thread(importlib.import_module, "headgate.telemetry.exposition")
        found: bytes = module.exposition(parts)
        return found

    return text
