"""One attempt of a metered call: its money held, and settled exactly once however it ends."""

import asyncio
import functools
import hashlib
import time
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import msgspec

from headgate.core.answers import KEPT_SECONDS, AnswerKey, KeptAnswer
from headgate.core.budgets import Account, Budget
from headgate.core.chat import PromptVersion, TokenUsage
from headgate.core.ids import new_event_id, new_id
from headgate.core.keys import VirtualKey
from headgate.core.limits import Ticket, Window
from headgate.core.metered import Purse
from headgate.core.models import ProviderError
from headgate.core.money import NanoUSD
from headgate.core.prices import Markup, Price
from headgate.core.usage import CacheResult, CallStatus, RequestType, UsageEvent
from headgate.core.watching import CallEnded
from headgate.gateway.books import Hold
from headgate.gateway.breakers import Trial, kind_of
from headgate.gateway.catalog import Route
from headgate.gateway.escrow import Escrow

# The accounts of so many callers and models are at hand.
MOST_REMEMBERED = 10_000


class Place(msgspec.Struct):
    """A call's place within its key's rate limits, and what its attempts have used and cost.

    What a vendor did work for counts, whether or not there was an answer.

    Attributes:
        whole: the place of which this one is a part, where the call is a part of another.
    """

    ticket: Ticket
    used_tokens: int = 0
    billed: NanoUSD = 0
    is_left: bool = False
    whole: "Place | None" = None

    def part(self) -> "Place":
        """A place within this one: it counts no further request, and its tokens here."""
        return Place(self.ticket, whole=self)

    def leave(self) -> None:
        """Give the place back, the first time only, once all attempts are settled."""
        if self.is_left:
            return
        self.is_left = True
        if self.whole is None:
            self.ticket.finish(self.used_tokens)
        else:
            self.whole.used_tokens += self.used_tokens
            self.whole.billed += self.billed


class Caller(msgspec.Struct, frozen=True):
    """Who calls, under which request id, and how the call is labelled in the ledger.

    With an `answer_key` the call is made once, and its answer kept for whoever asks again: `claim`
    is called when the money is held and before a vendor is called; it raises where another process
    makes the call. Who `wants_fresh` answers is given none from the cache, and none is taken for
    it.

    Attributes:
        request_type: what the ledger calls it, where it is a part of something else.
        call_key: names the call to vendors, for good; else each attempt has a name of its own.
        place: where the call is a part of another that was admitted.
        purse: what it takes its money from, besides the budgets.
        ends_at: when its answer has to be over, on the clock of the event loop; None where there is
            time.
    """

    key: VirtualKey
    request_id: str
    tags: tuple[str, ...] = ()
    use_case: str | None = None
    answer_key: AnswerKey | None = None
    claim: Callable[[], Awaitable[None]] | None = None
    wants_fresh: bool = False
    request_type: RequestType | None = None
    run_id: str | None = None
    call_key: str | None = None
    place: Place | None = None
    purse: Purse | None = None
    ends_at: float | None = None

    def accounts(self, model: str | None) -> tuple[Account, ...]:
        """Everyone who pays for a call to `model`, always in the same order."""
        key = self.key
        return _accounts(key.key_id, key.user_id, key.workspace_id, model)

    def vendor_key(self, qualified: str) -> str:
        """The idempotency key of an attempt at a route; the same again where the call has a key.

        Each route has its own, since another model is asked with another body.
        """
        if self.call_key is None:
            return new_id("att")
        return "att_" + hashlib.sha256(f"{self.call_key}\n{qualified}".encode()).hexdigest()[:32]


@functools.lru_cache(MOST_REMEMBERED)
def _accounts(
    key_id: str, user_id: str | None, workspace_id: str, model: str | None
) -> tuple[Account, ...]:
    user = () if user_id is None else (Account("user", user_id),)
    models = () if model is None else (Account("model", model),)
    return (Account("key", key_id), *user, Account("workspace", workspace_id), *models)


class Attempt(msgspec.Struct, kw_only=True):
    """One try of a call at one route, from its hold to its settled row.

    `settle` ends it; the first to come counts, so that a cancellation in the middle of a clean-up
    cannot charge twice. Where `cache` is `hit` no vendor is called, and nothing is charged.

    Attributes:
        trial: learns how the vendor did, where one is called.
        lowered_to: the output limit that the budgets set, where the caller set none and the model
            gives more.
        prompt: the template that the request was made from.
        tried: what earlier tries of the call were billed, which came to nothing.
        drawn: what is set aside for it in its caller's purse.
        instead: the prices of the models that the platform chose this one from, where the caller
            left the choice to it.
        ended: is told of the settled row, where somebody watches.
    """

    caller: Caller
    route: Route
    trial: Trial | None = None
    request_type: RequestType
    ledger: Escrow
    hold: Hold
    markup: Markup
    place: Place
    cache: CacheResult = "bypass"
    lowered_to: int | None = None
    prompt: PromptVersion | None = None
    tried: NanoUSD = 0
    drawn: NanoUSD = 0
    instead: tuple[Price, ...] = ()
    ended: CallEnded | None = None
    started: float = msgspec.field(default_factory=time.perf_counter)
    first_token: float | None = None
    event: UsageEvent | None = None
    record: asyncio.Future[None] | None = None
    idempotency_key: str = msgspec.field(default_factory=lambda: new_id("att"))

    def mark_first_token(self) -> None:
        """Note when the first piece of the answer came."""
        if self.first_token is None:
            self.first_token = time.perf_counter()

    def settle(
        self,
        usage: TokenUsage,
        status: CallStatus,
        *,
        estimated: bool = False,
        write: Callable[[], bytes] | None = None,
        failure: ProviderError | None = None,
    ) -> None:
        """Charge what was used. `durable` waits for the record; `failure` is why there is nothing.

        `write` writes the answer as its caller gets it, to be kept where the caller has an answer
        key; `event` is there when it is called, and it is called for an answer that is whole.
        """
        if self.event is not None:
            return
        caller, route = self.caller, self.route
        key = caller.key
        self.place.used_tokens += usage.total_tokens
        price = route.price.cost(usage)
        cost, saved = (0, price) if self.cache == "hit" else (price, 0)
        billed = 0 if route.is_own else self.markup.billed(cost)
        self.place.billed += billed
        now = time.time()
        self.event = UsageEvent(
            id=new_event_id(now),
            request_id=caller.request_id,
            timestamp=int(now * 1000),
            key_id=key.key_id,
            workspace_id=key.workspace_id,
            user_id=key.user_id,
            provider=route.provider.provider,
            model=route.model,
            request_type=self.request_type,
            status=status,
            cost=cost,
            billed=billed,
            saved_cost=saved,
            byok=route.is_own,
            cache=self.cache,
            price_version=route.price.version,
            use_case=caller.use_case,
            input_tokens=usage.input_tokens,
            cached_input_tokens=usage.cached_input_tokens,
            cache_write_tokens=usage.cache_write_tokens,
            output_tokens=usage.output_tokens,
            reasoning_tokens=usage.reasoning_tokens,
            latency_ms=self.latency_ms(),
            first_token_ms=(
                None if self.first_token is None else _milliseconds(self.first_token - self.started)
            ),
            run_id=caller.run_id,
            tags=caller.tags,
            estimated=estimated,
            overrun=bool(self.hold.limited) and billed > self.hold.amount,
            prompt=None if self.prompt is None else self.prompt.name,
            prompt_version=None if self.prompt is None else self.prompt.version,
            auto_saved=self._auto_saved(usage, cost),
        )
        if self.caller.purse is not None:
            self.caller.purse.settle(self.drawn, self.event)
        kept: KeptAnswer | None = None
        try:
            if write is not None and status == "ok":
                kept = self._kept(write())
        finally:
            self.record = self.ledger.settle(self.hold, self.event, kept)
            if self.ended is not None:
                self.ended(self.event, None if failure is None else kind_of(failure))

    async def durable(self) -> None:
        """Wait until the settled row survives the death of every process.

        Raises:
            Overloaded: the store is away; the row is kept and tried again.
        """
        record = self.record
        if record is None:
            return
        if not record.done():
            # The record is not this caller's alone: who leaves must not take it along. This is
            # what `asyncio.shield` does, at a third of its price.
            waiter = record.get_loop().create_future()

            def wake(_record: asyncio.Future[None]) -> None:
                if not waiter.done():
                    waiter.set_result(None)

            record.add_done_callback(wake)
            await waiter
        record.result()

    def _auto_saved(self, usage: TokenUsage, cost: NanoUSD) -> NanoUSD:
        """What the dearest of the models would have cost besides that the platform chose from."""
        if not self.instead:
            return 0
        return max(price.cost(usage) - cost for price in self.instead)

    def _kept(self, body: bytes) -> KeptAnswer | None:
        key = self.caller.answer_key
        if key is None:
            return None
        return KeptAnswer(
            key=key,
            model=self.route.model,
            provider=self.route.provider.provider,
            body=body,
            expires_at=time.time() + KEPT_SECONDS,
            user_id=self.caller.key.user_id,
        )

    def latency_ms(self) -> int:
        """Whole milliseconds since the attempt began."""
        return _milliseconds(time.perf_counter() - self.started)


class Counted(NamedTuple):
    """The tokens of a request that was counted, and how its key's limits stand after that."""

    input_tokens: int
    requests: Window
    tokens: Window


class Receipt(msgspec.Struct, frozen=True):
    """What the caller is told besides the answer: who answered, at what cost, what is left.

    Attributes:
        event: the answer's row; None as long as it is on its way.
        tried: what tries of the call that came to nothing were billed.
    """

    route: Route
    requests: Window
    tokens: Window
    budget: Budget | None
    event: UsageEvent | None
    cache: CacheResult
    latency_ms: int
    tried: NanoUSD = 0

    @property
    def answerer(self) -> tuple[str, str]:
        """The model that answers, and its vendor."""
        return self.route.model, self.route.provider.provider


class Replayed(msgspec.Struct, frozen=True):
    """What the caller is told besides an answer that was paid for before.

    Attributes:
        model, provider: who had given it.
        requests, tokens: the state of the key's rate limits, where it can be known.
        budget: the tightest of those that would have paid.
    """

    model: str
    provider: str
    requests: Window | None = None
    tokens: Window | None = None
    budget: Budget | None = None


def receipt(attempt: Attempt) -> Receipt:
    """The receipt of an attempt as it stands now."""
    return Receipt(
        route=attempt.route,
        requests=attempt.place.ticket.requests,
        tokens=attempt.place.ticket.tokens,
        budget=attempt.ledger.tightest(attempt.hold.books),
        event=attempt.event,
        cache=attempt.cache,
        latency_ms=attempt.latency_ms(),
        tried=attempt.tried,
    )


def _milliseconds(seconds: float) -> int:
    return round(seconds * 1000)
