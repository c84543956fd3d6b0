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

    def begin(self, settlement: Settlement, books: Books) -> asyncio.Future[None]:
        """Record a call that `books` pay for; the future is done when the record is durable."""
        record = self._store.settle(settlement)
        self._begun[record] = (settlement, books)
        record.add_done_callback(self._end)
        return record

    async def again(self) -> None:
        """Record what the store did not take.

        Raises:
            Overloaded: it still takes nothing.
        """
        for _ in range(len(self._failed)):
            settlement, books = self._failed.pop(0)
            try:
                await self._store.settle(settlement)
            except BaseException:
                # To the end: one that the store cannot take must not keep the others out.
                self._failed.append((settlement, books))
                raise
            _note(settlement, books)

    async def aclose(self) -> None:
        """Wait for the records under way, and try once more what failed."""
        await asyncio.gather(*self._begun, return_exceptions=True)
        await self.again()

    def _end(self, record: asyncio.Future[None]) -> None:
        settlement, books = self._begun.pop(record)
        if record.cancelled() or record.exception() is not None:
            self._failed.append((settlement, books))
        else:
            _note(settlement, books)


def _note(settlement: Settlement, books: Books) -> None:
    for book in books:
        book.settling -= settlement.event.billed
        book.spent_since_read += settlement.event.billed
