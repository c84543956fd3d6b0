"""How a call that is admitted is made: route by route, until one answers.

Everything that reaches a model goes through `Dispatcher.dispatch`: for each try of a route that
may answer it holds what the call could cost at most, calls the vendor, and leaves an attempt to be
settled.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import msgspec

from headgate.core.chat import PromptVersion, TokenUsage
from headgate.core.errors import BudgetExceeded, HeadgateError
from headgate.core.metered import Purse
from headgate.core.models import (
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from headgate.core.money import NanoUSD, to_text
from headgate.core.prices import Markup
from headgate.core.usage import CacheResult, RequestType
from headgate.core.watching import CallWatch
from headgate.gateway.books import Books, Hold
from headgate.gateway.breakers import Trial
from headgate.gateway.cache import Entry
from headgate.gateway.calls import Attempt, Caller, Place
from headgate.gateway.catalog import Route
from headgate.gateway.choice import Kind
from headgate.gateway.escrow import Escrow
from headgate.gateway.failures import failure
from headgate.gateway.routing import Routing, Tries
from headgate.gateway.standing import standing
from headgate.gateway.vendor_keys import told

T = TypeVar("T")
R = TypeVar("R")

_LOG = logging.getLogger(__name__)


class Bounds(msgspec.Struct, frozen=True):
    """The most tokens that a route may take for a call.

    Attributes:
        sent: the output tokens that the caller will pay for; None where no limit was sent.
        output: the most that the model gives.
        most: what the call may be billed, besides what the budgets say.
    """

    input: int
    sent: int | None
    output: int
    most: NanoUSD | None = None


class Call(msgspec.Struct, Generic[T], frozen=True):
    """A call that is admitted, and how it is made.

    Attributes:
        kind: what the caller waits for.
        markup: the caller's when the call began, whatever it becomes meanwhile.
        is_auto: whether the caller left the model to the platform.
        bounds: the bounds of a route.
        estimate: the input tokens to bill where a vendor does work but does not say how much.
        is_cached: whether its answer is to be kept for others.
        make: makes the call; its second argument is the output limit that the money covers.
        answers: how many answers share that limit.
        prompt: the template that the request was made from.
    """

    caller: Caller
    request_type: RequestType
    kind: Kind
    markup: Markup
    routes: Sequence[Route]
    is_auto: bool
    place: Place
    bounds: Callable[[Route], Bounds]
    estimate: Callable[[Route], int]
    make: Callable[[Attempt, int | None], Awaitable[T]]
    is_cached: bool = False
    answers: int = 1
    prompt: PromptVersion | None = None


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Makes calls within the budgets they belong to.

    Attributes:
        min_output_tokens: where the caller set no output limit it may be lowered to what the
            budgets still cover, but for each of its answers not below this.
        watch: sees every call; None where nobody does.
    """

    ledger: Escrow
    routing: Routing = field(default_factory=Routing)
    min_output_tokens: int = 64
    watch: CallWatch | None = None

    async def hit(self, call: Call[T], entry: Entry[R]) -> tuple[Attempt, R] | None:
        """What the cache has for a call, and the attempt that records it; it needs no budget."""
        found = await entry.find(call.place)
        if found is None:
            return None
        route, answer = found
        books = await self.ledger.books(call.caller.accounts(route.model))
        hold = await self.ledger.reserve(books, 0)
        if call.caller.claim is not None:
            await self._claim(call.caller.claim, hold)
        return self._attempt(call, route, hold, "hit"), answer

    async def dispatch(self, call: Call[T]) -> tuple[Attempt, T]:
        """Try the routes until one answers; whoever asked settles its attempt.

        Raises:
            HeadgateError: none did, and only what a vendor may bill was charged.
        """
        tries = self.routing.tries(call.routes)
        unaffordable: BudgetExceeded | None = None
        before = call.place.billed
        while (trial := await tries.next()) is not None:
            with trial:
                try:
                    attempt, output = await self._reserve(call, trial)
                    answer = await self._attempted(call, attempt, output)
                except BudgetExceeded as error:
                    unaffordable = unaffordable or error  # a cheaper route may follow
                except ProviderError as error:
                    tries.failed(trial, error)
                else:
                    attempt.tried = call.place.billed - before
                    trial.began()
                    choice = self.routing.choice
                    if choice.learns:
                        choice.measured(trial.route, call.kind, attempt.latency_ms() / 1000)
                    return attempt, answer
        try:
            raise await self._failed(call, tries, unaffordable)
        finally:
            # What is raised holds this frame; both would wait for a collection of garbage.
            del unaffordable, tries

    async def _failed(
        self, call: Call[T], tries: Tries, unaffordable: BudgetExceeded | None
    ) -> HeadgateError:
        """What the caller is told where no route has answered."""
        failed: HeadgateError
        if tries.refusal is None and unaffordable is not None:
            failed = unaffordable
        else:
            failed = failure(tries.refusal or ProviderUnreachable("no vendor is configured"))
        failed.standing = await standing(
            self.ledger,
            call.caller,
            call.place,
            model=call.routes[0].model if call.routes else None,
            cache="miss" if call.is_cached else "bypass",
        )
        return failed

    async def _attempted(self, call: Call[T], attempt: Attempt, output: int | None) -> T:
        """The vendor's answer; an attempt without one is settled and durable.

        Raises:
            ProviderError: there is none.
        """
        try:
            return await call.make(attempt, output)
        except (ProviderRefused, ProviderUnreachable) as error:
            # A refusal proves that no work was done.
            attempt.settle(TokenUsage(), "error", failure=error)
            failed = told(error, attempt.route)
        except ProviderError as error:
            used = TokenUsage(call.estimate(attempt.route))
            attempt.settle(used, "incomplete", estimated=True, failure=error)
            failed = error
        except asyncio.CancelledError:
            attempt.settle(TokenUsage(call.estimate(attempt.route)), "cancelled", estimated=True)
            raise
        except BaseException:
            # A fault of ours must not leave money held.
            attempt.settle(TokenUsage(call.estimate(attempt.route)), "error", estimated=True)
            raise
        _LOG.warning(
            "request %s: %s did not answer: %s",
            call.caller.request_id,
            attempt.route.qualified,
            failed.message,
        )
        await attempt.durable()
        try:
            raise failed
        finally:
            del failed  # see `dispatch`

    def _reserve(self, call: Call[T], trial: Trial) -> Awaitable[tuple[Attempt, int | None]]:
        """Hold what the call could cost at most, and say how much output that covers.

        Raises:
            BudgetExceeded: a budget cannot cover it, nor the least output worth having.
        """
        route, purse = trial.route, call.caller.purse
        bounds = None if route.price.is_free or route.is_own else call.bounds(route)
        if purse is None or bounds is None:
            return self._held(call, trial, bounds)
        return self._drawn(call, trial, bounds, purse)

    async def _drawn(
        self, call: Call[T], trial: Trial, bounds: Bounds, purse: Purse
    ) -> tuple[Attempt, int | None]:
        """`_reserve` out of the caller's purse too."""
        route = trial.route
        output = bounds.output if bounds.sent is None else bounds.sent
        drawn = await purse.hold(call.markup.billed(route.price.ceiling(bounds.input, output)))
        try:
            attempt, limit = await self._held(
                call, trial, msgspec.structs.replace(bounds, most=drawn)
            )
        except BaseException:
            purse.settle(drawn, None)
            raise
        attempt.drawn = drawn
        return attempt, limit

    async def _held(
        self, call: Call[T], trial: Trial, bounds: Bounds | None
    ) -> tuple[Attempt, int | None]:
        """`_reserve`, without the caller's purse."""
        route = trial.route
        books = await self.ledger.books(call.caller.accounts(route.model))
        ceiling, limit = self._ceiling(call, route, bounds, books)
        if bounds is not None and limit is not None and limit < bounds.output:
            # Before an answer is made shorter, money that lies idle elsewhere comes back.
            full = call.markup.billed(route.price.ceiling(bounds.input, bounds.output))
            await self.ledger.recall(books, full)
            ceiling, limit = self._ceiling(call, route, bounds, books)
        hold: Hold | None = None
        while hold is None:
            try:
                hold = await self.ledger.reserve(books, ceiling)
            except BudgetExceeded:
                # Calls that came at once may have been faster: try with what they left.
                tried = limit
                ceiling, limit = self._ceiling(call, route, bounds, books)
                if tried is None or limit is None or limit >= tried:
                    raise
        if call.caller.claim is not None:
            await self._claim(call.caller.claim, hold)
        attempt = self._attempt(call, route, hold, "miss" if call.is_cached else "bypass", trial)
        if bounds is not None and limit is not None and limit < bounds.output:
            attempt.lowered_to = limit
        return attempt, limit

    async def _claim(self, claim: Callable[[], Awaitable[None]], hold: Hold) -> None:
        """See that the call is this process's to make; else nothing stays held."""
        try:
            await claim()
        except BaseException:
            self.ledger.release(hold)
            raise

    def _attempt(
        self,
        call: Call[T],
        route: Route,
        hold: Hold,
        cache: CacheResult,
        trial: Trial | None = None,
    ) -> Attempt:
        return Attempt(
            caller=call.caller,
            route=route,
            trial=trial,
            request_type=call.request_type,
            ledger=self.ledger,
            hold=hold,
            markup=call.markup,
            idempotency_key=call.caller.vendor_key(route.qualified),
            place=call.place,
            cache=cache,
            prompt=call.prompt,
            ended=(
                None
                if self.watch is None
                else self.watch.began(route.provider.provider, route.model, call.kind)
            ),
            instead=(
                tuple([route.price for route in call.routes])
                if call.is_auto and cache != "hit"
                else ()
            ),
        )

    def _ceiling(
        self, call: Call[T], route: Route, bounds: Bounds | None, books: Books
    ) -> tuple[NanoUSD, int | None]:
        """The most the call can be billed, and the output limit that makes it so, if it needs one.

        Where the caller sent no limit it is the model's, lowered to what the budgets still cover.
        Without `bounds` nothing is billed.

        Raises:
            BudgetExceeded: it is more than the caller may spend on the call.
        """
        if bounds is None:
            return 0, None
        price, sent, most = route.price, bounds.sent, bounds.most
        output, limit = bounds.output if sent is None else sent, None
        money = self.ledger.affordable(books) if sent is None else None
        if sent is None and most is not None:
            money = most if money is None else min(money, most)
        if money is not None:
            covered = price.affordable_output(call.markup.affordable_cost(money), bounds.input)
            least = self.min_output_tokens * call.answers
            output = limit = min(bounds.output, max(covered, least))
        ceiling = call.markup.billed(price.ceiling(bounds.input, output))
        if most is not None and ceiling > most:
            left, cost = to_text(most), to_text(ceiling)
            raise BudgetExceeded(
                f"${left} are left to spend, and this call could cost ${cost}",
                budget=books[0].budget(),
            )
        return ceiling, limit
