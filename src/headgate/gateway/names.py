"""Names of what calls begin and others go on with, such as runs: one for each idempotency key.

The name is kept before the thing is begun, so whoever asks again gets the same name, and begins the
thing under it where a process had died in between. That takes a beginning which does nothing the
second time.
"""

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from headgate.core.answers import KEPT_SECONDS, AnswerKey, AnswerStore, KeptAnswer
from headgate.gateway.calls import Replayed
from headgate.gateway.flights import Flight, Flights


class Name(NamedTuple):
    """A name, and whether it was chosen for an earlier call."""

    text: str
    is_replayed: bool


class Chosen(NamedTuple):
    """The receipt of a choice, which no model makes."""

    answerer: tuple[str, str] = ("", "")


@dataclass(frozen=True, slots=True)
class Names:
    """Chooses names, over all processes that share the store."""

    flights: Flights
    answers: AnswerStore
    clock: Callable[[], float] = time.time

    async def name(self, key: AnswerKey, new: Callable[[], str]) -> Name:
        """The name that stands under `key`; `new` makes it where there is none yet.

        Raises:
            IdempotencyConflict: the key stands for a call with another body.
            Overloaded: the store does not say what stands there.
        """

        async def choose(flight: Flight[Chosen]) -> None:
            await flight.claim()
            text = new().encode()
            expires_at = self.clock() + KEPT_SECONDS
            await self.answers.keep(
                KeptAnswer(key=key, model="", provider="", body=text, expires_at=expires_at)
            )
            flight.open(Chosen)
            flight.add(text)

        async with contextlib.aclosing(await self.flights.join(key, choose)) as reader:
            text = (await reader.whole()).decode()
            return Name(text, is_replayed=isinstance(reader.receipt, Replayed))
