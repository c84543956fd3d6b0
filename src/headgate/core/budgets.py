"""Budgets and the escrow that keeps them: the port of the ledger and of its store.

Money goes three steps down: a *budget* grants it to *leases*, one per process; inside a process a
lease covers *holds*, one per call. Only the first step asks the store, with one conditional write.
"""

import asyncio
import datetime as dt
from collections.abc import Sequence
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeAlias

import msgspec

from headgate.core.answers import KeptAnswer
from headgate.core.money import NanoUSD
from headgate.core.usage import UsageEvent

BudgetScope: TypeAlias = Literal["key", "user", "workspace", "model"]

DEFAULT_ALERT_THRESHOLDS = (0.5, 0.8, 1.0)


class Account(NamedTuple):
    """Whose spend is counted: every key, user, workspace and model has one from its first call."""

    scope: BudgetScope
    id: str


class Limit(msgspec.Struct, frozen=True, kw_only=True):
    """A monthly limit on an account; a soft one (`hard=False`) only warns."""

    amount: NanoUSD
    hard: bool = True
    alert_thresholds: tuple[float, ...] = DEFAULT_ALERT_THRESHOLDS


class Budget(msgspec.Struct, frozen=True, kw_only=True):
    """An account's period as a person sees it.

    Attributes:
        spent: what was billed, and what dead processes may have spent (`unconfirmed`).
        reserved: held for calls that are under way.
    """

    account: Account
    period: str
    limit: Limit | None
    spent: NanoUSD = 0
    reserved: NanoUSD = 0
    unconfirmed: NanoUSD = 0

    @property
    def remaining(self) -> NanoUSD | None:
        """What new calls can still use, never below 0; None without a limit."""
        if self.limit is None:
            return None
        return max(0, self.limit.amount - self.spent - self.reserved)


class AccountState(msgspec.Struct, frozen=True, kw_only=True):
    """What the store knows of an account in a period.

    Attributes:
        granted: handed to leases and not given back, and all spend without a lease.
        spent: billed or unconfirmed; never above `granted`.
    """

    account: Account
    limit: Limit | None = None
    granted: NanoUSD = 0
    spent: NanoUSD = 0
    unconfirmed: NanoUSD = 0


class LeaseId(NamedTuple):
    """A lease: one process's part of one account in one period."""

    owner: str
    account: Account
    period: str


class Unconfirmed(msgspec.Struct, frozen=True, kw_only=True):
    """What a process may have spent from a lease that ended before it had settled all of it.

    Attributes:
        id: sorts by time.
        created_at, released_at: Unix seconds; a released one is no longer charged.
    """

    id: str
    lease: LeaseId
    amount: NanoUSD
    created_at: float
    released_at: float | None = None


class Charge(msgspec.Struct, frozen=True):
    """What a settled call takes from an account.

    Attributes:
        leased: the part of `billed` that a lease covers; the rest was never granted and is added
            to the account's grants as it is spent.
        returned: what is left of the lease, which ends with this call and goes back, as by
            `give_back`; None where the lease goes on.
    """

    account: Account
    period: str
    billed: NanoUSD
    leased: NanoUSD
    returned: NanoUSD | None = None

    def check(self) -> None:
        """See that it can be.

        Raises:
            ValueError: a lease cannot cover more than was billed, or take back less than nothing.
        """
        if not 0 <= self.leased <= self.billed:
            raise ValueError(f"a lease cannot cover {self.leased} of {self.billed}")
        if self.returned is not None and self.returned < 0:
            raise ValueError(f"{self.returned} nano-dollars cannot be given back")


class Settlement(msgspec.Struct, frozen=True):
    """A finished call: its ledger row and what each of its accounts pays.

    `answer` is what its caller may ask for again, and is kept where the row is.
    """

    owner: str
    event: UsageEvent
    charges: tuple[Charge, ...]
    answer: KeptAnswer | None = None


class LedgerStore(Protocol):
    """Where money is kept.

    Every method may raise `Overloaded` when the store is away; then it has changed nothing, unless
    the error says that it may have (`may_be_done`).

    After each of them, of every account and period: `granted - spent` is what its leases have not
    settled, and `spent` is what its events were billed and what is open of its unconfirmed.

    Attributes:
        look_seconds: how often who has something free looks for recalls; a look is one query.
    """

    look_seconds: ClassVar[float]

    async def states(
        self, accounts: Sequence[Account], period: str, *, unlimited: bool = True
    ) -> list[AccountState]:
        """What is known of each account, in the same order; unknown ones are empty.

        Without `unlimited`, those without a limit may be told as empty too: what nobody compares
        with a limit need not be read before each call.
        """
        ...

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        """Grant between `least` and `most` more to a lease, or 0 where the limit forbids `least`.

        This one conditional write (`granted + x ≤ limit`) is all that guards a limit. A soft limit
        grants `most`. Without a limit nothing is granted: such an account needs no lease.
        """
        ...

    async def extend(self, owner: str, *, expires_at: float) -> None:
        """Keep the leases of a living process, until `expires_at` at least.

        A lease that was resolved meanwhile is not brought back.
        """
        ...

    async def give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        """Return an unused part of a lease to its account, at most what is not settled.

        Where the lease was resolved meanwhile, what it left unconfirmed becomes less instead.
        """
        ...

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """Record a call: row, accounts, rollups, answer and the end of leases in one transaction.

        Begins at once, whether or not the future is awaited; it is done once the record survives
        the death of every process. An event is recorded once, however often it is settled: a
        second time changes nothing. What a lease cannot cover any more because it expired
        replaces that much of the owner's unconfirmed charge, so nothing counts twice.
        """
        ...

    async def expire(self, *, now: float) -> int:
        """Resolve leases that ended before `now`: what they had not settled becomes unconfirmed.

        Returns how many there were. Recalls that ended are forgotten.
        """
        ...

    async def recall(self, account: Account, period: str, *, until: float) -> None:
        """Ask the owners of an account's leases for what they do not use, until `until` at least.

        The store only makes it known, in `recalled`; whoever holds a lease gives its free part
        back within a moment of reading it.
        """
        ...

    async def recalled(self, *, now: float) -> list[tuple[Account, str]]:
        """The accounts, with their periods, that are recalled at `now`, all in one query."""
        ...

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        """Up to `limit` entries that are charged, newest first, from behind the id `after`.

        The entry with that id may be gone: ids sort by time, so the place is known without it.
        """
        ...

    async def release(self, entry_id: str, *, now: float) -> Unconfirmed | None:
        """Take an unconfirmed entry off its account; a second time changes nothing.

        None where there is no such entry, or where late settlements have replaced all of it. What
        its owner still settles after this is recorded as if no lease had covered it.
        """
        ...

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        """Set, change or remove an account's limit; what was granted or spent stays."""
        ...

    async def erase(self, settlements: Sequence[Settlement]) -> int:
        """Take calls that nobody made out again, sample data; how many of them were there.

        Their rows, their charges and what they added to the rollups go in one step, or in several
        of whole calls; what is not there changes nothing. Each event is given as the store tells
        it.
        """
        ...


def period_of(now: float) -> str:
    """The calendar month, in UTC, in which a moment lies: `2026-11`."""
    return dt.datetime.fromtimestamp(now, dt.UTC).strftime("%Y-%m")


def period_bounds(period: str) -> tuple[dt.datetime, dt.datetime]:
    """A period's first moment and the first moment after it."""
    start = dt.datetime.strptime(period, "%Y-%m").replace(tzinfo=dt.UTC)
    end = (start + dt.timedelta(days=32)).replace(day=1)
    return start, end
