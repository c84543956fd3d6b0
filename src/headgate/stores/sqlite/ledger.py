"""The ledger in SQLite: limits, accounts, leases and what is settled.

The invariant, true of every account and period after each transaction:

    granted - spent = Σ (amount - settled) over the account's leases
    spent = Σ billed of the account's events + Σ open unconfirmed entries

So what is granted and not spent is exactly what leases still hold, and `spent` is never above
`granted`. `_lease` alone grants, and never beyond a hard limit; settling adds to `granted` only
what no grant covers, since what was spent must be on record even where it was too much.

A charge is covered by its lease first, then by what the same owner's expired leases left
unconfirmed, which it replaces. Which of the two a late charge belongs to need not be known: both
were granted to that owner, and each is used up once.
"""

import asyncio
import sqlite3
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import msgspec

from headgate.core.budgets import (
    Account,
    AccountState,
    LeaseId,
    Limit,
    Settlement,
    Unconfirmed,
)
from headgate.core.money import NanoUSD
from headgate.stores.sqlite import answers, events, rollups, unconfirmed
from headgate.stores.sqlite.database import Database

_ADD_TO_ACCOUNT = (
    "INSERT INTO accounts (scope, id, period, granted, spent, unconfirmed) "
    "VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (scope, id, period) DO UPDATE SET "
    "granted = granted + excluded.granted, spent = spent + excluded.spent, "
    "unconfirmed = unconfirmed + excluded.unconfirmed"
)

_decode_thresholds = msgspec.json.Decoder(tuple[float, ...]).decode


@dataclass(frozen=True, slots=True)
class SqliteLedger:
    """`LedgerStore` in a database that other processes use too."""

    look_seconds: ClassVar[float] = 0.1

    database: Database

    async def states(
        self,
        accounts: Sequence[Account],
        period: str,
        *,
        unlimited: bool = True,  # noqa: ARG002 - to leave them out would save nothing
    ) -> list[AccountState]:
        """See `LedgerStore.states`."""
        return await self.database.readers.run(
            lambda connection: [_state(connection, account, period) for account in accounts]
        )

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        """See `LedgerStore.lease`."""
        if not 0 <= least <= most:
            raise ValueError(f"no lease has between {least} and {most} nano-dollars")
        return await self.database.writer.run(
            lambda connection: _lease(connection, lease, least, most, expires_at)
        )

    async def extend(self, owner: str, *, expires_at: float) -> None:
        """See `LedgerStore.extend`."""
        await self.database.writer.run(lambda connection: _extend(connection, owner, expires_at))

    async def give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        """See `LedgerStore.give_back`."""
        if amount < 0:
            raise ValueError(f"{amount} nano-dollars cannot be given back")
        await self.database.writer.run(lambda connection: _give_back(connection, lease, amount))

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """See `LedgerStore.settle`."""
        for charge in settlement.charges:
            charge.check()
        return self.database.writer.append(record, settlement)

    async def expire(self, *, now: float) -> int:
        """See `LedgerStore.expire`."""
        return await self.database.writer.run(lambda connection: _expire(connection, now))

    async def recall(self, account: Account, period: str, *, until: float) -> None:
        """See `LedgerStore.recall`."""
        await self.database.writer.run(
            lambda connection: _recall(connection, account, period, until)
        )

    async def recalled(self, *, now: float) -> list[tuple[Account, str]]:
        """See `LedgerStore.recalled`."""
        return await self.database.readers.run(lambda connection: _recalled(connection, now))

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        """See `LedgerStore.unconfirmed`."""
        return await self.database.readers.run(
            lambda connection: unconfirmed.charged(connection, limit, after)
        )

    async def release(self, entry_id: str, *, now: float) -> Unconfirmed | None:
        """See `LedgerStore.release`."""
        return await self.database.writer.run(
            lambda connection: _release(connection, entry_id, now)
        )

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        """See `LedgerStore.set_limit`."""
        await self.database.writer.run(lambda connection: _set_limit(connection, account, limit))

    async def erase(self, settlements: Sequence[Settlement]) -> int:
        """See `LedgerStore.erase`."""
        return await self.database.writer.run(lambda connection: _erase(connection, settlements))


def _state(connection: sqlite3.Connection, account: Account, period: str) -> AccountState:
    sums = connection.execute(
        "SELECT granted, spent, unconfirmed FROM accounts "
        "WHERE scope = ? AND id = ? AND period = ?",
        (*account, period),
    ).fetchone()
    granted, spent, unconfirmed = sums or (0, 0, 0)
    return AccountState(
        account=account,
        limit=_limit(connection, account),
        granted=granted,
        spent=spent,
        unconfirmed=unconfirmed,
    )


def _limit(connection: sqlite3.Connection, account: Account) -> Limit | None:
    row = connection.execute(
        "SELECT amount, hard, alert_thresholds FROM limits WHERE scope = ? AND id = ?", account
    ).fetchone()
    if row is None:
        return None
    amount, hard, thresholds = row
    return Limit(amount=amount, hard=bool(hard), alert_thresholds=_decode_thresholds(thresholds))


def _set_limit(connection: sqlite3.Connection, account: Account, limit: Limit | None) -> None:
    if limit is None:
        connection.execute("DELETE FROM limits WHERE scope = ? AND id = ?", account)
        return
    thresholds = msgspec.json.encode(limit.alert_thresholds).decode()
    connection.execute(
        "INSERT INTO limits (scope, id, amount, hard, alert_thresholds) VALUES (?, ?, ?, ?, ?) "
        "ON CONFLICT (scope, id) DO UPDATE SET amount = excluded.amount, hard = excluded.hard, "
        "alert_thresholds = excluded.alert_thresholds",
        (*account, limit.amount, limit.hard, thresholds),
    )


def _lease(
    connection: sqlite3.Connection,
    lease: LeaseId,
    least: NanoUSD,
    most: NanoUSD,
    expires_at: float,
) -> NanoUSD:
    state = _state(connection, lease.account, lease.period)
    if state.limit is None:
        return 0
    granted = min(most, state.limit.amount - state.granted) if state.limit.hard else most
    if granted < least or granted <= 0:
        return 0
    connection.execute(_ADD_TO_ACCOUNT, (*lease.account, lease.period, granted, 0, 0))
    connection.execute(
        "INSERT INTO leases (owner, scope, id, period, amount, settled, expires_at) "
        "VALUES (?, ?, ?, ?, ?, 0, ?) ON CONFLICT (owner, scope, id, period) DO UPDATE SET "
        "amount = amount + excluded.amount, expires_at = max(expires_at, excluded.expires_at)",
        (*_columns(lease), granted, expires_at),
    )
    return granted


def _extend(connection: sqlite3.Connection, owner: str, expires_at: float) -> None:
    connection.execute(
        "UPDATE leases SET expires_at = max(expires_at, ?) WHERE owner = ?", (expires_at, owner)
    )


def _give_back(connection: sqlite3.Connection, lease: LeaseId, amount: NanoUSD) -> None:
    from_lease = min(amount, _unsettled(connection, lease))
    if from_lease:
        connection.execute(
            "UPDATE leases SET amount = amount - ? "
            "WHERE owner = ? AND scope = ? AND id = ? AND period = ?",
            (from_lease, *_columns(lease)),
        )
    connection.execute(
        "DELETE FROM leases "
        "WHERE owner = ? AND scope = ? AND id = ? AND period = ? AND amount = settled",
        _columns(lease),
    )
    confirmed = unconfirmed.confirm(connection, lease, amount - from_lease)
    if from_lease or confirmed:
        connection.execute(
            _ADD_TO_ACCOUNT,
            (*lease.account, lease.period, -from_lease - confirmed, -confirmed, -confirmed),
        )
        # Calls may have been erased since the lease was made.
        _forget_empty(connection, [(lease.account, lease.period)])


def _forget_empty(connection: sqlite3.Connection, accounts: Iterable[tuple[Account, str]]) -> None:
    """Keep no row that says what no row says too."""
    connection.executemany(
        "DELETE FROM accounts WHERE scope = ? AND id = ? AND period = ? "
        "AND granted = 0 AND spent = 0 AND unconfirmed = 0",
        [(*account, period) for account, period in accounts],
    )


def record(connection: sqlite3.Connection, settlements: Sequence[Settlement]) -> None:
    """Record those of `settlements` whose event is not in the ledger yet."""
    fresh: dict[str, Settlement] = {}
    for settlement in settlements:
        fresh.setdefault(settlement.event.id, settlement)
    for event_id in events.known(connection, list(fresh)):
        del fresh[event_id]
    if not fresh:
        return
    rows = [settlement.event for settlement in fresh.values()]
    events.insert(connection, rows)
    rollups.add(connection, rows)
    answers.keep(connection, [each.answer for each in fresh.values() if each.answer])
    _charge(connection, fresh.values())


def _erase(connection: sqlite3.Connection, settlements: Sequence[Settlement]) -> int:
    """The opposite of `record`: what a lease had settled, it keeps as settled."""
    given = {settlement.event.id: settlement for settlement in settlements}
    there = events.known(connection, list(given))
    if not there:
        return 0
    erased = [given[event_id] for event_id in there]
    events.delete(connection, there)
    rollups.subtract(connection, [settlement.event for settlement in erased])
    billed: dict[tuple[Account, str], NanoUSD] = {}
    for charge in (charge for settlement in erased for charge in settlement.charges):
        key = charge.account, charge.period
        billed[key] = billed.get(key, 0) + charge.billed
    connection.executemany(
        _ADD_TO_ACCOUNT,
        [(*account, period, -amount, -amount, 0) for (account, period), amount in billed.items()],
    )
    _forget_empty(connection, billed)
    return len(erased)


def _charge(connection: sqlite3.Connection, settlements: Iterable[Settlement]) -> None:
    billed: dict[tuple[Account, str], NanoUSD] = {}
    leased: dict[LeaseId, NanoUSD] = {}
    returned: list[tuple[LeaseId, NanoUSD]] = []
    for settlement in settlements:
        for charge in settlement.charges:
            if amount := charge.billed:
                key = charge.account, charge.period
                billed[key] = billed.get(key, 0) + amount
            if covered := charge.leased:
                lease = LeaseId(settlement.owner, charge.account, charge.period)
                leased[lease] = leased.get(lease, 0) + covered
            if charge.returned is not None:
                lease = LeaseId(settlement.owner, charge.account, charge.period)
                returned.append((lease, charge.returned))
    # What no lease covers is granted as it is spent; what an expired lease left unconfirmed is
    # spent already and only changes its name.
    granted = dict(billed)
    confirmed = dict.fromkeys(billed, 0)
    for lease, amount in leased.items():
        from_lease, from_unconfirmed = _cover(connection, lease, amount)
        granted[lease.account, lease.period] -= from_lease + from_unconfirmed
        confirmed[lease.account, lease.period] += from_unconfirmed
    connection.executemany(
        _ADD_TO_ACCOUNT,
        [
            (*key[0], key[1], granted[key], amount - confirmed[key], -confirmed[key])
            for key, amount in billed.items()
        ],
    )
    for lease, rest in returned:
        _give_back(connection, lease, rest)


def _cover(
    connection: sqlite3.Connection, lease: LeaseId, amount: NanoUSD
) -> tuple[NanoUSD, NanoUSD]:
    """Settle `amount` from a lease and then from what its owner left unconfirmed; both parts."""
    settled = connection.execute(
        "UPDATE leases SET settled = settled + ?5 "
        "WHERE owner = ?1 AND scope = ?2 AND id = ?3 AND period = ?4 AND amount - settled >= ?5",
        (*_columns(lease), amount),
    )
    if settled.rowcount:
        return amount, 0
    from_lease = _unsettled(connection, lease)
    if from_lease:
        connection.execute(
            "UPDATE leases SET settled = amount "
            "WHERE owner = ? AND scope = ? AND id = ? AND period = ?",
            _columns(lease),
        )
    return from_lease, unconfirmed.confirm(connection, lease, amount - from_lease)


def _unsettled(connection: sqlite3.Connection, lease: LeaseId) -> NanoUSD:
    row = connection.execute(
        "SELECT amount - settled FROM leases "
        "WHERE owner = ? AND scope = ? AND id = ? AND period = ?",
        _columns(lease),
    ).fetchone()
    return row[0] if row else 0


def _expire(connection: sqlite3.Connection, now: float) -> int:
    ended = connection.execute(
        "DELETE FROM leases WHERE expires_at < ? "
        "RETURNING owner, scope, id, period, amount - settled",
        (now,),
    ).fetchall()
    for owner, scope, account_id, period, unsettled in ended:
        if not unsettled:
            continue
        lease = LeaseId(owner, Account(scope, account_id), period)
        unconfirmed.add(connection, lease, unsettled, now)
        connection.execute(_ADD_TO_ACCOUNT, (scope, account_id, period, 0, unsettled, unsettled))
    connection.execute("DELETE FROM recalls WHERE ends_at < ?", (now,))
    return len(ended)


def _recall(connection: sqlite3.Connection, account: Account, period: str, until: float) -> None:
    connection.execute(
        "INSERT INTO recalls (scope, id, period, ends_at) VALUES (?, ?, ?, ?) "
        "ON CONFLICT (scope, id, period) DO UPDATE SET ends_at = max(ends_at, excluded.ends_at)",
        (*account, period, until),
    )


def _recalled(connection: sqlite3.Connection, now: float) -> list[tuple[Account, str]]:
    rows = connection.execute(
        "SELECT scope, id, period FROM recalls WHERE ends_at >= ?", (now,)
    ).fetchall()
    return [(Account(scope, account_id), period) for scope, account_id, period in rows]


def _release(connection: sqlite3.Connection, entry_id: str, now: float) -> Unconfirmed | None:
    entry = unconfirmed.find(connection, entry_id)
    if entry is None or entry.released_at is not None:
        return entry
    released = unconfirmed.release(connection, entry, now)
    _, account, period = entry.lease
    change = (-entry.amount,) * 3
    connection.execute(_ADD_TO_ACCOUNT, (*account, period, *change))
    return released


def _columns(lease: LeaseId) -> tuple[str, str, str, str]:
    return (lease.owner, *lease.account, lease.period)
