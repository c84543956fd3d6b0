"""The data directory and its files, which are their owner's alone."""

import contextlib
import os
from pathlib import Path

from headgate.core.errors import Overloaded


def make(path: Path) -> None:
    """Make the directory where it is missing.

    Raises:
        Overloaded: it cannot be made.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise Overloaded(f"the data directory {path} cannot be made: {error}") from None


def keep_private(path: Path) -> None:
    """Make a file its owner's before anything is written; SQLite's others follow it."""
    with contextlib.suppress(FileExistsError, OSError):
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
