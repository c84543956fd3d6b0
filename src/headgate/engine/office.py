"""The office that one process at a time holds: a file's lock, which the kernel frees at death."""

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator
from pathlib import Path

from headgate.core.errors import Overloaded

TRY_SECONDS = 1.0


@contextlib.asynccontextmanager
async def file_office(path: Path) -> AsyncIterator[None]:
    """Hold the office of `path` for the length of the block; waits until it is free.

    Raises:
        Overloaded: the file cannot be used.
    """
    try:
        file = os.open(path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Overloaded(f"the lock {path} cannot be used: {error}") from None
    try:
        while not _is_taken(file):  # noqa: ASYNC110 - another process does not tell
            await asyncio.sleep(TRY_SECONDS)
        yield
    finally:
        os.close(file)


def _is_taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
