"""The stores in a dictionary, for tests and for trying things out: gone with the process.

No method awaits anything, so each is one step that no other task can see half done.
"""

import asyncio
import datetime as dt
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import ClassVar

import msgspec

from headgate.core.alerts import AlertId, AlertState, Mark, Taken
from headgate.core.budgets import (
    Account,
    AccountState,
    LeaseId,
    Limit,
    Settlement,
    Unconfirmed,
)
from headgate.core.errors import InvalidRequest, NotFound
from headgate.core.ids import new_timed_id
from headgate.core.keys import KeySecret, VirtualKey
from headgate.core.money import NanoUSD
from headgate.core.usage import (
    Dimension,
    Timing,
    UsageEvent,
    UsageFilter,
    UsageTotals,
    timing_of,
)
from headgate.stores.memory_answers import MemoryAnswers

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_HOUR = 3_600_000


class MemoryKeys:
    """`KeyStore` for one process."""

    def __init__(self) -> None:
        self._keys: dict[str, VirtualKey] = {}
        self._secrets: dict[str, KeySecret] = {}

    async def add(self, key: VirtualKey, secret: KeySecret) -> None:
        """See `KeyStore.add`."""
        if secret.hash in self._secrets:
            return
        if key.key_id in self._keys:
            raise InvalidRequest(f"There is already a key {key.key_id}; choose another id.")
        self._keys[key.key_id] = key
        self._secrets[secret.hash] = secret

    async def find(self, secret_hash: str) -> tuple[VirtualKey, KeySecret] | None:
        """See `KeyStore.find`."""
        secret = self._secrets.get(secret_hash)
        return None if secret is None else (self._keys[secret.key_id], secret)

    async def get(self, key_id: str) -> VirtualKey | None:
        """See `KeyStore.get`."""
        return self._keys.get(key_id)

    async def list(self, *, limit: int, after: str | None) -> list[VirtualKey]:
        """See `KeyStore.list`."""
        keys = sorted(self._keys.values(), key=_age, reverse=True)
        if after is not None:
            last = self._keys.get(after)
            keys = [key for key in keys if last and _age(key) < _age(last)]
        return keys[:limit]

    async def put(self, key: VirtualKey, *, expected: VirtualKey) -> bool:
        """See `KeyStore.put`."""
        found = self._keys.get(key.key_id)
        if found is None:
            raise NotFound(f"There is no key {key.key_id}.")
        if found != expected:
            return False
        self._keys[key.key_id] = key
        return True

    async def rotate(self, new: KeySecret, *, old_valid_until: float) -> None:
        """See `KeyStore.rotate`."""
        if new.key_id not in self._keys:
            raise NotFound(f"There is no key {new.key_id}.")
        for secret in list(self._secrets.values()):
            if secret.key_id == new.key_id:
                end = secret.valid_until
                end = old_valid_until if end is None else min(end, old_valid_until)
                self._secrets[secret.hash] = KeySecret(secret.hash, secret.key_id, end)
        self._secrets[new.hash] = new

    async def erase(self, key_id: str) -> bool:
        """See `KeyStore.erase`."""
        for secret in list(self._secrets.values()):
            if secret.key_id == key_id:
                del self._secrets[secret.hash]
        return self._keys.pop(key_id, None) is not None


def _age(key: VirtualKey) -> tuple[float, str]:
    return key.created_at, key.key_id


@dataclass(slots=True)
class _Sums:
    granted: NanoUSD = 0
    spent: NanoUSD = 0
    unconfirmed: NanoUSD = 0


@dataclass(slots=True)
class _Lease:
    amount: NanoUSD = 0
    settled: NanoUSD = 0
    expires_at: float = 0.0

    @property
    def unsettled(self) -> NanoUSD:
        return self.amount - self.settled


@dataclass(slots=True)
class MemoryLedger:
    """`LedgerStore`, `UsageStore` and `AlertStore` for one process.

    The invariant of every account: what is granted and not spent is what its leases have not
    settled, and what is spent is what its events were billed and what is open of its unconfirmed.
    """

    look_seconds: ClassVar[float] = 0.1

    answers: MemoryAnswers = field(default_factory=MemoryAnswers)
    _limits: dict[Account, Limit] = field(default_factory=dict)
    _accounts: dict[tuple[Account, str], _Sums] = field(default_factory=dict)
    _leases: dict[LeaseId, _Lease] = field(default_factory=dict)
    _unconfirmed: dict[str, Unconfirmed] = field(default_factory=dict)
    _recalls: dict[tuple[Account, str], float] = field(default_factory=dict)
    _events: dict[str, UsageEvent] = field(default_factory=dict)
    _alerts: dict[AlertId, AlertState] = field(default_factory=dict)
    # What is left of deleted events: each counts at the beginning of its hour.
    _forgotten: list[UsageEvent] = field(default_factory=list)
    _kept_from: dt.datetime = _EPOCH

    async def states(
        self,
        accounts: Sequence[Account],
        period: str,
        *,
        unlimited: bool = True,  # noqa: ARG002 - to leave them out would save nothing
    ) -> list[AccountState]:
        """See `LedgerStore.states`."""
        return [self._state(account, period) for account in accounts]

    async def lease(
        self, lease: LeaseId, *, least: NanoUSD, most: NanoUSD, expires_at: float
    ) -> NanoUSD:
        """See `LedgerStore.lease`."""
        if not 0 <= least <= most:
            raise ValueError(f"no lease has between {least} and {most} nano-dollars")
        state = self._state(lease.account, lease.period)
        if state.limit is None:
            return 0
        granted = min(most, state.limit.amount - state.granted) if state.limit.hard else most
        if granted < least or granted <= 0:
            return 0
        self._sums(lease).granted += granted
        kept = self._leases.setdefault(lease, _Lease())
        kept.amount += granted
        kept.expires_at = max(kept.expires_at, expires_at)
        return granted

    async def extend(self, owner: str, *, expires_at: float) -> None:
        """See `LedgerStore.extend`."""
        for lease, kept in self._leases.items():
            if lease.owner == owner:
                kept.expires_at = max(kept.expires_at, expires_at)

    async def give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        """See `LedgerStore.give_back`."""
        if amount < 0:
            raise ValueError(f"{amount} nano-dollars cannot be given back")
        self._give_back(lease, amount)

    def _give_back(self, lease: LeaseId, amount: NanoUSD) -> None:
        sums = self._sums(lease)
        if kept := self._leases.get(lease):
            returned = min(amount, kept.unsettled)
            kept.amount -= returned
            sums.granted -= returned
            amount -= returned
            if not kept.unsettled:
                del self._leases[lease]
        sums.granted -= self._confirm(lease, amount)

    def settle(self, settlement: Settlement) -> asyncio.Future[None]:
        """See `LedgerStore.settle`."""
        self._settle(settlement)
        done = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return done

    def _settle(self, settlement: Settlement) -> None:
        for charge in settlement.charges:
            charge.check()
        if settlement.event.id in self._events:
            return
        self._events[settlement.event.id] = settlement.event
        if settlement.answer is not None:
            self.answers.put(settlement.answer)
        for charge in settlement.charges:
            lease = LeaseId(settlement.owner, charge.account, charge.period)
            sums = self._sums(lease)
            from_lease = 0
            if kept := self._leases.get(lease):
                from_lease = min(charge.leased, kept.unsettled)
                kept.settled += from_lease
            confirmed = self._confirm(lease, charge.leased - from_lease)
            sums.granted += charge.billed - from_lease - confirmed
            sums.spent += charge.billed
            if charge.returned is not None:
                self._give_back(lease, charge.returned)

    async def expire(self, *, now: float) -> int:
        """See `LedgerStore.expire`."""
        ended = [lease for lease, kept in self._leases.items() if kept.expires_at < now]
        for lease in ended:
            unsettled = self._leases.pop(lease).unsettled
            if unsettled:
                entry = Unconfirmed(
                    id=new_timed_id("unc", now), lease=lease, amount=unsettled, created_at=now
                )
                self._unconfirmed[entry.id] = entry
                self._sums(lease).spent += unsettled
                self._sums(lease).unconfirmed += unsettled
        for key in [key for key, until in self._recalls.items() if until < now]:
            del self._recalls[key]
        return len(ended)

    async def recall(self, account: Account, period: str, *, until: float) -> None:
        """See `LedgerStore.recall`."""
        self._recalls[account, period] = max(until, self._recalls.get((account, period), until))

    async def recalled(self, *, now: float) -> list[tuple[Account, str]]:
        """See `LedgerStore.recalled`."""
        return [key for key, until in self._recalls.items() if now <= until]

    async def unconfirmed(self, *, limit: int, after: str | None) -> list[Unconfirmed]:
        """See `LedgerStore.unconfirmed`."""
        entries = [
            entry
            for entry in self._unconfirmed.values()
            if entry.released_at is None and (after is None or entry.id < after)
        ]
        return sorted(entries, key=lambda entry: entry.id, reverse=True)[:limit]

    async def release(self, entry_id: str, *, now: float) -> Unconfirmed | None:
        """See `LedgerStore.release`."""
        entry = self._unconfirmed.get(entry_id)
        if entry is None or entry.released_at is not None:
            return entry
        sums = self._sums(entry.lease)
        sums.granted -= entry.amount
        sums.spent -= entry.amount
        sums.unconfirmed -= entry.amount
        released = msgspec.structs.replace(entry, released_at=now)
        self._unconfirmed[entry_id] = released
        return released

    async def set_limit(self, account: Account, limit: Limit | None) -> None:
        """See `LedgerStore.set_limit`."""
        if limit is None:
            self._limits.pop(account, None)
        else:
            self._limits[account] = limit

    async def erase(self, settlements: Sequence[Settlement]) -> int:
        """See `LedgerStore.erase`."""
        erased = 0
        for settlement in settlements:
            if self._events.pop(settlement.event.id, None) is None:
                continue
            erased += 1
            for charge in settlement.charges:
                sums = self._sums(LeaseId(settlement.owner, charge.account, charge.period))
                sums.granted -= charge.billed
                sums.spent -= charge.billed
        return erased

    async def totals(self, where: UsageFilter) -> UsageTotals:
        """See `UsageStore.totals`."""
        return _sum(event for event in self._summed() if _counts(event, where))

    async def rows(self, where: UsageFilter, by: Dimension) -> list[tuple[str, UsageTotals]]:
        """See `UsageStore.rows`."""
        groups: dict[str, list[UsageEvent]] = {}
        for event in self._summed():
            if _counts(event, where):
                for value in _values(event, by):
                    groups.setdefault(value, []).append(event)
        rows = sorted((value, _sum(events)) for value, events in groups.items())
        if by not in ("day", "hour"):
            rows.sort(key=lambda row: -row[1].billed)
        return rows

    async def events(
        self, where: UsageFilter, *, limit: int, before: str | None
    ) -> list[UsageEvent]:
        """See `UsageStore.events`."""
        where = where._replace(start=max(where.start, self._kept_from))
        events = [event for event in self._events.values() if _counts(event, where)]
        events.sort(key=_time, reverse=True)
        if before is not None:
            last = self._events.get(before)
            events = [event for event in events if last and _time(event) < _time(last)]
        return events[:limit]

    async def limited(self) -> list[Account]:
        """See `AlertStore.limited`."""
        return list(self._limits)

    async def raise_alert(self, alert: AlertId, mark: Mark) -> None:
        """See `AlertStore.raise_alert`."""
        self._alerts[alert] = self._alerts.get(alert, AlertState()).raised(mark)

    async def take(self, channel: str, *, now: float, until: float) -> Taken | None:
        """See `AlertStore.take`."""
        for alert, known in self._alerts.items():
            state = known.taken(now=now, until=until) if alert.channel == channel else None
            if state is not None and state.due is not None:
                self._alerts[alert] = state
                return Taken(alert, state.due, state)
        return None

    async def finish(self, taken: Taken, told: Mark | None) -> None:
        """See `AlertStore.finish`."""
        self._alerts[taken.alert] = self._alerts[taken.alert].done(taken.due, told)

    async def put_off(self, taken: Taken, *, until: float) -> None:
        """See `AlertStore.put_off`."""
        state = self._alerts[taken.alert].put_off(taken.state.attempts, until=until)
        self._alerts[taken.alert] = state

    async def daily(
        self, by: Dimension, value: str, start: dt.datetime, end: dt.datetime
    ) -> dict[str, NanoUSD]:
        """See `UsageStore.daily`."""
        found: dict[str, NanoUSD] = {}
        for event in self._summed():
            if _counts(event, UsageFilter(start, end)) and value in _values(event, by):
                (day,) = _values(event, "day")
                found[day] = found.get(day, 0) + event.billed
        return found

    async def daily_of_each(
        self, by: Dimension, values: Collection[str], start: dt.datetime, end: dt.datetime
    ) -> dict[str, dict[str, NanoUSD]]:
        """See `UsageStore.daily_of_each`."""
        found = {value: await self.daily(by, value, start, end) for value in values}
        return {value: days for value, days in found.items() if days}

    async def timings(self, where: UsageFilter, *, limit: int) -> list[Timing]:
        """See `UsageStore.timings`."""
        return [timing_of(event) for event in await self.events(where, limit=limit, before=None)]

    async def forget(
        self,
        *,
        before: dt.datetime,
        limit: int,
        worker: str,  # noqa: ARG002 - nobody else deletes here
        now: float,  # noqa: ARG002 - nobody else deletes here
    ) -> int:
        """See `UsageStore.forget`; there is only one worker."""
        self._kept_from = max(self._kept_from, before)
        old = [event for event in self._events.values() if _moment(event) < before]
        for event in sorted(old, key=_time)[:limit]:
            self._forgotten.append(self._events.pop(event.id))
        return len(old[:limit])

    def _summed(self) -> Iterator[UsageEvent]:
        for event in (*self._events.values(), *self._forgotten):
            if _moment(event) < self._kept_from:
                hour = event.timestamp - event.timestamp % _HOUR
                yield msgspec.structs.replace(event, timestamp=hour)
            else:
                yield event

    def _state(self, account: Account, period: str) -> AccountState:
        sums = self._accounts.get((account, period), _Sums())
        return AccountState(
            account=account,
            limit=self._limits.get(account),
            granted=sums.granted,
            spent=sums.spent,
            unconfirmed=sums.unconfirmed,
        )

    def _sums(self, lease: LeaseId) -> _Sums:
        return self._accounts.setdefault((lease.account, lease.period), _Sums())

    def _confirm(self, lease: LeaseId, amount: NanoUSD) -> NanoUSD:
        """Take up to `amount` off what the lease's owner left unconfirmed, the oldest first."""
        left = amount
        for entry_id, entry in list(self._unconfirmed.items()):
            if entry.lease == lease and entry.released_at is None:
                part = min(left, entry.amount)
                left -= part
                if part == entry.amount:
                    del self._unconfirmed[entry_id]
                else:
                    rest = msgspec.structs.replace(entry, amount=entry.amount - part)
                    self._unconfirmed[entry_id] = rest
        confirmed = amount - left
        self._sums(lease).spent -= confirmed
        self._sums(lease).unconfirmed -= confirmed
        return confirmed


def _counts(event: UsageEvent, where: UsageFilter) -> bool:
    moment = _moment(event)
    return (
        where.start <= moment < where.end
        and where.user_id in (None, event.user_id or "")
        and where.key_id in (None, event.key_id)
        and where.workspace_id in (None, event.workspace_id)
    )


def _moment(event: UsageEvent) -> dt.datetime:
    return _EPOCH + dt.timedelta(milliseconds=event.timestamp)


def _time(event: UsageEvent) -> tuple[int, str]:
    return event.timestamp, event.id


def _values(event: UsageEvent, by: Dimension) -> Iterable[str]:
    """The groups in which an event counts."""
    if by == "tag":
        return set(event.tags)
    if by in ("day", "hour"):
        return (_moment(event).strftime("%Y-%m-%d" if by == "day" else "%Y-%m-%dT%H:00:00.000Z"),)
    values: dict[str, str] = {
        "model": event.model,
        "provider": event.provider,
        "user": event.user_id or "",
        "key": event.key_id,
        "workspace": event.workspace_id,
    }
    return (values[by],)


def _sum(events: Iterable[UsageEvent]) -> UsageTotals:
    sums = [0] * len(UsageTotals.__struct_fields__)
    for event in events:
        row = (
            1,
            event.status != "ok",
            event.input_tokens,
            event.output_tokens,
            event.cost,
            event.billed,
            event.cache == "hit",
            event.saved_cost,
            event.auto_saved,
            event.cost if event.byok else 0,
        )
        sums = [a + b for a, b in zip(sums, row, strict=True)]
    return UsageTotals(*sums)
