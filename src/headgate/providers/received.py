"""What has come of a streamed answer, for the one that breaks off: about how many tokens it was.

An answer that ends well brings its own count, and reading frames takes longer than forwarding them.
So they are kept as they came, and read when that becomes much: an answer's memory is bounded,
however long the answer is.
"""

from collections.abc import Callable, Iterable

from headgate.core.models import ProviderBroke
from headgate.providers.frames import split, tokens_received

MOST_KEPT_BYTES = 64 * 1024


class Received:
    """The frames of one answer; `blocks` says how often some came."""

    def __init__(self, sizes_of: Callable[[bytes], Iterable[int]], bytes_per_token: float) -> None:
        """Begin with nothing.

        Args:
            sizes_of: how many bytes each piece of text in a frame has; may raise `ProviderBroke`.
            bytes_per_token: where a frame holds several tokens, about how long each is.
        """
        self.blocks = 0
        self._sizes_of = sizes_of
        self._bytes_per_token = bytes_per_token
        self._kept: list[bytes] = []
        self._kept_bytes = 0
        self._pieces = 0
        self._written = 0

    def add(self, block: bytes) -> None:
        """Keep whole frames."""
        self.blocks += 1
        self._kept.append(block)
        self._kept_bytes += len(block)
        if self._kept_bytes > MOST_KEPT_BYTES:
            self._count()

    def tokens(self) -> int:
        """About how many tokens have come."""
        self._count()
        return tokens_received(self._pieces, self._written, self._bytes_per_token)

    def _count(self) -> None:
        for frame in (frame for block in self._kept for frame in split(block)):
            try:
                sizes = list(self._sizes_of(frame))
            except ProviderBroke:
                # What was forwarded unread may be unreadable; the money is settled all the same.
                continue
            self._pieces += sum(map(bool, sizes))
            self._written += sum(sizes)
        self._kept.clear()
        self._kept_bytes = 0
