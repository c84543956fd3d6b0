"""How much of what is being uploaded this process holds in memory at once."""

from dataclasses import dataclass

from headgate.core.errors import Overloaded

MOST_BYTES = 200_000_000
"""The bodies of all uploads under way; a body is held until its request is answered."""

RETRY_AFTER_SECONDS = 2.0


@dataclass(slots=True)
class UploadRoom:
    """Room for uploads, counted in bytes; who finds none is to come again."""

    most_bytes: int = MOST_BYTES
    _held: int = 0

    def take(self, size: int) -> None:
        """Hold room for a body of up to `size` bytes, until it is given back.

        Raises:
            Overloaded: the uploads under way have it.
        """
        if self._held + size > self.most_bytes:
            raise Overloaded(
                "other uploads are being read: send this one again in a moment",
                retry_after_seconds=RETRY_AFTER_SECONDS,
            )
        self._held += size

    def give_back(self, size: int) -> None:
        """Let others have the room."""
        self._held -= size
