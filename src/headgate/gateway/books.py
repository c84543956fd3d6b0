"""What one process knows and holds of each account, and the holds of its calls."""

import asyncio
import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TypeAlias

import msgspec

from headgate.core.budgets import Account, AccountState, Budget, period_bounds
from headgate.core.errors import BudgetExceeded
from headgate.core.money import NanoUSD, to_text
from headgate.gateway.turns import Turn


@dataclass(slots=True, eq=False)
class Book:
    """What this process knows and holds of one account in one period.

    Attributes:
        wanted: what calls that wait for a lease want to hold.
        denied: the least that the store could not grant as it was read last.
        recalled_at: when this process asked others for their free parts last.
        recalled_in_vain_at: when nothing had come of that last.
    """

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
    growing: Turn = field(default_factory=Turn)
    denied: NanoUSD | None = None
    recalled_at: float = float("-inf")
    recalled_in_vain_at: float = float("-inf")
    recall: asyncio.Task[bool] | None = None

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

    @property
    def others(self) -> NanoUSD:
        """What other processes have leased and not settled, whether calls hold it or not."""
        unsettled = self.state.granted - self.state.spent - self.spent_since_read
        return max(0, unsettled - self.leased - self.settling)

    @property
    def reachable(self) -> NanoUSD:
        """The most that a call could hold if other processes gave back all they have leased."""
        limit = self.state.limit
        return (
            0
            if limit is None
            else max(0, limit.amount - self.state.granted + self.free + self.others)
        )

    def lacks(self, amount: NanoUSD) -> bool:
        """Whether a call cannot hold `amount`, as far as is known here."""
        return self.is_limited and self.usable + self.unleased < amount

    def deny(self, amount: NanoUSD) -> None:
        """Remember that the store cannot grant what is missing of `amount`.

        So a caller who tries again and again costs the store nothing until the budget changes.
        """
        self.denied = amount - self.usable

    def is_denied(self, amount: NanoUSD) -> bool:
        """Whether the store was asked for as much already, and has changed nothing since."""
        return self.denied is not None and amount - self.usable >= self.denied

    def learn(self, state: AccountState) -> None:
        """Take over what the store knows now."""
        if (state.limit, state.granted) != (self.state.limit, self.state.granted):
            self.denied = None
        self.state = state

    def grant(self, change: NanoUSD) -> None:
        """Note what the store has granted just now, or taken back where it is negative."""
        self.learn(msgspec.structs.replace(self.state, granted=self.state.granted + change))

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
        return Budget(
            account=self.account,
            period=self.period,
            limit=self.state.limit,
            spent=spent,
            reserved=self.held + self.others,
            unconfirmed=self.state.unconfirmed,
        )


Books: TypeAlias = tuple[Book, ...]


class Hold(msgspec.Struct, eq=False):
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


def exceeded(book: Book, ceiling: NanoUSD) -> BudgetExceeded:
    """The refusal of a call that could cost `ceiling`."""
    budget = book.budget()
    amount = budget.limit.amount if budget.limit else 0
    resets = period_bounds(book.period)[1].date()
    return BudgetExceeded(
        f"the monthly budget of {book.account.scope} {book.account.id!r} (${to_text(amount)}) has "
        f"${to_text(budget.remaining or 0)} left, and this call could cost ${to_text(ceiling)}: "
        f"raise the budget, lower the output limit, or wait until {resets} (UTC)",
        budget=budget,
    )
