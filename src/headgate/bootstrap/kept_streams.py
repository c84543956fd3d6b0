"""The part of `bootstrap` that lets the processes of a machine resume each other's streams."""

import contextlib
from collections.abc import AsyncIterator

from headgate import data_directory
from headgate.gateway.kept_streams import KeptStreams
from headgate.settings import Settings
from headgate.transport.neighbours import Neighbours

DIRECTORY = "streams"


@contextlib.asynccontextmanager
async def open_kept_streams(settings: Settings, *, is_alone: bool) -> AsyncIterator[KeptStreams]:
    """The streams that may be resumed; a process that `is_alone` has no neighbours."""
    kept = KeptStreams()
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(kept.aclose)
        if not is_alone:
            directory = settings.data / DIRECTORY
            data_directory.make(directory)
            neighbours = Neighbours(directory, kept.answer)
            kept.elsewhere = neighbours.ask
            await stack.enter_async_context(neighbours.listening())
        yield kept
