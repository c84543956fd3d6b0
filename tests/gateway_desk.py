"""A gateway on fakes, with what a test asks of it afterwards."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from fakes import FakeClock, FakePrices, FakeProvider, RemoteLedger
from headgate.core.budgets import Account, Limit
from headgate.core.cache import ResponseCache
from headgate.core.chat import ChatRequest, Message
from headgate.core.keys import RateLimit, VirtualKey
from headgate.core.prices import Markup, Price
from headgate.core.usage import UsageEvent
from headgate.core.workspaces import WorkspaceSettings
from headgate.gateway.cache import Cache
from headgate.gateway.calls import Caller
from headgate.gateway.catalog import Catalog
from headgate.gateway.dispatch import Dispatcher
from headgate.gateway.escrow import IDLE_SECONDS, Escrow
from headgate.gateway.flights import Flights
from headgate.gateway.gateway import Gateway
from headgate.gateway.replays import Replays
from headgate.gateway.routing import Routing
from headgate.gateway.semantic import Semantics
from headgate.gateway.vendor_keys import VendorKeys
from headgate.identity.workspaces import Workspaces
from headgate.stores.buckets import DefaultLimits
from headgate.stores.memory_neighbours import MemoryNeighbours
from headgate.stores.memory_vendor_keys import MemoryVendorKeys
from headgate.stores.memory_workspaces import MemoryWorkspaces
from headgate.stores.process_limits import ProcessRateLimiter
from headgate.stores.sealing import AesSealer

PERIOD = "2026-11"
KEY = VirtualKey(
    key_id="sk-proj-one",
    name="one",
    scopes=frozenset({"ai:complete"}),
    workspace_id="acme",
    user_id="ada",
    rate_limit=RateLimit(tokens_per_minute=1_000_000),
    created_at=0.0,
)
CALLER = Caller(KEY, "req_1", ("blue",), "greeting")
ACCOUNT = Account("key", KEY.key_id)
PRICE = Price(input=1_000_000, output=2_000_000, version="test-1")
"""One nano-dollar per token of input, two per token of output."""


def asks(**fields: Any) -> ChatRequest:
    """A request to the model `small`, with `fields` in place of what they name."""
    request = ChatRequest(model="small", messages=(Message("user", "hello"),))
    return msgspec.structs.replace(request, **fields)


class Desk:
    """A gateway without markup over vendors that follow scripts."""

    def __init__(
        self,
        *providers: FakeProvider,
        markup: Markup = Markup(0),  # noqa: B008 - a frozen value
        aliases: Mapping[str, Sequence[str]] | None = None,
        prices: Mapping[str, Price] | None = None,
        beside: "Desk | None" = None,
        routing: Routing | None = None,
        cache: ResponseCache | None = None,
        semantic: tuple[str, float] | None = None,
        keyless: Sequence[FakeProvider] = (),
    ) -> None:
        """Open it, as another process on the store of `beside` where there is one.

        With `semantic`, an embedding model and a threshold, similar questions share answers. For
        the `keyless` vendors the platform has no key.
        """
        self.clock: FakeClock = FakeClock() if beside is None else beside.clock
        self.store: RemoteLedger = RemoteLedger(None if beside is None else beside.store.memory)
        self.ledger = Escrow(self.store, clock=self.clock)
        self.limiter = ProcessRateLimiter(DefaultLimits(50, 200), clock=self.clock)
        self.vendor_keys = VendorKeys(
            MemoryVendorKeys(),
            {provider.provider: provider for provider in (*providers, *keyless)},
            lambda: AesSealer(b"a secret of the desk"),
            clock=self.clock,
        )
        self.workspaces = Workspaces(
            MemoryWorkspaces(),
            Markup(0),
            {"acme": WorkspaceSettings(markup=markup)},
            self.clock,
        )
        self.gateway = Gateway(
            catalog=Catalog(
                {provider.provider: provider for provider in providers},
                FakePrices(
                    {provider.provider: PRICE for provider in (*providers, *keyless)}
                    | dict(prices or {})
                ),
                aliases or {},
                keyless={provider.provider: provider for provider in keyless},
                clock=self.clock,
            ),
            limiter=self.limiter,
            dispatcher=Dispatcher(self.ledger, routing or Routing()),
            markup_for=self.workspaces.markup_for,
            vendor_keys=self.vendor_keys,
            cache=Cache(cache),
        )
        if semantic is not None:
            semantics = Semantics(MemoryNeighbours(3600, 1_000_000), self.gateway, *semantic)
            self.gateway = replace(self.gateway, cache=Cache(cache, semantics))
        self.flights = Flights(
            self.store.memory.answers,
            self.ledger.is_pending,
            clock=self.clock,
            pause=lambda _: asyncio.sleep(0),
        )
        self.replays = Replays(self.gateway, self.flights)

    async def limit(self, amount: int, account: Account = ACCOUNT) -> None:
        await self.store.memory.set_limit(account, Limit(amount=amount))

    def limited_tokens(self) -> int:
        """How many tokens count against the key's limit now."""
        buckets = self.limiter._keys[KEY.key_id].buckets
        return round(buckets.tokens_capacity - buckets.tokens)

    @property
    def events(self) -> list[UsageEvent]:
        """The recorded rows in the order of their attempts."""
        return sorted(self.store.memory._events.values(), key=lambda event: event.id)

    @property
    def event(self) -> UsageEvent:
        """The one recorded row."""
        (event,) = self.events
        return event

    async def rest(self) -> None:
        """Let everything come to its end, then check that no call left anything behind."""
        for _ in range(30):
            await asyncio.sleep(0)
        for _ in range(3):
            self.clock.advance(IDLE_SECONDS)
            await self.ledger._tick()
        billed = sum(event.billed for event in self.events)
        (state,) = await self.store.memory.states([ACCOUNT], PERIOD)
        assert (state.granted, state.spent, state.unconfirmed) == (billed, billed, 0)
        (budget,) = await self.ledger.budgets([ACCOUNT])
        assert (budget.spent, budget.reserved) == (billed, 0)
        assert all(not counters.running for counters in self.limiter._keys.values())
