"""Records: what is settled becomes durable, sooner or later."""

import asyncio

import pytest

from escrow_till import KEY, PERIOD
from fakes import RemoteLedger, until
from headgate.core.budgets import AccountState, Charge, Settlement
from headgate.core.errors import Overloaded
from headgate.gateway.books import Book
from headgate.gateway.records import Records
from usage_events import usage_event


@pytest.fixture
def store() -> RemoteLedger:
    return RemoteLedger()


@pytest.fixture
def records(store: RemoteLedger) -> Records:
    return Records(store)


def settlement(billed: int) -> Settlement:
    return Settlement("own_1", usage_event(billed=billed), (Charge(KEY, PERIOD, billed, 0),))


def paying(billed: int) -> Book:
    """A book that is to pay so much."""
    return Book(KEY, PERIOD, AccountState(account=KEY), settling=billed)


async def spent(store: RemoteLedger) -> int:
    (state,) = await store.memory.states([KEY], PERIOD)
    return state.spent


async def test_a_record_that_is_durable_is_spent_and_no_longer_settling(
    records: Records, store: RemoteLedger
) -> None:
    book = paying(30)
    await records.begin(settlement(30), (book,))
    assert (book.settling, book.spent_since_read, await spent(store)) == (0, 30, 30)


async def test_a_record_that_failed_is_kept_and_made_once(
    records: Records, store: RemoteLedger
) -> None:
    book = paying(30)
    store.is_away = True
    with pytest.raises(Overloaded):
        await records.begin(settlement(30), (book,))
    with pytest.raises(Overloaded):
        await records.again()
    assert (book.settling, book.spent_since_read) == (30, 0)
    store.is_away = False
    for _ in range(2):
        await records.again()
    assert (book.settling, book.spent_since_read, await spent(store)) == (0, 30, 30)


async def test_all_who_ask_at_once_wait_for_one_try(records: Records, store: RemoteLedger) -> None:
    """A tick and people who look at their budgets ask at the same moment."""
    store.is_away = True
    book = paying(50)
    begun = [records.begin(settlement(billed), (book,)) for billed in (30, 20)]
    await asyncio.gather(*begun, return_exceptions=True)
    store.is_away = False
    opened = store.hold_back("settle")
    asking = [asyncio.create_task(records.again()) for _ in range(3)]
    await until(lambda: store.asked.count("settle") == 4)
    asking.pop().cancel()
    opened.set()
    await asyncio.gather(*asking)
    assert store.asked.count("settle") == 4
    assert (book.settling, await spent(store)) == (0, 50)


async def test_one_that_the_store_cannot_take_keeps_no_other_out(
    records: Records, store: RemoteLedger
) -> None:
    store.is_away = True
    book = paying(50)
    begun = [records.begin(settlement(billed), (book,)) for billed in (30, 20)]
    await asyncio.gather(*begun, return_exceptions=True)
    store.is_away = False
    store.fail_once("settle", Overloaded("it is too large"))
    with pytest.raises(Overloaded, match="too large"):
        await records.again()
    assert (book.settling, await spent(store)) == (30, 20)


async def test_closing_waits_for_what_is_under_way_and_tries_what_failed(
    records: Records, store: RemoteLedger
) -> None:
    store.fail_once("settle", Overloaded("the store is away"))
    book = paying(50)
    records.begin(settlement(30), (book,))
    records.begin(settlement(20), (book,))
    await records.aclose()
    assert (book.settling, await spent(store)) == (0, 50)
