"""One-time tickets as files in a directory that only its owner can read.

A file is named for the hash of its ticket and goes when the ticket is taken: removing a file
succeeds once, however many processes try.
"""

import contextlib
import hashlib
import os
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headgate.core.errors import Overloaded

TICKET_SECONDS = 600


@dataclass(frozen=True, slots=True)
class FileTickets:
    """`Tickets` in `directory`, which is made when the first one is issued."""

    directory: Path
    clock: Callable[[], float] = time.time

    def issue(self, key_id: str) -> str:
        """See `Tickets.issue`."""
        ticket = secrets.token_urlsafe(24)
        try:
            self.directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._sweep()
            own = os.open(self._path(ticket), os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            with os.fdopen(own, "w", encoding="utf-8") as file:
                file.write(f"{self.clock() + TICKET_SECONDS:.0f} {key_id}")
        except OSError as error:
            raise Overloaded(f"a sign-in link cannot be kept: {error}") from None
        return ticket

    def take(self, ticket: str) -> str | None:
        """See `Tickets.take`."""
        path = self._path(ticket)
        try:
            expires_at, _, key_id = path.read_text("utf-8").partition(" ")
            path.unlink()
        except OSError:
            return None
        return key_id if self.clock() < float(expires_at) else None

    def _sweep(self) -> None:
        """Remove tickets that nobody has taken in time."""
        oldest = self.clock() - TICKET_SECONDS
        for path in self.directory.iterdir():
            with contextlib.suppress(OSError):  # another process may be doing the same
                if path.stat().st_mtime < oldest:
                    path.unlink()

    def _path(self, ticket: str) -> Path:
        return self.directory / hashlib.sha256(ticket.encode("utf-8", "replace")).hexdigest()
