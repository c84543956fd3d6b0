"""An escrow as one process has it, and what a test does with it."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field

from fakes import FakeClock, RemoteLedger
from headgate.core.budgets import Account, AccountState, Limit
from headgate.core.usage import UsageEvent
from headgate.gateway.books import Hold
from headgate.gateway.escrow import IDLE_SECONDS, TICK_SECONDS, Escrow
from usage_events import usage_event

KEY = Account("key", "sk-proj-one")
USER = Account("user", "ada")
PERIOD = "2026-11"


@dataclass
class Till:
    """An escrow with its store and its clock.

    Attributes:
        meanwhile: what happens in each moment that a recall waits.
    """

    clock: FakeClock = field(default_factory=FakeClock)
    store: RemoteLedger = field(default_factory=RemoteLedger)
    escrow: Escrow = field(init=False)
    meanwhile: Callable[[], Awaitable[object]] | None = None

    def __post_init__(self) -> None:
        self.escrow = Escrow(self.store, clock=self.clock, pause=self.pause)

    async def pause(self, seconds: float) -> None:
        """Let `meanwhile` happen between two looks of a recall."""
        await asyncio.sleep(0)
        if self.meanwhile is not None:
            await self.meanwhile()

    def beside(self) -> "Till":
        """Another process on the same store, in the same time."""
        return Till(self.clock, RemoteLedger(self.store.memory))

    async def limit(self, amount: int | None, account: Account = KEY) -> None:
        """Set a limit as another process would: this one is not told."""
        limit = None if amount is None else Limit(amount=amount)
        await self.store.memory.set_limit(account, limit)

    async def reserve(self, ceiling: int, *accounts: Account) -> Hold:
        books = await self.escrow.books(accounts or (KEY,))
        return await self.escrow.reserve(books, ceiling)

    async def settle(self, hold: Hold, billed: int) -> UsageEvent:
        event = usage_event(billed=billed)
        await self.escrow.settle(hold, event)
        return event

    async def spend(self, ceiling: int, billed: int, *accounts: Account) -> None:
        await self.settle(await self.reserve(ceiling, *accounts), billed)

    async def state(self, account: Account = KEY, period: str = PERIOD) -> AccountState:
        (state,) = await self.store.memory.states([account], period)
        return state

    async def sums(self, account: Account = KEY, period: str = PERIOD) -> tuple[int, int, int]:
        state = await self.state(account, period)
        return state.granted, state.spent, state.unconfirmed

    async def pass_time(self, seconds: float) -> None:
        """Let time pass tick by tick, as in a process that runs."""
        for _ in range(round(seconds / TICK_SECONDS)):
            self.clock.advance(TICK_SECONDS)
            await self.escrow._tick()

    async def rest(self) -> None:
        """Let so much time pass that nothing should be left of any call."""
        for _ in range(20):
            await asyncio.sleep(0)
        await self.pass_time(IDLE_SECONDS + 2 * TICK_SECONDS)
