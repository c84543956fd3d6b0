"""What one process knows and holds of each account, and the holds of its calls."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from headgate.core.budgets import Account, AccountState, Budget
from headgate.core.money import NanoUSD


@dataclass(slots=True, eq=False)
class Book:
    """What this process knows and holds of one account in one period."""

    account: Account
    period: str
    state: AccountState
    read_at: float = float("-inf")
    leased: NanoUSD = 0
    held: NanoUSD = 0
    spent_since_read: NanoUSD = 0
    settling: NanoUSD = 0
    wanted: NanoUSD = 0
    demand: NanoUSD = 0
    recent_demand: NanoUSD = 0
    used_at: float = float("-inf")
    users: int = 0
    growing: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def is_limited(self) -> bool:
        """Whether calls need a hold here; a soft limit only warns."""
        return self.state.limit is not None and self.state.limit.hard

    @property
    def free(self) -> NanoUSD:
        """The part of the lease that no call holds."""
        return self.leased - self.held

    @property
    def excess(self) -> NanoUSD:
        """What was granted beyond a limit that was lowered since."""
        limit = self.state.limit
        return 0 if limit is None else max(0, self.state.granted - limit.amount)

    @property
    def usable(self) -> NanoUSD:
        """The free part of the lease that new calls may take."""
        return max(0, self.free - self.excess)

    @property
    def unleased(self) -> NanoUSD:
        """What the store could still grant."""
        limit = self.state.limit
        return 0 if limit is None else max(0, limit.amount - self.state.granted)

    def grant(self, change: NanoUSD) -> None:
        """Note what the store has granted just now, or taken back where it is negative."""
        state = self.state
        self.state = msgspec.structs.replace(state, granted=state.granted + change)

    def budget(self) -> Budget:
        """The account's budget as this process knows it, with what is being recorded."""
        return self._budget(self.state.spent + self.spent_since_read + self.settling)

    def stored_budget(self) -> Budget:
        """The account's budget as the store had it when it was read last.

        What is on its way to the store may or may not have been in it; adding it here could show
        it twice.
        """
        return self._budget(self.state.spent)

    def _budget(self, spent: NanoUSD) -> Budget:
        unsettled = self.state.granted - self.state.spent - self.spent_since_read
        others = max(0, unsettled - self.leased - self.settling)
        return Budget(
            account=self.account,
            period=self.period,
            limit=self.state.limit,
            spent=spent,
            reserved=self.held + others,
            unconfirmed=self.state.unconfirmed,
        )


Books: TypeAlias = tuple[Book, ...]


@dataclass(slots=True, eq=False)
class Hold:
    """Money set aside for one call: `amount` in each of `limited`; all accounts pay in the end."""

    owner: str
    amount: NanoUSD
    books: Books
    limited: frozenset[Book]
    is_settled: bool = False


@contextlib.contextmanager
def in_use(books: Books) -> Iterator[None]:
    """Keep `books` from being forgotten or emptied while somebody waits for them."""
    for book in books:
        book.users += 1
    try:
        yield
    finally:
        for book in books:
            book.users -= 1
