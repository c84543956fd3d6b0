"""The sockets of this process, each looked after in turn: a key that has ended ends its sockets."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass, field

from headgate.http.sockets.conversation import Conversation

ROUND_SECONDS = 0.4
"""With the time for which a key's state counts as fresh, less than a second."""

_LOG = logging.getLogger(__name__)


@dataclass(slots=True)
class Watch:
    """Goes round while there is a socket, and rests while there is none."""

    round_seconds: float = ROUND_SECONDS
    _conversations: set[Conversation] = field(default_factory=set)
    _rounds: asyncio.Task[None] | None = None

    @contextlib.contextmanager
    def over(self, conversation: Conversation) -> Iterator[None]:
        """Look after a conversation as long as this lasts."""
        self._conversations.add(conversation)
        if self._rounds is None:
            self._rounds = asyncio.create_task(self._go_round())
        try:
            yield
        finally:
            self._conversations.discard(conversation)
            if not self._conversations and self._rounds is not None:
                self._rounds.cancel()
                self._rounds = None

    async def _go_round(self) -> None:
        while True:
            await asyncio.sleep(self.round_seconds)
            # All at once, so that one slow answer of the store delays no other.
            checks = [conversation.check() for conversation in self._conversations]
            for outcome in await asyncio.gather(*checks, return_exceptions=True):
                if isinstance(outcome, Exception):
                    _LOG.error("a socket could not be looked after", exc_info=outcome)
