"""Work of the platform's own that may call models, from an authenticated key to its answer.

A work is one request within the key's limits, with the calls to models that it makes: these
take their money and their rows like any other, and no further place. With an idempotency key it is
done once, and its answer kept before it is told. What its calls to models have answered is kept on
the way, under keys derived from its own, so that a process that dies in the middle leaves nothing
that would be paid for twice.
"""

import contextlib
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import msgspec

from headgate.core.answers import KEPT_SECONDS, AnswerStore, KeptAnswer
from headgate.core.budgets import Budget
from headgate.core.errors import HeadgateError
from headgate.core.limits import Window
from headgate.core.metered import CallLabels
from headgate.core.money import NanoUSD
from headgate.core.tools import ToolContext, ToolOutcome
from headgate.core.usage import UsageEvent
from headgate.gateway.calls import Caller, Place, Replayed
from headgate.gateway.flights import Flight, Flights
from headgate.gateway.metered import MeteredAccess
from headgate.gateway.replays import replayed
from headgate.gateway.standing import standing, tightest


class WorkReceipt(msgspec.Struct, frozen=True):
    """What the caller is told besides the answer.

    Attributes:
        budget: the tightest of those that pay for any call of this caller's.
    """

    requests: Window
    tokens: Window
    budget: Budget | None
    events: tuple[UsageEvent, ...] = ()

    @property
    def answerer(self) -> tuple[str, str]:
        """The last model that answered, and its vendor; empty where none was called."""
        return (self.events[-1].model, self.events[-1].provider) if self.events else ("", "")

    @property
    def billed(self) -> NanoUSD:
        """What all of it is charged."""
        return sum(event.billed for event in self.events)


class WrittenOutcome(msgspec.Struct, frozen=True):
    """A work's answer as its caller gets it."""

    body: bytes
    receipt: WorkReceipt | Replayed


@dataclass(frozen=True, slots=True)
class Works:
    """Does work for callers who pay, within their limits."""

    access: MeteredAccess
    flights: Flights
    answers: AnswerStore

    async def do(
        self,
        caller: Caller,
        work: Callable[[ToolContext], Awaitable[ToolOutcome]],
        write: Callable[[ToolOutcome], bytes],
    ) -> WrittenOutcome:
        """Do it; in the ledger its calls to models have the caller's labels.

        Raises:
            RateLimited: the key's limits do not admit it.
            IdempotencyConflict: the caller's answer key stands for another request.
            HeadgateError: there is no answer.
        """
        key = caller.answer_key
        if key is None:
            outcome, receipt = await self._done(caller, work)
            return WrittenOutcome(write(outcome), receipt)

        async def make(flight: Flight[WorkReceipt]) -> None:
            claiming = msgspec.structs.replace(caller, claim=flight.claim)
            outcome, receipt = await self._done(claiming, work)
            body = write(outcome)
            model, provider = receipt.answerer
            expires_at = time.time() + KEPT_SECONDS
            await self.answers.keep(
                KeptAnswer(
                    key=key,
                    model=model,
                    provider=provider,
                    body=body,
                    expires_at=expires_at,
                    user_id=caller.key.user_id,
                )
            )
            flight.open(lambda: receipt)
            flight.add(body)

        async with contextlib.aclosing(await self.flights.join(key, make)) as reader:
            told = reader.receipt
            if isinstance(told, Replayed):
                told = await replayed(self.access.replays.gateway, caller, *reader.answerer)
            return WrittenOutcome(await reader.whole(), told)

    async def _done(
        self,
        caller: Caller,
        work: Callable[[ToolContext], Awaitable[ToolOutcome]],
    ) -> tuple[ToolOutcome, WorkReceipt]:
        gateway = self.access.replays.gateway
        place = Place(await gateway.limiter.admit(caller.key, 0))
        try:
            if caller.claim is not None:
                await caller.claim()
            labels = CallLabels(
                request_id=caller.request_id,
                request_type="tool",
                use_case=caller.use_case,
                tags=caller.tags,
            )
            context = ToolContext(
                key=caller.key,
                models=self.access.models(caller.key, labels, place, caller.ends_at),
                call_key=None if caller.answer_key is None else caller.answer_key.id,
            )
            outcome = await work(context)
            return outcome, WorkReceipt(
                place.ticket.requests,
                place.ticket.tokens,
                await tightest(gateway.ledger, caller, None),
                outcome.events,
            )
        except HeadgateError as error:
            error.standing = await standing(gateway.ledger, caller, place)
            raise
        finally:
            place.leave()
