"""The escrow: how one process spends within budgets without asking the store for every call.

A process leases a part of each limited budget; a call's hold takes from the lease's free part by
plain arithmetic on the event loop. `reserve` holds the most a call could cost, `settle` replaces
the hold with what it did cost. A crash in between leaves the lease standing until it expires, so
recorded spend can be too high but never too low.
"""

import asyncio
import contextlib
import logging
import time
from collections.abc import Awaitable, Callable, Sequence

from headgate.core.alerts import Spend
from headgate.core.answers import KeptAnswer
from headgate.core.budgets import (
    Account,
    AccountState,
    Budget,
    Charge,
    LeaseId,
    LedgerStore,
    Limit,
    Settlement,
    Unconfirmed,
    period_bounds,
    period_of,
)
from headgate.core.errors import HeadgateError, NotFound, Overloaded
from headgate.core.ids import new_id
from headgate.core.money import NanoUSD
from headgate.core.usage import UsageEvent
from headgate.gateway.books import Book, Books, Hold, exceeded, in_use
from headgate.gateway.recalls import Recalls
from headgate.gateway.records import Records
from headgate.gateway.turns import Turn

FRESH_SECONDS = 1.0
LEASE_SECONDS = 12.0
# Clocks differ and writes wait for each other: the owner stops using a lease this long before its
# end, others wait as long after. Twice this is more than a write may take to reach the store.
MARGIN_SECONDS = 3.0
TICK_SECONDS = 0.25
IDLE_SECONDS = 1.0
# Far from the limit a lease is made for this many ticks of spend to come; near it, for one call.
LEAD_TICKS = 8
# No lease takes more than this part of what is left for calls that have not come yet.
LEAST_SHARE = 16
ATTEMPTS = 100
# Calls wait for a read that is under way, so none is longer than theirs.
BOOKS_READ_TOGETHER = 16

_LOG = logging.getLogger(__name__)


class Escrow:
    """Holds and settles money for the calls of this process."""

    def __init__(
        self,
        store: LedgerStore,
        *,
        clock: Callable[[], float] = time.time,
        pause: Callable[[float], Awaitable[object]] = asyncio.sleep,
        lead_ticks: int = LEAD_TICKS,
    ) -> None:
        """Begin without leases; `pause` waits so many seconds between looks at the store.

        `lead_ticks` says for how much spend to come a lease is made; with 0, for one call, whose
        record ends it.
        """
        self._lead_ticks = lead_ticks
        self._store = store
        self._clock = clock
        self._owner = new_id("own")
        self._lease_ends = 0.0
        self._books: dict[tuple[Account, str], Book] = {}
        self._reading = Turn()
        self._period = ""
        self._period_ends = float("-inf")
        self._records = Records(store)
        self._growing: set[asyncio.Task[None]] = set()
        self._unused: list[tuple[LeaseId, NanoUSD]] = []
        self._closing = asyncio.Event()
        self._tickers: list[asyncio.Task[None]] = []
        self._expired = 0
        self._recalls = Recalls(store, self._read_again, clock=clock, pause=pause)

    async def start(self) -> None:
        """Begin to keep leases; resolves those of processes that died."""
        await self._store.expire(now=self._clock() - MARGIN_SECONDS)
        for tick, seconds in (
            (self._tick, TICK_SECONDS),
            (self._answer_recalls, self._store.look_seconds),
        ):
            self._tickers.append(asyncio.create_task(self._repeat(tick, seconds)))

    async def aclose(self) -> None:
        """Record what is settled and give everything back."""
        self._closing.set()
        # The tickers are not cancelled: what they were writing, the store may have written.
        await asyncio.gather(*self._tickers, return_exceptions=True)
        await self._recalls.aclose()
        await self.rest()

    async def rest(self) -> None:
        """Record what is settled and give back what no call holds.

        A process that stands still from then on, for however long, leaves nothing that others
        would have to take for spent.

        Raises:
            Overloaded: the store did not take all of it.
        """
        await asyncio.gather(*self._growing, return_exceptions=True)
        await self._records.aclose()
        await self._give_back_unused()
        for book in self._books.values():
            await self._give_back(book, book.free)

    async def books(self, accounts: Sequence[Account]) -> Books:
        """The accounts' books, to ask what is affordable and to reserve in.

        Raises:
            Overloaded: the store did not say within which limits.
        """
        return await self._fresh(accounts)

    async def reserve(self, books: Books, ceiling: NanoUSD) -> Hold:
        """Hold `ceiling` in every limited one of `books`, or in none.

        Raises:
            BudgetExceeded: one of them cannot cover it.
            Overloaded: the store did not say within which limits.
        """
        deadline: float | None = None
        for _ in range(ATTEMPTS):
            # Anew each time: while the store was asked, a limit may have been removed.
            limited = [book for book in books if book.is_limited] if ceiling else []
            short = self._short(limited, ceiling)
            if short is None:
                break
            with in_use(books):
                await self._grow(short, ceiling)
                if short.lacks(ceiling):
                    if deadline is None:
                        deadline = self._recalls.deadline(short)
                    if not await self._recalls.wait(short, ceiling, deadline):
                        raise exceeded(short, ceiling)
                # What was waited for may have taken longer than what is known may be old.
                await self._refresh(books, self._clock())
        else:
            raise Overloaded("too many calls compete for one budget", retry_after_seconds=1)
        now = self._clock()
        for book in limited:
            book.held += ceiling
            book.demand += ceiling
            book.used_at = now
        return Hold(self._owner, ceiling, books, frozenset(limited))

    async def recall(self, books: Books, ceiling: NanoUSD) -> None:
        """Have other processes give back what they do not use where `books` lack `ceiling`.

        Waits until they have, for a moment at most; what comes is then `affordable`.
        """
        lacking = [book for book in books if book.lacks(ceiling) and book.others]
        if lacking:
            with in_use(books):
                waits = [
                    self._recalls.wait(
                        book, min(ceiling, book.reachable), self._recalls.deadline(book)
                    )
                    for book in lacking
                ]
                await asyncio.gather(*waits)

    def affordable(self, books: Books) -> NanoUSD | None:
        """The most that a call could still hold in all of `books`; None where nothing limits it."""
        amounts = [book.usable + book.unleased for book in books if book.is_limited]
        return min(amounts) if amounts else None

    def settle(
        self, hold: Hold, event: UsageEvent, answer: KeptAnswer | None = None
    ) -> asyncio.Future[None]:
        """Replace a hold by what the call did cost, once; `answer` is kept with its row.

        The money is free again at once; the future is done when the record is durable. It needs
        not be awaited where nobody waits for an answer; who may be cancelled shields it.
        """
        if hold.is_settled:
            raise RuntimeError("a hold is settled once")
        hold.is_settled = True
        charges = tuple(self._charge(book, hold, event.billed) for book in hold.books)
        return self._records.begin(Settlement(hold.owner, event, charges, answer), hold.books)

    def is_pending(self, event_id: str) -> bool:
        """Whether the record of a settled call is still to be made."""
        return self._records.is_pending(event_id)

    def release(self, hold: Hold) -> None:
        """Give a hold back for a call that never reached a vendor."""
        if hold.is_settled:
            raise RuntimeError("a hold is settled once")
        hold.is_settled = True
        for book in hold.limited:
            if hold.owner == self._owner:
                book.held -= hold.amount
            else:
                self._leave(hold.owner, book, hold.amount)

    async def budgets(self, accounts: Sequence[Account]) -> list[Budget]:
        """Each account's budget as the store has it now."""
        await self._records.again()
        books = await self._fresh(accounts, at_once=True)
        return [book.stored_budget() for book in books]

    def tightest(self, books: Books) -> Budget | None:
        """The limited budget of a call that has the least left."""
        budgets = [book.budget() for book in books if book.state.limit is not None]
        return min(budgets, key=lambda budget: budget.remaining or 0, default=None)

    @property
    def expired(self) -> int:
        """See `Spending.expired`."""
        return self._expired

    async def spends(self, *, at_once: bool = False) -> list[Spend]:
        """See `Spending.spends`."""
        oldest = self._clock() - (0 if at_once else FRESH_SECONDS)
        limited = [book for book in self._books.values() if book.state.limit is not None]
        unread: dict[str, list[Book]] = {}
        for book in limited:
            if book.spent_since_read and book.read_at <= oldest:
                unread.setdefault(book.period, []).append(book)
        for books in unread.values():
            for start in range(0, len(books), BOOKS_READ_TOGETHER):
                async with self._reading.taken():
                    await self._read(books[start : start + BOOKS_READ_TOGETHER])
        return [
            Spend(book.account, book.period, book.state.limit, book.state.spent)
            for book in limited
            if book.state.limit is not None
        ]

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        """Set an account's limit; it holds here at once, elsewhere within a second."""
        await self._store.set_limit(account, limit)
        await self._fresh((account,), at_once=True)

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        """What dead processes may have spent, newest first, from behind the id `after`."""
        return await self._store.unconfirmed(limit=limit, after=after)

    async def release_unconfirmed(self, entry_id: str) -> Unconfirmed:
        """Take what a dead process may have spent off its budget.

        Raises:
            NotFound: there is no such entry, or none any more.
        """
        entry = await self._store.release(entry_id, now=self._clock())
        if entry is None:
            raise NotFound(f"there is no unconfirmed entry {entry_id[:128]!r}")
        await self._fresh((entry.lease.account,), at_once=True)
        return entry

    def _charge(self, book: Book, hold: Hold, billed: NanoUSD) -> Charge:
        covered, returned = 0, None
        if book in hold.limited:
            if hold.owner == self._owner:
                # An overrun is taken from the free part of the lease, then from the store.
                covered = min(billed, hold.amount + max(0, book.free))
                book.held -= hold.amount
                book.leased -= covered
                if not self._lead_ticks and not book.held:
                    returned = max(0, book.leased)
                    book.leased -= returned
            else:
                covered = min(billed, hold.amount)
                self._leave(hold.owner, book, hold.amount - covered)
        book.settling += billed
        return Charge(book.account, book.period, billed, covered, returned)

    def _short(self, limited: Sequence[Book], ceiling: NanoUSD) -> Book | None:
        if limited and self._clock() > self._lease_ends - MARGIN_SECONDS:
            self._abandon_leases()
        return next((book for book in limited if book.usable < ceiling), None)

    def _abandon_leases(self) -> None:
        """Go on under a new name; what the old one held is resolved when its leases expire."""
        if any(book.leased for book in self._books.values()):
            self._rename()
        self._lease_ends = self._clock() + LEASE_SECONDS

    def _rename(self) -> None:
        for book in self._books.values():
            self._leave(self._owner, book, book.free)
            book.leased = book.held = 0
        self._owner = new_id("own")

    def _mistrust(self, lease: LeaseId) -> None:
        """Count on nothing more of a lease that may be larger or smaller than is known here.

        Its owner's name is given up, so that nobody extends it: what nobody knows of becomes
        unconfirmed when it expires.
        """
        if lease.owner == self._owner:
            self._rename()

    def _leave(self, owner: str, book: Book, amount: NanoUSD) -> None:
        """Note a part of an abandoned lease that no call has used, to be given back."""
        if amount > 0:
            self._unused.append((LeaseId(owner, book.account, book.period), amount))

    async def _give_back_unused(self) -> None:
        while self._unused:
            lease, amount = self._unused.pop()
            try:
                await self._store.give_back(lease, amount)
            except Overloaded as error:
                # Given back twice, it would be taken from what calls hold.
                if not error.may_be_done:
                    self._unused.append((lease, amount))
                raise

    async def _grow(self, book: Book, ceiling: NanoUSD) -> None:
        """Lease enough for one more call, and ahead for the calls that are likely to follow.

        Nothing is leased where the store has not enough left; `book` knows then.
        """
        if book.is_denied(ceiling):
            return
        # A caller who leaves must not take the answer along: what the store grants would be lost.
        task = asyncio.create_task(self._grow_in_turn(book, ceiling))
        self._growing.add(task)
        task.add_done_callback(self._end_growth)
        await asyncio.shield(task)

    def _end_growth(self, task: asyncio.Task[None]) -> None:
        self._growing.discard(task)
        if not task.cancelled():
            task.exception()  # who waited for it may have left

    async def _grow_in_turn(self, book: Book, ceiling: NanoUSD) -> None:
        book.wanted += ceiling
        try:
            with in_use((book,)):
                async with book.growing.taken():
                    if book.usable < ceiling and not book.is_denied(ceiling):
                        await self._lease(book, ceiling)
        finally:
            book.wanted -= ceiling

    async def _lease(self, book: Book, ceiling: NanoUSD) -> None:
        await self._give_back_unused()
        await self._give_back(book, min(book.free, book.excess))
        least = max(0, ceiling - book.free)
        ahead = max(book.demand, book.recent_demand) * self._lead_ticks
        ahead = min(ahead, book.unleased // LEAST_SHARE)
        # Whole calls only: the rest of one would be missing to another process.
        most = max(least, book.wanted - book.free) + ahead // ceiling * ceiling
        lease = LeaseId(self._owner, book.account, book.period)
        ends = self._clock() + LEASE_SECONDS
        try:
            granted = await self._store.lease(lease, least=least, most=most, expires_at=ends)
        except Overloaded as error:
            if error.may_be_done:
                self._mistrust(lease)
            raise
        if lease.owner != self._owner:
            # The name was given up meanwhile.
            self._leave(lease.owner, book, granted)
            return
        # Where the answer took long, this lease ends before the others.
        self._lease_ends = min(self._lease_ends, ends)
        book.leased += granted
        book.grant(granted)
        # A grant beyond the limit that is known here says that it was raised, or money given back.
        if not granted or book.excess:
            await self._read_again(book)
        if not granted and book.lacks(ceiling):
            book.deny(ceiling)

    async def _fresh(self, accounts: Sequence[Account], *, at_once: bool = False) -> Books:
        """The accounts' books, none of them read longer than a second ago."""
        now = self._clock()
        if now >= self._period_ends:
            self._period = period_of(now)
            self._period_ends = period_bounds(self._period)[1].timestamp()
        period = self._period
        books = tuple([self._book(account, period) for account in accounts])
        await self._refresh(books, now, at_once=at_once)
        return books

    async def _refresh(self, books: Books, now: float, *, at_once: bool = False) -> None:
        """Read those of `books` that were read longer than a second before `now`."""
        oldest = now - FRESH_SECONDS
        for book in books:
            if at_once or not oldest < book.read_at <= now:
                break
        else:
            return
        with in_use(books):
            async with self._reading.taken():
                stale = [book for book in books if at_once or not oldest < book.read_at <= now]
                if stale:
                    await self._read(stale, unlimited=at_once)

    def _book(self, account: Account, period: str) -> Book:
        book = self._books.get((account, period))
        if book is None:
            book = Book(account, period, AccountState(account=account))
            self._books[account, period] = book
        return book

    async def _read_again(self, book: Book) -> None:
        async with self._reading.taken():
            await self._read([book])

    async def _read(self, books: Sequence[Book], *, unlimited: bool = False) -> None:
        started = self._clock()
        spent_before = [book.spent_since_read for book in books]
        accounts = [book.account for book in books]
        states = await self._store.states(accounts, books[0].period, unlimited=unlimited)
        for book, state, before in zip(books, states, spent_before, strict=True):
            book.learn(state)
            book.spent_since_read -= before
            book.read_at = started

    async def _repeat(self, tick: Callable[[], Awaitable[None]], seconds: float) -> None:
        while not self._closing.is_set():
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._closing.wait(), seconds)
            try:
                await tick()
            except HeadgateError:
                continue  # the store is away; leases end by themselves and the next tick tries
            except Exception:  # noqa: BLE001 - a task's rim: without its ticks no record is kept
                _LOG.exception("a tick of the escrow failed")

    async def _tick(self) -> None:
        now = self._clock()
        if now > self._lease_ends - LEASE_SECONDS / 2:
            await self._keep_leases(now)
        await self._give_back_unused()
        for key, book in list(self._books.items()):
            book.recent_demand = max(book.demand, book.recent_demand // 2)
            book.demand = 0
            is_kept = book.is_limited and book.period == self._period
            is_idle = not book.users and now - book.used_at > IDLE_SECONDS
            surplus = book.free if is_idle or not is_kept else min(book.free, book.excess)
            await self._give_back(book, surplus)
            if not (book.users or book.held or book.leased or book.settling) and (
                now - max(book.read_at, book.used_at) > LEASE_SECONDS
            ):
                del self._books[key]
        await self._records.again()

    async def _answer_recalls(self) -> None:
        """Give back the free part of every lease that somebody needs more."""
        if not any(book.free > 0 for book in self._books.values()):
            return
        for recalled in await self._store.recalled(now=self._clock()):
            book = self._books.get(recalled)
            if book is not None:
                await self._give_back(book, book.free)

    async def _keep_leases(self, now: float) -> None:
        owner, ended = self._owner, self._lease_ends
        if now > ended - MARGIN_SECONDS:
            self._abandon_leases()
        elif any(book.leased for book in self._books.values()):
            await self._store.extend(owner, expires_at=now + LEASE_SECONDS)
            # An answer that comes after their end does not say whether it found them alive.
            if owner == self._owner and self._clock() <= ended - MARGIN_SECONDS:
                self._lease_ends = now + LEASE_SECONDS
        else:
            self._lease_ends = now + LEASE_SECONDS
        self._expired += await self._store.expire(now=now - MARGIN_SECONDS)

    async def _give_back(self, book: Book, amount: NanoUSD) -> None:
        if amount <= 0:
            return
        # Taken out first: a caller who comes during the write must not spend it too.
        book.leased -= amount
        lease = LeaseId(self._owner, book.account, book.period)
        try:
            await self._store.give_back(lease, amount)
        except Overloaded as error:
            if error.may_be_done:
                self._mistrust(lease)
            elif lease.owner == self._owner:
                book.leased += amount
            else:
                self._leave(lease.owner, book, amount)
            raise
        book.grant(-amount)
