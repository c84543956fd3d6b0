"""What is settled and not yet durable: on its way to the store, or to be tried again.

Nothing is lost while the process lives: what the store did not take is kept until it does. An event
is recorded once however often it is settled, so a record that was made after all does no harm.
"""

import asyncio

from headgate.core.budgets import LedgerStore, Settlement
from headgate.gateway.books import Books


class Records:
    """The settlements of this process that are not durable yet."""

    def __init__(self, store: LedgerStore) -> None:
        self._store = store
        self._begun: dict[asyncio.Future[None], tuple[Settlement, Books]] = {}
        self._failed: list[tuple[Settlement, Books]] = []
        self._trying: asyncio.Task[None] | None = None
        self._tried: list[tuple[Settlement, Books]] = []

    def begin(self, settlement: Settlement, books: Books) -> asyncio.Future[None]:
        """Record a call that `books` pay for; the future is done when the record is durable."""
        record = self._store.settle(settlement)
        self._begun[record] = (settlement, books)
        record.add_done_callback(self._end)
        return record

    def is_pending(self, event_id: str) -> bool:
        """Whether an event is still to be recorded."""
        pending = (*self._begun.values(), *self._failed, *self._tried)
        return any(settlement.event.id == event_id for settlement, _ in pending)

    async def again(self) -> None:
        """Record what the store did not take; all who ask meanwhile wait for the same try.

        Raises:
            Overloaded: there is something that it still does not take.
        """
        if self._trying is None:
            if not self._failed:
                return
            self._trying = asyncio.create_task(self._try_failed())
            self._trying.add_done_callback(_hear)
        # Not this caller's alone: who leaves must not end it for the others.
        await asyncio.shield(self._trying)

    async def aclose(self) -> None:
        """Wait for the records under way, and try once more what failed."""
        await asyncio.gather(*self._begun, return_exceptions=True)
        if self._trying is not None:
            await asyncio.gather(self._trying, return_exceptions=True)
        await self.again()

    async def _try_failed(self) -> None:
        failed, self._failed = self._failed, []
        self._tried = failed
        try:
            # All at once, so that they cost one commit, and one that fails keeps none out.
            records = [self._store.settle(settlement) for settlement, _ in failed]
            outcomes = await asyncio.gather(*records, return_exceptions=True)
        finally:
            self._trying, self._tried = None, []
        errors = [outcome for outcome in outcomes if outcome is not None]
        for (settlement, books), outcome in zip(failed, outcomes, strict=True):
            if outcome is None:
                _note(settlement, books)
            else:
                self._failed.append((settlement, books))
        if errors:
            raise errors[0]

    def _end(self, record: asyncio.Future[None]) -> None:
        settlement, books = self._begun.pop(record)
        if record.cancelled() or record.exception() is not None:
            self._failed.append((settlement, books))
        else:
            _note(settlement, books)


def _hear(task: asyncio.Task[None]) -> None:
    """Take note of a failure that nobody may be left to hear of."""
    if not task.cancelled():
        task.exception()


def _note(settlement: Settlement, books: Books) -> None:
    for book, charge in zip(books, settlement.charges, strict=True):
        book.settling -= charge.billed
        book.spent_since_read += charge.billed
        if charge.returned:
            book.grant(-charge.returned)
