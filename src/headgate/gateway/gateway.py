"""One metered request, from an authenticated key to settled spend.

Everything that reaches a model goes through `Gateway._first_answer`: the rate limit and the model
are checked before it, and for each try of a route that may answer it reserves, calls and settles.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Generic, TypeVar

import msgspec

from headgate.core.chat import ChatRequest, ChatResponse, PromptVersion, TokenUsage, text_bytes
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.errors import BudgetExceeded, HeadgateError
from headgate.core.guardrails import Guardrails
from headgate.core.keys import VirtualKey
from headgate.core.limits import RateLimiter
from headgate.core.metered import Purse
from headgate.core.models import (
    ChatStream,
    ProviderError,
    ProviderRefused,
    ProviderUnreachable,
)
from headgate.core.money import NanoUSD, to_text
from headgate.core.prices import Markup
from headgate.core.usage import CacheResult, RequestType
from headgate.core.watching import CallWatch
from headgate.gateway.auto import suited
from headgate.gateway.books import Books, Hold
from headgate.gateway.breakers import Trial
from headgate.gateway.cache import Cache, Entry
from headgate.gateway.calls import Attempt, Caller, Counted, Place, Receipt, receipt
from headgate.gateway.catalog import AUTO, Catalog, Route
from headgate.gateway.choice import Kind
from headgate.gateway.escrow import Escrow
from headgate.gateway.failures import failure
from headgate.gateway.guarding import GuardedProvider, no_guards
from headgate.gateway.recordings import RecordedStream, RecordingStream
from headgate.gateway.routing import Routing, within
from headgate.gateway.semantic import Embedded
from headgate.gateway.standing import standing
from headgate.gateway.streams import StreamedAnswer
from headgate.gateway.vendor_keys import VendorKeys, told

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W", ChatResponse, EmbeddingResponse)

_LOG = logging.getLogger(__name__)

# A rate limit counts about four bytes a token before the vendor has counted.
BYTES_PER_TOKEN = 4


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A whole answer with its receipt; its usage row is durable."""

    response: T
    receipt: Receipt


class _Bounds(msgspec.Struct, frozen=True):
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


class _Call(msgspec.Struct, Generic[T], frozen=True):
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
    bounds: Callable[[Route], _Bounds]
    estimate: Callable[[Route], int]
    make: Callable[[Attempt, int | None], Awaitable[T]]
    is_cached: bool = False
    answers: int = 1
    prompt: PromptVersion | None = None


@dataclass(frozen=True, slots=True)
class Gateway:
    """Answers requests to models within each key's limits and budgets.

    Attributes:
        markup_for: what a workspace is charged on top of vendors' prices.
        vendor_keys: the users' own keys for vendors.
        cache: answers to requests that were made before.
        min_output_tokens: where the caller set no output limit it may be lowered to what the
            budgets still cover, but for each of its answers not below this.
        guards: the guardrails of a workspace.
        watch: sees every call; None where nobody does.
    """

    catalog: Catalog
    limiter: RateLimiter
    ledger: Escrow
    markup_for: Callable[[str], Awaitable[Markup]]
    vendor_keys: VendorKeys
    cache: Cache = Cache()  # noqa: RUF009 - a frozen value: nothing is kept
    routing: Routing = field(default_factory=Routing)
    min_output_tokens: int = 64
    guards: Callable[[str], Guardrails | None] = no_guards
    watch: CallWatch | None = None

    async def complete(
        self,
        caller: Caller,
        request: ChatRequest,
        write: Callable[[Answer[ChatResponse]], bytes] | None = None,
    ) -> Answer[ChatResponse]:
        """Answer from the first route that will.

        `write` writes the answer for a caller who may ask for it again, before it is recorded.

        Raises:
            HeadgateError: there is no answer, and only what a vendor may bill was charged.
        """

        async def make(attempt: Attempt, output: int | None) -> ChatResponse:
            provider, fitted = attempt.route.provider, _fitted(request, attempt.route, output)
            answer = provider.complete(fitted, idempotency_key=attempt.idempotency_key)
            return await within(self.routing.seconds_until(caller.ends_at), answer)

        routes = await self.routes(request.model, caller.key)
        entry = self.cache.chat(caller, request, routes)
        call = await self._chat_call(caller, request, "whole", routes, make)
        try:
            return await self._settled(_caching(call, entry), entry, write)
        finally:
            call.place.leave()

    async def stream(
        self,
        caller: Caller,
        request: ChatRequest,
        begun: Callable[[Attempt], None] | None = None,
    ) -> StreamedAnswer:
        """The answer piece by piece, once its first piece has come.

        Until then another route can take over; after it, failures are raised by the iteration.
        `begun` is told each attempt before the vendor is called.

        Raises:
            HeadgateError: there is no answer, and only what a vendor may bill was charged.
        """
        routes = await self.routes(request.model, caller.key)
        entry = self.cache.stream(caller, request, routes)

        async def make(attempt: Attempt, output: int | None) -> StreamedAnswer:
            provider, fitted = attempt.route.provider, _fitted(request, attempt.route, output)
            stream: ChatStream = provider.stream(fitted, idempotency_key=attempt.idempotency_key)
            if entry is not None:
                stream = RecordingStream(stream, lambda said: entry.keep(attempt, said.usage, said))
            answer = StreamedAnswer(attempt, stream, provider.input_estimate(fitted))
            if begun is not None:
                begun(attempt)
            await answer.open(self.routing.seconds_until(caller.ends_at))
            return answer

        call = _caching(await self._chat_call(caller, request, "stream", routes, make), entry)
        try:
            hit = None if entry is None else await self._hit(call, entry)
            if hit is not None:
                answer = StreamedAnswer(hit[0], RecordedStream(hit[1]), 0)
                await answer.open(self.routing.seconds_until(caller.ends_at))
            else:
                _, answer = await self._first_answer(call)
        except BaseException:
            call.place.leave()
            raise
        return answer

    async def embed(
        self,
        caller: Caller,
        request: EmbeddingRequest,
        write: Callable[[Answer[EmbeddingResponse]], bytes] | None = None,
    ) -> Answer[EmbeddingResponse]:
        """One vector per input; `write` as for `complete`.

        Raises:
            HeadgateError: there is no answer, and only what a vendor may bill was charged.
        """
        routes = await self.routes(request.model, caller.key)
        place = await self._admitted(caller, _embedding_estimate(request))
        try:
            return await self._embedded(caller, request, routes, place, write)
        finally:
            place.leave()

    async def vector(self, caller: Caller, model: str, text: str, place: Place) -> Embedded:
        """See `semantic.Embeds.vector`."""
        if caller.call_key is not None:
            # To a vendor it is another call than the one that it is a part of.
            caller = msgspec.structs.replace(caller, call_key=f"{caller.call_key} vector")
        request = EmbeddingRequest(model=model, input=(text,))
        routes = await self.routes(model, caller.key)
        answer = await self._embedded(caller, request, routes, place)
        vectors = answer.response.vectors
        return Embedded(answer.receipt.route.qualified, vectors[0] if vectors else ())

    async def _embedded(
        self,
        caller: Caller,
        request: EmbeddingRequest,
        routes: tuple[Route, ...],
        place: Place,
        write: Callable[[Answer[EmbeddingResponse]], bytes] | None = None,
    ) -> Answer[EmbeddingResponse]:
        async def make(attempt: Attempt, _output: int | None) -> EmbeddingResponse:
            fitted = msgspec.structs.replace(request, model=attempt.route.model)
            provider = attempt.route.provider
            answer = provider.embed(fitted, idempotency_key=attempt.idempotency_key)
            return await within(self.routing.seconds_until(caller.ends_at), answer)

        size = _embedding_estimate(request)
        entry = self.cache.embedding(caller, request, routes)
        call = _Call(
            caller,
            caller.request_type or "embedding",
            "vectors",
            await self.markup_for(caller.key.workspace_id),
            self.routing.choice.ordered(request.model, routes, "vectors"),
            False,
            place,
            lambda route: _Bounds(route.provider.embedding_ceiling(request), 0, 0),
            lambda route: min(size, route.provider.embedding_ceiling(request)),
            make,
            entry is not None,
        )
        return await self._settled(call, entry, write)

    async def count_tokens(self, key: VirtualKey, request: ChatRequest) -> Counted:
        """The input tokens of `request`; vendors tell them without a charge.

        Raises:
            HeadgateError: no vendor of the model does, or the key asks too often.
        """
        routes = await self.routes(request.model, key)
        ticket = await self.limiter.admit(key, 0)
        place = Place(ticket)
        refusal: ProviderError | None = None
        try:
            for route in routes:
                try:
                    tokens = await route.provider.count_tokens(_fitted(request, route, None))
                    return Counted(tokens, ticket.requests, ticket.tokens)
                except ProviderError as error:
                    refusal = told(error, route)
        finally:
            place.leave()
        raise failure(refusal or ProviderUnreachable("no vendor is configured"))

    async def routes(self, model: str, key: VirtualKey) -> tuple[Route, ...]:
        """The ways to answer `model`, with the vendor keys that the caller's user has.

        Raises:
            ModelNotFound: there is none for this key.
            UpstreamFailed: one of the user's own keys can no longer be opened.
            Overloaded: the store did not say which there are.
        """
        own = await self.vendor_keys.of(key)
        routes = own.applied(await self.catalog.routes(model, key, own.vendors))
        guards = self.guards(key.workspace_id)
        if guards is None:
            return routes
        return tuple(
            replace(route, provider=GuardedProvider(route.provider, guards)) for route in routes
        )

    async def _admitted(self, caller: Caller, tokens: int) -> Place:
        """A place for a call that needs about so many tokens.

        Raises:
            RateLimited: the key's limits have none.
        """
        if caller.place is not None:
            return caller.place.part()
        return Place(await self.limiter.admit(caller.key, tokens))

    async def _settled(
        self,
        call: _Call[W],
        entry: Entry[W] | None,
        write: Callable[[Answer[W]], bytes] | None,
    ) -> Answer[W]:
        """The whole answer to a call, once its record is durable."""
        hit = None if entry is None else await self._hit(call, entry)
        attempt, response = hit or await self._first_answer(call)
        if attempt.trial is not None:
            attempt.trial.succeeded()
        attempt.settle(
            response.usage,
            "ok",
            estimated=response.estimated,
            write=write and (lambda: write(Answer(response, receipt(attempt)))),
        )
        await attempt.durable()
        if entry is not None and hit is None:
            await entry.keep(attempt, response.usage, response)
        return Answer(response, receipt(attempt))

    async def _chat_call(
        self,
        caller: Caller,
        request: ChatRequest,
        kind: Kind,
        routes: tuple[Route, ...],
        make: Callable[[Attempt, int | None], Awaitable[T]],
    ) -> _Call[T]:
        estimate = text_bytes(request) // BYTES_PER_TOKEN + (request.max_tokens or 0)
        sent = None if request.max_tokens is None else request.max_tokens * request.n
        # Before the call has a place, which a failure would have to give back.
        markup = await self.markup_for(caller.key.workspace_id)
        return _Call(
            caller,
            caller.request_type or "completion",
            kind,
            markup,
            self._ordered(request, routes, kind),
            request.model == AUTO,
            await self._admitted(caller, estimate),
            lambda route: _Bounds(
                route.provider.input_ceiling(request),
                sent,
                route.provider.output_ceiling(request) * request.n,
            ),
            lambda route: route.provider.input_estimate(request),
            make,
            answers=request.n,
            prompt=request.prompt,
        )

    def _ordered(
        self, request: ChatRequest, routes: tuple[Route, ...], kind: Kind
    ) -> tuple[Route, ...]:
        """The routes that may answer a request, the one to ask first at the front."""
        if request.model == AUTO:
            return tuple(suited(request, routes, self.catalog.profile_of))
        return tuple(self.routing.choice.ordered(request.model, routes, kind))

    async def _hit(self, call: _Call[T], entry: Entry[R]) -> tuple[Attempt, R] | None:
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

    async def _first_answer(self, call: _Call[T]) -> tuple[Attempt, T]:
        """Try the routes until one answers; the caller settles its attempt."""
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
        raise failed

    async def _attempted(self, call: _Call[T], attempt: Attempt, output: int | None) -> T:
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
        raise failed

    def _reserve(self, call: _Call[T], trial: Trial) -> Awaitable[tuple[Attempt, int | None]]:
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
        self, call: _Call[T], trial: Trial, bounds: _Bounds, purse: Purse
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
        self, call: _Call[T], trial: Trial, bounds: _Bounds | None
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
        call: _Call[T],
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
        self, call: _Call[T], route: Route, bounds: _Bounds | None, books: Books
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


def _caching(call: _Call[T], entry: Entry[R] | None) -> _Call[T]:
    """The call as one whose answer is kept, where there is a place for it."""
    return call if entry is None else msgspec.structs.replace(call, is_cached=True)


def _embedding_estimate(request: EmbeddingRequest) -> int:
    """About how many tokens the inputs have; exactly, where the caller has cut them already."""
    return sum(
        -(-len(item.encode()) // BYTES_PER_TOKEN) if isinstance(item, str) else len(item)
        for item in request.input
    )


def _fitted(request: ChatRequest, route: Route, output: int | None) -> ChatRequest:
    """The request as the route's vendor shall see it."""
    most = request.max_tokens if output is None else max(1, output // request.n)
    if route.model == request.model and most == request.max_tokens:
        return request
    return msgspec.structs.replace(request, model=route.model, max_tokens=most)
