"""The one task of a process that settles calls in DynamoDB.

Greedy group commit: it takes whatever is waiting, writes it, and only then tells those who wait;
what arrives meanwhile is the next batch. A batch goes in transactions of at most 100 items and
4 MB, each with whole calls. Where one is refused, its calls are tried one by one, so that one
that cannot be recorded keeps no other out; then each is looked at in full (see `_alone`).

A transaction follows the one before, since two that touch one item at once would refuse each other,
and those of one process all touch its own shards.
"""

import asyncio
import itertools
import logging
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from headgate.core.answers import KeptAnswer
from headgate.core.budgets import Account, Charge, LeaseId, Settlement
from headgate.core.errors import Overloaded
from headgate.core.money import NanoUSD
from headgate.stores.dynamodb import answers, events, leases, rollups
from headgate.stores.dynamodb.accounts import Action, add_to_guard, add_to_shard
from headgate.stores.dynamodb.attributes import integer_of, number, text
from headgate.stores.dynamodb.client import DynamoClient, Item, TransactionRefused
from headgate.stores.dynamodb.rollups import Cell
from headgate.stores.dynamodb.schema import USAGE

MOST_ITEMS = 100
# Rows and answers are the items whose size a caller chooses; the rest of 4 MB is for the others.
MOST_ROW_BYTES = 3_000_000
ATTEMPTS = 20

_log = logging.getLogger(__name__)


class _Command(NamedTuple):
    settlement: Settlement
    future: asyncio.Future[None]


class Writer:
    """Settles calls, many in one transaction."""

    def __init__(
        self, client: DynamoClient, shard: int, *, retention_days: int | None = None
    ) -> None:
        """Write under `shard`; DynamoDB deletes events `retention_days` later, if it is set."""
        self._client = client
        self._retention_days = retention_days
        self._shard = shard
        self._announced: set[str] = set()
        self._waiting: list[_Command] = []
        self._task: asyncio.Task[None] | None = None
        self._ahead: set[asyncio.Task[None]] = set()
        self._is_closed = False

    def append(self, settlement: Settlement) -> asyncio.Future[None]:
        """Record a call; the future is done when it is recorded, and raises `Overloaded`."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        if self._is_closed:
            future.set_exception(Overloaded("The database is closed; the server is stopping."))
            return future
        command = _Command(settlement, future)
        if settlement.answer is not None and answers.is_long(settlement.answer):
            # Others need not wait for its pieces.
            task = asyncio.create_task(self._write_pieces(command, settlement.answer))
            self._ahead.add(task)
            task.add_done_callback(self._ahead.discard)
        else:
            self._take(command)
        return future

    async def close(self) -> None:
        """Record what is waiting and take no more."""
        self._is_closed = True
        await asyncio.gather(*self._ahead)
        if self._task is not None:
            await self._task

    async def _write_pieces(self, command: _Command, answer: KeptAnswer) -> None:
        try:
            await answers.write_pieces(self._client, answer, command.settlement.event.id)
        except Exception as failure:  # noqa: BLE001 - the task's rim: whoever waits is told
            _tell([command.future], failure)
        else:
            self._take(command)

    def _take(self, command: _Command) -> None:
        self._waiting.append(command)
        if self._task is None:
            # The task begins after this turn of the loop, and finds all that the turn brought.
            self._task = asyncio.create_task(self._run())

    async def _run(self) -> None:
        try:
            while self._waiting:
                batch, self._waiting = self._waiting, []
                await self._settle(batch)
        finally:
            self._task = None

    async def _settle(self, batch: Sequence[_Command]) -> None:
        # An event that is settled twice at once is recorded once, and both are told.
        waiting: dict[str, list[asyncio.Future[None]]] = {}
        calls: dict[str, Settlement] = {}
        for settlement, future in batch:
            waiting.setdefault(settlement.event.id, []).append(future)
            calls.setdefault(settlement.event.id, settlement)
        try:
            for part in _split(calls.values(), self._shard, self._retention_days):
                await self._settle_part(part, waiting)
        except Exception as failure:  # noqa: BLE001 - the task's rim: nobody may wait for ever
            for futures in waiting.values():
                _tell([future for future in futures if not future.done()], failure)

    async def _settle_part(
        self, part: "_Transaction", waiting: dict[str, list[asyncio.Future[None]]]
    ) -> None:
        error: Exception | None = None
        try:
            await self._announce(part.settlements)
            for settlement in part.settlements:
                if settlement.answer is not None:
                    await answers.write_pieces(self._client, settlement.answer, settlement.event.id)
            await self._client.transact(part.actions())
        except TransactionRefused:
            for settlement in part.settlements:
                _tell(waiting[settlement.event.id], await self._outcome_alone(settlement))
            return
        except Exception as failure:  # noqa: BLE001 - whoever waits is told
            error = failure
        for settlement in part.settlements:
            _tell(waiting[settlement.event.id], error)

    async def _outcome_alone(self, settlement: Settlement) -> Exception | None:
        try:
            await self._alone(settlement)
        except Exception as failure:  # noqa: BLE001 - the same
            return failure
        return None

    async def _announce(self, settlements: Iterable[Settlement]) -> None:
        months = {rollups.month_of(settlement.event.timestamp) for settlement in settlements}
        for month in months - self._announced:
            await rollups.announce(self._client, month, self._shard)
            self._announced.add(month)

    async def _alone(self, settlement: Settlement) -> None:
        """Record one call, from what the event's place, its leases and entries hold now."""
        for _ in range(ATTEMPTS):
            slot = await self._free_slot(settlement)
            if slot is None:
                return
            covers = {}
            for charge in settlement.charges:
                if charge.leased or charge.returned is not None:
                    lease = _lease_of(settlement, charge)
                    amount = charge.leased + (charge.returned or 0)
                    covers[lease] = await leases.cover(self._client, lease, amount)
            transaction = _Transaction(self._shard)
            call = _call(settlement, self._shard, self._retention_days, slot)
            transaction.add(call, covers)
            try:
                await self._client.transact(transaction.actions())
            except TransactionRefused:
                continue  # something changed since it was read
            return
        raise Overloaded("too many writes compete for one record", retry_after_seconds=1)

    async def _free_slot(self, settlement: Settlement) -> int | None:
        """A free place among the events of one user and millisecond; None where it is recorded."""
        event = settlement.event
        first = event.timestamp * events.SLOTS
        taken = await self._client.query(
            USAGE,
            {
                "KeyConditionExpression": "userId = :user AND #timestamp BETWEEN :first AND :last",
                "ProjectionExpression": "id, #timestamp",
                "ExpressionAttributeNames": {"#timestamp": "timestamp"},
                "ExpressionAttributeValues": {
                    ":user": text(events.partition(event)),
                    ":first": number(first),
                    ":last": number(first + events.SLOTS - 1),
                },
                "ConsistentRead": True,
            },
        )
        if any(events.id_of(item) == event.id for item in taken):
            return None
        slots = {integer_of(item, "timestamp") - first for item in taken}
        slot = events.first_slot(event)
        while slot in slots:
            slot = (slot + 1) % events.SLOTS
        return slot


class _Call(NamedTuple):
    """A call as it is written: its row and what its event adds to which rollups."""

    settlement: Settlement
    place: tuple[str, str]
    row: Item
    row_bytes: int
    cells: Sequence[Cell]
    additions: Sequence[int]


def _call(
    settlement: Settlement, shard: int, retention_days: int | None, slot: int | None = None
) -> _Call:
    event, answer = settlement.event, settlement.answer
    slot = events.first_slot(event) if slot is None else slot
    row = events.to_item(event, slot=slot, shard=shard, retention_days=retention_days)
    return _Call(
        settlement,
        (events.partition(event), row["timestamp"]["N"]),
        row,
        _size(row) + (0 if answer is None else answers.size_in_transaction(answer)),
        rollups.cells_of(event),
        rollups.additions_of(event),
    )


class _Transaction:
    """What several calls write, put together so that each item is written once."""

    def __init__(self, shard: int) -> None:
        self.settlements: list[Settlement] = []
        self._shard = shard
        self._row_bytes = 0
        self._rows: dict[tuple[str, str], Action] = {}
        self._spent: dict[tuple[Account, str], tuple[NanoUSD, NanoUSD]] = {}
        # Where a lease ends, the guard gets what its call was billed too: one item instead of two.
        self._guarded: dict[tuple[Account, str], tuple[NanoUSD, NanoUSD, NanoUSD]] = {}
        self._leased: dict[LeaseId, NanoUSD] = {}
        self._ended: set[LeaseId] = set()
        self._cells: dict[Cell, Sequence[int]] = {}
        self._answers: dict[str, Sequence[Action]] = {}
        self._others: list[Action] = []

    def has_room(self, call: _Call) -> bool:
        """Whether another call fits; the first always does."""
        if not self._rows:
            return True
        # Two of one user, millisecond and sequence cannot be in one transaction.
        if call.place in self._rows or self._row_bytes + call.row_bytes > MOST_ROW_BYTES:
            return False
        answer = call.settlement.answer
        if answer is not None and answer.key.id in self._answers:
            return False
        items = len(self._rows) + len(self._spent) + len(self._guarded) + len(self._leased)
        items += len(self._cells) + sum(map(len, self._answers.values()))
        if answer is not None:
            items += len(answers.keep(answer, call.settlement.event.id))
        items += 1 + sum(cell not in self._cells for cell in call.cells)
        for charge in call.settlement.charges:
            if charge.returned is not None:
                items += (charge.account, charge.period) not in self._guarded
            elif charge.billed:
                items += (charge.account, charge.period) not in self._spent
            if charge.leased or charge.returned is not None:
                items += _lease_of(call.settlement, charge) not in self._leased
        return items <= MOST_ITEMS

    def add(self, call: _Call, covers: Mapping[LeaseId, leases.Cover] | None = None) -> None:
        """Add a call; without `covers` its leases cover what its charges say, or all is refused."""
        self._rows[call.place] = {
            "Put": {
                "TableName": USAGE,
                "Item": call.row,
                "ConditionExpression": "attribute_not_exists(userId)",
            }
        }
        self._row_bytes += call.row_bytes
        self.settlements.append(call.settlement)
        if (answer := call.settlement.answer) is not None:
            self._answers[answer.key.id] = answers.keep(answer, call.settlement.event.id)
        for cell in call.cells:
            known = self._cells.get(cell)
            self._cells[cell] = (
                call.additions
                if known is None
                else [a + b for a, b in zip(known, call.additions, strict=True)]
            )
        for charge in call.settlement.charges:
            self._charge(charge, _lease_of(call.settlement, charge), covers)

    def _charge(
        self, charge: Charge, lease: LeaseId, covers: Mapping[LeaseId, leases.Cover] | None
    ) -> None:
        covered, returned, confirmed = charge.leased, charge.returned or 0, 0
        if covers is None:
            if covered or charge.returned is not None:
                self._leased[lease] = self._leased.get(lease, 0) + covered + returned
            if charge.returned is not None:
                self._ended.add(lease)
        elif cover := covers.get(lease):
            confirmed = cover.confirmed
            # What is still there pays for the call first, and only the rest of it goes back.
            there = cover.from_lease + confirmed
            covered = min(covered, there)
            returned = there - covered
            self._others += leases.settle_lease(cover, ends=charge.returned is not None)
            self._others += leases.confirm(cover)
        key = charge.account, charge.period
        if charge.returned is not None or confirmed:
            granted, billed, unconfirmed = self._guarded.get(key, (0, 0, 0))
            self._guarded[key] = (
                granted + charge.billed - covered - returned,
                billed + charge.billed,
                unconfirmed - confirmed,
            )
        elif charge.billed:
            granted, billed = self._spent.get(key, (0, 0))
            self._spent[key] = granted + charge.billed - covered, billed + charge.billed

    def actions(self) -> list[Action]:
        """What to write, at once."""
        return [
            *self._rows.values(),
            *itertools.chain(*self._answers.values()),
            *(
                leases.take(lease, amount, ends=lease in self._ended)
                for lease, amount in self._leased.items()
            ),
            *(
                add_to_guard(
                    account, period, granted=granted, billed=billed, unconfirmed=unconfirmed
                )
                for (account, period), (granted, billed, unconfirmed) in self._guarded.items()
            ),
            *(
                add_to_shard(account, period, self._shard, granted=granted, billed=billed)
                for (account, period), (granted, billed) in self._spent.items()
            ),
            *(rollups.add(cell, sums, self._shard) for cell, sums in self._cells.items()),
            *self._others,
        ]


def _split(
    settlements: Iterable[Settlement], shard: int, retention_days: int | None
) -> Iterator[_Transaction]:
    """Transactions of whole calls, each as large as may be."""
    transaction = _Transaction(shard)
    for settlement in settlements:
        call = _call(settlement, shard, retention_days)
        if not transaction.has_room(call):
            yield transaction
            transaction = _Transaction(shard)
        transaction.add(call)
    if transaction.settlements:
        yield transaction


def _lease_of(settlement: Settlement, charge: Charge) -> LeaseId:
    return LeaseId(settlement.owner, charge.account, charge.period)


def _size(item: Item) -> int:
    """About how large an item is; a little too much."""
    return sum(len(name) + len(str(value)) * 2 for name, value in item.items())


def _tell(futures: Sequence[asyncio.Future[None]], error: Exception | None) -> None:
    for future in futures:
        if future.done():
            if error is not None:
                _log.error("A write failed after its caller had left", exc_info=error)
        elif error is None:
            future.set_result(None)
        elif isinstance(error, Overloaded):
            # An error of its own for each: they are raised in different tasks.
            own = Overloaded(error.message, retry_after_seconds=error.retry_after_seconds)
            own.__cause__ = error
            future.set_exception(own)
        else:
            future.set_exception(error)
