"""The data directory and its files, which are their owner's alone."""

import contextlib
import os
import secrets
from pathlib import Path

from headgate.core.errors import Overloaded

SECRET_BYTES = 32


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


def secret(path: Path) -> bytes:
    """The random secret in a file, which is made where it is missing.

    Processes that make it at once all get the same: the file appears whole, and once.

    Raises:
        Overloaded: it cannot be read or made, or what is there is none.
    """
    try:
        if not path.exists():
            _make_secret(path)
        found = path.read_bytes().strip()
    except OSError as error:
        raise Overloaded(f"the secret {path} cannot be used: {error}") from None
    if len(found) < 2 * SECRET_BYTES:
        raise Overloaded(
            f"the secret {path} is too short, so it is damaged: restore it from a backup, or"
            " remove it and have users set their vendor keys again"
        )
    return found


def identity(path: Path) -> str:
    """A random name in a file, which is made where it is missing, as `secret` is.

    Raises:
        Overloaded: it cannot be read or made.
    """
    try:
        if not path.exists():
            _make_secret(path)
        return path.read_text().strip()
    except OSError as error:
        raise Overloaded(f"the file {path} cannot be used: {error}") from None


def _make_secret(path: Path) -> None:
    own = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    try:
        with os.fdopen(os.open(own, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600), "wb") as file:
            file.write(secrets.token_hex(SECRET_BYTES).encode() + b"\n")
            file.flush()
            os.fsync(file.fileno())
        with contextlib.suppress(FileExistsError):
            os.link(own, path)
    finally:
        own.unlink(missing_ok=True)
