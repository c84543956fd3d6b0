"""One metered request, from an authenticated key to settled spend.

The model and the rate limit are checked here; then `Dispatcher` makes the call, and its answer is
told once its record is durable.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from headgate.core.chat import ChatRequest, ChatResponse, text_bytes
from headgate.core.embeddings import EmbeddingRequest, EmbeddingResponse
from headgate.core.guardrails import Guardrails
from headgate.core.keys import VirtualKey
from headgate.core.limits import RateLimiter
from headgate.core.models import (
    ChatStream,
    ProviderError,
    ProviderUnreachable,
)
from headgate.core.prices import Markup
from headgate.gateway.auto import suited
from headgate.gateway.cache import Cache, Entry
from headgate.gateway.calls import Attempt, Caller, Counted, Place, Receipt, receipt
from headgate.gateway.catalog import AUTO, Catalog, Route
from headgate.gateway.choice import Kind
from headgate.gateway.dispatch import Bounds, Call, Dispatcher
from headgate.gateway.escrow import Escrow
from headgate.gateway.failures import failure
from headgate.gateway.guarding import GuardedProvider, no_guards
from headgate.gateway.recordings import RecordedStream, RecordingStream
from headgate.gateway.routing import Routing, within
from headgate.gateway.semantic import Embedded
from headgate.gateway.streams import StreamedAnswer
from headgate.gateway.vendor_keys import VendorKeys, told

T = TypeVar("T")
R = TypeVar("R")
W = TypeVar("W", ChatResponse, EmbeddingResponse)

# A rate limit counts about four bytes a token before the vendor has counted.
BYTES_PER_TOKEN = 4


class Answer(msgspec.Struct, Generic[T], frozen=True):
    """A whole answer with its receipt; its usage row is durable."""

    response: T
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Gateway:
    """Answers requests to models within each key's limits and budgets.

    Attributes:
        markup_for: what a workspace is charged on top of vendors' prices.
        vendor_keys: the users' own keys for vendors.
        cache: answers to requests that were made before.
        guards: the guardrails of a workspace.
    """

    catalog: Catalog
    limiter: RateLimiter
    dispatcher: Dispatcher
    markup_for: Callable[[str], Awaitable[Markup]]
    vendor_keys: VendorKeys
    cache: Cache = Cache()  # noqa: RUF009 - a frozen value: nothing is kept
    guards: Callable[[str], Guardrails | None] = no_guards

    @property
    def ledger(self) -> Escrow:
        """Keeps the budgets that calls belong to."""
        return self.dispatcher.ledger

    @property
    def routing(self) -> Routing:
        """How the routes of a call are tried."""
        return self.dispatcher.routing

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
            hit = None if entry is None else await self.dispatcher.hit(call, entry)
            if hit is not None:
                answer = StreamedAnswer(hit[0], RecordedStream(hit[1]), 0)
                await answer.open(self.routing.seconds_until(caller.ends_at))
            else:
                _, answer = await self.dispatcher.dispatch(call)
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
        call = Call(
            caller,
            caller.request_type or "embedding",
            "vectors",
            await self.markup_for(caller.key.workspace_id),
            self.routing.choice.ordered(request.model, routes, "vectors"),
            False,
            place,
            lambda route: Bounds(route.provider.embedding_ceiling(request), 0, 0),
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
        call: Call[W],
        entry: Entry[W] | None,
        write: Callable[[Answer[W]], bytes] | None,
    ) -> Answer[W]:
        """The whole answer to a call, once its record is durable."""
        hit = None if entry is None else await self.dispatcher.hit(call, entry)
        attempt, response = hit or await self.dispatcher.dispatch(call)
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
    ) -> Call[T]:
        estimate = text_bytes(request) // BYTES_PER_TOKEN + (request.max_tokens or 0)
        sent = None if request.max_tokens is None else request.max_tokens * request.n
        # Before the call has a place, which a failure would have to give back.
        markup = await self.markup_for(caller.key.workspace_id)
        return Call(
            caller,
            caller.request_type or "completion",
            kind,
            markup,
            self._ordered(request, routes, kind),
            request.model == AUTO,
            await self._admitted(caller, estimate),
            lambda route: Bounds(
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


def _caching(call: Call[T], entry: Entry[R] | None) -> Call[T]:
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
